"""An API with onward-service in its processes: where its code is, and what is said to it. Pure.

It is put beside the unit's files and not into its environment, which others share and whose packages are those of the
release.
"""

from pathlib import PurePath

from onward.catalog.charm import Uwsgi
from onward.catalog.health import HEALTH
from onward.catalog.load import in_force
from onward.plan.deployment.words import Words

CODE = "lib"
"""Below the unit's directory: nothing else is in there, for all of it can be imported by the service."""
PATH = "/health"
STATE_FILE = "run/onward.health"
COLLECTOR = "health.sock"
"""Where a collector of the model's health listens, among its sockets."""
MODULE = "onward_service.application:application"


def chosen(words: Words, unit: str) -> bool:
    """Whether the unit's API tells of its health. Raises BundleInvalid."""
    return bool(words.options(unit).get(HEALTH, False))


def code_directory(words: Words, unit: str) -> str:
    """Where the unit's processes find the package, and nothing else."""
    return str(words.site.unit_directory(unit) / CODE)


def wrapping(words: Words, unit: str) -> dict[str, str]:
    """The options of the middleware.

    Who calls from the unit's own address is on its machine, and sees details; a load balancer there says for whom it
    calls, and does not.
    """
    return {
        "service": words.charm.service or "",
        "state_file": str(PurePath(words.site.unit_directory(unit)) / STATE_FILE),
        "detail_sources": words.site.addresses[unit],
        "push_to": f"unix:{words.site.place(unit).sockets / COLLECTOR}",
        "push_unit": unit,
    }


def variables(words: Words, unit: str, wsgi: Uwsgi) -> dict[str, str]:
    """What ``onward_service.application`` is told, under uWSGI."""
    (application,) = in_force(wsgi.applications, words.site.series[words.application])
    place = f"{application.module}:{application.attribute}{'()' if application.call else ''}"
    options = ";".join(f"{name}={value}" for name, value in wrapping(words, unit).items())
    return {"ONWARD_SERVICE_APPLICATION": place, "ONWARD_SERVICE_OPTIONS": options}
