"""A user of one cloud logs in to another one: Keystone-to-Keystone, as the how-to page has it."""

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from deploying import Operator
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from onward.hosts.private_file import write_private

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "federate-two-clouds.md"
MODULE = Path("/usr/lib/apache2/modules/mod_auth_mellon.so")
RULES = [
    {
        "local": [{"user": {"name": "{0}"}, "group": {"name": "federated", "domain": {"id": "default"}}}],
        "remote": [{"type": "MELLON_openstack_user"}],
    }
]


def bundles(directory: Path) -> Iterator[str]:
    """The bundles of the page, with their files in a directory of this test."""
    for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.S):
        yield block.replace("/srv/saml", str(directory))


def certificate(directory: Path, name: str) -> None:
    """A key, and a certificate that it has signed itself."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    write_private(directory / f"{name}.key", pem.decode())
    write_private(directory / f"{name}.crt", made.public_bytes(serialization.Encoding.PEM).decode())


class Cloud:
    """Keystone of a model, as its administrator."""

    def __init__(self, operator: Operator, model: str) -> None:
        store = operator.store(model)
        self.url = f"http://{store.record()['addresses']['keystone/0']}:5000/v3"
        self._password = store.secrets()["keystone/admin-password"]

    def login(self) -> v3.Password:
        return v3.Password(
            auth_url=self.url,
            username="admin",
            password=self._password,
            project_name="admin",
            user_domain_id="default",
            project_domain_id="default",
        )

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = Session(auth=self.login()).request(f"{self.url}/{path}", method, json=body)
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def named(self, kind: str, name: str) -> str:
        return next(str(each["id"]) for each in self.ask("GET", kind)[kind] if each["name"] == name)


def metadata(operator: Operator) -> str:
    """What keystone-manage of the identity provider's environment says of it."""
    store = operator.store("idp")
    python = Path(store.done()["environment/keystone"]["evidence"]["python"])
    configuration = store.directory / "units" / "keystone-0" / "etc" / "keystone.conf"
    argv = [python.parent / "keystone-manage", "--config-file", configuration, "saml_idp_metadata"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def introduce(identity: Cloud, service: Cloud) -> str:
    """Make the two known to each other, and give their common users a role in a project, whose identifier it is."""
    (entity,) = re.findall(r"--remote-id (\S+)", PAGE.read_text())
    provider = "OS-FEDERATION/identity_providers/idp"
    service.ask("PUT", provider, {"identity_provider": {"remote_ids": [entity], "enabled": True}})
    service.ask("PUT", "OS-FEDERATION/mappings/k2k", {"mapping": {"rules": RULES}})
    service.ask("PUT", f"{provider}/protocols/saml2", {"protocol": {"mapping_id": "k2k"}})
    service.ask("POST", "groups", {"group": {"name": "federated", "domain_id": "default"}})
    project, group = service.named("projects", "admin"), service.named("groups", "federated")
    service.ask("PUT", f"projects/{project}/groups/{group}/roles/{service.named('roles', 'reader')}")
    url = f"{service.url}/{provider}/protocols/saml2/auth"
    told = {"auth_url": url, "sp_url": f"{url}/mellon/paosResponse", "enabled": True}
    identity.ask("PUT", "OS-FEDERATION/service_providers/sp", {"service_provider": told})
    return project


@pytest.mark.full
@pytest.mark.mariadb
@pytest.mark.environments
@pytest.mark.timeout(1200)
def test_a_user_of_one_cloud_logs_in_to_the_other(module_operator: Operator, tmp_path: Path) -> None:
    if missing := [each for each in (MODULE, Path("/usr/bin/xmlsec1")) if which(each) is None and not each.exists()]:
        pytest.skip(f"missing: {missing}")
    for name in ("idp", "sp"):
        certificate(tmp_path, name)
    first, second = bundles(tmp_path)
    module_operator.deploy(first)
    write_private(tmp_path / "idp.xml", metadata(module_operator))
    module_operator.deploy(second)
    identity, service = Cloud(module_operator, "idp"), Cloud(module_operator, "sp")
    project = introduce(identity, service)

    federated = v3.Keystone2Keystone(base_plugin=identity.login(), service_provider="sp", project_id=project)
    answer = Session(auth=federated).get(
        f"{service.url}/auth/tokens", headers={"X-Subject-Token": Session(auth=federated).get_token() or ""}
    )
    token = answer.json()["token"]
    assert token["user"]["OS-FEDERATION"]["identity_provider"] == {"id": "idp"}
    assert (token["user"]["name"], token["project"]["name"]) == ("admin", "admin")
    assert [each["name"] for each in token["roles"]] == ["reader"], "an administrator there is none here"
    for model in ("sp", "idp"):
        module_operator.destroy(model)


def test_the_bundles_of_the_page_are_two_models(tmp_path: Path) -> None:
    assert [yaml.safe_load(text)["name"] for text in bundles(tmp_path)] == ["idp", "sp"]
