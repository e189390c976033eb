"""Who is logged in at the page, and how they came to be."""

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from onward.hosts.private_file import write_private

MOST_SESSIONS = 200
ATTEMPTS = 10
ATTEMPT_SECONDS = 60.0
"""So many logins may fail in this time; after that, all wait, whoever they are."""


@dataclass(frozen=True)
class Session:
    """Somebody who is logged in."""

    name: str
    until: float
    """Seconds since the epoch."""


class Sessions:
    """All who are logged in, kept in a private file, so that they are so still when the server begins again.

    What a browser holds is a secret; the file has its digest alone, and nobody can log in with that.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._known = _read(file)

    def begin(self, name: str, seconds: float) -> str:
        """Log somebody in; the secret that their browser is to hold."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._known[_digest(secret)] = Session(name, self._clock() + seconds)
            self._keep()
        return secret

    def find(self, secret: str) -> Session | None:
        """Who holds this secret; None for one that nobody was given, or that holds no more."""
        with self._lock:
            found = self._known.get(_digest(secret))
        return found if found is not None and found.until > self._clock() else None

    def end(self, secret: str) -> None:
        """Log out whoever holds it."""
        with self._lock:
            if self._known.pop(_digest(secret), None) is not None:
                self._keep()

    def _keep(self) -> None:
        now = self._clock()
        living = {key: each for key, each in self._known.items() if each.until > now}
        self._known = dict(sorted(living.items(), key=lambda item: item[1].until)[-MOST_SESSIONS:])
        write_private(self._file, json.dumps({key: asdict(each) for key, each in self._known.items()}))


class Attempts:
    """Counts logins that failed, so that nobody can try passwords or tokens for long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: deque[float] = deque()
        self._lock = threading.Lock()

    def too_many(self) -> bool:
        """Whether the next one has to wait."""
        with self._lock:
            while self._failed and self._failed[0] < self._clock() - ATTEMPT_SECONDS:
                self._failed.popleft()
            return len(self._failed) >= ATTEMPTS

    def failed(self) -> None:
        """One more."""
        with self._lock:
            self._failed.append(self._clock())


def proof_of(secret: str) -> str:
    """What a form has to bring back: nobody can compute it who does not hold the secret, and it does not tell it."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))


def new_token(file: Path) -> str:
    """A token with which whoever can read this private file may log in; the one before it holds no more."""
    token = secrets.token_urlsafe(32)
    write_private(file, token + "\n")
    return token


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _read(file: Path) -> dict[str, Session]:
    """Who was logged in; nobody where the file is gone or broken: they log in again."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return {str(key): Session(str(each["name"]), float(each["until"])) for key, each in told.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
