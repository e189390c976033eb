"""APIs under Apache with mod_wsgi, where a bundle says so."""

import os
import pwd
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from bundles import KEYSTONE, wish
from deploying import Operator, until

from onward.catalog.load import series_list
from onward.errors import BundleInvalid, InterpreterMissing, ProgramMissing
from onward.hosts.interpreters import Interpreter
from onward.hosts.leftovers import processes_of
from onward.model.deployment import UnitProcess, UnitState
from onward.plan.deployment.planner import plan_deployment
from onward.plan.plan import Plan
from onward.survey.wsgi import fitting, servers_of, wsgi_packages, wsgi_programs

APACHE = KEYSTONE.format(name="demo").replace("workers: 1", "workers: 3, wsgi-server: apache")


def files_of(plan: Plan) -> dict[str, str]:
    state = UnitState.model_validate({**plan.step("configure/keystone/0").arguments["state"], "processes": []})  # type: ignore[dict-item]
    return {file.path: file.text for file in state.files}


def process_of(plan: Plan) -> UnitProcess:
    (process,) = plan.step("start/keystone/0").arguments["processes"]  # type: ignore[misc, union-attr]
    return UnitProcess.model_validate(process)


def test_the_unit_has_a_configuration_of_its_own_and_none_of_the_other_server() -> None:
    wanted = wish(APACHE)
    files = files_of(plan_deployment(wanted))
    assert "etc/api.uwsgi.ini" not in files
    text = files["etc/api.apache.conf"]
    directory = wanted.site.unit_directory("keystone/0")
    assert f'ServerRoot "{directory}"' in text
    assert f"Listen {wanted.site.addresses['keystone/0']}:5000\n" in text
    assert "WSGIDaemonProcess api processes=3 " in text
    assert f'python-home="{wanted.site.environments["keystone"]}"' in text
    assert "/etc/apache2" not in text
    assert process_of(plan_deployment(wanted)).stop_signal == "WINCH"


def test_one_unit_alone_may_run_under_it() -> None:
    mixed = KEYSTONE.format(name="demo").replace("7200}", "7200}\n    unit-options: {'1': {wsgi-server: apache}}")
    plan = plan_deployment(wish(mixed))
    assert "etc/api.uwsgi.ini" in files_of(plan)
    assert "api.apache.conf" in plan.step("configure/keystone/1").model_dump_json()
    assert servers_of(wish(mixed).topology, "keystone") == {"uwsgi", "apache"}
    assert [each.package for each in wsgi_packages(wish(mixed).topology, "keystone")] == ["pyuwsgi"]


def test_only_where_root_deploys_it_becomes_another_user() -> None:
    assert "setpriv" not in " ".join(process_of(plan_deployment(wish(APACHE))).argv)
    assert "--reuid=www-data" in " ".join(process_of(plan_deployment(wish(APACHE, user="root"))).argv)


@pytest.mark.parametrize(
    ("series", "module", "code"),
    [
        ("2024.1", "keystone/server/wsgi.py", "def initialize_public_application(): return sys.argv"),
        ("2025.1", "keystone/wsgi/api.py", "application = sys.argv"),
    ],
)
def test_the_script_has_the_application_and_its_arguments(tmp_path: Path, series: str, module: str, code: str) -> None:
    (tmp_path / module).parent.mkdir(parents=True)
    (tmp_path / module).write_text(f"import sys\n{code}\n")
    script = tmp_path / "api.wsgi"
    alone = plan_deployment(wish(APACHE.replace("health: true, ", ""), series=series))
    script.write_text(files_of(alone)["etc/api.wsgi"] + "print(application)\n")
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("['api', '--config-file', '/var/lib/onward/models/demo/units/keystone-0/etc/")


def test_another_server_than_these_is_refused() -> None:
    with pytest.raises(BundleInvalid) as raised:
        plan_deployment(wish(APACHE.replace("apache", "nginx")))
    assert "wsgi-server: expected one of uwsgi, apache" in raised.value.evidence


def test_directives_of_other_modules_come_last_and_only_where_they_are_read() -> None:
    with_module = APACHE.replace("apache,", 'apache, apache-directives: "LoadModule x x.so\\nX on", ')
    assert files_of(plan_deployment(wish(with_module)))["etc/api.apache.conf"].endswith("LoadModule x x.so\nX on\n")
    with pytest.raises(BundleInvalid) as raised:
        plan_deployment(wish(with_module.replace("wsgi-server: apache,", "")))
    assert "apache-directives: only with wsgi-server: apache" in raised.value.evidence


def test_its_programs_are_needed_only_where_it_is_chosen() -> None:
    assert wsgi_programs(wish(KEYSTONE.format(name="demo")).topology) == ()
    assert "libapache2-mod-wsgi-py3" in {each.package for each in wsgi_programs(wish(APACHE).topology)}


OWN = Interpreter("3.11.2", Path("/usr/bin/python3.11"), "system")
OTHER = Interpreter("3.11.7", Path("/opt/python/bin/python3.11"), "pyenv")


def interpreters_for(text: str, series: str, *there: Interpreter) -> tuple[Interpreter, ...]:
    try:
        return fitting(wish(text).topology, "keystone", series_list().find(series), there)
    except ProgramMissing as missing:
        pytest.skip(f"{missing.what} {missing.evidence}")


def test_the_environment_is_made_from_the_python_that_the_module_was_built_for() -> None:
    assert interpreters_for(APACHE, "2025.1", OTHER, OWN) == (OWN,)
    assert interpreters_for(KEYSTONE.format(name="demo"), "2025.1", OTHER, OWN) == (OTHER, OWN)


@pytest.mark.parametrize(
    ("series", "there", "said"),
    [
        ("2025.1", OTHER, "mod_wsgi is of the distribution's Python 3.11, which is not there"),
        ("wallaby", OWN, "wallaby does not run on that"),
    ],
)
def test_without_that_python_it_is_refused(series: str, there: Interpreter, said: str) -> None:
    with pytest.raises(InterpreterMissing) as raised:
        interpreters_for(APACHE, series, there)
    assert said in raised.value.what
    assert "wsgi-server: uwsgi" in raised.value.next_command


BUNDLE = """\
name: apache
applications:
  mariadb:
  keystone: {channel: "2025.1", options: {workers: 1, wsgi-server: apache}}
  placement: {channel: "2025.1", options: {wsgi-server: apache}}
relations:
  - [keystone, mariadb]
  - [placement:shared-db, mariadb]
  - [placement, keystone]
"""


class User:
    """Somebody with the administrator's password."""

    def __init__(self, operator: Operator) -> None:
        store = operator.store("apache")
        self.addresses = store.record()["addresses"]
        self._password = store.secrets()["keystone/admin-password"]

    def log_in(self) -> requests.Response:
        domain = {"id": "default"}
        user = {"name": "admin", "domain": domain, "password": self._password}
        identity = {"methods": ["password"], "password": {"user": user}}
        body: dict[str, Any] = {
            "auth": {"identity": identity, "scope": {"project": {"name": "admin", "domain": domain}}}
        }
        url = f"http://{self.addresses['keystone/0']}:5000/v3/auth/tokens"
        return requests.post(url, json=body, timeout=60)

    def status(self, unit: str, path: str) -> int:
        token = {"X-Auth-Token": self.log_in().headers["X-Subject-Token"]}
        port = {"keystone": 5000, "placement": 8778}[unit.partition("/")[0]]
        return requests.get(f"http://{self.addresses[unit]}:{port}/{path}", headers=token, timeout=60).status_code

    def can_log_in(self) -> bool:
        try:
            return self.log_in().status_code == 201
        except requests.RequestException:
            return False


@pytest.mark.full
@pytest.mark.mariadb
@pytest.mark.environments
@pytest.mark.timeout(1200)
def test_keystone_answers_under_apache_comes_back_and_leaves_nothing(module_operator: Operator) -> None:
    operator = module_operator
    operator.deploy(BUNDLE)
    user, model = User(operator), operator.store("apache").directory
    assert user.status("keystone/0", "v3/users") == 200
    # It finds its configuration by a variable of its environment.
    assert user.status("placement/0", "resource_providers") == 200
    pid = operator.pids("apache")["keystone/0"]
    assert b"apache2" in Path(f"/proc/{pid}/cmdline").read_bytes()
    if os.geteuid() == 0:
        assert pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name == "www-data"
    secret_files = [path for path in (model / "units" / "keystone-0" / "etc").rglob("*") if path.is_file()]
    assert {(stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) for path in secret_files} == {(0o600, os.geteuid())}

    os.kill(pid, signal.SIGKILL)
    until("another one serves", lambda: operator.pids("apache").get("keystone/0") not in (None, pid))
    until("it answers", user.can_log_in)
    running = set(processes_of(model / "units" / "keystone-0"))
    parents = {int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[1]) for each in running}
    assert operator.pids("apache")["keystone/0"] in parents
    assert 1 not in parents, "children of the one that was killed are left"

    operator.must("config", "keystone", "wsgi-server=uwsgi")
    assert user.can_log_in()
    assert not (model / "units" / "keystone-0" / "etc" / "api.apache.conf").exists()
    operator.must("config", "keystone", "wsgi-server=apache")
    assert user.status("keystone/0", "v3/users") == 200
    operator.destroy("apache")
    assert not model.exists()
    assert processes_of(operator.directories.state) == []
