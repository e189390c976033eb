"""What the choice of a WSGI server asks of the machine and of a service's environment."""

from collections.abc import Iterable
from pathlib import Path

from onward.catalog.charm import Program
from onward.catalog.series import Series
from onward.catalog.service import Driver
from onward.catalog.wsgi import APACHE, APACHE_PROGRAMS, MOD_WSGI, UWSGI, WSGI_SERVER
from onward.errors import InterpreterMissing
from onward.hosts.interpreters import Interpreter
from onward.hosts.programs import find_programs
from onward.plan.deployment.topology import Topology

PYUWSGI = Driver(package="pyuwsgi", module="pyuwsgi")
"""uWSGI as the index has it for every interpreter, so that it runs in the service's own: one that comes with a
distribution carries that distribution's Python, whose libraries are not those of another build of the same version."""
_DISTRIBUTION = Path("/usr/bin")


def servers_of(found: Topology, application: str) -> set[str]:
    """The WSGI servers that units of an application run under; none where it has no API."""
    if WSGI_SERVER not in found.charms[application].options:
        return set()
    entry = found.applications[application]
    common = entry.options.get(WSGI_SERVER, UWSGI)
    return {str(entry.unit_options.get(str(each), {}).get(WSGI_SERVER, common)) for each in range(entry.num_units)}


def wsgi_programs(found: Topology) -> tuple[Program, ...]:
    """Programs that are needed only where they were chosen."""
    return APACHE_PROGRAMS if any(APACHE in servers_of(found, name) for name in found.applications) else ()


def wsgi_packages(found: Topology, application: str) -> tuple[Driver, ...]:
    """What the application's environment needs for it."""
    return (PYUWSGI,) if UWSGI in servers_of(found, application) else ()


def fitting(
    found: Topology, application: str, series: Series, interpreters: Iterable[Interpreter]
) -> tuple[Interpreter, ...]:
    """The interpreters that the application's environment may be made from. Raises InterpreterMissing, ProgramMissing.

    mod_wsgi carries the Python of its distribution, and loads the libraries of the environment's: those of another
    build of the same version have symbols that it lacks.
    """
    there = tuple(interpreters)
    if APACHE not in servers_of(found, application):
        return there
    module = find_programs(each for each in APACHE_PROGRAMS if each.command == MOD_WSGI)[MOD_WSGI]
    minor = module.rpartition("-")[2]
    own = tuple(each for each in there if each.minor == minor and each.path.parent == _DISTRIBUTION)
    if not own or minor not in series.python:
        raise InterpreterMissing(
            f"{application} cannot run under Apache: mod_wsgi is of the distribution's Python {minor}"
            + (f", and {series.id} does not run on that." if own else ", which is not there."),
            evidence=f"{module}\n{series.id} runs on Python {', '.join(series.python)}\n"
            f"found: {', '.join(str(each.path) for each in there if each.path.parent == _DISTRIBUTION) or 'none'}"
            f" in {_DISTRIBUTION}",
            next_command=f"deploy {application} with options: {{{WSGI_SERVER}: {UWSGI}}}",
        )
    return own


def further_packages(found: Topology, service: str) -> tuple[Driver, ...]:
    """What the environment of a service needs besides: all of its applications share it, so what any of them needs."""
    needed = (
        each
        for name in found.of_service(service)
        for each in (*wsgi_packages(found, name), *found.charms[name].packages)
    )
    return tuple(dict.fromkeys(needed))
