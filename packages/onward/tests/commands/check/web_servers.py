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
status, certificate = int(sys.argv[1]), sys.argv[2]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(status)
        self.send_header("Content-Length", "0")
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
def web_server(status: int = 300, certificate: Path | None = None, clock_seconds: int = 0) -> Iterator[str]:
    """The URL of a server that answers with this status; its clock may be another than this machine's."""
    argv = [sys.executable, "-c", _PROGRAM, str(status), str(certificate or "")]
    if clock_seconds:
        faketime = shutil.which("faketime")
        if faketime is None:
            pytest.skip("faketime is not installed")
        argv = [faketime, "-f", f"{clock_seconds:+d}s", *argv]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def silent_server() -> Iterator[str]:
    """The URL of a server that the kernel accepts connections for, and that never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def unused_url() -> str:
    """A URL at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests' own."""

    directory: Path

    @property
    def file(self) -> Path:
        """Its own certificate, for those who are to trust it."""
        return self.directory / "authority.pem"

    def certificate(self, name: str, *, days: float, address: str = "127.0.0.1") -> Path:
        """A certificate that it signed, with its key, for so many days from now; negative: it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer_key = self._key()
        path = self.directory / f"{name}.pem"
        made = (
            _begun(name, _subject(self.directory.name), key, days)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )
        path.write_bytes(_pem(key) + made.public_bytes(serialization.Encoding.PEM))
        return path

    def _key(self) -> ec.EllipticCurvePrivateKey:
        file = self.directory / "authority.key"
        if file.exists():
            known = serialization.load_pem_private_key(file.read_bytes(), None)
            assert isinstance(known, ec.EllipticCurvePrivateKey)
            return known
        key = ec.generate_private_key(ec.SECP256R1())
        file.write_bytes(_pem(key))
        own = (
            _begun(self.directory.name, _subject(self.directory.name), key, 1000)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))
        return key


def _begun(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: float) -> x509.CertificateBuilder:
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - datetime.timedelta(days=1100))
        .not_valid_after(ends)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
