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
    """For each login, what its token says of itself; empty where there was none."""
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
    listings = read_listings(api, administrator, fingerprint, Wanted(people))
    kept = Remembered(
        listings=listings,
        logins=tuple(logins),
        shown=tuple(each.shown() for each in tried),
        tokens=tuple(_lasting(each) for each in tried),
        people=tuple(people_of(listings, people)),
    )
    return kept, tried


def _lasting(tried: LoggedIn) -> Json:
    """What a token says of itself when it is issued, as far as it says the same when it is validated.

    The method of an EC2 key is not kept in a token before 30.0.0: Fernet tokens hold the methods of [auth] methods,
    and ec2credential is none of them until then (keystone/token/token_formatters.py,
    keystone/api/_shared/EC2_S3_Resource.py).
    """
    if tried.login.way != "EC2 key":
        return tried.token
    return {name: value for name, value in tried.token.items() if name != "methods"}


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
