"""Sends what is to be made to an identity service, and keeps count. Every request may be sent again."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from onward.errors import SeedFailed
from onward.observe.identity import Administrator, Answer, IdentityApi, side_by_side

Json = dict[str, Any]
Given = TypeVar("Given")

WRITERS = 2
"""Requests at once while writing: more would only wait for SQLite's one writer."""
MADE = (200, 201, 204)
THERE_ALREADY = 409
# Names in a cloud's description that the API wants to have as identifiers.
_REFERENCES = {
    "domain": ("domains", "domain_id"),
    "parent": ("projects", "parent_id"),
    "project": ("projects", "project_id"),
    "default_project": ("projects", "default_project_id"),
    "service": ("services", "service_id"),
    "region": ("regions", "region_id"),
}


class Filler:
    """The administrator's side of filling: what is there, what was made, and under which identifiers."""

    def __init__(self, api: IdentityApi, administrator: Administrator, progress: Callable[[str], None]) -> None:
        self.api = api
        self.administrator = administrator
        self.progress = progress
        self.ids: dict[str, dict[str, str]] = {}
        """Identifiers by kind and name."""
        self.created: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.not_offered: set[str] = set()
        self.seconds: dict[str, float] = {}

    def ensure(self, kind: str, wanted: dict[str, Json], *, name: str = "name", query: str = "") -> None:
        """Make those of a kind that are not listed yet, recognised by one attribute, and learn all identifiers."""
        with self.measured(kind):
            listed = self.listed(kind, f"/{kind}{query}")
            if listed is None:
                return
            known = {str(item[name]): str(item["id"]) for item in listed}
            ids = self.ids.setdefault(kind, {})
            ids |= {key: known[body[name]] for key, body in wanted.items() if body[name] in known}
            missing = [key for key in wanted if key not in ids]
            singular = {"policies": "policy"}.get(kind, kind.removesuffix("s"))

            def make(key: str) -> str:
                answer = self.send("POST", f"/{kind}", {singular: self.resolved(wanted[key])})
                return str(self.must(answer)[singular]["id"])

            ids |= dict(zip(missing, side_by_side(make, missing, WRITERS), strict=True))
            self.count(kind, made=len(missing), there=len(wanted) - len(missing))

    def resolved(self, body: Json) -> Json:
        """The body with identifiers in place of names."""
        found: Json = {}
        for attribute, value in body.items():
            if attribute in _REFERENCES:
                kind, wanted = _REFERENCES[attribute]
                found[wanted] = self.ids[kind][value]
            else:
                found[attribute] = value
        return found

    def listed(self, kind: str, path: str, *, token: str | None = None) -> list[Json] | None:
        """What is there of a kind. None, and remembered, when this release does not offer it."""
        answer = self.send("GET", path, token=token or self.administrator.everywhere)
        if not answer.offered:
            self.not_offered.add(kind)
            return None
        items: list[Json] = self.must(answer)[kind]
        return items

    def put_all(self, kind: str, paths: Iterable[str], *, there: int = 0) -> None:
        """Make relations that are nothing but a path."""
        missing = list(paths)
        side_by_side(lambda path: self.must(self.send("PUT", path)), missing, WRITERS)
        self.count(kind, made=len(missing), there=there)

    def send(self, method: str, path: str, body: Json | None = None, *, token: str | None = None) -> Answer:
        """Send a request, as the administrator unless a token is given."""
        return self.api.request(method, path, token=token or self.administrator.quick, json=body)

    def must(self, answer: Answer) -> Json:
        """The body of an answer that did what was asked. Raises SeedFailed."""
        if answer.status in MADE or (answer.asked.startswith("PUT") and answer.status == THERE_ALREADY):
            return answer.body
        raise SeedFailed(
            "The identity service did not take what the demonstration cloud needs.",
            evidence=answer.said(),
            state="The demonstration cloud is half filled; filling goes on from there.",
        )

    def count(self, kind: str, *, made: int, there: int) -> None:
        """Keep count of a kind."""
        self.created[kind] += made
        self.found[kind] += there

    @contextmanager
    def measured(self, kind: str) -> Iterator[None]:
        """Say what is being made, and keep how long it took."""
        self.progress(f"filling: {kind.replace('_', ' ')}")
        began = time.monotonic()
        yield
        self.seconds[kind] = round(self.seconds.get(kind, 0.0) + time.monotonic() - began, 3)
