"""Where the dependencies of a release come from: the tested set of its series, a file, or its release date."""

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import JsonValue

from onward.catalog.fact import Fact
from onward.catalog.pins import SourceKind, pins
from onward.catalog.series import Release, Series
from onward.errors import ConstraintsUnavailable, PasswordOnCommandLine
from onward.hosts.state import Directories
from onward.plan.plan import digest_of

AS_OF_RELEASE = "as-of-release"
OFFICIAL = "official"
OFFICIAL_URL = "https://releases.openstack.org/constraints/upper/"
"""Base of the addresses of upper-constraints (https://docs.openstack.org/project-team-guide/dependency-management.html)."""

_FETCH_SECONDS = 30.0
_LARGEST = 4 * 1024 * 1024  # Upper-constraints of 2026 have 25 KiB; a login page or an image is no constraints file.


class Constraints(Fact):
    """One source of constraints, with the digest of what it said when it was chosen."""

    kind: SourceKind
    location: str
    """The address, the absolute path, or the last day whose packages are looked at (2024-04-03)."""
    digest: str
    """SHA-256 of the file's bytes; for as-of-release of the pins and dates."""

    def as_argument(self) -> dict[str, JsonValue]:
        """The shape in a step's arguments."""
        return {"kind": self.kind, "location": self.location, "digest": self.digest}


class Selection(Fact):
    """What an installer is told besides the packages' names."""

    options: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    constrain: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()


def resolve(
    wanted: str, series: Series, directories: Directories, *, official_url: str = OFFICIAL_URL
) -> dict[str, JsonValue]:
    """The source that an operator asked for, read or fetched once so that its digest is known.

    ``wanted`` is ``official``, ``as-of-release``, or an address or path in which ``{series}`` stands for the
    identifier of the series. The content of files and addresses is kept in the cache directory under its digest.
    The answer has the fields of :class:`Constraints`, the shape in a step's arguments.
    Raises ConstraintsUnavailable, PasswordOnCommandLine.
    """
    if wanted == AS_OF_RELEASE:
        day = series.released.isoformat()
        found = Constraints(kind="as-of-release", location=day, digest=_pins_digest(series, day))
    elif wanted == OFFICIAL:
        address = f"{official_url.rstrip('/')}/{series.id}"
        found = _kept("official", address, _fetch(address, series.id), directories)
    elif wanted.startswith(("http://", "https://")):
        address = _without_password(wanted).replace("{series}", series.id)
        found = _kept("url", address, _fetch(address, series.id), directories)
    else:
        path = Path(wanted.replace("{series}", series.id)).expanduser().absolute()
        found = _kept("file", str(path), _read(path, series.id), directories)
    return found.model_dump(mode="json")


def select(
    constraints: Constraints, series: Series, release: Release, package: str, directories: Directories
) -> Selection:
    """What the installer is to be told so that it takes the versions of ``constraints``.

    Raises ConstraintsUnavailable where they have changed since they were resolved.
    """
    if constraints.kind == "as-of-release":
        _must_match(constraints, _pins_digest(series, constraints.location), series.id)
        last_day = date.fromisoformat(constraints.location)
        return _pinned("as-of-release", series, options=as_of_release(series, release, package, last_day))
    kept = _cache_file(constraints.digest, directories)
    if not kept.is_file():
        fetch = _read_named if constraints.kind == "file" else _fetch
        again = _kept(constraints.kind, constraints.location, fetch(constraints.location, series.id), directories)
        _must_match(constraints, again.digest, series.id)
    return _pinned(constraints.kind, series, constrain=tuple(kept.read_text(encoding="utf-8").splitlines()))


def as_of_release(series: Series, release: Release, package: str, last_day: date) -> tuple[str, ...]:
    """Options of uv for: nothing younger than ``last_day``, but this release of the package and what pins allow."""
    options = ["--exclude-newer", _end_of(last_day)]
    exceptions = {pin.package: pin.not_after for pin in pins(series.id, "as-of-release") if pin.not_after}
    if release.published:
        exceptions[package] = release.published
    for name, day in sorted(exceptions.items()):
        if day > last_day:
            options += ["--exclude-newer-package", f"{name}={_end_of(day)}"]
    return tuple(options)


def _pins_digest(series: Series, day: str) -> str:
    return digest_of([day, *(pin.model_dump(mode="json") for pin in pins(series.id, "as-of-release"))])


def _pinned(
    kind: SourceKind, series: Series, *, options: tuple[str, ...] = (), constrain: tuple[str, ...] = ()
) -> Selection:
    by_use: dict[str, list[str]] = {"add": [], "constrain": list(constrain), "build": [], "leave-out": []}
    for pin in pins(series.id, kind):
        by_use[pin.applies].append(pin.requirement)
    return Selection(
        options=options,
        add=tuple(by_use["add"]),
        constrain=tuple(by_use["constrain"]),
        build=tuple(by_use["build"]),
        leave_out=tuple(by_use["leave-out"]),
    )


def _end_of(day: date) -> str:
    """The first instant that is too late, in UTC, as the index dates its files."""
    return f"{(day + timedelta(days=1)).isoformat()}T00:00:00Z"


def _must_match(constraints: Constraints, digest: str, series: str) -> None:
    if digest == constraints.digest:
        return
    raise ConstraintsUnavailable(
        f"The constraints of {series} are not the ones that were planned with.",
        evidence=f"{constraints.location}: planned with {constraints.digest}, is now {digest}",
        next_command="make a new plan, which shows what it is built from",
    )


def _without_password(address: str) -> str:
    """The address, which the plan will show. Raises PasswordOnCommandLine."""
    if "@" in urlsplit(address).netloc:
        raise PasswordOnCommandLine(
            "The address of the constraints has a user or a password in it, which the plan would show.",
            evidence=f"it begins with {address.partition('://')[0]}://...@",
            next_command="fetch the file yourself, then: --constraints FILE",
        )
    return address


def _read_named(location: str, series: str) -> bytes:
    return _read(Path(location), series)


def _read(path: Path, series: str) -> bytes:
    try:
        return _checked(path.read_bytes(), str(path), series)
    except OSError as error:
        raise _unavailable(series, f"{path}: {error.strerror or error}") from None


def _fetch(address: str, series: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=_FETCH_SECONDS) as answer:  # noqa: S310 - http or https, see below
            return _checked(answer.read(_LARGEST + 1), address, series)
    except urllib.error.HTTPError as error:
        raise _unavailable(series, f"{address}: {error.code} {error.reason}") from None
    except (OSError, ValueError) as error:
        raise _unavailable(series, f"{address}: {getattr(error, 'reason', error)}") from None


def _checked(content: bytes, location: str, series: str) -> bytes:
    """The content, if it can be a constraints file: text with at least one name held at a version."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise _unavailable(series, f"{location}: no text") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(content) > _LARGEST or not lines or not any("==" in line for line in lines):
        first = lines[0][:80] if lines else "empty"
        raise _unavailable(series, f"{location}: no constraints file, begins with: {first}")
    return content


def _unavailable(series: str, evidence: str) -> ConstraintsUnavailable:
    return ConstraintsUnavailable(
        f"The constraints of {series} could not be read.",
        evidence=evidence,
        next_command="repeat the command with --constraints as-of-release, or name a file",
    )


def _kept(kind: SourceKind, location: str, content: bytes, directories: Directories) -> Constraints:
    """Remember the content in the cache under its digest; the file appears whole or not at all."""
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    target = _cache_file(digest, directories)
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(name, target)
    return Constraints(kind=kind, location=location, digest=digest)


def _cache_file(digest: str, directories: Directories) -> Path:
    return directories.cache / "constraints" / f"{digest.removeprefix('sha256:')}.txt"
