"""Reads everything that an identity service shows to an administrator, in a form in which two readings compare."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from onward.observe.identity import Administrator, Answer, IdentityApi, Json, side_by_side

SAMPLE = 300
"""How many of a kind are looked at one by one where a cloud is too large to be listed."""

MOST_ASSIGNMENTS = 20_000
"""How many role assignments are read whole: a user has several, and each is small."""

PEOPLE = 50
"""Of how many users the application credentials are looked at where it is not known who has some."""

NOT_OFFERED = "not offered by this release"

Fingerprint = Callable[[str], str]
"""What is kept of a secret: equal for equal secrets, and of no use to anybody else."""


@dataclass(frozen=True)
class Listing:
    """All things of one kind, or a sample of them."""

    kind: str
    items: dict[str, Json]
    """By identifier; relations that have none by what they relate."""
    refusal: str | None = None
    """What the API said instead of listing them; None when it did."""
    sampled: bool = False

    @property
    def unreadable(self) -> bool:
        """Whether this release has such things and did not list them."""
        return self.refusal not in (None, NOT_OFFERED)

    def as_data(self) -> Json:
        """For keeping."""
        return {"items": self.items, "refusal": self.refusal, "sampled": self.sampled}

    @classmethod
    def from_data(cls, kind: str, data: Json) -> "Listing":
        """What was kept."""
        return cls(kind, data["items"], data["refusal"], data["sampled"])


@dataclass(frozen=True)
class Wanted:
    """What to ask for. Where it says nothing, everything is listed."""

    people: Sequence[str] = ()
    """Users of whom application credentials and access rules are read as well, which are listed for one user only.
    Empty: the first PEOPLE of all users."""
    samples: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By kind, the identifiers to ask for one by one, as an earlier reading had to."""


# Kinds, with the path that lists all of them. The key of the list in the answer is the path's last part.
_PATHS = {
    "domains": "/domains",
    "projects": "/projects",
    "users": "/users",
    "groups": "/groups",
    "roles": "/roles",
    "regions": "/regions",
    "services": "/services",
    "endpoints": "/endpoints",
    "credentials": "/credentials",
    "policies": "/policies",
    "registered_limits": "/registered_limits",
    "limits": "/limits",
    "trusts": "/OS-TRUST/trusts",
    "endpoint_groups": "/OS-EP-FILTER/endpoint_groups",
    "identity_providers": "/OS-FEDERATION/identity_providers",
    "mappings": "/OS-FEDERATION/mappings",
    "service_providers": "/OS-FEDERATION/service_providers",
    "consumers": "/OS-OAUTH1/consumers",
}
_OF_PEOPLE = ("application_credentials", "access_rules")


def read_listings(
    api: IdentityApi, administrator: Administrator, fingerprint: Fingerprint, wanted: Wanted | None = None
) -> dict[str, Listing]:
    """Everything, by kind. Raises StepFailed when nothing answers."""
    reading = _Reading(api, administrator, fingerprint, wanted or Wanted())
    found = dict(zip(_PATHS, side_by_side(reading.kind, _PATHS), strict=True))
    found |= {kind: reading.one_by_one(listing) for kind, listing in found.items() if listing.sampled}
    found["roles"] = reading.with_roles_of_domains(found["roles"], found["domains"])
    found["role_assignments"] = reading.role_assignments(found["users"], found["groups"])
    found["implied_roles"] = reading.implied_roles()
    found["memberships"] = reading.memberships(found["groups"])
    people = people_of(found, reading.wanted.people)
    for kind in _OF_PEOPLE:
        found[kind] = reading.of_people(kind, people)
    return found


def people_of(listings: Mapping[str, Listing], people: Sequence[str]) -> list[str]:
    """The users of whom more is read: those that were named, or the first of all."""
    return sorted(people) or sorted(listings["users"].items)[:PEOPLE]


class _Reading:
    def __init__(
        self, api: IdentityApi, administrator: Administrator, fingerprint: Fingerprint, wanted: Wanted
    ) -> None:
        self._api = api
        self._administrator = administrator
        self._fingerprint = fingerprint
        self.wanted = wanted

    def kind(self, kind: str) -> Listing:
        """One kind: all, or no more than the identifiers of a sample.

        These are an earlier reading's where it had to take one, and else some of a list that was cut off.
        """
        if kind in self.wanted.samples:
            return Listing(kind, {each: {} for each in self.wanted.samples[kind]}, sampled=True)
        answer = self._get_all(_PATHS[kind])
        if not answer.ok:
            return Listing(kind, {}, refusal=_refusal(answer))
        if answer.body.get("truncated"):
            return Listing(kind, {each: {} for each in _sample(answer.body[kind])}, sampled=True)
        return Listing(kind, self._by_id(answer.body[kind]))

    def one_by_one(self, sample: Listing) -> Listing:
        """The things of a sample, each asked for by itself.

        What a cut off list says of them is not to be trusted: up to 26.x (2024.2) Keystone leaves out the options of
        most users there, as it fetches those of others (subquery eager loading below a LIMIT without an ORDER BY).
        """
        paths = [f"{_PATHS[sample.kind]}/{each}" for each in sorted(sample.items)]
        answers = side_by_side(self._get_somehow, paths)
        items = [next(iter(answer.body.values())) for answer in answers if answer.ok]
        refused = next((answer for answer in answers if not answer.ok), None)
        refusal = _refusal(refused) if refused and not items else None
        return Listing(sample.kind, self._by_id(items), refusal, sampled=True)

    def with_roles_of_domains(self, roles: Listing, domains: Listing) -> Listing:
        """The roles of all domains, which are listed without them, and those of each."""
        chosen = sorted(domains.items)[:SAMPLE]
        answers = side_by_side(lambda domain: self._get(f"/roles?domain_id={domain}"), chosen)
        own = [item for answer in answers if answer.ok for item in answer.body["roles"]]
        return Listing(roles.kind, roles.items | self._by_id(own), roles.refusal, roles.sampled)

    def role_assignments(self, users: Listing, groups: Listing) -> Listing:
        """All, or those of some users and groups where there are too many of any of these."""
        kind = "role_assignments"
        whole = not (users.sampled or groups.sampled or kind in self.wanted.samples)
        answers = [self._api.get(f"/{kind}", self._administrator.everywhere, MOST_ASSIGNMENTS)] if whole else []
        if sampled := not whole or bool(answers[0].body.get("truncated")):
            actors = [f"user.id={user}" for user in sorted(users.items)[:SAMPLE]]
            actors += [f"group.id={group}" for group in sorted(groups.items)[:SAMPLE]]
            answers = side_by_side(lambda actor: self._get(f"/{kind}?{actor}"), actors)
        refused = next((answer for answer in answers if not answer.ok), None)
        if refused is not None:
            return Listing(kind, {}, refusal=_refusal(refused))
        items = [self._comparable(item) for answer in answers for item in answer.body[kind]]
        return Listing(kind, {_assignment(item): item for item in items}, sampled=sampled)

    def implied_roles(self) -> Listing:
        """Each role that brings another with it: both roles' identifiers."""
        answer = self._get_all("/role_inferences")
        if not answer.ok:
            return Listing("implied_roles", {}, refusal=_refusal(answer))
        pairs = [
            (rule["prior_role"]["id"], implied["id"])
            for rule in answer.body["role_inferences"]
            for implied in rule["implies"]
        ]
        return Listing("implied_roles", {f"{prior} implies {implied}": {} for prior, implied in pairs})

    def memberships(self, groups: Listing) -> Listing:
        """The users of each group, by the group."""
        chosen = sorted(groups.items)[:SAMPLE]
        answers = side_by_side(lambda group: self._get(f"/groups/{group}/users"), chosen)
        items = {
            group: {"users": sorted(user["id"] for user in answer.body["users"])}
            for group, answer in zip(chosen, answers, strict=True)
            if answer.ok and not answer.body.get("truncated")
        }
        return Listing("memberships", items, sampled=len(items) < len(groups.items))

    def of_people(self, kind: str, people: Sequence[str]) -> Listing:
        """What is listed for one user only. Access rules are shown to the user and to a reader of the whole system."""
        answers = side_by_side(lambda user: self._get_all(f"/users/{user}/{kind}"), people)
        refused = next((answer for answer in answers if not answer.ok), None)
        items = [item for answer in answers if answer.ok for item in answer.body[kind]]
        return Listing(kind, self._by_id(items), refusal=_refusal(refused) if refused else None)

    def _get(self, path: str) -> Answer:
        """One of many requests."""
        return self._api.get(path, self._administrator.quick)

    def _get_somehow(self, path: str) -> Answer:
        """One of many requests, repeated in its own right where an administrator of a project is not enough."""
        answer = self._get(path)
        return self._get_all(path) if answer.status == 403 else answer

    def _get_all(self, path: str) -> Answer:
        """A whole list."""
        return self._api.get(path, self._administrator.everywhere)

    def _by_id(self, items: Sequence[Json]) -> dict[str, Json]:
        return {str(item["id"]): self._comparable(item) for item in items}

    def _comparable(self, item: Json) -> Json:
        found: Json = comparable(item)
        if "blob" in found and "user_id" in found:  # A credential's: the secret itself.
            found["blob"] = self._fingerprint(str(found["blob"]))
        return found


def _sample(items: Sequence[Json]) -> list[str]:
    """Identifiers from all over a list."""
    every = sorted(str(item["id"]) for item in items)
    return every[:: max(1, len(every) // SAMPLE)][:SAMPLE]


def comparable(value: Any) -> Any:
    """The same JSON data in a form that equals another one's exactly when both mean the same.

    Lists in these answers are sets, and links begin with wherever the service happened to listen.
    """
    if isinstance(value, dict):
        return {
            name: _without_host(part) if name == "links" else comparable(part) for name, part in sorted(value.items())
        }
    if isinstance(value, list):
        return sorted(map(comparable, value), key=lambda part: json.dumps(part, sort_keys=True))
    return value


def _without_host(links: Any) -> Any:
    if isinstance(links, dict):
        return {name: _without_host(link) for name, link in sorted(links.items())}
    return urlsplit(links)._replace(scheme="", netloc="").geturl() if isinstance(links, str) else links


def _assignment(item: Json) -> str:
    """What a role assignment relates, as its identifier."""
    actor = next(f"{kind} {item[kind]['id']}" for kind in ("user", "group") if kind in item)
    scope = item["scope"]
    target = next((f"{kind} {scope[kind]['id']}" for kind in ("project", "domain") if kind in scope), "system")
    inherited = " and what is below" if "OS-INHERIT:inherited_to" in scope else ""
    return f"role {item['role']['id']} of {actor} on {target}{inherited}"


def _refusal(answer: Answer) -> str:
    """Why there is no list: the same words for the same reason in every release."""
    return NOT_OFFERED if not answer.offered else f"answered with {answer.status}"
