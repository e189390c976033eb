"""An API that shall tell of its health: what its unit gets, and that nobody else gets anything."""

from dataclasses import replace
from typing import Any

import pytest
from bundles import KEYSTONE, wish

from onward.errors import ProgramMissing
from onward.hosts.service_package import service_digest, service_files
from onward.model.deployment import UnitProcess
from onward.plan.deployment.planner import plan_deployment
from onward.plan.plan import Plan

TOLD = KEYSTONE.format(name="demo")
SILENT = TOLD.replace("health: true, ", "")


def planned(text: str) -> Plan:
    wanted = wish(text)
    return plan_deployment(replace(wanted, site=replace(wanted.site, health_code="0123abcd")))


def state_of(plan: Plan, unit: str = "keystone/0") -> dict[str, Any]:
    found: Any = plan.step(f"configure/{unit}").arguments["state"]
    return dict(found)


def file_of(plan: Plan, path: str) -> str:
    return str(next(each["text"] for each in state_of(plan)["files"] if each["path"] == path))


def process_of(plan: Plan) -> UnitProcess:
    (process,) = plan.step("start/keystone/0").arguments["processes"]  # type: ignore[misc, union-attr]
    return UnitProcess.model_validate(process)


def test_the_api_is_loaded_through_the_middleware_and_from_its_own_directory() -> None:
    plan = planned(TOLD)
    text, variables = file_of(plan, "etc/api.uwsgi.ini"), process_of(plan).environment
    directory = state_of(plan)["directory"]
    assert "\nmodule = onward_service.application:application\n" in text
    assert f"\npythonpath = {directory}/lib\n" in text
    assert variables["ONWARD_SERVICE_APPLICATION"] == "keystone.wsgi.api:application"
    address = wish(TOLD).site.addresses["keystone/0"]
    assert variables["ONWARD_SERVICE_OPTIONS"] == (
        f"service=keystone;state_file={directory}/run/onward.health;detail_sources={address}"
        ";push_to=unix:/run/onward/demo/health.sock;push_unit=keystone/0"
    )
    assert state_of(plan)["health_code"] == "0123abcd"


def test_under_apache_the_script_wraps_it() -> None:
    plan = planned(TOLD.replace("workers: 1", "workers: 1, wsgi-server: apache"))
    script = file_of(plan, "etc/api.wsgi")
    compile(script, "api.wsgi", "exec")
    assert "sys.path.insert(0, " in script.split("from keystone")[0]
    assert "application = wrap(application, service='keystone'" in script
    assert "ONWARD_SERVICE_APPLICATION" not in process_of(plan).environment


def test_who_has_not_chosen_it_gets_nothing_of_it() -> None:
    plan = planned(SILENT)
    assert "onward_service" not in plan.to_json()
    assert "health_code" not in plan.to_json()
    assert "health_code" not in state_of(planned(TOLD), "mariadb/0")


def test_another_version_of_its_code_restarts_the_unit_and_no_other() -> None:
    one, other = planned(TOLD), plan_deployment(replace(wish(TOLD), site=replace(wish(TOLD).site, health_code="ffff")))

    def configuration(plan: Plan, unit: str) -> object:
        return plan.step(f"start/{unit}").arguments["configuration"]

    assert configuration(one, "keystone/0") != configuration(other, "keystone/0")
    assert configuration(one, "haproxy/0") == configuration(other, "haproxy/0")


def test_the_code_that_is_carried_is_the_package_and_nothing_beside_it() -> None:
    names = set(service_files())
    assert {"onward_service/application.py", "onward_service/hooks/sql.py"} <= names
    assert {name.split("/")[0] for name in names} == {"onward_service"}
    assert len(service_digest()) == 64


def test_without_the_package_beside_onward_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    service_files.cache_clear()
    with monkeypatch.context() as without:
        without.setattr("onward.hosts.service_package.PACKAGE", "onward_service_that_is_not_installed")
        with pytest.raises(ProgramMissing) as raised:
            service_files()
    assert raised.value.next_command == "pip install onward-service"
