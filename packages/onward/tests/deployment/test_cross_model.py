"""Relations between models: planned with what the other model offers, and nothing goes that somebody uses."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from bundles import REGION_ONE as ONE
from bundles import REGION_TWO as TWO
from bundles import done, wish
from deploying import Operator
from remembered import ENVIRONMENTS, refusal, remembered_models
from told import told

from onward.actions.deployment.database_grant import WithdrawDatabase
from onward.catalog.charm import Charm
from onward.catalog.charms import charms, read_charm
from onward.engine.action import Session, StepContext
from onward.errors import (
    BundleInvalid,
    BundleUnsatisfied,
    InvalidCatalogue,
    OfferInUse,
    StepFailed,
)
from onward.hosts.state import Directories
from onward.model.deployment import UnitState
from onward.plan.deployment.granting import Granted, granted_elsewhere
from onward.plan.deployment.planner import plan_deployment
from onward.plan.deployment.removal import plan_removal
from onward.plan.deployment.words import Words
from onward.plan.plan import Plan
from onward.survey.deployment import read_bundle, survey_deployment, survey_removal


def plan_of(text: str = TWO, **more: object) -> Plan:
    return plan_deployment(wish(text, model="region-two", provider=ONE, **more))


def files_of(plan: Plan, unit: str) -> str:
    state = UnitState.model_validate({**plan.step(f"configure/{unit}").arguments["state"], "processes": []})  # type: ignore[dict-item]
    return "\n".join(file.text for file in state.files)


def granted(text: str = TWO) -> tuple[Granted, ...]:
    wanted = wish(text, model="region-two", provider=ONE)
    found = wanted.topology
    return tuple(each for name in found.applications for each in granted_elsewhere(Words(found, wanted.site, name)))


def test_what_another_model_offers_is_in_the_files_and_is_not_deployed_again() -> None:
    plan = plan_of()
    provider = wish(ONE, model="region-one", network=17).site.addresses
    text = files_of(plan, "placement/0")
    assert f"auth_url = http://{provider['haproxy internal']}:5000/v3" in text
    assert f"@{provider['mariadb/0']}:3306/" in text
    assert "region_name = RegionTwo" in text
    assert {step.target for step in plan.steps if step.action == "unit.start"} == {"placement/0", "haproxy/0"}


def test_names_at_a_shared_server_are_nobody_elses() -> None:
    wishes = {step.action: step.arguments for step in plan_of().steps if step.id.startswith("grant/")}
    assert wishes["database.grant"]["wants"] == {"databases": "placement__region_two", "user": "placement__region_two"}
    assert wishes["identity.grant"]["wants"] == {"user": "placement__region_two"}
    text = files_of(plan_of(), "placement/0")
    assert "mysql+pymysql://placement__region_two:" in text
    assert "/placement__region_two?charset" in text
    assert "username = placement__region_two" in text


def test_keystone_itself_is_found_in_the_region_of_the_other_model() -> None:
    arguments = plan_of().step("grant/placement/identity-service/keystone").arguments
    assert [each["type"] for each in arguments["alongside"]] == ["identity"]  # type: ignore[union-attr, index, call-overload]
    same = plan_of(TWO.replace(", options: {region: RegionTwo}", ""))
    assert same.step("grant/placement/identity-service/keystone").arguments["alongside"] == []


def test_only_names_of_the_other_models_secrets_are_known() -> None:
    assert set(re.findall(r"\$\(secret:([^)]*)\)", plan_of().to_json())) == {
        "placement/shared-db",
        "placement/identity-service",
    }
    assert "admin-password" not in plan_of().to_json()


def relates_as_granted(charm: Charm) -> bool:
    return charm.service is not None and all(each.optional or each.wants for each in charm.requires.values())


@pytest.mark.parametrize("name", [name for name, charm in charms().items() if relates_as_granted(charm)])
def test_every_charm_says_in_its_files_the_names_that_it_was_granted(name: str) -> None:
    """A charm has to write ``wants['shared-db'].user`` where it names what it wants of others."""
    charm = charms()[name]
    needed = {end: each.interface for end, each in charm.requires.items() if each.interface != "http" and each.wants}
    givers = {
        interface: (giver, end)
        for giver, other in charms().items()
        for end, each in other.provides.items()
        if (interface := each.interface) in needed.values()
    }
    wanted = {end: givers[interface] for end, interface in needed.items()}
    provider = "applications:\n  mariadb:\n" + "".join(
        f"  {giver}:\n    offers: {{{giver}: {{endpoints: [{end}]}}}}\n"
        for giver, end in wanted.values()
        if giver != "mariadb"
    )
    provider = provider.replace("  mariadb:\n", "  mariadb: {offers: {mariadb: {endpoints: [shared-db]}}}\n")
    if "  keystone:" in provider:
        provider += "relations: [[keystone, mariadb]]\n"
    consumer = f"applications: {{it: {{charm: {name}}}}}\nsaas:\n" + "".join(
        f"  {giver}: {{url: other.{giver}}}\n" for giver, _ in wanted.values()
    )
    consumer += "relations:\n" + "".join(f"  - [it:{end}, {giver}:{there}]\n" for end, (giver, there) in wanted.items())
    plan = plan_deployment(wish(consumer, model="mine", provider=provider))
    text = files_of(plan, "it/0") + json.dumps(plan.step("initialise/it").arguments if charm.initialise else "")
    asked = [step.arguments["wants"] for step in plan.steps if step.action.endswith(".grant")]
    names = {word for each in asked for key in ("user", "databases", "vhost") for word in each.get(key, "").split()}  # type: ignore[union-attr, call-arg, arg-type]
    assert {each for each in names if not each.endswith("__mine") or each not in text} == set()
    assert names


def test_what_holds_is_left_alone_and_a_new_region_takes_the_old_one_back_first() -> None:
    held = done(plan_of())
    assert plan_of(holds=held).steps == ()
    old = tuple(each for each in granted() if each.action == "identity.grant")
    moved = plan_of(TWO.replace("RegionTwo", "RegionThree"), holds=held, begun=frozenset(held), withdrawn=old)
    withdrawal = moved.step("withdraw/placement/identity-service/keystone")
    assert withdrawal.action == "identity.withdraw"
    assert withdrawal.id in moved.step("grant/placement/identity-service/keystone").needs
    assert "database.withdraw" not in {step.action for step in moved.steps}, "data are not removed unasked"


def test_what_is_destroyed_leaves_the_catalogue_first_and_its_database_last() -> None:
    site = wish(TWO, model="region-two", provider=ONE).site
    order = [step.id for step in plan_removal(site, [("haproxy/0",), ("placement/0",)], granted()).steps]
    assert order == [
        "withdraw/placement/identity-service/keystone",
        "remove/haproxy/0",
        "remove/placement/0",
        "withdraw/placement/shared-db/database",
        "forget",
    ]


SERVING = ("publish/keystone", "publish/placement", "start/mariadb/0")


@pytest.fixture(scope="module")
def two_regions(tmp_path_factory: pytest.TempPathFactory, session_directories: Directories) -> Operator:
    """Two models as they are remembered when both were deployed."""
    bundles = {"region-one": ONE, "region-two": TWO}
    directory = tmp_path_factory.mktemp("regions")
    return remembered_models(directory, session_directories.cache, bundles, lambda step: step.id in SERVING)


def test_a_saas_that_nobody_offers_is_named_with_its_line(directories: Directories, tmp_path: Path) -> None:
    line = next(number for number, text in enumerate(TWO.splitlines(), 1) if "region-one.database" in text)
    said = refusal(Operator(directories, tmp_path / "bundle.yaml"), BundleInvalid, TWO)
    assert f"bundle.yaml:{line}: saas.database.url: no model called region-one is deployed here" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("region-one.keystone", "region-one.keystoen", "it offers: region-one.database, region-one.keystone"),
        ("region: RegionTwo", "regoin: RegionTwo", "saas.keystone.options.regoin: there is no such option"),
        (
            ", options: {region: RegionTwo}",
            "",
            "saas.keystone.options.region: RegionOne has the service placement already, placement of region-one",
        ),
    ],
)
def test_what_the_other_model_cannot_give_is_refused(two_regions: Operator, old: str, new: str, said: str) -> None:
    assert said in refusal(two_regions, BundleInvalid, TWO.replace(old, new))


def test_the_name_of_a_model_has_to_be_fit_for_a_database(two_regions: Operator) -> None:
    assert "name: 'region_two' cannot be part" in refusal(two_regions, BundleInvalid, TWO, "region_two")


def test_the_region_of_another_model_is_taken(two_regions: Operator) -> None:
    said = refusal(two_regions, BundleInvalid, TWO, "region-three")
    assert "RegionTwo has the service placement already, placement of region-two" in said


def test_models_do_not_use_one_another_in_a_circle(two_regions: Operator) -> None:
    said = refusal(two_regions, BundleInvalid, ONE + "saas: {other: {url: region-two.placement}}\n")
    assert "saas.other.url: region-two uses offers of region-one: a circle" in said


def test_an_offer_of_what_does_not_serve_yet_is_refused(two_regions: Operator) -> None:
    store = two_regions.store("region-one")
    store.undo("publish/keystone")
    try:
        assert "not done: publish/keystone" in refusal(two_regions, BundleUnsatisfied, TWO)
    finally:
        store.note_done("publish/keystone", "", {})


def test_where_the_other_server_does_not_answer_it_is_said_how_to_do_without(
    two_regions: Operator, tmp_path: Path
) -> None:
    step = next(
        each for each in plan_removal(wish(TWO, provider=ONE).site, [], granted()).steps if "shared-db" in each.id
    )
    plan = Plan(kind="removal", cloud="region-two", facts={}, steps=(step,)).sealed()
    context = StepContext("run", plan, step, tmp_path, {}, Session(), progress=lambda line: None)
    with pytest.raises(StepFailed) as raised:
        WithdrawDatabase(two_regions.directories).apply(context)
    assert raised.value.next_command.splitlines() == [
        "onward runs resume run",
        "onward destroy region-two --leave-granted",
    ]


def test_a_charm_lets_others_say_otherwise_only_what_it_offers() -> None:
    text = (files("onward.catalog") / "data" / "charms" / "keystone.yaml").read_text(encoding="utf-8")
    with pytest.raises(InvalidCatalogue) as raised:
        read_charm("charms/keystone.yaml", text.replace("otherwise: [region]", "otherwise: [realm]"))
    assert "provides[identity-service].otherwise: realm is not offered" in raised.value.evidence


OFFERS = "offers: {database: {endpoints: [shared-db]}}"


@pytest.mark.parametrize(
    ("text", "used"),
    [
        (ONE.replace("keystone: {endpoints:", "identity: {endpoints:"), "keystone"),
        ("name: region-one\napplications: {memcached: }\n", "database"),
        (
            "name: region-one\napplications: {mariadb: {num_units: 0, offers: {database: {endpoints: [shared-db]}}}}",
            "database",
        ),
    ],
)
def test_an_offer_that_is_used_is_not_dropped(two_regions: Operator, text: str, used: str) -> None:
    assert f"region-two uses region-one.{used} as {used}" in refusal(two_regions, OfferInUse, text)


def test_a_relation_that_is_no_more_is_taken_back_and_its_data_only_when_the_model_goes(two_regions: Operator) -> None:
    store = two_regions.store("region-two")
    for each in granted():
        store.note_done(each.step, "", {"elsewhere": each.model_dump(mode="json")})
    try:
        two_regions.bundle.write_text("name: region-two\napplications: {memcached: }\n")
        plan = survey_deployment(two_regions.directories, read_bundle(two_regions.bundle, None), ENVIRONMENTS)
        withdrawals = {step.action for step in plan.steps if step.id.startswith("withdraw/")}
        assert withdrawals == {"identity.withdraw"}
        record = store.record()
        store.remember(plan.step("record").arguments["record"])  # type: ignore[arg-type]
        removal = survey_removal(two_regions.directories, "region-two")
        store.remember(record)
        assert {"identity.withdraw", "database.withdraw"} <= {step.action for step in removal.steps}
    finally:
        for each in granted():
            store.undo(each.step)


def test_what_another_model_uses_is_not_destroyed(two_regions: Operator) -> None:
    refused = two_regions.run("destroy", "region-one", "--dry-run")
    said = told(refused.stderr)
    assert (refused.returncode, "OW907" in said) == (4, True)
    assert "region-two uses region-one.keystone as keystone" in said
    assert "onward destroy region-two --dry-run" in said
    assert "region-two uses region-one.database as database" in two_regions.run("status", "region-one").stderr
    assert two_regions.must("destroy", "region-two", "--dry-run").count("!withdraw/") == 2
    assert "withdraw/" not in two_regions.must("destroy", "region-two", "--dry-run", "--leave-granted")
