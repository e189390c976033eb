"""What an identity service shows at one moment: listings, logins and what old tokens are worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onward.observe.identity import IdentityApi, Json
from onward.observe.identity_listings import Fingerprint, Listing, Wanted, read_listings
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

    def as_data(self) -> Json:
        """For keeping."""
        return {
            "format": FORMAT,
            "listings": {kind: listing.as_data() for kind, listing in self.listings.items()},
            "logins": [login.as_data() for login in self.logins],
            "shown": list(self.shown),
            "tokens": list(self.tokens),
        }

    @classmethod
    def from_data(cls, data: Json) -> "Remembered":
        """What was kept."""
        return cls(
            listings={kind: Listing.from_data(kind, listing) for kind, listing in data["listings"].items()},
            logins=tuple(Login(**login) for login in data["logins"]),
            shown=tuple(data["shown"]),
            tokens=tuple(data["tokens"]),
        )

    @property
    def people(self) -> list[str]:
        """The users whose own application credentials are part of it."""
        return _people(self.logins)


@dataclass(frozen=True)
class Seen:
    """What the new release shows of the same."""

    listings: dict[str, Listing]
    shown: tuple[Json, ...]
    worth: tuple[Json, ...]
    """What each token from before is worth now, with the ``status`` of the answer; empty where there was none."""


def remember(
    api: IdentityApi, token: str, logins: Sequence[Login], secret: Secret, fingerprint: Fingerprint
) -> tuple[Remembered, list[LoggedIn]]:
    """Look at everything, and try all logins. Their tokens, which are secrets, come beside what may be kept.

    ``token`` is an administrator's. Raises StepFailed when nothing answers.
    """
    tried = log_in_all(api, token, logins, secret)
    listings = read_listings(api, token, fingerprint, Wanted(people=_people(logins)))
    kept = Remembered(
        listings=listings,
        logins=tuple(logins),
        shown=tuple(each.shown() for each in tried),
        tokens=tuple(each.token for each in tried),
    )
    return kept, tried


def look_again(
    api: IdentityApi,
    token: str,
    before: Remembered,
    values: Sequence[str | None],
    secret: Secret,
    fingerprint: Fingerprint,
) -> Seen:
    """Look at the same, by another release. ``values`` are the tokens from before, one for each login.

    Raises StepFailed when nothing answers.
    """
    worth = iter(validate_all(api, token, [value for value in values if value]))
    tried = log_in_all(api, token, before.logins, secret)
    samples = {kind: list(listing.items) for kind, listing in before.listings.items() if listing.sampled}
    return Seen(
        listings=read_listings(api, token, fingerprint, Wanted(people=before.people, samples=samples)),
        shown=tuple(each.shown() for each in tried),
        worth=tuple(next(worth) if value else {} for value in values),
    )


def _people(logins: Sequence[Login]) -> list[str]:
    return sorted({login.who for login in logins if login.way == "password" and login.allowed})
