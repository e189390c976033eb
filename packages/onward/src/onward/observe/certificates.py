"""Shakes hands with TLS servers, to see which certificate they present, and whether it is trusted.

Nothing is sent but the handshake.
"""

import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from cryptography import x509
from cryptography.x509.oid import NameOID

from onward.checks.certificates import Certificate, CertificateFault

HANDSHAKE_SECONDS = 10.0
AT_ONCE = 16
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
"""What OpenSSL makes of an answer that is no TLS at all."""
_FAULTS: Mapping[int, CertificateFault] = {
    # X509_V_ERR_* of OpenSSL, include/openssl/x509_vfy.h
    2: "untrusted",
    9: "not-yet-valid",
    10: "expired",
    18: "self-signed",
    19: "untrusted-root",
    20: "untrusted",
    21: "untrusted",
    62: "wrong-name",
    64: "wrong-name",
}

Server = tuple[str, int]
"""Host and port."""


def observe_certificates(
    servers: Iterable[Server],
    authorities: bool | str,
    *,
    names_matter: bool = True,
    own: tuple[str, str | None] | None = None,
) -> tuple[Certificate, ...]:
    """The certificates of these servers, each once.

    ``authorities`` are True for those of this machine, or the file that has them, and False where nobody verifies
    anything. ``own`` are files with a certificate to show, where servers ask for one, and its key. Servers that cannot
    be reached, or speak no TLS, are left out: others say that. Raises nothing.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(
            lambda each: _observed(each, lambda: _context(authorities, names_matter, own)), dict.fromkeys(servers)
        )
        return tuple(each for each in found if each is not None)


def speaks_tls(server: Server) -> bool:
    """Whether a server answers a handshake. Raises nothing."""
    try:
        return bool(_presented(server, _unverified()))
    except OSError:
        return False


def _observed(server: Server, made: Callable[[], ssl.SSLContext]) -> Certificate | None:
    host, port = server
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        context = made()
    except OSError as error:
        return Certificate(address, fault="tls", words=f"the files to verify it with cannot be used: {_why(error)}")
    seen: Certificate | None = None
    try:
        seen = replace(_described(address, _presented(server, context)), verified=context.verify_mode != ssl.CERT_NONE)
    except ssl.SSLCertVerificationError as error:
        seen = _refused(server, address, error)
    except ssl.SSLError as error:
        if error.reason not in NO_TLS:
            seen = Certificate(address, fault="tls", words=error.reason or "no TLS could be agreed on")
    except OSError:
        pass  # it cannot be reached
    except ValueError as error:
        seen = Certificate(address, fault="tls", words=f"its certificate cannot be read: {error}")
    return seen


def _refused(server: Server, address: str, error: ssl.SSLCertVerificationError) -> Certificate:
    """What the certificate is that was not accepted."""
    words = str(error.verify_message)
    try:
        seen = _described(address, _presented(server, _unverified()))
    except (OSError, ValueError):
        return Certificate(address, fault="tls", words=words)
    return replace(seen, fault=_FAULTS.get(error.verify_code, "tls"), words=words)


def _context(authorities: bool | str, names_matter: bool, own: tuple[str, str | None] | None) -> ssl.SSLContext:
    """Raises OSError for a file that has not what it should have."""
    if authorities is False:
        context = _unverified()
    else:
        context = ssl.create_default_context(cafile=authorities if isinstance(authorities, str) else None)
        context.check_hostname = names_matter
    if own is not None:
        context.load_cert_chain(*own)
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return error.strerror or str(error)


def _unverified() -> ssl.SSLContext:
    """To look at what is presented; nothing is sent over such a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _presented(server: Server, context: ssl.SSLContext) -> bytes:
    """Raises OSError, of which ssl.SSLError is one."""
    with (
        socket.create_connection(server, timeout=HANDSHAKE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=server[0]) as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


def _described(address: str, presented: bytes) -> Certificate:
    """Raises ValueError for what is no certificate."""
    read = x509.load_der_x509_certificate(presented)
    try:
        alternatives = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(each.value) for each in alternatives]
    except x509.ExtensionNotFound:
        names = _common_names(read.subject)
    return Certificate(
        address,
        begins=read.not_valid_before_utc.timestamp(),
        expires=read.not_valid_after_utc.timestamp(),
        issuer=", ".join(_common_names(read.issuer)) or read.issuer.rfc4514_string(),
        names=tuple(names),
    )


def _common_names(name: x509.Name) -> list[str]:
    return [str(each.value) for each in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
