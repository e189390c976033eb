"""What units are that run from an image, and what of it is refused. No engine is asked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import KEYSTONE, done, wish

from onward.errors import BundleInvalid, ContainerUnsupported, EngineMissing
from onward.hosts.containers import find_engine
from onward.model.bundle import parse_bundle
from onward.model.container import ContainerImage
from onward.plan.deployment.planner import plan_deployment
from onward.plan.deployment.wish import DeploymentWish
from onward.survey.images import require_release_kept, require_supported

BUNDLE = KEYSTONE.format(name="demo")
CONTAINED = BUNDLE.replace(
    'channel: "2025.1"', 'channel: "2025.1"\n    runtime: container\n    image: registry.example/keystone:2025.1'
)
IMAGE = ContainerImage(
    engine="/usr/bin/podman",
    id="0123456789ab",
    reference="registry.example/keystone:2025.1",
    prefix="/var/lib/openstack",
    as_user=("--user", "0:0"),
)


def contained(text: str = CONTAINED, image: ContainerImage = IMAGE, **more: object) -> DeploymentWish:
    """A model whose Keystone runs from an image that was looked at."""
    found = wish(text, **more)  # type: ignore[arg-type]
    site = replace(found.site, images={"keystone": image}, environments={"keystone": image.prefix})
    choices = {name: each.model_copy(update={"image": image}) for name, each in found.choices.items()}
    return replace(found, site=site, choices=choices)


def argv_of(wanted: DeploymentWish, unit: str = "keystone/0") -> list[str]:
    processes = plan_deployment(wanted).step(f"start/{unit}").model_dump()["arguments"]["processes"]
    return list(processes[0]["argv"])


def test_a_process_is_run_in_a_container_of_its_own_with_what_it_is_given() -> None:
    argv = argv_of(contained())
    directory = "/var/lib/onward/models/demo/units/keystone-0"
    assert argv[:3] == ["/bin/sh", f"{directory}/etc/onward_container.sh", "/usr/bin/podman"]
    name = argv[3]
    assert name.startswith("onward.demo.")
    assert name.endswith(".keystone-0.api")
    assert f"{directory}:{directory}" in argv
    assert argv[argv.index("--network") + 1] == argv[argv.index("--pid") + 1] == "host"
    # The program is the image's, and what follows the image are its arguments.
    assert argv[argv.index("--entrypoint") + 1] == "/var/lib/openstack/bin/uwsgi"
    assert argv[argv.index(IMAGE.id) :] == [IMAGE.id, "--ini", f"{directory}/etc/api.uwsgi.ini"]
    assert argv_of(contained(), "keystone/1")[3] != name


def test_values_of_the_environment_are_in_no_list_of_processes() -> None:
    step = plan_deployment(contained()).step("start/keystone/0").model_dump()
    (process,) = step["arguments"]["processes"]
    assert process["environment"]
    for variable, value in process["environment"].items():
        assert variable in process["argv"]
        assert value not in " ".join(process["argv"])


def test_an_image_takes_the_place_of_an_environment_and_of_what_waits_for_it() -> None:
    plan = plan_deployment(contained())
    step = plan.step("environment/keystone")
    assert (step.action, step.target) == ("application.image", IMAGE.reference)
    assert "environment/keystone" in plan.step("start/keystone/0").needs
    commands = plan.step("initialise/keystone").model_dump()["arguments"]["contained"]
    assert commands["image"]["id"] == IMAGE.id
    assert commands["launch"][3].endswith(".keystone-0.initialise")
    files = plan.step("configure/keystone/0").model_dump()["arguments"]["state"]["files"]
    paths = {each["path"] for each in files}
    # An image's programs need not be Python, so that none is imported ahead.
    assert "etc/onward_container.sh" in paths
    assert "etc/onward_serve.py" not in paths


def test_another_image_of_the_same_release_restarts_units_one_after_the_other_and_nothing_else_of_the_model() -> None:
    held = done(plan_deployment(contained()))
    newer = IMAGE.model_copy(update={"id": "ba9876543210"})
    plan = plan_deployment(contained(image=newer, holds=held, begun=frozenset(held)))
    changed = {step.id for step in plan.steps}
    touched = {step for step in changed if step.startswith(("start", "configure"))}
    assert {"environment/keystone", "start/keystone/0", "start/keystone/1"} <= changed
    assert not any("mariadb" in step or "haproxy" in step for step in touched)
    assert "start/keystone/0" in plan.step("start/keystone/1").needs


def test_models_without_images_are_planned_as_they_were() -> None:
    arguments = plan_deployment(wish(BUNDLE)).step("initialise/keystone").arguments
    assert "contained" not in arguments
    assert "image" not in plan_deployment(wish(BUNDLE)).step("environment/keystone").arguments


def test_an_image_and_the_runtime_go_together() -> None:
    for wrong in ("image: registry.example/keystone:1", "runtime: container", "runtime: lxd"):
        with pytest.raises(BundleInvalid, match="does not describe"):
            parse_bundle(BUNDLE.replace('channel: "2025.1"', wrong), "cloud.yaml")
    with pytest.raises(BundleInvalid):
        parse_bundle(CONTAINED.replace("registry.example/keystone:2025.1", "--privileged"), "cloud.yaml")


def test_what_does_not_run_in_containers_is_named_with_the_reason() -> None:
    text = CONTAINED.replace("  mariadb:\n", "  mariadb: {runtime: container, image: mariadb}\n")
    text = text.replace("workers: 1,", "workers: 1, wsgi-server: apache,")
    with pytest.raises(ContainerUnsupported) as refused:
        require_supported(wish(text).topology, {"keystone/1": "far"})
    said = refused.value.evidence.splitlines()
    assert [line.partition(":")[0] for line in said] == ["mariadb", "keystone", "keystone"]
    assert "Apache" in said[1]
    assert "keystone/1 would be on another machine" in said[2]
    require_supported(wish(CONTAINED).topology, {})


def test_a_service_in_containers_stays_at_its_release_and_others_do_not() -> None:
    found = contained().topology
    require_release_kept(found, {}, {"keystone": "2025.1"})
    require_release_kept(found, {"keystone": "2025.1"}, {"keystone": "2025.1"})
    with pytest.raises(ContainerUnsupported, match="another release") as refused:
        require_release_kept(found, {"keystone": "2024.2"}, {"keystone": "2025.1"})
    assert refused.value.evidence == "keystone: from 2024.2 to 2025.1"
    require_release_kept(wish(BUNDLE).topology, {"keystone": "2024.2"}, {"keystone": "2025.1"})


def test_an_engine_that_is_not_installed_or_does_not_work_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineMissing) as missing:
        find_engine()
    assert missing.value.evidence == "podman: not installed\ndocker: not installed"
    # What docker's client prints, with exit status 0, where its service does not run.
    said = {"ID": "", "ServerErrors": ["Cannot connect to the Docker daemon. Is the docker daemon running?"]}
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    program.chmod(0o755)
    with pytest.raises(EngineMissing, match="nothing here runs containers") as missing:
        find_engine()
    assert "Is the docker daemon running?" in missing.value.evidence
    program.write_text('#!/bin/sh\necho \'{"ID": "one"}\'\n')
    engine = find_engine()
    assert engine.path == str(program)
    assert "--userns" not in engine.as_user()
