"""Talks to the API of an identity service: requests, tokens and their scopes. Everything here can be repeated."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests

from onward.errors import StepFailed
from onward.observe.answered_lists import read_object

TIMEOUT_SECONDS = 600.0
"""Some lists of a large cloud cannot be cut off, and take a busy machine minutes."""
READERS = 4
"""Requests at once while reading: enough to keep two workers of an API busy."""
BUSY = (500, 503)
"""Keystone answers 500 when SQLite is locked by another writer; since 2025.1 every login writes."""
BUSY_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between attempts."""
READING_PAUSES = (0.05, 0.5)
"""The same for requests that only read: a writer does not keep them waiting, so that a failure will hardly pass, and
the longest lists are not to be asked for again and again."""
LONGEST_LIST = 5_000
"""How many of a kind the service is asked to list, and are held where it lists more all the same."""
PIECE_BYTES = 1 << 16

# An application credential with access rules yields tokens that only a caller who knows of such rules may validate
# (keystone/api/auth.py, AuthTokenResource.get).
_KNOWS_ACCESS_RULES = {"OpenStack-Identity-Access-Rules": "1.0"}

Json = dict[str, Any]
Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Answer:
    """What the API said to one request."""

    asked: str
    """Method and path: GET /v3/users."""
    status: int
    body: Json = field(repr=False)
    """The JSON of the answer; empty when there is none."""
    token: str | None = field(default=None, repr=False)
    """A new token, where the answer brings one."""

    @property
    def ok(self) -> bool:
        """Whether it did what was asked."""
        return 200 <= self.status < 300

    @property
    def offered(self) -> bool:
        """False when this release does not know the path or the method."""
        return self.status not in (404, 405, 501)

    def said(self) -> str:
        """The answer in one line, for an error's evidence. Keystone repeats no secret in its errors."""
        error = self.body.get("error")
        message = error.get("message", "") if isinstance(error, dict) else ""
        return f"{self.asked}: {self.status} {message}".strip()


@dataclass(frozen=True)
class Scope:
    """What a token is for. All None and not ``system``: unscoped."""

    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    trust_id: str | None = None

    def as_body(self) -> Json | None:
        """As the API wants it."""
        if self.trust_id:
            return {"OS-TRUST:trust": {"id": self.trust_id}}
        if self.project_id:
            return {"project": {"id": self.project_id}}
        if self.domain_id:
            return {"domain": {"id": self.domain_id}}
        return {"system": {"all": True}} if self.system else None


class IdentityApi:
    """The API at one URL. May be used by several threads; each keeps a connection of its own."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/").removesuffix("/v3")
        self._own = threading.local()
        self._lock = threading.Lock()
        self.requests = 0
        """How many requests were sent."""
        self.repeated = 0
        """How many of them were sent again, because the database was busy."""

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: Json | None = None,
        subject: str | None = None,
        most: int = LONGEST_LIST,
    ) -> Answer:
        """Send a request to ``path`` below ``/v3`` and return the answer, whatever its status.

        Sent again, a few times, while the database is busy with another one. ``subject`` is a token that the request
        is about; ``most`` is how much is kept of a list, and then it is marked as truncated. Raises StepFailed when
        nothing answers.
        """
        headers = {"Accept": "application/json"}
        if token:
            headers["X-Auth-Token"] = token
        if subject:
            headers |= {"X-Subject-Token": subject, **_KNOWS_ACCESS_RULES}
        for pause in READING_PAUSES if method == "GET" else BUSY_PAUSES:
            answer = self._send(method, path, headers, json, most)
            if answer.status not in BUSY:
                return answer
            with self._lock:
                self.repeated += 1
            time.sleep(pause)
        return self._send(method, path, headers, json, most)

    def _send(self, method: str, path: str, headers: Json, json: Json | None, most: int) -> Answer:
        with self._lock:
            self.requests += 1
        try:
            with self._session().request(
                method, f"{self.url}/v3{path}", json=json, headers=headers, timeout=TIMEOUT_SECONDS, stream=True
            ) as response:
                return Answer(
                    asked=f"{method} /v3{path}",
                    status=response.status_code,
                    body=_json(response, most),
                    token=response.headers.get("X-Subject-Token"),
                )
        except requests.RequestException as error:
            raise StepFailed(f"The identity API does not answer {method} /v3{path}.", evidence=str(error)) from None

    def get(self, path: str, token: str, most: int = LONGEST_LIST) -> Answer:
        """Read something."""
        return self.request("GET", path, token=token, most=most)

    def log_in(self, identity: Json, scope: Scope | None = None) -> Answer:
        """Ask for a token. Without a scope the service chooses one: a user's default project, a credential's own.

        ``identity`` is made by :func:`by_password`, :func:`by_id` or :func:`by_application_credential`.
        """
        auth: Json = {"identity": identity}
        if scope is not None and (body := scope.as_body()) is not None:
            auth["scope"] = body
        elif scope is not None:
            auth["scope"] = "unscoped"  # Otherwise a user's default project is taken.
        return self.request("POST", "/auth/tokens?nocatalog", json={"auth": auth})

    def validate(self, subject: str, token: str) -> Answer:
        """Ask what a token is worth, as a service does that was given it."""
        return self.request("GET", "/auth/tokens?nocatalog", token=token, subject=subject)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._own, "session", None)
        if session is None:
            session = self._own.session = requests.Session()
            session.trust_env = False  # Neither a proxy nor a .netrc belongs between a rehearsal and its own API.
        return session


def by_password(name: str, password: str, *, domain_name: str = "Default") -> Json:
    """A user of a domain, both by their names."""
    return {
        "methods": ["password"],
        "password": {"user": {"name": name, "domain": {"name": domain_name}, "password": password}},
    }


def by_id(user_id: str, password: str) -> Json:
    """A user by identifier."""
    return {"methods": ["password"], "password": {"user": {"id": user_id, "password": password}}}


def by_application_credential(credential_id: str, secret: str) -> Json:
    """An application credential, which brings its own scope."""
    return {
        "methods": ["application_credential"],
        "application_credential": {"id": credential_id, "secret": secret},
    }


@dataclass(frozen=True)
class Administrator:
    """An administrator's tokens: secrets."""

    quick: str = field(repr=False)
    """Of a project: Keystone caches what roles a user has there, and works those on the system out three times a
    request (measured: 12 ms and 53 ms of its processor time)."""
    everywhere: str = field(repr=False)
    """Of the whole system: some listings show no more than the token's own project otherwise, such as the limits."""


def administrator(api: IdentityApi, name: str, password: str, project: str) -> Administrator:
    """Log in as an administrator with a project of this name, both in the domain Default. Raises StepFailed."""
    identity = by_password(name, password)
    scope = {"project": {"name": project, "domain": {"name": "Default"}}}
    answer = api.request("POST", "/auth/tokens?nocatalog", json={"auth": {"identity": identity, "scope": scope}})
    if not answer.ok or answer.token is None:
        raise StepFailed(f"The administrator {name} cannot log in.", evidence=answer.said())
    system = api.log_in(identity, Scope(system=True))  # Since Queens; before, a project's administrator saw all.
    return Administrator(answer.token, system.token or answer.token)


def side_by_side(work: Callable[[Given], Made], items: Iterable[Given], threads: int = READERS) -> list[Made]:
    """Do something for every item, a few at once, and return the results in the items' order.

    The first error stops what has not begun, and is raised.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="identity")
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)


def _json(response: requests.Response, most: int) -> Json:
    """What the answer says, with no list longer than ``most``. Raises requests.RequestException."""
    if response.status_code >= 300:
        return _refusal(response)
    try:
        return read_object(response.iter_content(PIECE_BYTES), most)
    except ValueError:
        return {}


def _refusal(response: requests.Response) -> Json:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return {"error": {"message": response.text[:500]}}
    return body if isinstance(body, dict) else {}
