"""A back end of oslo.middleware's own healthcheck: ``backends = onward_health`` in ``[app:healthcheck]``.

It listens to the process from when the pipeline is loaded. Without the filter nobody tells it where a request begins,
so that everything counts that the process uses.
"""

from __future__ import annotations

import time
from typing import Any

from oslo_middleware.healthcheck import pluginbase

from onward_service.judgement import Limits, components, whole
from onward_service.middleware import last_known
from onward_service.options import options
from onward_service.plugins import KEYSTONE, plugin
from onward_service.process import listening


class LastKnownHealthcheck(pluginbase.HealthcheckBaseExtension):
    """What is known, from memory. ``onward_service`` in the section names the service's plug-in."""

    def __init__(self, oslo_conf: Any, conf: Any) -> None:
        super().__init__(oslo_conf, conf)
        found = options({key[7:]: value for key, value in conf.items() if key.startswith("onward_")})
        self._essential = (plugin(found.service) if found.service else KEYSTONE).essential
        self._limits = Limits(found.retry_seconds, found.forget_seconds)
        self._collector, listeners = listening(found.state_file)
        listeners.look()
        self._look = listeners.look

    def healthcheck(self, server_port: int) -> Any:
        """Called by oslo.middleware."""
        self._look()
        found = components(self._collector.observations(), time.time(), self._limits)
        told = last_known(whole(found, self._essential), found)
        return pluginbase.HealthcheckResult(available=told.available, reason=told.reason, details=told.details)
