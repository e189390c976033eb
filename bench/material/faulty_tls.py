"""A certificate authority of a cloud's own, and a server's certificate that is valid, or no longer."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """Files of one directory: the root that clients trust, and the server's certificate and key."""

    def __init__(self, directory: Path, addresses: Sequence[str]) -> None:
        self.directory = directory
        self.addresses = addresses
        self.root, self.certificate, self.key = (directory / name for name in ("root.pem", "server.pem", "server.key"))
        self._root_key_file = directory / "root.key"
        if not self.root.exists():
            directory.mkdir()
            key = ec.generate_private_key(ec.SECP256R1())
            _keep(self._root_key_file, key)
            _keep(self.key, ec.generate_private_key(ec.SECP256R1()))
            name = _name("a cloud in which faults are recorded")
            now = datetime.now(UTC)
            built = _built(name, name, key.public_key(), now - 30 * DAY, now + 300 * DAY)
            built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            self.root.write_bytes(built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def issue(self, *, expired: bool = False) -> None:
        """Sign the server's certificate anew; an expired one ran out yesterday."""
        root_key, key = _kept(self._root_key_file), _kept(self.key)
        issuer = x509.load_pem_x509_certificate(self.root.read_bytes()).subject
        now = datetime.now(UTC)
        ends = now - DAY if expired else now + 200 * DAY
        built = _built(_name("mariadb"), issuer, key.public_key(), now - 20 * DAY, ends)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(each)) for each in self.addresses])
        built = built.add_extension(names, critical=False)
        self.certificate.write_bytes(built.sign(root_key, hashes.SHA256()).public_bytes(Encoding.PEM))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _built(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _keep(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _kept(file: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(file.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
