"""A deployed model is looked at as any cloud is: described as a cloud file would, with no secret in it."""

from pathlib import Path

import pytest
from bundles import EVERYTHING, wish

from onward.errors import ModelUnknown, SecretUnavailable
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.model.bundle import parse_bundle
from onward.model.bundle_edit import as_data
from onward.model.cloud import parse
from onward.survey.checks.context import CheckContext
from onward.survey.model_cloud import cloud_of_model, environments_of_model
from onward.survey.options import EnvironmentWish


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    found = Directories(state=tmp_path / "state", cache=tmp_path / "cache").prepared()
    site = wish(EVERYTHING).site
    store = ModelStore(found.models / "demo")
    store.directory.mkdir(parents=True)
    store.remember(
        {
            "model": "demo",
            "network": site.network,
            "addresses": dict(site.addresses),
            "sockets": str(tmp_path / "s"),
            "bundle": as_data(parse_bundle(EVERYTHING, "cloud.yaml")),
        }
    )
    store.note_series("nova", "2025.1")
    store.ensure_secrets({"rabbitmq-server/administrator": "password"})
    return found


def test_services_have_the_files_of_their_first_unit_and_units_where_they_answer_alone(
    directories: Directories,
) -> None:
    cloud = cloud_of_model(directories, "demo")
    assert {"keystone", "nova", "neutron", "octavia"} <= set(cloud.services)
    nova = cloud.services["nova"]
    assert nova.series == "2025.1"
    assert nova.configuration[0].endswith("/models/demo/units/nova-conductor-0/etc/nova.conf")
    (dashboard,) = cloud.services["horizon"].configuration
    assert dashboard.endswith("/units/openstack-dashboard-0/etc/local/local_settings.py")
    (api,) = (unit for unit in nova.units if unit.name == "nova-api/0")
    assert api.url == f"http://{wish(EVERYTHING).site.addresses['nova-api/0']}:8774/v2.1"
    assert parse(cloud.to_yaml()) == cloud


def test_no_secret_is_in_it_and_that_of_the_broker_is_found(directories: Directories) -> None:
    cloud = cloud_of_model(directories, "demo")
    secret = ModelStore(directories.models / "demo").secrets()["rabbitmq-server/administrator"]
    assert secret not in cloud.to_yaml()
    with CheckContext(directories, cloud, ("nova",)) as context:
        assert context.secret(str(cloud.infrastructure.broker.password)) == secret
        assert secret not in str(context.secrets.clean(f"it is {secret}"))
        with pytest.raises(SecretUnavailable):
            context.secret("model:demo/no-such/secret")


def test_environments_have_what_the_files_name_besides(directories: Directories) -> None:
    found = environments_of_model(directories, "demo", EnvironmentWish("as-of-release", 1))
    assert "python-memcached" in {each.package for each in found.also["keystone"]}


def test_a_model_that_there_is_not_is_refused(directories: Directories) -> None:
    with pytest.raises(ModelUnknown):
        cloud_of_model(directories, "other")
