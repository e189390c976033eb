"""Web servers on loopback, each in a process of its own, that are well or have one fault."""

import datetime
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PROGRAM = """
import http.server, ssl, sys
status, certificate, location = int(sys.argv[1]), sys.argv[2], sys.argv[3]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if location:
            own = "http://127.0.0.1:%d" % server.server_address[1]
            self.send_header("Location", location.replace("SELF", own))
        self.end_headers()
    def log_message(self, *words):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@contextmanager
def web_server(
    status: int = 300,
    certificate: Path | None = None,
    *,
    clock_seconds: int = 0,
    location: str = "",
    stopped: bool = False,
) -> Iterator[str]:
    """The URL of a server that answers with this status; its clock may be another than this machine's.

    ``location`` is where it redirects to; SELF stands for its own URL. One that is ``stopped`` accepts connections, as
    the kernel does it.
    """
    argv = [sys.executable, "-c", _PROGRAM, str(status), str(certificate or ""), location]
    if clock_seconds:
        faketime = shutil.which("faketime")
        if faketime is None:
            pytest.skip("faketime is not installed")
        argv = [faketime, "-f", f"{clock_seconds:+d}s", *argv]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        if stopped:
            os.killpg(process.pid, signal.SIGSTOP)
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def unused_url() -> str:
    """A URL at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests' own."""

    directory: Path
    name: str = "Example Root"
    above: "Authority | None" = None
    """Who signed its certificate; None: itself."""
    days: float = 1000.0
    """For how long its own certificate is valid."""

    @property
    def file(self) -> Path:
        """Its own certificate, for those who are to trust it."""
        self._key()
        return self.directory / f"{self._slug}.pem"

    def certificate(self, name: str, *, days: float, begins: float = -1100.0, host: str = "127.0.0.1") -> Path:
        """A certificate that it signed, with its key; it is valid from and for so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        made = (
            _begun(name, _subject(self.name), key, begins if begins > -1100.0 else min(begins, days - 1), days)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .sign(self._key(), hashes.SHA256())
        )
        return _written(self.directory / f"{name}.pem", key, made)

    def chained(self, certificate: Path) -> Path:
        """The same certificate, followed by the authority's own, as a server should send them."""
        path = certificate.with_name(f"{certificate.stem}-chained.pem")
        path.write_bytes(certificate.read_bytes() + self.file.read_bytes())
        return path

    @property
    def _slug(self) -> str:
        return self.name.replace(" ", "-")

    def _key(self) -> ec.EllipticCurvePrivateKey:
        file = self.directory / f"{self._slug}.key"
        if file.exists():
            known = serialization.load_pem_private_key(file.read_bytes(), None)
            assert isinstance(known, ec.EllipticCurvePrivateKey)
            return known
        self.directory.mkdir(exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        file.write_bytes(_pem(key))
        issuer = self.above or self
        own = (
            _begun(self.name, _subject(issuer.name), key, min(-1100.0, self.days - 1), self.days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key if self.above is None else self.above._key(), hashes.SHA256())
        )
        (self.directory / f"{self._slug}.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
        return key


def self_signed(directory: Path) -> Path:
    """A certificate that is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    alternative = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        _begun("self", _subject("self"), key, -1.0, 400.0)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _written(directory / "self.pem", key, made)


def _written(path: Path, key: ec.EllipticCurvePrivateKey, made: x509.Certificate) -> Path:
    path.write_bytes(_pem(key) + made.public_bytes(serialization.Encoding.PEM))
    return path


def _begun(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: float, ends: float
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=begins))
        .not_valid_after(now + datetime.timedelta(days=ends))
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
