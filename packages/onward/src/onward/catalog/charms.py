"""Reads the charms that come with Onward."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from onward.catalog.charm import Charm, ConfigFile
from onward.catalog.health import with_health_option
from onward.catalog.load import recipe
from onward.catalog.validation import invalid, validated
from onward.catalog.wsgi import with_wsgi_options

DATA = files("onward.catalog") / "data" / "charms"
COMMON = files("onward.catalog") / "data" / "charm-sections.yaml"
BROKER = "rabbitmq"
"""The interface of a broker."""
SERVER = "tcp"
"""The interface of a server that is no API and that a load balancer stands before, so that its users find it."""
Sections = Mapping[str, Mapping[str, str]]
"""Options and their values, by the name of what many charms have alike."""


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
    if wrong := contradictions(charm, common_sections()):
        raise invalid(file, wrong)
    whole = charm.model_copy(update={"files": tuple(_whole(each) for each in charm.files)})
    return with_health_option(with_wsgi_options(whole))


@cache
def common_sections() -> Sections:
    """What many charms have alike in their files. Raises InvalidCatalogue."""
    return validated(COMMON.name, COMMON.read_text(encoding="utf-8"), dict[str, dict[str, str]])


def _whole(file: ConfigFile) -> ConfigFile:
    """The file with what it has in common with others, and with its program."""
    if file.program is not None:
        # What a program says is nothing that is filled in.
        text = (DATA / file.program).read_text(encoding="utf-8")
        return file.model_copy(update={"text": f"{{% raw %}}{text}{{% endraw %}}"})
    common = common_sections()
    sections: dict[str, dict[str, str]] = {}
    for section in dict.fromkeys((*file.common, *file.sections)):
        sections[section] = {}
        for name in file.common.get(section, ()):
            sections[section] |= common[name]
        sections[section] |= file.sections.get(section, {})
    return file.model_copy(update={"sections": sections})


def contradictions(charm: Charm, common: Sections) -> list[str]:
    """What cannot be true of a charm, beginning with the key; empty for good data."""
    wrong = []
    if charm.service is not None:
        recipe(charm.service)
    ports = [(f"registers[{each.name}].port", each.port) for each in charm.registers]
    ports += [(f"provides.{name}.port", each.port) for name, each in charm.provides.items() if each.interface == SERVER]
    for process in charm.processes:
        key = f"processes[{process.name}]"
        if bool(process.argv) == bool(process.wsgi):
            wrong.append(f"{key}: it has either argv or wsgi")
        if process.wsgi is not None and process.reload_signal is not None:
            wrong.append(f"{key}.reload_signal: an API is told in another way")
        if process.wsgi is not None:
            ports.append((f"{key}.wsgi.port", process.wsgi.port))
            if bool(process.wsgi.applications) == bool(process.wsgi.paste):
                wrong.append(f"{key}.wsgi: it has either applications or paste")
        if process.ready is not None:
            if bool(process.ready.port) == bool(process.ready.queue):
                wrong.append(f"{key}.ready: it has either port or queue")
            elif process.ready.port:
                ports.append((f"{key}.ready.port", process.ready.port))
            elif not any(each.interface == BROKER for each in charm.requires.values()):
                wrong.append(f"{key}.ready.queue: the charm requires no {BROKER}")
    wrong += [f"{key}: there is no port called {port}" for key, port in ports if port not in charm.ports]
    if charm.joins is not None and charm.joins.endpoint not in charm.requires:
        wrong.append(f"joins.endpoint: the charm requires no {charm.joins.endpoint}")
    for name, provision in charm.provides.items():
        missing = set(provision.otherwise) - set(provision.offers)
        wrong += [f"provides[{name}].otherwise: {each} is not offered" for each in sorted(missing)]
    return wrong + [each for file in charm.files for each in _wrong_in_file(file, common)]


def _wrong_in_file(file: ConfigFile, common: Sections) -> Iterator[str]:
    if sum((bool(file.sections or file.common), file.text is not None, file.program is not None)) != 1:
        yield f"files[{file.path}]: it has either sections, text or program"
    for section, names in file.common.items():
        for name in names:
            if name not in common:
                yield f"files[{file.path}].common.{section}: there is no {name} in {COMMON.name}"
