"""Reads the charms that come with Onward."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from onward.catalog.charm import Charm
from onward.catalog.load import recipe
from onward.catalog.validation import invalid, validated

DATA = files("onward.catalog") / "data" / "charms"


@cache
def charms() -> Mapping[str, Charm]:
    """All charms by name. Raises InvalidCatalogue."""
    found = {}
    for file in sorted(DATA.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            charm = read_charm(f"charms/{file.name}", file.read_text(encoding="utf-8"))
            found[charm.charm] = charm
    return found


def read_charm(file: str, text: str) -> Charm:
    """The charm that a file's text describes. Raises InvalidCatalogue."""
    charm = validated(file, text, Charm)
    if wrong := contradictions(charm):
        raise invalid(file, wrong)
    return charm


def contradictions(charm: Charm) -> list[str]:
    """What cannot be true of a charm, beginning with the key; empty for good data."""
    wrong = []
    if charm.service is not None:
        recipe(charm.service)
    ports = [(f"registers[{each.name}].port", each.port) for each in charm.registers]
    for process in charm.processes:
        if bool(process.argv) == bool(process.wsgi):
            wrong.append(f"processes[{process.name}]: it has either argv or wsgi")
        if process.wsgi is not None:
            ports.append((f"processes[{process.name}].wsgi.port", process.wsgi.port))
        if process.ready is not None:
            ports.append((f"processes[{process.name}].ready.port", process.ready.port))
    wrong += [f"{key}: there is no port called {port}" for key, port in ports if port not in charm.ports]
    for file in charm.files:
        if bool(file.sections) == (file.text is not None):
            wrong.append(f"files[{file.path}]: it has either sections or text")
    return wrong
