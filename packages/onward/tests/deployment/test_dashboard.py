"""The dashboard: what is planned for it, who may use it, and a browser that logs in, in two regions."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from browsing import Browser, logged_in
from bundles import done, wish
from dashboards import ONE, TWO, files_of
from deploying import Operator
from remembered import refusal, remembered_models

from onward.errors import BundleInvalid, OfferInUse, OptionUnknown
from onward.hosts.leftovers import processes_of
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.plan.deployment.dashboard import dashboard_url
from onward.plan.deployment.planner import plan_deployment
from onward.survey.moves import survey_moves


def test_it_waits_for_keystone_and_asks_it_for_nothing() -> None:
    plan = plan_deployment(wish(ONE))
    assert not [step.id for step in plan.steps if step.id.startswith("grant/openstack-dashboard/")]
    made = plan.step("initialise/openstack-dashboard")
    assert {"publish/keystone", "start/memcached/0", "configure/openstack-dashboard/0"} <= set(made.needs)
    assert made.arguments["configuration"] is None
    assert "reload/openstack-dashboard/0" not in {step.id for step in plan.steps}


def test_each_build_of_the_code_has_static_files_of_its_own_and_its_server_knows_them() -> None:
    plan = plan_deployment(wish(ONE))
    files = files_of(plan, "openstack-dashboard/0")
    place = "/var/lib/onward/models/demo/shared/openstack-dashboard/static/openstack-dashboard"
    assert f'STATIC_ROOT = "{place}"' in files["etc/local/local_settings.py"]
    assert f"static-map = /static={place}" in files["etc/dashboard.uwsgi.ini"]
    assert f'Alias /static "{place}"' in files_of(plan, "openstack-dashboard/1")["etc/dashboard.apache.conf"]
    assert "text/css css" in files["etc/mime.types"]


def test_its_settings_are_python_whatever_the_bundle_says_and_hold_no_secret_in_the_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What they are read from in the middle of, as far as it has come.
    horizon = ModuleType("openstack_dashboard.settings")
    horizon.MIDDLEWARE = ["first"]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "openstack_dashboard", ModuleType("openstack_dashboard"))
    monkeypatch.setitem(sys.modules, horizon.__name__, horizon)
    text = ONE.replace("options: {workers: 1}\n    unit", "options: {local-settings: SESSION_TIMEOUT = 7200}\n    unit")
    plan = plan_deployment(wish(text))
    settings = files_of(plan, "openstack-dashboard/0")["etc/local/local_settings.py"]
    said: dict[str, object] = {}
    exec(settings, said)  # noqa: S102 - it is what Horizon does with it
    assert said["SESSION_TIMEOUT"] == 7200
    assert said["SECRET_KEY"] == "$(secret:openstack-dashboard/secret-key)"
    assert said["ALLOWED_HOSTS"] == ["*"]
    assert str(said["OPENSTACK_KEYSTONE_URL"]).endswith(":5000/v3")
    caches = said["CACHES"]
    assert isinstance(caches, dict)
    assert caches["default"]["OPTIONS"]["timeout"] == 1.0
    assert said["MIDDLEWARE"] == ["local.region.Beginning", "first"]


@pytest.mark.parametrize(("cookies", "begins"), [({}, "RegionOne"), ({"services_region": "RegionTwo"}, "RegionTwo")])
def test_who_has_not_chosen_a_region_begins_in_that_of_the_model(cookies: dict[str, str], begins: str) -> None:
    made: dict[str, Any] = {}
    exec(files_of(plan_deployment(wish(ONE)), "openstack-dashboard/0")["etc/local/region.py"], made)  # noqa: S102
    asked = made["Beginning"](lambda request: request.COOKIES)(SimpleNamespace(COOKIES=cookies))
    assert asked["services_region"] == begins


def test_the_balancer_of_another_model_serves_it_in_that_models_region() -> None:
    wanted = wish(TWO, model="region-two", provider=ONE)
    text = files_of(plan_deployment(wanted), "haproxy/0")["etc/haproxy.cfg"]
    there = wish(ONE, model="region-one", network=17).site.addresses["haproxy internal"]
    assert f"server dashboard {there}:8080 check" in text
    assert "services_region=RegionTwo" in text
    public = wanted.site.addresses["haproxy public"]
    assert f"bind {public}:8080" in text
    assert dashboard_url(wanted.topology, wanted.site) == f"http://{public}:8080/"


def test_a_balancer_that_has_nothing_but_a_dashboard_of_others_has_its_addresses() -> None:
    text = TWO.replace("  placement:\n", "").replace("  - [haproxy, placement]\n", "")
    text = re.sub(r"  - \[placement.*\n", "", text)
    found = wish(text, model="region-two", provider=ONE).topology
    assert found.on_networks() == ("haproxy",)


def test_in_its_own_model_it_stands_behind_the_balancer_and_is_nothing_else_to_it() -> None:
    found = wish(ONE).topology
    assert found.balancer("openstack-dashboard") == "haproxy"
    with pytest.raises(BundleInvalid):
        wish(ONE.replace("[haproxy, openstack-dashboard]", "[haproxy:dashboard, openstack-dashboard:dashboard]"))


def test_a_model_with_a_dashboard_of_its_own_does_not_serve_another_ones_at_the_same_port() -> None:
    own = "  memcached:\n  openstack-dashboard:\n  haproxy:\nrelations:\n" + "".join(
        f"  - [openstack-dashboard, {each}]\n" for each in ("keystone", "memcached", "haproxy")
    )
    with pytest.raises(BundleInvalid) as raised:
        wish(TWO.replace("  haproxy:\nrelations:\n", own), model="region-two", provider=ONE)
    assert "haproxy stands before openstack-dashboard of this model already" in raised.value.evidence


def test_another_release_of_it_is_deployed_without_an_outage(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "demo")
    before, wanted = wish(ONE, series="2024.1"), wish(ONE)
    store.remember(dict(before.record))
    for service in ("keystone", "placement", "horizon"):
        store.note_series(service, "2024.1")
    moves = survey_moves(wanted.topology, store, {}, wanted.choices, lambda name, _: wanted.choices[name], "2025.1")
    assert {move.service for move in moves} == {"keystone", "placement"}
    held = done(plan_deployment(before))
    newer = {**wanted.site.environments, "openstack-dashboard": "/environments/newer"}
    site = replace(wanted.site, environments=newer)
    again = plan_deployment(replace(wanted, site=site, holds=held, begun=frozenset(held)))
    assert "static/newer" in files_of(again, "openstack-dashboard/0")["etc/local/local_settings.py"]
    assert "start/openstack-dashboard/0" in again.step("start/openstack-dashboard/1").needs
    assert "initialise/openstack-dashboard" in again.step("start/openstack-dashboard/0").needs


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory, session_directories: Directories) -> Operator:
    """Both models as they are remembered when they were deployed."""
    one = ONE.replace('    unit-options: {"1": {wsgi-server: apache}}\n', "")
    return remembered_models(
        tmp_path_factory.mktemp("dashboards"),
        session_directories.cache,
        {"region-one": one, "region-two": TWO},
        lambda step: step.action in ("unit.start", "application.publish"),
    )


def test_its_offer_is_not_taken_away_while_somebody_uses_it(remembered: Operator) -> None:
    without = ONE.replace("    offers:\n      dashboard: {endpoints: [dashboard]}\n", "")
    assert without != ONE
    assert "region-two uses region-one.dashboard as dashboard" in refusal(remembered, OfferInUse, without)
    refused = remembered.run("destroy", "region-one", "--dry-run")
    assert (refused.returncode, "region-one.dashboard" in " ".join(refused.stderr.split())) == (4, True)
    assert re.search(r"dashboard: http://127\.\S+:8080/", remembered.run("status", "region-two").stderr)


def test_an_option_that_it_has_not_is_refused_without_a_release_being_asked(remembered: Operator) -> None:
    text = "name: other\n" + ONE.partition("\n")[2].replace("{workers: 1}\n    unit", "{wrokers: 1}\n    unit")
    assert "wrokers: there is no such option; near it: workers" in refusal(remembered, OptionUnknown, text)


@pytest.mark.full
@pytest.mark.mariadb
@pytest.mark.environments
@pytest.mark.timeout(1200)
def test_one_dashboard_is_used_by_two_regions_at_an_address_in_each(module_operator: Operator) -> None:
    operator, inside = module_operator, "/project/api_access/"
    operator.deploy(ONE)
    with logged_in(operator, "region-one") as alone:
        assert "context-region" not in alone.page(inside).text, "there is nothing to choose"
    operator.deploy(TWO)
    assert "Used: user, inventory, dashboard." in operator.must("smoke", "region-one")
    assert "Used: user, inventory, dashboard." in operator.must("smoke", "region-two")
    for model, own, other in (("region-one", "RegionOne", "RegionTwo"), ("region-two", "RegionTwo", "RegionOne")):
        with logged_in(operator, model) as browser:
            assert browser.region(inside) == own
            browser.switch(other, inside)
            assert browser.region(inside) == other
            placement = operator.store(f"region-{other[6:].lower()}").record()["addresses"]["haproxy public"]
            assert f"http://{placement}:8778" in browser.page(inside).text
    wrong = Browser(str(re.findall(r"http://\S+:8080/", operator.run("status", "region-one").stderr)[0]))
    assert wrong.log_in("admin", "not this one").status_code == 200
    assert "Invalid credentials" in wrong.log_in("admin", "not this one").text
    secret = operator.store("region-one").secrets()["openstack-dashboard/secret-key"].encode()
    state = operator.directories.state
    holding = {path.name for path in state.rglob("*") if path.is_file() and secret in path.read_bytes()}
    assert holding <= {"secrets.json", "local_settings.py", "local_settings.cpython-311.pyc"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in state.rglob("local_settings*") if path.is_file()), (
        "they are their owner's alone"
    )

    one = ONE.replace("    offers:\n      dashboard: {endpoints: [dashboard]}\n", "")
    operator.bundle.write_text(one)
    refused = operator.run("deploy", operator.bundle)
    assert (refused.returncode, "OW907" in refused.stderr) == (4, True)
    operator.destroy("region-two")
    operator.deploy(one)
    operator.destroy("region-one")
    assert processes_of(operator.directories.state) == []
