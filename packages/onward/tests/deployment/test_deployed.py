"""A real cloud from a bundle: deployed, used through its load balancer, changed, and removed without a trace."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import openstack
import pymysql
import pytest
import requests
from bundles import KEYSTONE
from deploying import Operator, until

pytestmark = [pytest.mark.environments, pytest.mark.mariadb, pytest.mark.timeout(1200)]

BUNDLE = KEYSTONE.format(name="small")


def statuses(operator: Operator, model: str = "small") -> dict[str, dict[str, str]]:
    listed = json.loads(operator.must("status", model, "-f", "json"))
    return {each["Unit"]: each for each in listed}


def log_in(operator: Operator, network: str) -> tuple[requests.Response, dict[str, Any]]:
    """A token of the administrator, asked for at the load balancer's address on a network."""
    store = operator.store("small")
    address = store.record()["addresses"][f"haproxy {network}"]
    domain = {"id": "default"}
    user = {"name": "admin", "domain": domain, "password": store.secrets()["keystone/admin-password"]}
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "admin", "domain": domain}},
        }
    }
    answer = requests.post(f"http://{address}:5000/v3/auth/tokens", json=body, timeout=60)
    return answer, answer.json()


@pytest.mark.parametrize("network", ["public", "internal"])
def test_it_serves_on_every_network_of_its_load_balancer(deployed: Operator, network: str) -> None:
    answer, token = log_in(deployed, network)
    assert answer.status_code == 201, token
    addresses = deployed.store("small").record()["addresses"]
    (catalogue,) = token["token"]["catalog"]
    urls = {each["interface"]: each["url"] for each in catalogue["endpoints"]}
    assert urls == {
        "public": f"http://{addresses['haproxy public']}:5000/v3",
        "internal": f"http://{addresses['haproxy internal']}:5000/v3",
        "admin": f"http://{addresses['haproxy internal']}:5000/v3",
    }


def test_a_database_that_hangs_is_named_and_nothing_is_when_it_goes_on(deployed: Operator) -> None:
    pid = int(statuses(deployed)["mariadb/0"]["Processes"].rpartition(" ")[2])
    said: list[str] = []

    def named() -> bool:
        ended = deployed.run("diagnose", "small", "-f", "json")
        said.append(ended.stdout)
        return ended.returncode == 4

    os.kill(pid, signal.SIGSTOP)
    try:
        # Of a unit that has only just begun nobody is believed that it is gone.
        until("a cause is named", named)
    finally:
        os.kill(pid, signal.SIGCONT)
    first = json.loads(said[-1])[0]
    assert (first["Cause"], first["Where"]) == ("does not answer", "mariadb/0")
    assert str(pid) in first["Next"]
    assert json.loads(deployed.must("diagnose", "small", "-f", "json")) == []


def test_the_health_of_an_api_is_what_its_callers_found(deployed: Operator) -> None:
    store = deployed.store("small")
    address = store.record()["addresses"]["keystone/0"]

    def known() -> dict[str, str]:
        assert log_in(deployed, "public")[0].status_code == 201
        rows = json.loads(deployed.must("health", "small", "-f", "json"))
        return {row["Unit"]: row["State"] for row in rows if row["Component"].startswith("sql:")}

    until("both units have used their database", lambda: known() == {"keystone/0": "pass", "keystone/1": "pass"})
    assert deployed.run("health", "small", "nova-api").returncode == 2

    def told(place: str) -> str:
        assert log_in(deployed, "public")[0].status_code == 201
        answer = requests.get(f"http://{place}:5000/health", timeout=60).json()
        assert set(answer) == {"status"}, "whoever calls from elsewhere sees one word"
        return str(answer["status"])

    # What was lost before, by a server that hung or a machine that was busy, warns until it was used again.
    for place in (address, store.record()["addresses"]["haproxy public"]):
        until(f"{place} tells that it is well", lambda place=place: told(place) == "pass")


@pytest.mark.full
def test_what_was_wrong_at_night_is_told_in_the_morning(deployed: Operator) -> None:
    assert deployed.run("diagnose", "small", "--since", "10m").returncode == 4, "nobody has collected"
    argv = [sys.executable, "-m", "onward.commands.main", *deployed.where(), "collect", "small", "--every", "1"]
    pid = deployed.pids("small")["memcached/0"]

    def told() -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(
            deployed.run("diagnose", "small", "--since", "10m", "-f", "json").stdout
        )
        return [each for each in found if each["Where"] == "memcached/0"]

    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as collecting:
        try:
            assert collecting.stderr is not None
            assert "collecting what small tells" in collecting.stderr.readline()
            assert deployed.run("collect", "small").returncode == 4, "two would write the same"
            os.kill(pid, signal.SIGSTOP)
            try:
                until("it is named while it hangs", lambda: [each["Until"] for each in told()] == ["still"])
            finally:
                os.kill(pid, signal.SIGCONT)
            until("it is over", lambda: told() and all(each["Until"] != "still" for each in told()))
        finally:
            collecting.send_signal(signal.SIGINT)
            assert collecting.wait(60) == 0


def test_it_is_used_as_its_users_use_it_and_nothing_of_that_is_left(deployed: Operator) -> None:
    assert "small can be used.\nUsed: user." in deployed.must("smoke", "small")
    _, token = log_in(deployed, "internal")
    assert token["token"]["user"]["name"] == "admin"
    files = deployed.store("small").directory / "units" / "keystone-0" / "etc" / "clouds.yaml"
    cloud = openstack.config.OpenStackConfig(config_files=[str(files)]).get_one("small")
    connection = openstack.connection.Connection(config=cloud)
    assert "onward-trial" not in {each.name for each in connection.identity.users()}


def test_every_unit_is_active_and_has_an_address_of_its_own(deployed: Operator) -> None:
    found = statuses(deployed)
    assert {unit: each["State"] for unit, each in found.items()} == dict.fromkeys(
        ["mariadb/0", "memcached/0", "keystone/0", "keystone/1", "haproxy/0"], "active"
    )
    addresses = [each["Address"] for each in found.values()]
    assert len(set(addresses)) == len(addresses)
    assert all(address.startswith("127.") for address in addresses)


def test_every_log_of_a_unit_is_one_that_is_rotated(deployed: Operator) -> None:
    """A process writes to its supervisor, who rotates it, and nowhere else."""
    log_in(deployed, "public")
    directory = deployed.store("small").directory
    configured = "".join(path.read_text() for path in (directory / "programs").glob("*.conf"))
    rotated = {Path(path).name for path in re.findall(r"stdout_logfile = (.*)", configured)}
    assert configured.count("stdout_logfile_maxbytes = 10MB") == len(re.findall("stdout_logfile = ", configured))
    assert {path.name for path in directory.glob("units/*/log/*")} <= rotated

    def logged() -> str:
        return "".join(path.read_text(errors="replace") for path in directory.glob("units/keystone-*/log/api.log"))

    # Its supervisor writes it down when it has come through a pipe.
    until("the call is logged", lambda: "POST /v3/auth/tokens" in logged())


def test_the_versions_of_its_apis_are_remembered_as_they_were_deployed_and_others_are_told(deployed: Operator) -> None:
    store = deployed.store("small")
    published = store.done()["publish/keystone"]
    (version,) = published["evidence"]["deployed_with"]
    assert published["evidence"]["versions"] == [version]
    assert re.fullmatch(r"3\.\d+", version["version"])
    assert "its API" not in deployed.run("status", "small").stderr
    earlier = {**published["evidence"], "deployed_with": [{**version, "version": "3.7"}]}
    store.note_done("publish/keystone", published["digest"], earlier)
    try:
        said = f"keystone: its API has {version['version']}, and was deployed with 3.7"
        assert said in deployed.run("status", "small").stderr
    finally:
        store.note_done("publish/keystone", published["digest"], published["evidence"])


def test_deployed_twice_nothing_changes_and_that_is_said(deployed: Operator) -> None:
    before = deployed.pids("small")
    assert "Nothing was changed." in deployed.deploy(BUNDLE)
    assert deployed.pids("small") == before


def test_it_is_told_what_its_deployment_took_and_what_made_it_so_long(deployed: Operator) -> None:
    run = json.loads(deployed.must("runs", "list", "-f", "json", "--sort-column", "Created"))[0]["Run"]
    steps = json.loads(deployed.must("timings", "show", run, "-f", "json"))
    chain = json.loads(deployed.must("timings", "show", run, "--by", "path", "-f", "json"))
    assert {each["Unit"] for each in steps if each["Unit"]} == set(statuses(deployed))
    assert chain[0]["Step"] == "record"
    assert chain[-1]["Step"] == "publish/keystone"
    until = max(each["Began"] + each["Seconds"] for each in steps)
    assert sum(each["Waited"] + each["Seconds"] for each in chain) == pytest.approx(until, abs=0.5)
    deployed.must("timings", "save", "first", run)
    # Of one run, held against itself, there is nothing to say.
    assert "OW952" in deployed.run("timings", "compare", "first", run).stderr


def workers(operator: Operator) -> list[int]:
    """The processes that answer for Keystone's second unit."""
    master = operator.pids("small")["keystone/1"]
    return sorted(map(int, Path(f"/proc/{master}/task/{master}/children").read_text().split()))


def connections(operator: Operator) -> set[int]:
    """Keystone's connections as the database server has numbered them."""
    store = operator.store("small")
    where = {"host": store.record()["addresses"]["mariadb/0"], "user": "keystone"}
    with pymysql.connect(**where, password=store.secrets()["keystone/shared-db"]) as own, own.cursor() as cursor:
        cursor.execute("SHOW PROCESSLIST")
        return {number for number, *_ in cursor.fetchall()} - {own.thread_id()}


def tells_details(operator: Operator) -> bool:
    """Whether Keystone's second unit writes what is only for debugging when somebody logs in at it."""
    store = operator.store("small")
    logs = sorted((store.directory / "units" / "keystone-1" / "log").glob("*.log"))
    before = {path: path.stat().st_size for path in logs}
    address = store.record()["addresses"]["keystone/1"]
    assert requests.get(f"http://{address}:5000/v3/projects", timeout=60).status_code == 401
    return any(b" DEBUG " in path.read_bytes()[before[path] :] for path in logs)


KILLED = ["unit.file-written#1", "unit.owes-reload#1", "unit.reloaded#1"]


@pytest.mark.parametrize("point", ["", *(pytest.param(point, marks=pytest.mark.full) for point in KILLED)])
def test_a_mutable_option_is_taken_over_with_no_restart_and_no_new_connection(deployed: Operator, point: str) -> None:
    """Also when Onward is killed meanwhile, and asked for the same again."""
    assert log_in(deployed, "public")[0].status_code == 201
    assert not tells_details(deployed)
    before, working, connected = deployed.pids("small"), workers(deployed), connections(deployed)
    if point:
        killed = deployed.run("config", "keystone/1", "debug=true", environment={"ONWARD_CRASH_AT": point})
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        deployed.must("config", "keystone/1", "debug=true")
    else:
        shown = deployed.must("config", "keystone/1", "debug=true", "--dry-run")
        assert "reload/keystone/1" in shown
        assert "start/" not in shown
        deployed.must("config", "keystone/1", "debug=true")
    until("it tells details", lambda: tells_details(deployed), 30)
    deployed.must("config", "keystone/1", "debug=")
    until("it tells them no more", lambda: not tells_details(deployed), 30)
    assert (deployed.pids("small"), workers(deployed)) == (before, working)
    assert set() < connected <= connections(deployed)
    assert "Nothing was changed." in deployed.deploy(BUNDLE)


def test_an_option_is_set_and_taken_back_by_name(deployed: Operator) -> None:
    before = deployed.pids("small")
    configuration = deployed.store("small").directory / "units" / "keystone-1" / "etc" / "keystone.conf"
    said = deployed.must("config", "keystone/1", "token.expiration=600")
    assert "1 unit of small restarted and healthy" in said, "by the loop that looks whether it is borne"
    assert "expiration = 600" in configuration.read_text()
    assert deployed.must("config", "keystone/1") == "token.expiration=600\n"
    taken_back = deployed.run("deploy", str(deployed.bundle), "--model", "small", "--dry-run").stderr
    assert "keystone/1: token.expiration is not set any more" in taken_back
    assert [unit for unit, pid in deployed.pids("small").items() if pid != before[unit]] == ["keystone/1"]
    assert "Nothing was changed." in deployed.must("config", "keystone/1", "token.expiration=600")
    deployed.must("config", "keystone/1", "token.expiration=")
    assert "expiration = 7200" in configuration.read_text()
    assert "Nothing was changed." in deployed.deploy(BUNDLE)


BETWEEN = [
    "unit.owes-restart",
    "unit.file-written",
    "restart.calm",
    "restart.decided",
    "unit.restarted",
    "restart.healthy",
]
"""From the first debt to the last unit that is well again."""


@pytest.mark.parametrize("again", ["resumed", pytest.param("typed", marks=pytest.mark.full)])
@pytest.mark.parametrize(
    "point", [pytest.param(point, marks=[] if point == "restart.decided" else pytest.mark.full) for point in BETWEEN]
)
def test_killed_between_files_and_restart_the_restart_is_owed_until_it_is_done(
    deployed: Operator, point: str, again: str
) -> None:
    store = deployed.store("small")
    typed = ("config", "keystone/1", "token.expiration=601")
    before = deployed.pids("small")
    killed = deployed.run(*typed, environment={"ONWARD_CRASH_AT": point})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert set(store.owed()) == (set() if point == "restart.healthy" else {"keystone/1"})
    if again == "resumed":
        run = deployed.must("runs", "list", "-f", "value", "-c", "Run").split()[0]
        assert "1 unit of small restarted and healthy" in deployed.must("runs", "resume", run)
    else:
        deployed.must(*typed)
    assert store.owed() == {}
    now = deployed.pids("small")
    assert [unit for unit, pid in now.items() if pid != before[unit]] == ["keystone/1"]
    until("it serves", lambda: log_in(deployed, "public")[0].status_code == 201)
    # And not once more.
    assert "Nothing was changed." in deployed.must(*typed)
    assert deployed.pids("small") == now
    deployed.must("config", "keystone/1", "token.expiration=")
    assert "Nothing was changed." in deployed.deploy(BUNDLE)


def behind_the_balancer(operator: Operator) -> set[str]:
    configuration = operator.store("small").directory / "units" / "haproxy-0" / "etc" / "haproxy.cfg"
    return set(re.findall(r"server (keystone-\d)", configuration.read_text()))


def test_a_unit_leaves_the_balancer_and_another_joins_it_and_the_rest_keep_number_and_process(
    deployed: Operator,
) -> None:
    before = deployed.pids("small")
    deployed.must("remove-unit", "keystone/0")
    assert behind_the_balancer(deployed) == {"keystone-1"}
    assert [unit for unit in statuses(deployed) if unit.startswith("keystone")] == ["keystone/1"]
    assert not (deployed.store("small").directory / "units" / "keystone-0").exists()
    assert log_in(deployed, "public")[0].status_code == 201
    deployed.must("add-unit", "keystone")
    assert behind_the_balancer(deployed) == {"keystone-0", "keystone-1"}
    assert {each["State"] for each in statuses(deployed).values()} == {"active"}
    assert log_in(deployed, "public")[0].status_code == 201
    assert deployed.pids("small")["keystone/1"] == before["keystone/1"], "nothing of it has changed"
    assert "Nothing was changed." in deployed.deploy(BUNDLE), "two units are what the bundle says"


@pytest.mark.full
def test_a_relation_is_ended_and_made_again(deployed: Operator) -> None:
    configuration = deployed.store("small").directory / "units" / "keystone-0" / "etc" / "keystone.conf"
    text = configuration.read_text()
    deployed.must("unrelate", "keystone", "memcached")
    assert "[cache]\nenabled = false" in configuration.read_text()
    assert log_in(deployed, "public")[0].status_code == 201
    deployed.must("relate", "keystone", "memcached")
    assert configuration.read_text() == text
    # The same relation, remembered in another place of the bundle: as the other tests expect it.
    deployed.deploy(BUNDLE)


def test_what_others_use_is_not_removed(deployed: Operator) -> None:
    before, record = deployed.pids("small"), deployed.store("small").record()
    for words in (["remove-unit", "mariadb/0"], ["unrelate", "keystone", "mariadb"]):
        refused = deployed.run(*words)
        assert refused.returncode == 4
        assert "OW902" in refused.stderr
    unknown = deployed.run("remove-unit", "keystone/7")
    assert unknown.returncode == 4
    assert "it has: mariadb/0, memcached/0, keystone/0, keystone/1, haproxy/0" in unknown.stderr
    assert deployed.pids("small") == before
    assert deployed.store("small").record() == record


def test_an_option_that_there_is_not_is_refused_with_the_nearest_names(deployed: Operator) -> None:
    before = deployed.pids("small")
    refused = deployed.run("config", "keystone", "token.expiratoin=600", "debug=perhaps")
    assert refused.returncode == 4
    assert "OW903" in refused.stderr
    assert "token.expiration" in refused.stderr
    assert "debug: 2025.1 does not take 'perhaps' for it" in refused.stderr
    assert deployed.pids("small") == before
    assert "expiratoin" not in str(deployed.store("small").record())


def test_a_file_that_somebody_changed_is_put_right(deployed: Operator) -> None:
    configuration = deployed.store("small").directory / "units" / "keystone-0" / "etc" / "keystone.conf"
    text = configuration.read_text()
    configuration.write_text(text.replace("provider = fernet", "provider = jws"))
    deployed.deploy(BUNDLE)
    assert configuration.read_text() == text


def test_a_process_that_is_killed_comes_back(deployed: Operator) -> None:
    before = deployed.pids("small")
    os.kill(before["keystone/0"], signal.SIGKILL)
    until("another process runs", lambda: deployed.pids("small").get("keystone/0") not in (None, before["keystone/0"]))
    until("all units are active", lambda: {each["State"] for each in statuses(deployed).values()} == {"active"})


def test_a_cache_that_hangs_keeps_nobody_from_logging_in(deployed: Operator) -> None:
    pid = deployed.pids("small")["memcached/0"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert log_in(deployed, "public")[0].status_code == 201
    finally:
        os.kill(pid, signal.SIGCONT)
    assert statuses(deployed)["memcached/0"]["State"] == "active"


def files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]


def test_secrets_are_only_in_files_of_their_owner_and_in_no_record(deployed: Operator) -> None:
    secrets = deployed.store("small").secrets()
    assert len(secrets) == 6
    model = deployed.store("small").directory
    holding = set()
    for path in files_below(deployed.directories.state):
        content = path.read_bytes()
        if any(value.encode() in content for value in secrets.values()):
            holding.add(path)
    allowed = {model / "secrets.json", *(model / "units").rglob("etc/**/*")}
    assert holding - allowed == set(), "recorded where it must not be"
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in holding)
    arguments = b"".join(
        path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists() and os.access(path, os.R_OK)
    )
    assert not any(value.encode() in arguments for value in secrets.values())


def test_the_applications_user_of_the_database_may_use_its_own_only(deployed: Operator) -> None:
    store = deployed.store("small")
    where = {"host": store.record()["addresses"]["mariadb/0"], "port": 3306, "user": "keystone"}
    password = store.secrets()["keystone/shared-db"]
    with pymysql.connect(**where, password=password) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES")
        assert {name for (name,) in cursor.fetchall()} == {"information_schema", "keystone"}
        with pytest.raises(pymysql.Error, match="denied"):
            cursor.execute("CREATE DATABASE other")


def test_a_model_of_the_same_bundle_beside_it_has_other_addresses(deployed: Operator) -> None:
    shown = json.loads(deployed.must("deploy", deployed.bundle, "--model", "other", "--dry-run", "-f", "json"))
    record = next(step for step in shown["steps"] if step["id"] == "record")["arguments"]["record"]
    assert not set(record["addresses"].values()) & set(deployed.store("small").record()["addresses"].values())
