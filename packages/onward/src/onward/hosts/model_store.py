"""What is kept of a deployed model: what it shall be, its secrets, and which steps have been done.

All below the model's directory, for its owner only::

    model.json          the bundle, the network and the addresses
    series.json         at which release the databases of each service are
    secrets.json        passwords and keys, by APPLICATION/NAME; in no other file but those that need them
    done/STEP.json      the digest of a step that was done, and what can be looked at to see that it still holds
    empty/STEP.json     that a step has begun to fill databases in which nothing was, and has not come to its end
    owed/UNIT.json      that a unit has to be restarted, since when and why
    units/UNIT/         etc, log, run, data
    programs/UNIT.conf  the unit's processes, for the supervisor
"""

import base64
import json
import secrets as random_words
import shutil
import string
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import TypeAdapter

from onward.hosts.private_file import make_private, write_lasting, write_private
from onward.model.deployment import SECRET, Owed, QueueProbe, ReadyProbe, name_in_paths

_PROBES = TypeAdapter(dict[str, ReadyProbe | QueueProbe])
_SERIES = Lock()
"""Steps of several services note their release at once."""
PASSWORD_LENGTH = 32
_ALPHABET = string.ascii_letters + string.digits
"""No character of a password has to be escaped in a URL, a file or a statement."""


def _password() -> str:
    return "".join(random_words.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH))


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(random_words.token_bytes(32)).decode()


_MAKERS: dict[str, Callable[[], str]] = {"password": _password, "fernet-key": _fernet_key}


@dataclass(frozen=True)
class ModelStore:
    """The directory of one model."""

    directory: Path

    @property
    def exists(self) -> bool:
        """Whether something is deployed as this model, or was begun to be."""
        return (self.directory / "model.json").is_file()

    def record(self) -> dict[str, Any]:
        """What the model shall be. Raises FileNotFoundError."""
        found: dict[str, Any] = json.loads((self.directory / "model.json").read_text(encoding="utf-8"))
        return found

    def remember(self, record: Mapping[str, Any]) -> None:
        """Keep what the model shall be."""
        write_private(self.directory / "model.json", json.dumps(record, indent=1))

    def secrets(self) -> dict[str, str]:
        """All secrets by name."""
        text = _text(self.directory / "secrets.json")
        found: dict[str, str] = {} if text is None else json.loads(text)
        return found

    def ensure_secrets(self, wanted: Mapping[str, str]) -> None:
        """Make those secrets that there are not yet; ``wanted`` has their kinds by name. None is ever changed."""
        known = self.secrets()
        missing = {name: _MAKERS[kind]() for name, kind in wanted.items() if name not in known}
        if missing:
            write_private(self.directory / "secrets.json", json.dumps({**known, **missing}, indent=1))

    def resolved(self, text: str) -> str:
        """The text with secrets in the place of the references to them. Raises KeyError."""
        known = self.secrets() if "$(secret:" in text else {}
        return SECRET.sub(lambda match: known[match[1]], text)

    def unit_directory(self, unit: str) -> Path:
        """The directory that a unit of this machine has, and in which what is noted of any other one is."""
        return self.directory / "units" / name_in_paths(unit)

    def note_done(self, step: str, digest: str, evidence: Mapping[str, Any]) -> None:
        """Remember that a step was done; a restart that was owed for it is owed no longer."""
        text = json.dumps({"step": step, "digest": digest, "evidence": evidence})
        write_private(self._done(step), text)
        verb, _, unit = step.partition("/")
        if verb == "start" and (owed := self._owed_note(unit)) is not None and owed.digest == digest:
            self._owed(unit).unlink(missing_ok=True)

    def owe(self, unit: str, digest: str, why: str, *, deferred: bool = False) -> None:
        """Remember that a unit has to be restarted to be as the step that starts it, of this digest, says.

        What was owed before is owed still, for all reasons and since the first. Not where it runs so already, and not
        where it never ran.
        """
        if self.noted(f"start/{unit}").get("digest") in (None, digest):
            return
        before, now = self._owed_note(unit), time.time()
        reasons = (*(before.reasons if before else ()), *([why] if why else []))
        owed = Owed(
            unit=unit,
            digest=digest,
            since=before.since if before else now,
            reasons=tuple(dict.fromkeys(reasons)),
            deferred=deferred or (before is not None and before.deferred and before.digest == digest),
        )
        write_lasting(self._owed(unit), owed.model_dump_json(indent=1))

    def owed(self) -> dict[str, Owed]:
        """By unit, what has to be restarted. A unit that runs as it shall owes nothing, whatever was noted."""
        paths = sorted((self.directory / "owed").glob("*.json"))
        notes = [Owed.model_validate_json(text) for path in paths if (text := _text(path)) is not None]
        return {
            each.unit: each
            for each in notes
            if self.noted(f"start/{each.unit}").get("digest") not in (None, each.digest)
        }

    def owes_nothing(self, unit: str, digest: str) -> None:
        """Forget what a unit owes where it runs as the step of this digest says: it shall be again as it was."""
        if self.noted(f"start/{unit}").get("digest") == digest:
            self._owed(unit).unlink(missing_ok=True)

    def _owed_note(self, unit: str) -> Owed | None:
        text = _text(self._owed(unit))
        return None if text is None else Owed.model_validate_json(text)

    def _owed(self, unit: str) -> Path:
        return self.directory / "owed" / f"{name_in_paths(unit)}.json"

    def done(self) -> dict[str, dict[str, Any]]:
        """Digest and evidence of every step that was done, by step."""
        found = {}
        for path in sorted((self.directory / "done").glob("*.json")):
            if (text := _text(path)) is not None:
                told = json.loads(text)
                found[told["step"]] = told
        return found

    def noted(self, step: str) -> dict[str, Any]:
        """The same of one step; nothing where it was not done."""
        text = _text(self._done(step))
        found: dict[str, Any] = {} if text is None else json.loads(text)
        return found

    def probes(self, unit: str) -> dict[str, ReadyProbe | QueueProbe]:
        """How it is seen that the unit's processes serve, as it was started last; by process."""
        started = self.noted(f"start/{unit}").get("evidence", {})
        return _PROBES.validate_python(started.get("probes", {}))

    def password_for(self, probe: ReadyProbe | QueueProbe) -> str:
        """What a probe has to log in with, of this model or of the one whose broker it uses; empty for most."""
        if not isinstance(probe, QueueProbe):
            return ""
        store = ModelStore(self.directory.parent / probe.model) if probe.model else self
        return store.secrets().get(probe.secret, "")

    def series(self) -> dict[str, str]:
        """At which release the databases of each service are, by service."""
        text = _text(self.directory / "series.json")
        found: dict[str, str] = {} if text is None else json.loads(text)
        return found

    def note_series(self, service: str, series: str) -> None:
        """Remember at which release the databases of a service are."""
        with _SERIES:
            write_private(self.directory / "series.json", json.dumps({**self.series(), service: series}, indent=1))

    def note_empty(self, step: str) -> None:
        """Remember that nothing is in the databases that a step is about to fill: what is there later is of its own."""
        write_private(self._empty(step), "")

    def began_empty(self, step: str) -> bool:
        """Whether it has begun so, and has not come to its end."""
        return self._empty(step).exists()

    def note_filled(self, step: str) -> None:
        """The step has come to its end: what is there is its users'."""
        self._empty(step).unlink(missing_ok=True)

    def undo(self, step: str) -> None:
        """Forget that a step was done; a unit that does not run owes no restart."""
        self._done(step).unlink(missing_ok=True)
        verb, _, unit = step.partition("/")
        if verb == "start":
            self._owed(unit).unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove all that is kept of the model; what it shall be goes last, so that it can be begun again."""
        for path in self.directory.iterdir() if self.directory.is_dir() else ():
            if path.name != "model.json":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self.directory / "model.json").unlink(missing_ok=True)
        if self.directory.is_dir():
            self.directory.rmdir()

    def _empty(self, step: str) -> Path:
        return self.directory / "empty" / f"{step.replace('/', '+')}.json"

    def _done(self, step: str) -> Path:
        make_private(self.directory / "done")
        return self.directory / "done" / f"{step.replace('/', '+')}.json"


def _text(path: Path) -> str | None:
    """What a file says. None where there is none: also where another step takes a note away while notes are listed."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
