"""Whether a broker accepts a service's credentials: the connection that the service itself would open, closed again."""

import logging
import ssl
from typing import Any

import amqp
from amqp.exceptions import AMQPError

from onward.model.broker import LoginAnswer, Outcome
from onward.observe.certificates import NO_TLS, speaks_tls
from onward.observe.transport_url import BrokerHost, Tls

CONNECT_SECONDS = 5.0
"""For the TCP connection, and for each answer of the handshake. A healthy broker takes milliseconds."""

# Of the library: what it says of broken connections is said by the answer.
logging.getLogger("amqp").setLevel(logging.CRITICAL)


def observe_login(host: BrokerHost, services: tuple[str, ...], seconds: float = CONNECT_SECONDS) -> LoginAnswer:
    """Open a connection and a session in the virtual host, and close it; nothing is declared. Raises nothing."""

    def answer(outcome: Outcome, reason: str = "", release: str = "") -> LoginAnswer:
        return LoginAnswer(host.address, host.user, host.virtual_host, services, outcome, reason, release)

    connection = amqp.Connection(
        host=host.address,
        userid=host.user,
        password=host.password,
        login_method="PLAIN",
        virtual_host=host.virtual_host,
        ssl=_tls_options(host.tls),
        connect_timeout=seconds,
        read_timeout=seconds,
        write_timeout=seconds,
        client_properties={"connection_name": "onward check"},
    )
    try:
        connection.connect()
        release = str(connection.server_properties.get("version", ""))
        connection.close()
        return answer("answered", release=release)
    except TimeoutError:
        return answer("silent", f"no answer within {seconds:g} s")
    except Exception as error:  # AMQP's and the system's, and the library's own with what is no AMQP 0-9-1
        return answer(*_told(error, host))
    finally:
        connection.collect()


def _told(error: Exception, host: BrokerHost) -> tuple[Outcome, str]:
    """What went wrong, and the words for it."""
    words = f"{type(error).__name__}: {error}"
    if isinstance(error, AMQPError):
        return "refused", str(getattr(error, "reply_text", "") or error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return "not trusted", error.verify_message
    if isinstance(error, ssl.SSLError):
        reason = error.reason or str(error)
        return "no tls" if reason in NO_TLS else "not understood", f"TLS: {reason}"
    if isinstance(error, OSError):
        unsecured = host.tls is None and speaks_tls((host.host, host.port))
        return "tls" if unsecured else "unreachable", error.strerror or words
    return "not understood", words


def _tls_options(tls: Tls | None) -> Any:
    """As the services' own driver has it (oslo_messaging/_drivers/impl_rabbit.py, _fetch_ssl_params)."""
    if tls is None:
        return False
    options: dict[str, Any] = {"cert_reqs": ssl.CERT_REQUIRED if tls.authorities else ssl.CERT_NONE}
    options |= {"ca_certs": tls.authorities} if tls.authorities else {}
    options |= {"certfile": tls.certificate} if tls.certificate else {}
    return options | ({"keyfile": tls.key} if tls.key else {})
