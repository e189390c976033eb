"""A deployment that is killed is resumed to the same end, and what is destroyed leaves nothing."""

import re
import signal
import subprocess
from pathlib import Path

import pymysql
import pytest
import requests
from bundles import CLUSTERS
from deploying import Operator
from told import told

from onward.engine.crash import CRASH_POINTS
from onward.hosts.leftovers import processes_of
from onward.hosts.user import own_name

pytestmark = [pytest.mark.mariadb, pytest.mark.timeout(1200)]

MEMCACHED = "name: cache\napplications: {memcached: {num_units: 2}}\n"
STEPS = 6
"""record, supervisor, and for each unit its configuration and its start."""
OF_STEPS = [point for point in CRASH_POINTS if point.startswith("step.")]
OF_RUN = [point for point in CRASH_POINTS if point.startswith("run.")]
QUICK = ["step.effect-done#4", "unit.started#1"]
EVERY = [f"{point}#{number}" for point in OF_STEPS for number in range(1, STEPS + 1)]
EVERY += [f"{point}#1" for point in OF_RUN] + ["unit.started#1", "unit.started#2"]
OF_REMOVAL = [f"{point}#{number}" for point in OF_STEPS for number in (1, 2, 3)]
OF_REMOVAL += [f"{point}#1" for point in OF_RUN] + ["unit.stopped#1", "unit.stopped#2"]


def listening(network: int) -> list[str]:
    """Addresses of a model at which anything listens."""
    text = Path("/proc/net/tcp").read_text()
    found = []
    for line in text.splitlines()[1:]:
        local, state = line.split()[1], line.split()[3]
        number = bytes.fromhex(local.partition(":")[0])[::-1]
        if state == "0A" and number[:2] == bytes([127, network]):
            found.append(".".join(map(str, number)))
    return sorted(found)


def test_no_process_file_or_address_is_left(module_operator: Operator) -> None:
    module_operator.deploy(MEMCACHED)
    store = module_operator.store("cache")
    network = store.record()["network"]
    assert len(listening(network)) == 2
    refused = module_operator.run("destroy", "cache")
    assert refused.returncode == 4
    assert len(listening(network)) == 2
    module_operator.destroy("cache")
    assert listening(network) == []
    assert not store.directory.exists()
    assert processes_of(module_operator.directories.state) == []
    assert "no model is deployed here" in module_operator.run("status").stderr


def test_a_disk_that_is_mounted_in_a_model_is_named_and_the_removal_goes_on_without_it(
    module_operator: Operator,
) -> None:
    module_operator.deploy(MEMCACHED)
    disk = module_operator.store("cache").unit_directory("memcached/0") / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], check=False, capture_output=True, text=True)
    try:
        if mounted.returncode:
            pytest.skip(f"needs a user who may mount: {mounted.stderr}")
        digest = re.findall(r"sha256:[0-9a-f]{64}", module_operator.must("destroy", "cache", "--dry-run"))[-1]
        stopped = module_operator.run("destroy", "cache", "--approve", digest)
        assert (stopped.returncode, "OW502" in stopped.stderr) == (1, True)
        assert f"umount {disk}" in " ".join(stopped.stdout.replace("\\\n", " ").split())
        subprocess.run(["umount", disk], check=True)
        module_operator.must(
            "runs", "resume", module_operator.must("runs", "list", "-f", "value", "-c", "Run").split()[0]
        )
    finally:
        subprocess.run(["umount", disk], check=False, capture_output=True)
        if module_operator.store("cache").exists:
            module_operator.destroy("cache")
    assert list(module_operator.directories.models.iterdir()) == []


def killed_at(operator: Operator, point: str, *words: str | Path) -> None:
    done = operator.run(*words, environment={"ONWARD_CRASH_AT": point})
    assert done.returncode == -signal.SIGKILL, f"{point} was not met: {done.stdout}\n{done.stderr}"


def deploys_to_the_same_end(operator: Operator, point: str) -> None:
    """Killed there, the deployment is gone on with, by resuming its run or by asking for the same again."""
    operator.bundle.write_text(MEMCACHED)
    killed_at(operator, point, "deploy", operator.bundle)
    run = operator.must("runs", "list", "-f", "value", "-c", "Run").split()[0]
    resumed = operator.run("runs", "resume", run)
    assert resumed.returncode in (0, 4), resumed.stderr  # 4: all was done, and only the last word was missing
    assert "Nothing was changed." in operator.deploy()
    assert len(listening(operator.store("cache").record()["network"])) == 2
    operator.destroy("cache")
    assert list(operator.directories.models.iterdir()) == []


@pytest.mark.parametrize("point", QUICK)
def test_killed_it_is_resumed_to_the_same_end(module_operator: Operator, point: str) -> None:
    deploys_to_the_same_end(module_operator, point)


@pytest.mark.full
@pytest.mark.parametrize("point", EVERY)
def test_killed_at_every_crash_point_it_is_resumed_to_the_same_end(module_operator: Operator, point: str) -> None:
    deploys_to_the_same_end(module_operator, point)


LEAVING = [f"{point}#{number}" for point in OF_STEPS for number in (1, 2)] + ["unit.stopped#1"]


@pytest.mark.parametrize(
    "point", [pytest.param(each, marks=() if each == "unit.stopped#1" else pytest.mark.full) for each in LEAVING]
)
def test_a_unit_whose_removal_is_killed_is_gone_in_the_end(module_operator: Operator, point: str) -> None:
    """The run of one unit's removal has two steps: what the model shall be is remembered, and the unit leaves."""
    module_operator.deploy(MEMCACHED)
    store = module_operator.store("cache")
    staying = module_operator.pids("cache")["memcached/1"]
    both = module_operator.run("remove-unit", "memcached/0", "memcached/1")
    assert both.returncode == 4
    assert "onward remove-unit memcached/0 memcached/1 --approve sha256:" in told(both.stderr)
    killed_at(module_operator, point, "remove-unit", "memcached/0")
    run = module_operator.must("runs", "list", "-f", "value", "-c", "Run").split()[0]
    assert module_operator.run("runs", "resume", run).returncode in (0, 4)
    assert module_operator.pids("cache") == {"memcached/1": staying}
    assert [path.name for path in (store.directory / "units").iterdir()] == ["memcached-1"]
    assert listening(store.record()["network"]) == [store.record()["addresses"]["memcached/1"]]
    last = re.findall(r"sha256:[0-9a-f]{64}", module_operator.must("remove-unit", "memcached/1", "--dry-run"))[-1]
    module_operator.must("remove-unit", "memcached/1", "--approve", last)
    assert listening(store.record()["network"]) == []
    module_operator.destroy("cache")


@pytest.mark.full
@pytest.mark.parametrize("point", OF_REMOVAL)
def test_a_removal_that_is_killed_leaves_nothing_in_the_end(module_operator: Operator, point: str) -> None:
    module_operator.deploy(MEMCACHED)
    network = module_operator.store("cache").record()["network"]
    digest = re.findall(r"sha256:[0-9a-f]{64}", module_operator.must("destroy", "cache", "--dry-run"))[-1]
    killed_at(module_operator, point, "destroy", "cache", "--approve", digest)
    if module_operator.store("cache").exists:
        module_operator.destroy("cache")
    assert listening(network) == []
    assert list(module_operator.directories.models.iterdir()) == []
    assert processes_of(module_operator.directories.state) == []


def nodes_of_broker(operator: Operator) -> set[str]:
    """As one that was there from the beginning sees them, whether or not they run."""
    store = operator.store("clusters")
    address = store.record()["addresses"]["rabbitmq-server/2"]
    password = store.secrets()["rabbitmq-server/administrator"]
    answer = requests.get(f"http://{address}:15672/api/nodes", auth=("onward", password), timeout=30)
    return {each["name"] for each in answer.json()}


def servers_of_cluster(operator: Operator) -> str:
    socket = Path(operator.store("clusters").record()["sockets"]) / "mariadb-2.sock"
    with pymysql.connect(unix_socket=str(socket), user=own_name()) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep_cluster_size'")
        ((_, size),) = cursor.fetchall()
    return str(size)


def nodes_leave_and_others_join(operator: Operator) -> None:
    """The first of each: those whose number says that they begin a cluster."""
    before = nodes_of_broker(operator)
    alone = operator.run("remove-unit", "mariadb/0", "mariadb/1")
    assert alone.returncode == 4
    assert "OW921" in alone.stderr
    operator.must("remove-unit", "mariadb/0", "rabbitmq-server/0")
    assert nodes_of_broker(operator) == {name for name in before if not name.startswith("rabbit0@")}
    assert servers_of_cluster(operator) == "2"
    operator.must("add-unit", "mariadb")
    operator.must("add-unit", "rabbitmq-server")
    assert len(nodes_of_broker(operator)) == 3
    assert servers_of_cluster(operator) == "3"
    shown = operator.must("status", "clusters", "-f", "value", "-c", "State").split()
    assert shown == ["active"] * 6


@pytest.mark.full
@pytest.mark.broker
def test_clusters_form_and_are_one(module_operator: Operator) -> None:
    module_operator.deploy(CLUSTERS.format(name="clusters"))
    shown = module_operator.must("status", "clusters", "-f", "value", "-c", "State").split()
    assert shown == ["active"] * 6
    nodes_leave_and_others_join(module_operator)
    module_operator.destroy("clusters")
    assert processes_of(module_operator.directories.state) == []
