"""Where a journal is that several controllers share: an address of PostgreSQL, which never holds a password."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

SCHEMES = ("postgresql", "postgres")


@dataclass(frozen=True)
class StoreAddress:
    """A database of PostgreSQL by its URL, as ``libpq`` reads it."""

    url: str

    def __str__(self) -> str:
        return self.url


def store_address(text: str) -> StoreAddress:
    """Read an address. Raises ValueError, which never repeats what may be a password."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("it is not a URL") from None
    if parts.scheme not in SCHEMES:
        raise ValueError("it must begin with postgresql://")
    if parts.password is not None or any(name in ("password", "sslpassword") for name, _ in parse_qsl(parts.query)):
        raise ValueError("it holds a password")
    if not parts.path.strip("/"):
        raise ValueError("the name of the database is missing")
    return StoreAddress(text)
