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
    ],
)
def test_each_wrong_key_is_named(text: str, named: str) -> None:
    with pytest.raises(InvalidCloudFile) as refused:
        parse(text)
    assert named in refused.value.evidence
    assert refused.value.exit_status == 4


def test_a_service_that_the_cloud_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(UnknownService, match="nova") as refused:
        parse(GOOD).service("nova")
    assert "keystone" in refused.value.evidence
