"""A WSGI module for servers that name one: uWSGI's ``module``, mod_wsgi's script, gunicorn.

ONWARD_SERVICE_APPLICATION=keystone.wsgi.api:application       the service's own; with brackets: keystone.x:make()
ONWARD_SERVICE_OPTIONS="service=keystone;detail_roles=admin"   the middleware's options
uwsgi --module onward_service.application:application ...
"""

from __future__ import annotations

import os
from importlib import import_module

from onward_service.options import OptionInvalid
from onward_service.plugins import Application
from onward_service.wsgi import wrap


def wrapped(place: str, words: str) -> Application:
    """The application at ``MODULE:NAME`` or ``MODULE:NAME()``, wrapped. Raises what ``wrap`` raises."""
    module, _, name = place.partition(":")
    if not module or not name:
        raise OptionInvalid(f"ONWARD_SERVICE_APPLICATION = {place}: MODULE:NAME is expected")
    pairs = [each.partition("=") for each in words.split(";") if each.strip()]
    if wrong := [name.strip() for name, equals, _ in pairs if not equals]:
        raise OptionInvalid(f"ONWARD_SERVICE_OPTIONS: {wrong[0]}: NAME=VALUE is expected")
    given = {name.strip(): value.strip() for name, _, value in pairs}
    found = getattr(import_module(module), name.partition("(")[0])
    return wrap(found() if name.endswith("()") else found, **given)


if "ONWARD_SERVICE_APPLICATION" in os.environ:
    application = wrapped(os.environ["ONWARD_SERVICE_APPLICATION"], os.environ.get("ONWARD_SERVICE_OPTIONS", ""))
