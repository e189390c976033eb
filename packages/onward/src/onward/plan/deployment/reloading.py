"""Options that running processes take over: which, by what means, and what they have to be restarted for. Pure."""

from pathlib import PurePath

from onward.catalog.charm import Charm, CharmProcess

UWSGI_SIGNAL = 17
MODULE = "onward_mutate"
MUTATE = f"""\
# Has every worker read its configuration again when the file of the option touch-signal is touched. oslo.config takes
# over the options that are mutable; the worker goes on, with its connections. oslo.service does the same on SIGHUP.
import gc
import sys

import uwsgi


def mutate(number):
    from oslo_config import cfg

    for options in [each for each in gc.get_objects() if isinstance(each, cfg.ConfigOpts)]:
        try:
            options.mutate_config_files()
        except Exception as error:
            print("options are not read again: %s" % error, file=sys.stderr, flush=True)


uwsgi.register_signal({UWSGI_SIGNAL}, "workers", mutate)
"""
"""https://uwsgi-docs.readthedocs.io/en/latest/Signals.html: registered by the master, before there are workers, so that
each of them is told."""


def can_reload(charm: Charm) -> bool:
    """Whether all processes of its units take over mutable options while they run."""
    return any(each.options for each in charm.files) and all(
        each.wsgi is not None or each.reload_signal is not None for each in charm.processes
    )


def reload_file(directory: str, process: CharmProcess) -> str | None:
    """The file that is touched to have a WSGI server's workers read their configuration again."""
    return None if process.wsgi is None else str(PurePath(directory) / "run" / f"{process.name}.reload")


def uwsgi_settings(directory: str, process: CharmProcess) -> dict[str, str]:
    """What makes uWSGI do that."""
    return {
        "pythonpath": str(PurePath(directory) / "etc"),
        "shared-import": MODULE,
        "touch-signal": f"{reload_file(directory, process)} {UWSGI_SIGNAL}",
    }
