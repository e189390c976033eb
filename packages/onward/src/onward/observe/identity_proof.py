"""Compares what an identity service showed before an upgrade with what it shows afterwards. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

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

    def as_data(self) -> Json:
        """As evidence."""
        return {key: value for key, value in asdict(self).items() if value != ""}

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


def prove(before: Remembered, after: Seen) -> ProofResult:
    """Hold what is seen against what is remembered.

    Every attribute that was there must be there with the same value; a newer release may show more attributes, and
    nothing else. A thing that was not there before is a difference as well: somebody gained what nobody gave him.
    """
    checks, differences = [], []
    for name, asked, chosen in _QUESTIONS:
        places = [place for place, login in enumerate(before.logins) if chosen(login)]
        found = [list(_login(before.logins[place], before.shown[place], after.shown[place])) for place in places]
        checks.append(Check(name, asked, sum(not each for each in found), len(places)))
        differences += [difference for each in found for difference in each]
    issued = [place for place, token in enumerate(before.tokens) if token]
    found = [list(_token(before.logins[place], before.tokens[place], after.worth[place])) for place in issued]
    checks.append(
        Check("tokens from before are valid", "GET /v3/auth/tokens", sum(not each for each in found), len(issued))
    )
    differences += [difference for each in found for difference in each]
    for kind, listing in before.listings.items():
        check, different = _listing(listing, after.listings[kind])
        checks.append(check)
        differences += different
    return ProofResult(tuple(check for check in checks if check.total), tuple(differences))


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


def _listing(before: Listing, after: Listing) -> tuple[Check, list[Difference]]:
    """One kind of things. Where only a sample was read, things beyond it say nothing."""
    kind = before.kind
    asked = f"GET {kind.replace('_', ' ')}"
    if before.refusal is not None:
        # What could not be read before cannot have been lost; whatever is shown now is news.
        return Check(f"{kind} are the same", asked, 0, 0), []
    if after.refusal is not None:
        difference = Difference(kind, "all", "", "listing", f"{len(before.items)} listed", after.refusal)
        return Check(f"{kind} are the same", asked, 0, max(1, len(before.items))), [difference]
    differences, passed = [], 0
    for identifier, item in before.items.items():
        name = _name(item)
        if identifier not in after.items:
            found = [Difference(kind, identifier, name, "existence", "there", ABSENT)]
        else:
            found = list(_attributes(kind, identifier, name, item, after.items[identifier]))
        passed += not found
        differences += found
    if not before.sampled:
        differences += [
            Difference(kind, identifier, _name(item), "existence", ABSENT, "there")
            for identifier, item in after.items.items()
            if identifier not in before.items
        ]
    return Check(f"{kind.replace('_', ' ')} are the same", asked, passed, len(before.items)), differences


def _attributes(kind: str, identifier: str, name: str, before: Json, after: Json) -> Iterator[Difference]:
    """Attributes that are gone or other; new ones are the newer release's."""
    for attribute, value in _flat(before):
        now = _at(after, attribute)
        if now != value:
            yield Difference(kind, identifier, name, ".".join(attribute), _shown(value), _shown(now))


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
