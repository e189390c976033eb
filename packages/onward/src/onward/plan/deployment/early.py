"""Processes whose code can be imported before it is their turn: which, and how they are told. Pure."""

from collections.abc import Mapping
from pathlib import PurePath

from onward.catalog.charm import CharmProcess
from onward.catalog.load import in_force
from onward.model.deployment import UnitFile
from onward.plan.deployment.words import Words

PATH = "etc/onward_serve.py"
PROGRAM = '''\
# Runs a program of a service: imports what it would import first, and waits before it does anything else for as long as
# there is a file called $ONWARD_GATE. Importing reads no configuration and connects to nothing.
import ast
import gc
import importlib
import importlib.util
import os
import runpy
import sys
import time

sleep = time.sleep  # Of the operating system, whatever the imports put in its place.


def beginning(path):
    """Carry out the imports at the beginning of a file of Python, in their order, up to what is none."""
    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    names = {"__name__": "onward_beginning", "__file__": path}
    for statement in tree.body:
        if not isinstance(statement, (ast.Import, ast.ImportFrom, ast.Expr)):
            return
        part = ast.parse("")
        part.body = [statement]
        exec(compile(part, path, "exec"), names)


def attempt(what, name):
    try:
        what(name)
    except (Exception, SystemExit):
        pass  # A release need not have it; and the program itself says what is wrong when it is its turn.


program, gate = sys.argv[1], os.environ.pop("ONWARD_GATE", "")
application, modules = os.environ.pop("ONWARD_APPLICATION", ""), os.environ.pop("ONWARD_IMPORTS", "").split()
if os.path.exists(gate):
    gc.disable()
    attempt(beginning, program)
    if application:
        attempt(lambda name: beginning(importlib.util.find_spec(name).origin), application)
    for module in modules:
        attempt(importlib.import_module, module)
    gc.enable()
    gc.collect()
    getattr(gc, "freeze", gc.collect)()
    try:
        # Not made anew where it was taken away meanwhile.
        mark = os.open(gate, os.O_WRONLY | os.O_APPEND)
        os.write(mark, b"%d\\n" % os.getpid())
        os.close(mark)
    except OSError:
        pass
    while os.path.exists(gate):
        sleep(0.02)
del sys.argv[0]
sys.path[0] = os.path.dirname(program)
runpy.run_path(program, run_name="__main__")
'''
"""A service's own program begins with imports, and so does the module of its WSGI application: what follows them
there makes the application, which reads files and may write to the database (nova.api.openstack.wsgi_app does)."""


COMMON = (
    "keystonemiddleware.auth_token",
    "keystoneauth1.loading._plugins.identity.generic",
    "oslo_cache._memcache_pool",
    "oslo_messaging._drivers.impl_rabbit",
    "pymysql",
)
"""What services find by its name when they have read their configuration, or are called for the first time. Seen in
``sys.modules`` of Keystone, Placement and Glance of 2026.1 after their first calls. What a release does not have is
not imported."""


def waits(words: Words, process: CharmProcess) -> bool:
    """Whether the process can be started ahead, as its charm says; one under Apache cannot.

    Nor can one in a container: what an image has as a program need not be Python, which could import it.
    """
    return (
        process.early
        and words.application not in words.site.images
        and words.site.series.get(words.application) is not None
    )


def program_file() -> UnitFile:
    """What such a process is started by. Another text of it is no reason to restart what runs."""
    return UnitFile(path=PATH, text=PROGRAM, restarts=False)


def started_by(words: Words, unit: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """How such a process is started: by the interpreter of its environment, whose program it is."""
    python = PurePath(words.site.place(unit).environments[words.application]) / "bin" / "python"
    return (str(python), str(words.site.unit_directory(unit) / PATH), *argv)


def told(words: Words, process: CharmProcess) -> Mapping[str, str]:
    """What it is told in its environment: what to import."""
    found = {"ONWARD_IMPORTS": " ".join((*process.imports, *COMMON))}
    if process.wsgi is not None and process.wsgi.applications:
        (application,) = in_force(process.wsgi.applications, words.site.series[words.application])
        found["ONWARD_APPLICATION"] = application.module
    return found
