"""What a check is given: the cloud, the wish, and ways to look that cannot change anything."""

import copy
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import URL, Engine

from onward.catalog.load import recipe, series_list
from onward.catalog.series import Series
from onward.catalog.service import ForwardRecipe
from onward.engine.secrets import Redactor
from onward.errors import (
    ApiUnavailable,
    CloudFileMissing,
    OnwardError,
    SecretUnavailable,
    SourceSeriesUnclear,
    UnreadableConfig,
)
from onward.hosts.interpreters import Interpreter, find_interpreters
from onward.hosts.state import Directories
from onward.model.cloud import Cloud, Infrastructure, Service
from onward.observe.cloud_api import CloudApi, cloud_api
from onward.observe.configuration import read_configuration
from onward.observe.database import READ_SECONDS, read_only
from onward.observe.settings import Settings
from onward.survey.database import DatabaseFound, look_at

Seen = TypeVar("Seen")

NO_DATABASE = "it has no database"
NOT_OSLO_CONFIG = "its configuration is no file of oslo.config"

_WRITTEN_PASSWORD = re.compile(r"[^:]+://[^:/@]*:(.*)@")


class CheckContext:
    """All that a check may know. Used by many checks at once, each in a thread of its own; what is looked up is kept.

    A method that cannot find out raises an OnwardError; a check that lets it pass could not tell, with that error's
    words as evidence. Nothing here can write: database engines are read-only, of the APIs there are GET and HEAD.
    """

    cloud: Cloud | None
    """The cloud file; None where there is only an API to ask."""
    services: tuple[str, ...]
    """The services that were chosen, by the catalogue's names; never empty with a cloud file."""
    target: Series | None
    """The series to move to; None where only health is asked for."""
    directories: Directories
    secrets: Redactor
    """Values registered here never appear in a finding. All that this context hands out are registered."""

    def __init__(
        self,
        directories: Directories,
        cloud: Cloud | None,
        services: Iterable[str],
        *,
        target: Series | None = None,
        said: str | None = None,
        slurp: bool = False,
        ways: Mapping[str, Sequence[str]] | None = None,
        api: Callable[[], CloudApi] | None = None,
        secrets: Redactor | None = None,
    ) -> None:
        """``said`` is the series that the services are at, where their databases alone do not tell.

        ``ways`` are the series of a plan by service, where there is a plan. ``api`` gives the cloud's APIs, by default
        with the credentials that the cloud file or the environment names.
        """
        self.directories = directories
        self.cloud = cloud
        self.services = tuple(services)
        self.target = target
        self.said = said
        self.slurp = slurp
        self.secrets = secrets if secrets is not None else Redactor()
        self._ways = dict(ways or {})
        self._make_api = api or self._named_api
        self.asks_api = api is not None or self.infrastructure.identity.ask
        """Whether the APIs may be asked: False where the cloud file says so."""
        self._seen: dict[tuple[str | None, ...], Any] = {}
        self._locks: dict[tuple[str | None, ...], Lock] = {}
        self._lock = Lock()
        self._stack = ExitStack()

    def __enter__(self) -> "CheckContext":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._stack.close()

    def only(self, service: str) -> "CheckContext":
        """The same context, narrowed to one service; what is looked up is kept for both."""
        narrowed = copy.copy(self)
        narrowed.services = (service,)
        return narrowed

    @property
    def prepared(self) -> bool:
        """Whether a run has made all ready: environments are built, and the releases' code is in memory."""
        return bool(self._ways)

    @property
    def infrastructure(self) -> Infrastructure:
        """What the cloud file says of databases, broker, caches and credentials; empty where it says nothing."""
        return self.cloud.infrastructure if self.cloud is not None else Infrastructure()

    def entry(self, service: str) -> Service:
        """What the cloud file says of a service. Raises CloudFileMissing, UnknownService."""
        if self.cloud is None:
            raise CloudFileMissing(
                f"Without a cloud file, nothing is known of {service} but its API.",
                next_command=f"where the cloud file is: onward check {service}",
            )
        return self.cloud.service(service)

    @property
    def configured(self) -> tuple[str, ...]:
        """Those of the services whose configuration files are oslo.config's, as ``settings`` reads them."""
        return tuple(service for service in self.services if recipe(service).options)

    def settings(self, service: str) -> Settings:
        """Any option of a service's configuration files. Raises UnreadableConfig, CloudFileMissing."""
        if not recipe(service).options:
            raise UnreadableConfig(f"{service}: {NOT_OSLO_CONFIG}.")
        return self._once(("settings", service), lambda: Settings(self._files(service)))

    def database_url(self, service: str) -> URL:
        """Where a service's database is; the URL holds the password. Raises UnreadableConfig, CloudFileMissing."""

        def look() -> URL:
            found = read_configuration(self._files(service), recipe(service))
            self.secrets.register(found.database_url.password)
            # As it is written, it may be escaped in another way than ours.
            written = _WRITTEN_PASSWORD.match(found.connection)
            self.secrets.register(written[1] if written else None)
            return found.database_url

        return self._once(("database_url", service), look)

    def read_only(self, service: str, node: str | None = None) -> Engine:
        """A service's database, for reading: SQL that changes anything raises WriteRefused.

        ``node`` is the address (HOST:PORT) of one server of several that hold it. The engine is closed with the
        context. Raises DatabaseUnreachable, UnreadableConfig, CloudFileMissing.
        """

        def connect() -> Engine:
            url = self.database_url(service)
            if node is not None:
                host, _, port = node.rpartition(":")
                url = url.set(host=host.strip("[]"), port=int(port))
            engine = read_only(url, READ_SECONDS)
            self._stack.callback(engine.dispose)
            return engine

        return self._once(("read_only", service, node), connect)

    def read_only_at(self, url: URL) -> Engine:
        """Any database, for reading, as :meth:`read_only` gives it; its password is registered.

        Raises DatabaseUnreachable.
        """
        self.secrets.register(url.password)

        def connect() -> Engine:
            engine = read_only(url, READ_SECONDS)
            self._stack.callback(engine.dispose)
            return engine

        return self._once(("read_only_at", url.render_as_string(hide_password=False)), connect)

    def found(self, service: str) -> DatabaseFound:
        """Where a service's database stands: its schema, series and size.

        Raises DatabaseUnreachable, HalfMigrated, UnknownRevision, SourceSeriesUnclear, DatabaseAhead,
        DumpOfAnotherService, UnreadableConfig, CloudFileMissing.
        """

        def look() -> DatabaseFound:
            entry = self.entry(service)
            return look_at(self.database_url(service), entry.configuration, service, self.said or entry.series)

        return self._once(("found", service), look)

    def path(self, service: str) -> tuple[Series, ...]:
        """The series from where the service is to the target, both included; without a target only the first.

        Raises what :meth:`source` raises, TargetNotAhead, NotSlurp.
        """
        source = self.source(service)
        if service in self._ways:
            return tuple(series_list().find(series) for series in self._ways[service])
        if self.target is None:
            return (source,)
        return series_list().path(source.id, self.target.id, slurp=self.slurp)

    def source(self, service: str) -> Series:
        """The series that a service is at: what its database says or, where Onward cannot read that, what it is told.

        Raises what :meth:`found` raises; SourceSeriesUnclear where neither says it.
        """
        if isinstance(recipe(service), ForwardRecipe):
            return series_list().find(self.found(service).series)
        told = self.said or self.entry(service).series
        if told is None:
            raise SourceSeriesUnclear(
                f"Nothing says which series {service} is at.",
                evidence=f"Onward does not read it off the database of {service}",
                next_command=f"say it in the cloud file, services: {{{service}: {{series: ...}}}}, or with --from",
            )
        return series_list().find(told)

    def api(self) -> CloudApi:
        """The cloud's APIs, which can only be read. Raises ApiUnavailable."""
        if not self.asks_api:
            raise ApiUnavailable("The cloud file says that the cloud's APIs are not asked (identity: {ask: false}).")
        return self._once(("api",), self._make_api)

    def _named_api(self) -> CloudApi:
        """The APIs with the credentials that the cloud file or the environment names."""
        access = self.infrastructure.identity
        file = {"OS_CLIENT_CONFIG_FILE": access.file} if access.file is not None else {}
        return cloud_api(access.cloud, {**os.environ, **file})

    def interpreters(self) -> tuple[Interpreter, ...]:
        """The Python interpreters of this machine; each was run once to be asked for its version."""
        return self._once(("interpreters",), find_interpreters)

    def secret(self, reference: str) -> str:
        """What ``env:NAME``, ``file:/PATH`` or ``model:MODEL/NAME`` stands for. Raises SecretUnavailable."""
        kind, _, place = reference.partition(":")
        try:
            value = self._secret(kind, place)
        except (KeyError, OSError, UnicodeDecodeError) as error:
            raise SecretUnavailable(
                f"The secret {reference} is not there.",
                evidence="the variable is not set" if kind == "env" else f"{type(error).__name__}: {place}",
            ) from None
        self.secrets.register(value)
        return value

    def _secret(self, kind: str, place: str) -> str:
        if kind == "env":
            return os.environ[place]
        if kind == "model":
            model, _, name = place.partition("/")
            return self.directories.model_store(model).secrets()[name]
        return Path(place).read_text(encoding="utf-8").rstrip("\n")

    def as_data(self) -> dict[str, Any]:
        """The context as JSON data, without secrets, for a process of its own."""
        return {
            "state": str(self.directories.state),
            "cache": str(self.directories.cache),
            "cloud": None if self.cloud is None else self.cloud.model_dump(mode="json"),
            "services": list(self.services),
            "target": None if self.target is None else self.target.id,
            "said": self.said,
            "slurp": self.slurp,
        }

    def _files(self, service: str) -> list[Path]:
        return [Path(path) for path in self.entry(service).configuration]

    def _once(self, key: tuple[str | None, ...], look: Callable[[], Seen]) -> Seen:
        """What was seen when it was first looked at, or the error: a dead server is waited for once, not by all."""
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            if key not in self._seen:
                try:
                    self._seen[key] = look()
                except OnwardError as error:
                    self._seen[key] = error
            seen = self._seen[key]
        if isinstance(seen, OnwardError):
            raise seen.with_traceback(None)
        found: Seen = seen
        return found


def context_from(data: dict[str, Any]) -> CheckContext:
    """The context that :meth:`CheckContext.as_data` described."""
    return CheckContext(
        Directories(Path(data["state"]), Path(data["cache"])),
        None if data["cloud"] is None else Cloud.model_validate(data["cloud"]),
        data["services"],
        target=None if data["target"] is None else series_list().find(data["target"]),
        said=data["said"],
        slurp=data["slurp"],
    )
