"""A real RabbitMQ that speaks TLS: certificates that are not accepted, or will not be for long, are named."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from broker_cloud import Cloud, faults
from broker_cluster import SERVER, Cluster
from broker_faults import hold
from web_servers import Authority

from onward.checks.finding import Finding

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(SERVER is None, reason="rabbitmq-server is not installed (apt-get install rabbitmq-server)"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One node."""
    with Cluster(tmp_path_factory.mktemp("broker"), 1) as running:
        yield running


@pytest.fixture
def cloud(tmp_path: Path, cluster: Cluster) -> Cloud:
    return Cloud(tmp_path, cluster.nodes)


@pytest.fixture
def encrypted(cloud: Cloud, cluster: Cluster) -> Callable[..., list[Finding]]:
    """What is found where the services speak TLS with the broker."""

    def check(authority: Path | None = cluster.authority.file) -> list[Finding]:
        trusted = f"ssl_ca_file = {authority}" if authority else ""
        cloud.write(addresses=[node.tls_address for node in cluster.nodes], options=f"ssl = true\n{trusted}")
        return cloud.check()

    return check


def test_encrypted_and_well_it_gives_no_warning(encrypted: Callable[..., list[Finding]]) -> None:
    found = encrypted()
    assert {each.result for each in found} == {"pass"}, found
    (certificates,) = [each for each in found if each.name == "broker certificate"]
    assert certificates.details == "1 server: trusted; the first expires in 400 days"


@pytest.mark.parametrize(
    ("fault", "days", "result", "words"),
    [
        ("a certificate has expired", -2.0, "fail", "not trusted: it expired 2 days ago"),
        ("a certificate expires in 10 days", 10.1, "warn", "it expires in 10 days"),
    ],
)
def test_a_certificate_that_does_not_last_is_named_with_its_server(
    cloud: Cloud,
    cluster: Cluster,
    encrypted: Callable[..., list[Finding]],
    fault: str,
    days: float,
    result: str,
    words: str,
) -> None:
    (node,) = cluster.nodes
    with node.presenting(cluster.authority.certificate(uuid4().hex, days=days)):
        found = encrypted()
    hold(fault, found, cloud.names)
    named = faults(found)
    assert set(named) == {("broker certificate", node.tls_address)} | (
        {("broker login", node.tls_address)} if result == "fail" else set()
    )
    certificate = named["broker certificate", node.tls_address]
    assert certificate.result == result
    assert words in certificate.details


def test_certificates_that_nobody_vouches_for_are_named(
    cloud: Cloud, cluster: Cluster, encrypted: Callable[..., list[Finding]], tmp_path: Path
) -> None:
    found = encrypted(Authority(tmp_path / "another", "Another Root").file)
    hold("a certificate of an authority that the services do not know", found, cloud.names)
    assert {each.name for each in faults(found).values()} == {"broker login", "broker certificate"}
    certificate = faults(found)["broker certificate", cluster.nodes[0].tls_address]
    assert "Example Root issued it" in certificate.details
    assert "[oslo_messaging_rabbit] ssl_ca_file" in certificate.way_out

    found = encrypted(None)
    hold("the services trust every certificate", found, cloud.names)
    assert {(each.name, each.result) for each in faults(found).values()} == {("broker certificate", "warn")}


def test_one_side_that_speaks_tls_and_one_that_does_not_is_named(cloud: Cloud, cluster: Cluster) -> None:
    cloud.write(options="ssl = true")
    found = cloud.check()
    hold("the services speak TLS where the broker does not", found, cloud.names)
    assert {each.name for each in faults(found).values()} == {"broker login"}
    assert all("speaks no TLS" in each.details for each in faults(found).values())

    cloud.write(addresses=[node.tls_address for node in cluster.nodes])
    found = cloud.check()
    hold("the broker speaks TLS where the services do not", found, cloud.names)
    assert {each.name for each in faults(found).values()} == {"broker login"}
    assert all("speaks TLS, which the services do not" in each.details for each in faults(found).values())
