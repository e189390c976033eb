"""What an identity service shows at one moment: listings, logins and what old tokens are worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onward.observe.identity import Administrator, IdentityApi, Json
from onward.observe.identity_listings import Fingerprint, Listing, Wanted, people_of, read_listings
from onward.observe.identity_logins import LoggedIn, Login, log_in_all, validate_all

FORMAT = 1
Secret = Callable[[str], str]
"""The secret that has a name."""


@dataclass(frozen=True)
class Remembered:
    """What the old release showed; without secrets, and JSON data."""

    listings: dict[str, Listing]
    logins: tuple[Login, ...]
    shown: tuple[Json, ...]
    """For each login, what it led to."""
    tokens: tuple[Json, ...]
    """For each login, what its token was said to be worth when it was validated; empty where there was none."""
    people: tuple[str, ...]
    """The users of whom application credentials and access rules were read."""

    def as_data(self) -> Json:
        """For keeping."""
        return {
            "format": FORMAT,
            "listings": {kind: listing.as_data() for kind, listing in self.listings.items()},
            "logins": [login.as_data() for login in self.logins],
            "shown": list(self.shown),
            "tokens": list(self.tokens),
            "people": list(self.people),
        }

    @classmethod
    def from_data(cls, data: Json) -> "Remembered":
        """What was kept."""
        return cls(
            listings={kind: Listing.from_data(kind, listing) for kind, listing in data["listings"].items()},
            logins=tuple(Login(**login) for login in data["logins"]),
            shown=tuple(data["shown"]),
            tokens=tuple(data["tokens"]),
            people=tuple(data["people"]),
        )


@dataclass(frozen=True)
class Seen:
    """What the new release shows of the same."""

    listings: dict[str, Listing]
    shown: tuple[Json, ...]
    worth: tuple[Json, ...]
    """What each token from before is worth now, with the ``status`` of the answer; empty where there was none."""


def remember(
    api: IdentityApi,
    administrator: Administrator,
    logins: Sequence[Login],
    people: Sequence[str],
    secret: Secret,
    fingerprint: Fingerprint,
) -> tuple[Remembered, list[LoggedIn]]:
    """Look at everything, and try all logins. Their tokens, which are secrets, come beside what may be kept.

    ``people`` are the users who have application credentials; empty where that is not known. Raises
    StepFailed when nothing answers.
    """
    tried = log_in_all(api, administrator, logins, secret)
    # What a token says when it is issued is not what it says when it is validated: up to 29.1 one that was issued for an
    # EC2 key loses its method on the way. The same question has to be asked at both ends.
    worth = iter(validate_all(api, administrator, [each.value for each in tried if each.value]))
    listings = read_listings(api, administrator, fingerprint, Wanted(people))
    kept = Remembered(
        listings=listings,
        logins=tuple(logins),
        shown=tuple(each.shown() for each in tried),
        tokens=tuple(_without_status(next(worth)) if each.value else {} for each in tried),
        people=tuple(people_of(listings, people)),
    )
    return kept, tried


def _without_status(worth: Json) -> Json:
    return {name: value for name, value in worth.items() if name != "status"}


def look_again(
    api: IdentityApi,
    administrator: Administrator,
    before: Remembered,
    values: Sequence[str | None],
    secret: Secret,
    fingerprint: Fingerprint,
) -> Seen:
    """Look at the same, by another release. ``values`` are the tokens from before, one for each login.

    Raises StepFailed when nothing answers.
    """
    worth = iter(validate_all(api, administrator, [value for value in values if value]))
    tried = log_in_all(api, administrator, before.logins, secret)
    samples = {kind: list(listing.items) for kind, listing in before.listings.items() if listing.sampled}
    return Seen(
        listings=read_listings(api, administrator, fingerprint, Wanted(before.people, samples)),
        shown=tuple(each.shown() for each in tried),
        worth=tuple(next(worth) if value else {} for value in values),
    )
