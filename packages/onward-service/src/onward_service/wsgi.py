"""``wrap``, for services whose WSGI application is made by code: Keystone, Nova, Placement, and any other."""

from __future__ import annotations

from typing import Any

from onward_service.middleware import HealthMiddleware
from onward_service.options import OptionInvalid, options
from onward_service.plugins import Application, plugin
from onward_service.process import listening


def wrap(application: Application, **given: Any) -> HealthMiddleware:
    """Put its health around an application.

    ``application = wrap(application, service="keystone")``

    Options are those of the reference. Raises OptionInvalid, UnknownPlugin, StateFileUnusable: at the start, so that no
    unit serves with a health check that does not check.
    """
    found = options(given)
    if not found.service:
        raise OptionInvalid("service: missing; which plug-in is it for?")
    collector, listeners = listening(found.state_file)
    return HealthMiddleware(application, found, plugin(found.service), collector, listeners)
