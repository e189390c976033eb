"""What a transport_url says, as oslo.messaging understands it (oslo_messaging/transport.py, TransportURL.parse)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from onward.errors import UnreadableConfig
from onward.observe.settings import Settings

AMQP_PORT = 5672
_RABBIT = ("rabbit", "kombu")
_PLACES = (("DEFAULT", "transport_url"), ("oslo_messaging_notifications", "transport_url"))
_TRUE = ("true", "1", "yes", "on")
_RABBIT_GROUP = "oslo_messaging_rabbit"


@dataclass(frozen=True)
class Tls:
    """How a service encrypts its connections to the broker."""

    authorities: str | None = None
    """File of the certificates that are trusted; without one, oslo.messaging accepts whatever the server shows."""
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class BrokerHost:
    """One server of a transport_url, and with which credentials."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    virtual_host: str
    tls: Tls | None = None

    @property
    def address(self) -> str:
        """HOST:PORT, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Transport:
    """What one transport_url says."""

    kind: str
    """``rabbit``; others are no RabbitMQ: ``amqp``, ``kafka``, ``fake``."""
    hosts: tuple[BrokerHost, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """The passwords, also as they are written."""

    @property
    def is_rabbitmq(self) -> bool:
        """Whether it is RabbitMQ that is spoken to."""
        return self.kind.partition("+")[0] in _RABBIT


def transports(settings: Settings) -> tuple[Transport, ...]:
    """What a service's configuration says of its brokers; empty where it names none. Raises UnreadableConfig."""
    found: dict[str, Transport] = {}
    for group, name in _PLACES:
        url = settings.text(group, name)
        try:
            if url:
                found.setdefault(url, transport_of(url, settings))
        except ValueError as error:
            raise UnreadableConfig(
                f"[{group}] {name} is no URL that a service could use.",
                evidence=f"{', '.join(str(file) for file in settings.files)}: {error}",
                next_command="escape what is not a letter or a digit in its password: / is written %2F, [ is %5B",
            ) from None
    return tuple(found.values())


def transport_of(url: str, settings: Settings | None = None) -> Transport:
    """What a transport_url says. What it does not say is what kombu takes: guest, port 5672, virtual host /.

    Raises ValueError, whose words hold nothing of the URL: it has the password.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("its host is none") from None
    if "@" not in parts.netloc and "@" in url:
        raise ValueError("there is a / ? or # in its user or password")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    tls = _tls(options, settings)
    hosts, secrets = [], []
    for each in parts.netloc.split(","):
        credentials, _, place = each.rpartition("@")
        user, _, password = credentials.partition(":")
        host, port = _place(place)
        if not host:
            continue
        secrets += [password, unquote(password)]
        hosts.append(
            BrokerHost(
                host, port, unquote(user) or "guest", unquote(password) or "guest", unquote(parts.path[1:]) or "/", tls
            )
        )
    return Transport(parts.scheme.lower(), tuple(hosts), tuple(dict.fromkeys(each for each in secrets if each)))


def _place(text: str) -> tuple[str, int]:
    """Host and port of HOST, HOST:PORT or [IPV6]:PORT."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    return host, int(port) if port.isdigit() else AMQP_PORT


def _tls(options: dict[str, str], settings: Settings | None) -> Tls | None:
    """The options of the URL come before those of the file (oslo.messaging's ConfigOptsProxy)."""

    def said(name: str, former: Sequence[str]) -> str | None:
        if name in options or settings is None:
            return options.get(name)
        return settings.text(_RABBIT_GROUP, name, formerly=[(_RABBIT_GROUP, each) for each in former])

    if (said("ssl", ("rabbit_use_ssl",)) or "").lower() not in _TRUE:
        return None
    return Tls(
        authorities=said("ssl_ca_file", ("kombu_ssl_ca_certs",)),
        certificate=said("ssl_cert_file", ("kombu_ssl_certfile",)),
        key=said("ssl_key_file", ("kombu_ssl_keyfile",)),
    )
