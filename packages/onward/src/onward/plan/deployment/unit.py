"""What a unit shall be: its charm's words filled in, and the options of bundle and operator set."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath

from onward.catalog.charm import CharmProcess, ConfigFile, Ready, Uwsgi
from onward.catalog.charms import BROKER
from onward.catalog.load import in_force
from onward.model.bundle import OptionValue
from onward.model.deployment import QueueProbe, ReadyProbe, UnitFile, UnitPreparation, UnitProcess, UnitState
from onward.plan.deployment import apache, containers, early, health, static_files
from onward.plan.deployment.reloading import MODULE, MUTATE, can_reload, reload_file, uwsgi_settings
from onward.plan.deployment.words import Words
from onward.plan.plan import digest_of


def unit_state(words: Words, unit: str) -> UnitState:
    """What this unit of the application shall be. Raises BundleInvalid, InvalidCatalogue."""
    charm, directory = words.charm, str(words.site.unit_directory(unit))
    files = [_file(words, unit, each) for each in charm.files]
    for each in words.processes():
        if each.wsgi is not None and each.wsgi.static:
            files.append(UnitFile(path=static_files.TYPES_FILE, text=static_files.TYPES))
        if each.wsgi is not None and apache.chosen(words, unit):
            files += apache.apache_files(words, unit, each.name, each.wsgi)
        elif each.wsgi is not None:
            text = _uwsgi(words, unit, each.wsgi, uwsgi_settings(directory, each))
            files.append(UnitFile(path=f"etc/{each.name}.uwsgi.ini", text=text))
            files.append(UnitFile(path=f"etc/{MODULE}.py", text=MUTATE))
    processes = tuple(_process(words, unit, each) for each in words.processes())
    if any(each.waits for each in processes):
        files.append(early.program_file())
    if words.application in words.site.images:
        processes = tuple(containers.contained(words, unit, each) for each in processes)
        files.append(containers.program_file())
    mutable = _mutable(words, unit)
    settled = [_file(words, unit, each, without=mutable) if each.options else None for each in charm.files]
    code = words.site.health_code if health.chosen(words, unit) else ""
    return UnitState(
        unit=unit,
        directory=directory,
        files=tuple(files),
        preparations=tuple(
            UnitPreparation(
                name=each.name, argv=tuple(words.fill(word, unit) for word in each.argv), creates=each.creates
            )
            for each in charm.prepare
        ),
        processes=processes,
        health_code=code,
        settled=_digest(files, [each for each in settled if each is not None], code),
        mutable=mutable,
    )


def _digest(files: Sequence[UnitFile], settled: Sequence[UnitFile], code: str) -> str:
    """Tells whether a running process has read what it cannot take over while it runs."""
    texts = {each.path: each.text for each in (*files, *settled) if each.restarts}
    return digest_of([*([path, text] for path, text in texts.items()), *([health.CODE, code] if code else [])])


def _mutable(words: Words, unit: str) -> dict[str, OptionValue]:
    """Those options of the bundle that the unit's processes take over while they run."""
    # Apache has no way to tell its workers.
    reloads = can_reload(words.charm) and not apache.chosen(words, unit)
    known = words.site.mutable.get(words.application, frozenset()) if reloads else frozenset()
    return {name: value for name, value in service_options(words, unit).items() if name in known}


def _file(words: Words, unit: str, file: ConfigFile, without: Collection[str] = ()) -> UnitFile:
    """A file of the unit; ``without`` these options, which is not how it is written."""
    if file.text is not None:
        return UnitFile(path=file.path, text=words.fill(file.text, unit), restarts=file.restarts)
    sections = {
        section: {name: words.fill(value, unit) for name, value in values.items()}
        for section, values in file.sections.items()
    }
    sections = {
        section: {name: value for name, value in values.items() if value} for section, values in sections.items()
    }
    if file.options:
        for name, value in service_options(words, unit).items():
            section, option = place_of(name)
            if name in without:
                sections.get(section, {}).pop(option, None)
            else:
                sections.setdefault(section, {})[option] = written(value)
    return UnitFile(path=file.path, text=_ini(sections))


def service_options(words: Words, unit: str | None = None) -> dict[str, OptionValue]:
    """Options that the bundle sets and that are the service's own, not the charm's."""
    return {name: value for name, value in words.given(unit).items() if name not in words.charm.options}


def place_of(name: str) -> tuple[str, str]:
    """Section and option that a name in a bundle means: ``database.max_pool_size``, ``debug``."""
    section, dot, option = name.rpartition(".")
    return (section, option) if dot else ("DEFAULT", name)


def written(value: OptionValue) -> str:
    """A value as it stands in a configuration file."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ini(sections: Mapping[str, Mapping[str, str]]) -> str:
    blocks = [
        "\n".join([f"[{section}]", *(f"{name} = {value}" for name, value in values.items())])
        for section, values in sections.items()
        if values
    ]
    return "\n\n".join(blocks) + "\n"


def _uwsgi(words: Words, unit: str, wsgi: Uwsgi, reloading: Mapping[str, str]) -> str:
    """https://uwsgi-docs.readthedocs.io/en/latest/Options.html, as devstack and the services' own guides have it."""
    settings = {
        "http-socket": f"{words.site.addresses[unit]}:{words.charm.ports[wsgi.port]}",
        **_application(words, unit, wsgi),
        "pyargv": " ".join(words.fill(word, unit) for word in wsgi.arguments),
        "processes": str(words.options(unit).get("workers", 1)),
        "threads": "1",
        "master": "true",
        "lazy-apps": "true",
        "need-app": "true",
        "enable-threads": "true",
        "die-on-term": "true",
        # A worker whose master was killed would keep the socket, and spin.
        "no-orphans": "true",
        "exit-on-reload": "false",
        "buffer-size": "65535",
        "thunder-lock": "true",
        "add-header": "Connection: close",
        "procname-prefix-spaced": unit,
        **reloading,
        # SIGTERM ends the calls that are being answered first.
        "hook-master-start": "unix_signal:15 gracefully_kill_them_all",
    }
    lines = [f"{name} = {value}" for name, value in settings.items() if value]
    lines += static_files.uwsgi_lines(words, unit, wsgi)
    lines += [f"pythonpath = {health.code_directory(words, unit)}"] if health.chosen(words, unit) else []
    return "\n".join(["[uwsgi]", *lines]) + "\n"


def _application(words: Words, unit: str, wsgi: Uwsgi) -> dict[str, str]:
    """Where uWSGI finds the application."""
    if wsgi.paste:
        return {"paste": f"config:{words.fill(wsgi.paste, unit)}"}
    if health.chosen(words, unit):
        return {"module": health.MODULE}
    (application,) = in_force(wsgi.applications, words.site.series[words.application])
    return {"module": f"{application.module}:{application.attribute}{'()' if application.call else ''}"}


def _process(words: Words, unit: str, process: CharmProcess) -> UnitProcess:
    directory = words.site.unit_directory(unit)
    environment = process.environment
    if process.wsgi is not None:
        environment = {**environment, **process.wsgi.environment}
    under_apache = process.wsgi is not None and apache.chosen(words, unit)
    if process.wsgi is not None and not under_apache and health.chosen(words, unit):
        environment = {**environment, **health.variables(words, unit, process.wsgi)}
    if under_apache:
        argv: tuple[str, ...] = apache.apache_argv(words, unit, process.name)
    elif process.wsgi is not None:
        server = PurePath(words.site.place(unit).environments[words.application]) / "bin" / "uwsgi"
        argv = (str(server), "--ini", str(directory / "etc" / f"{process.name}.uwsgi.ini"))
    else:
        argv = tuple(words.fill(word, unit) for word in process.argv)
    waits = not under_apache and early.waits(words, process)
    if waits:
        argv, environment = early.started_by(words, unit, argv), {**environment, **early.told(words, process)}
    return UnitProcess(
        name=process.name,
        argv=argv,
        # Settings of the WSGI server would come too late: Python runs already when they are read.
        environment={name: words.fill(value, unit) for name, value in environment.items()},
        directory=str(directory),
        ready=None if process.ready is None else _probe(words, unit, process.ready),
        reload_signal=process.reload_signal,
        reload_file=None if under_apache else reload_file(str(directory), process),
        stop_signal=apache.STOP_SIGNAL if under_apache else process.stop_signal,
        stop_seconds=process.stop_seconds,
        stop_group=process.stop_group,
        waits=waits,
    )


def _probe(words: Words, unit: str, ready: Ready) -> ReadyProbe | QueueProbe:
    if ready.port:
        return ReadyProbe(
            address=words.site.addresses[unit],
            port=words.charm.ports[ready.port],
            path=ready.path,
            statuses=ready.statuses,
            seconds=ready.seconds,
        )
    relation = next(each for each in words.topology.used_by(words.application) if each.interface == BROKER)
    broker, lent = relation.provider[0], words.topology.lent_by(relation)
    return QueueProbe(
        model=lent.remote.model if lent else "",
        addresses=(lent.remote.address,)
        if lent
        else tuple(words.site.addresses[each] for each in words.topology.units(broker)),
        port=(lent.charm if lent else words.topology.charms[broker]).ports["management"],
        vhost=words.wants()[relation.requirer[1]]["vhost"],
        queue=words.fill(ready.queue, unit),
        secret=f"{lent.remote.application if lent else broker}/administrator",
        seconds=ready.seconds,
    )
