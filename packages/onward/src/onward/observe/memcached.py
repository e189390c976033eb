"""What servers of memcached say of themselves, asked with ``version`` and ``stats`` (memcached, doc/protocol.txt)."""

import ssl
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from pymemcache.client.base import Client
from pymemcache.exceptions import MemcacheError, MemcacheUnknownCommandError

from onward.model.memcached import MemcachedAnswer, Outcome
from onward.observe.settings import Settings

PORT = 11211
SOCKET_SECONDS = 1.0
"""What a service waits where its configuration does not say (oslo.cache, [cache] socket_timeout; since Train)."""
_MOST_SECONDS = 10.0
"""Nobody is waited for longer, whatever a service does."""
_OTHER_CACHES = ("null", "memory", "dbm", "redis", "valkey", "etcd", "mongo", "file")
_FALSE = ("false", "0", "no", "off")
_PARALLEL = 16


@dataclass(frozen=True)
class MemcachedWish:
    """How one server is asked."""

    seconds: float = SOCKET_SECONDS
    services: tuple[str, ...] = ()
    encrypted: bool = False
    authorities: str | None = None
    with_password: bool = False
    """It asks for a user and a password (SASL) in memcached's binary protocol, which is not spoken here."""

    def also(self, other: "MemcachedWish") -> "MemcachedWish":
        """One wish for both: the server has to satisfy the least patient of them."""
        return replace(
            self,
            seconds=min(self.seconds, other.seconds),
            services=tuple(dict.fromkeys([*self.services, *other.services])),
            encrypted=self.encrypted or other.encrypted,
            authorities=self.authorities or other.authorities,
            with_password=self.with_password or other.with_password,
        )


def memcached_of(settings: Settings, service: str) -> dict[str, MemcachedWish]:
    """The servers that a service's configuration names, by HOST:PORT.

    Those of ``[cache]`` count unless it is switched off or has a backend of another kind; those of
    ``[keystone_authtoken]`` always.
    """
    wish = MemcachedWish(
        seconds=_seconds(settings.text("cache", "socket_timeout", formerly=[("cache", "memcache_socket_timeout")])),
        services=(service,),
        encrypted=(settings.text("cache", "tls_enabled") or "").lower() in ("true", "1", "yes", "on"),
        authorities=settings.text("cache", "tls_cafile"),
        with_password=bool(settings.text("cache", "username", formerly=[("cache", "memcache_username")])),
    )
    found: dict[str, MemcachedWish] = {}
    backend = settings.text("cache", "backend") or ""
    if (settings.text("cache", "enabled") or "").lower() not in _FALSE and not any(
        other in backend for other in _OTHER_CACHES
    ):
        servers = settings.listed("cache", "memcache_servers")
        found |= {address: wish for each in servers if (address := address_of(each))}
    former = [("keystone_authtoken", "memcache_servers")]
    for each in settings.listed("keystone_authtoken", "memcached_servers", formerly=former):
        if address := address_of(each):
            # What encrypts the one is no option of the other.
            found.setdefault(address, MemcachedWish(wish.seconds, (service,)))
    return found


def address_of(server: str) -> str:
    """HOST:PORT of a server as it is written for any of the services' libraries; empty for a socket of this machine.

    ``inet:`` and ``inet6:`` are python-memcached's.
    """
    text = server.strip()
    if text.startswith(("unix:", "/")):
        return ""
    for before in ("inet6:", "inet:"):
        text = text.removeprefix(before)
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return f"[{host}]:{port.lstrip(':') or PORT}"
    host, _, port = text.partition(":")
    return f"{host}:{port or PORT}"


def observe_memcached(servers: Mapping[str, MemcachedWish]) -> tuple[MemcachedAnswer, ...]:
    """Ask all servers at once. Raises nothing."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        return tuple(pool.map(lambda each: _answer(*each), servers.items()))


def merged(each: Iterable[Mapping[str, MemcachedWish]]) -> dict[str, MemcachedWish]:
    """The servers of several services."""
    found: dict[str, MemcachedWish] = {}
    for servers in each:
        for address, wish in servers.items():
            found[address] = found[address].also(wish) if address in found else wish
    return found


def _answer(address: str, wish: MemcachedWish) -> MemcachedAnswer:
    nothing = MemcachedAnswer(address, wish.services, wish.seconds, "answered")
    if wish.with_password:
        return replace(nothing, outcome="not asked", reason="it asks for a password (SASL), which Onward cannot give")
    try:
        release, stats = _asked(address, wish)
        return _described(nothing, release, {_text(name): value for name, value in stats.items()})
    except MemcacheUnknownCommandError:
        # It knows the command; this is how "ERROR Too many open connections" arrives (memcached.c, maxconns_fast).
        outcome: Outcome = "full"
        reason = "ERROR to a new connection"
    except TimeoutError:
        outcome, reason = "silent", f"no answer within {wish.seconds:g} s"
    except ssl.SSLError as error:
        outcome, reason = "not understood", f"TLS: {error.reason or error}"
    except OSError as error:
        outcome, reason = "unreachable", error.strerror or f"{type(error).__name__}: {error}"
    except (MemcacheError, ValueError) as error:
        outcome, reason = "not understood", f"{type(error).__name__}: {error}"
    return replace(nothing, outcome=outcome, reason=reason)


def _asked(address: str, wish: MemcachedWish) -> tuple[bytes, Mapping[bytes, Any]]:
    """Version and numbers. Raises OSError, MemcacheError, ValueError."""
    host, _, port = address.rpartition(":")
    # pymemcache has no annotations.
    client: Any = Client(
        (host.strip("[]"), int(port)),
        connect_timeout=wish.seconds,
        timeout=wish.seconds,
        tls_context=ssl.create_default_context(cafile=wish.authorities) if wish.encrypted else None,
    )
    try:
        return client.version(), client.stats()
    finally:
        client.close()


def _described(answer: MemcachedAnswer, release: bytes, words: Mapping[str, Any]) -> MemcachedAnswer:
    return replace(
        answer,
        release=_text(release),
        connections=_number(words.get("curr_connections")),
        most_connections=_number(words.get("max_connections")) - _number(words.get("reserved_fds")),
        refused_connections=_number(words.get("rejected_connections")) + _number(words.get("listen_disabled_num")),
        used=_number(words.get("bytes")),
        limit=_number(words.get("limit_maxbytes")),
        stored=_number(words.get("total_items")),
        evicted=_number(words.get("evictions")),
        evicted_unread=_number(words.get("evicted_unfetched")),
    )


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _number(value: object) -> int:
    text = _text(value)
    return int(text) if text.isdigit() else 0


def _seconds(text: str | None) -> float:
    try:
        return min(_MOST_SECONDS, max(0.1, float(text))) if text else SOCKET_SECONDS
    except ValueError:
        return SOCKET_SECONDS
