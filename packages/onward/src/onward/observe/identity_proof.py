"""Compares what an identity service showed before an upgrade with what it shows afterwards. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from onward.catalog.service import AnswerChange
from onward.observe.identity import Json
from onward.observe.identity_listings import Listing
from onward.observe.identity_logins import Login
from onward.observe.identity_memory import Remembered, Seen

ABSENT = "(absent)"
LONGEST = 200
"""Characters of a value that a difference shows."""


@dataclass(frozen=True)
class Difference:
    """One attribute of one thing that is not as it was."""

    kind: str
    id: str
    name: str
    """What people call it, where it has a name."""
    attribute: str
    before: str
    after: str
    more: bool = False
    """Whether all that was said before is still said, beside what is new."""

    def as_data(self) -> Json:
        """As evidence."""
        return {key: value for key, value in asdict(self).items() if value not in ("", False)}

    def __str__(self) -> str:
        called = f"{self.name} ({self.id})" if self.name else self.id
        return f"{self.kind} {called}, {self.attribute}: {self.before} before, {self.after} now"


@dataclass(frozen=True)
class Check:
    """One question that was asked at both ends: how often, and how often the answer was the same."""

    name: str
    asked: str
    passed: int
    total: int

    def as_data(self) -> Json:
        """As evidence."""
        return asdict(self)


@dataclass(frozen=True)
class ProofResult:
    """All that was compared."""

    checks: tuple[Check, ...]
    differences: tuple[Difference, ...]
    documented: tuple[str, ...] = ()
    """Differences that releases are documented to bring, a line for each such change."""


def prove(before: Remembered, after: Seen, changes: Sequence[AnswerChange] = ()) -> ProofResult:
    """Hold what is seen against what is remembered; ``changes`` are what the releases in between are known to change.

    Every attribute that was there must be there with the same value; a newer release may show more attributes, and
    nothing else. A thing that was not there before is a difference as well: somebody gained what nobody gave him.
    """
    judge = _Judge(changes)
    for name, asked, chosen in _QUESTIONS:
        places = [place for place, login in enumerate(before.logins) if chosen(login)]
        found = [_login(before.logins[place], before.shown[place], after.shown[place]) for place in places]
        judge.hear(name, asked, found)
    issued = [place for place, token in enumerate(before.tokens) if token]
    found = [_token(before.logins[place], before.tokens[place], after.worth[place]) for place in issued]
    judge.hear("tokens from before are valid", "GET /v3/auth/tokens", found)
    for kind, listing in before.listings.items():
        asked = f"GET {kind.replace('_', ' ')}"
        judge.hear(f"{kind.replace('_', ' ')} are the same", asked, *_listing(listing, after.listings[kind]))
    return judge.result()


class _Judge:
    """Tells documented differences from others, and keeps count."""

    def __init__(self, changes: Sequence[AnswerChange]) -> None:
        self._changes = changes
        self._checks: list[Check] = []
        self._differences: list[Difference] = []
        self._documented: Counter[int] = Counter()

    def hear(
        self,
        name: str,
        asked: str,
        things: Iterable[Iterable[Difference]],
        beyond: Iterable[Difference] = (),
    ) -> None:
        """One question: the differences of each thing that it was asked of, and those of no such thing."""
        left = [[each for each in found if not self._is_documented(each)] for found in things]
        if left:
            self._checks.append(Check(name, asked, sum(not each for each in left), len(left)))
        self._differences += [each for found in left for each in found]
        self._differences += beyond

    def _is_documented(self, difference: Difference) -> bool:
        for place, change in enumerate(self._changes):
            if (
                difference.kind in change.kinds
                and difference.attribute == change.attribute
                and re.search(change.of, difference.id)
                and {"gone": difference.after == ABSENT, "more": difference.more, "other": True}[change.effect]
            ):
                self._documented[place] += 1
                return True
        return False

    def result(self) -> ProofResult:
        documented = [
            f"{' and '.join(change.kinds).replace('_', ' ')}, {change.attribute}: {self._documented[place]} answered"
            f" otherwise since {change.series}: {change.reason}"
            for place, change in enumerate(self._changes)
            if self._documented[place]
        ]
        return ProofResult(tuple(self._checks), tuple(self._differences), tuple(documented))


_QUESTIONS = (
    (
        "logins with the old password succeed",
        "POST /v3/auth/tokens",
        lambda login: login.allowed and login.way == "password",
    ),
    ("those who were shut out still are", "POST /v3/auth/tokens", lambda login: not login.allowed),
    (
        "application credentials log in",
        "POST /v3/auth/tokens",
        lambda login: login.allowed and login.way == "application credential",
    ),
    ("trusts are honoured", "POST /v3/auth/tokens", lambda login: login.allowed and login.way == "trust"),
    ("EC2 keys sign", "POST /v3/ec2tokens", lambda login: login.allowed and login.way == "EC2 key"),
)


def _login(login: Login, before: Json, after: Json) -> Iterator[Difference]:
    if before["status"] == after["status"]:
        yield from _attributes("login", login.label, login.name, before, after)
    else:  # What a token would have said is of no interest then.
        yield Difference("login", login.label, login.name, "status", _shown(before["status"]), _shown(after["status"]))


def _token(login: Login, before: Json, worth: Json) -> Iterator[Difference]:
    if worth["status"] != 200:
        yield Difference("token", login.label, login.name, "validation", "valid", f"answered with {worth['status']}")
    else:
        yield from _attributes("token", login.label, login.name, before, worth)


def _listing(before: Listing, after: Listing) -> tuple[list[list[Difference]], list[Difference]]:
    """The differences of each thing that was listed, and things that nobody had made.

    Where only a sample was read, things beyond it say nothing.
    """
    kind = before.kind
    if before.refusal is not None:
        return [], []  # What could not be read before cannot have been lost; whatever is shown now is news.
    if after.refusal is not None:
        gone = Difference(kind, "all", "", "listing", f"{len(before.items)} listed", after.refusal)
        return [[gone]], []
    things = []
    for identifier, item in before.items.items():
        if identifier not in after.items:
            things.append([Difference(kind, identifier, _name(item), "existence", "there", ABSENT)])
        else:
            things.append(list(_attributes(kind, identifier, _name(item), item, after.items[identifier])))
    if before.sampled:
        return things, []
    new = [(identifier, item) for identifier, item in after.items.items() if identifier not in before.items]
    return things, [Difference(kind, each, _name(item), "existence", ABSENT, "there") for each, item in new]


def _attributes(kind: str, identifier: str, name: str, before: Json, after: Json) -> Iterator[Difference]:
    """Attributes that are gone or other; new ones are the newer release's."""
    for attribute, value in _flat(before):
        now = _at(after, attribute)
        if not _still_said(value, now):
            more = isinstance(now, list) and isinstance(value, list) and _all_found(value, now)
            yield Difference(kind, identifier, name, ".".join(attribute), _shown(value), _shown(now), more)


def _still_said(value: Any, now: Any) -> bool:
    """Whether ``now`` says all of ``value`` and nothing else of the same; things in a list may have new attributes."""
    if isinstance(value, dict) and isinstance(now, dict):
        return all(name in now and _still_said(part, now[name]) for name, part in value.items())
    if isinstance(value, list) and isinstance(now, list):
        return len(value) == len(now) and _all_found(value, now)
    return bool(value == now)


def _all_found(values: list[Any], now: list[Any]) -> bool:
    """Whether each value has one of its own in ``now``. Lists are sets; their things are told apart by identifier."""
    left = list(now)
    for value in values:
        place = next((place for place, each in enumerate(left) if _still_said(value, each)), None)
        if place is None:
            return False
        del left[place]
    return True


def _flat(data: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value with its path; objects within objects are gone into, lists are values."""
    for name, value in data.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, (*above, name))
        else:
            yield (*above, name), value


def _at(data: Any, path: Sequence[str]) -> Any:
    """The value at a path; ABSENT where there is none."""
    for name in path:
        if not isinstance(data, dict) or name not in data:
            return ABSENT
        data = data[name]
    return data


def _name(item: Json) -> str:
    return str(item.get("name") or "")


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def summary(differences: Iterable[Difference], most: int) -> str:
    """The first differences, one a line, and how many more there are."""
    every = list(differences)
    lines = [str(difference) for difference in every[:most]]
    if len(every) > most:
        lines.append(f"and {len(every) - most} more")
    return "\n".join(lines)
