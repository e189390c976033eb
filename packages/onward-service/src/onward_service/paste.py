"""``[filter:onward_health]`` in api-paste.ini: ``use = egg:onward-service#onward_health``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from onward_service.plugins import Application
from onward_service.wsgi import wrap


def filter_factory(global_conf: Mapping[str, str] | None, **local_conf: str) -> Callable[[Application], Application]:
    """Paste's entry point. What ``wrap`` raises it raises when the pipeline is loaded."""

    def around(application: Application) -> Application:
        return wrap(application, **local_conf)

    return around
