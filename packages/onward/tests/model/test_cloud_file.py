"""The cloud file: what it accepts, and how it says what is wrong."""

import pytest

from onward.errors import InvalidCloudFile, UnknownService
from onward.model.cloud import parse

GOOD = """
cloud: example
services:
  keystone:
    series: '2025.1'
    configuration: [/etc/keystone/keystone.conf]
    units:
    - name: keystone/0
      stop: [systemctl, stop, apache2]
"""


def test_a_cloud_file_survives_being_written_and_read() -> None:
    cloud = parse(GOOD)
    assert parse(cloud.to_yaml()) == cloud
    assert cloud.service("keystone").units[0].stop == ("systemctl", "stop", "apache2")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("cloud: example\n", "services"),
        (GOOD.replace("series", "serie"), "services.keystone.serie"),
        (GOOD.replace("keystone/0", "keystone"), "services.keystone.units.0.name"),
        (GOOD.replace("[/etc/keystone/keystone.conf]", "[]"), "services.keystone.configuration"),
        (GOOD + "    - name: keystone/0\n", "services.keystone.units: Value error, there is more than one keystone/0"),
        ("- a list", "file"),
        ("cloud: [", "line 1"),
        ("", "file"),
        ("cloud: 2023-13-45", "month must be in 1..12"),
        ("cloud: !!bool maybe", "not what it looks like"),
        ("[" * 1500, "nested too deeply"),
    ],
)
def test_each_wrong_key_is_named(text: str, named: str) -> None:
    with pytest.raises(InvalidCloudFile) as refused:
        parse(text)
    assert named in refused.value.evidence
    assert refused.value.exit_status == 4


INFRASTRUCTURE = """
infrastructure:
  database: {nodes: ["10.0.0.1:3306", "[fd00::1]:3306"], cluster_size: 3}
  broker: {management: ["https://10.0.0.1:15671/"], user: monitoring, password: "env:BROKER_PASSWORD"}
  memcached: ["cache-1:11211"]
  identity: {cloud: mycloud}
"""


def test_what_the_services_stand_on_is_optional_and_survives() -> None:
    cloud = parse(GOOD + INFRASTRUCTURE)
    assert parse(cloud.to_yaml()) == cloud
    assert cloud.infrastructure.broker.management == ("https://10.0.0.1:15671",)
    assert cloud.infrastructure.identity.ask
    assert "infrastructure" not in parse(GOOD).to_yaml()


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("env:BROKER_PASSWORD", "Gr8Secret", "infrastructure.broker.password"),
        ("https://10.0.0.1", "https://monitoring:Gr8Secret@10.0.0.1", "infrastructure.broker.management.0"),
        ("https://10.0.0.1", "amqp://10.0.0.1", "infrastructure.broker.management.0"),
        ("10.0.0.1:3306", "10.0.0.1", "infrastructure.database.nodes.0"),
        ("cluster_size: 3", "cluster_size: 0", "infrastructure.database.cluster_size"),
        ("memcached", "memcache", "infrastructure.memcache"),
    ],
)
def test_a_secret_or_a_wrong_address_is_refused_and_no_value_is_repeated(right: str, wrong: str, named: str) -> None:
    with pytest.raises(InvalidCloudFile) as refused:
        parse(GOOD + INFRASTRUCTURE.replace(right, wrong))
    assert named in refused.value.evidence
    assert "Gr8Secret" not in str(refused.value.as_data())


def test_a_service_that_the_cloud_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(UnknownService, match="nova") as refused:
        parse(GOOD).service("nova")
    assert "keystone" in refused.value.evidence
