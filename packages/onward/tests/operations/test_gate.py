"""Before a database is migrated in place it must be reachable, writable, and nobody else's."""

import signal

import pytest
from installation import SQLITE_TAKES_LONG, Installation, held_open
from mariadb_data import sql
from told import told

from onward.hosts.mariadb import PrivateMariadb

pytestmark = [pytest.mark.environments, pytest.mark.timeout(900)]

TARGET = "2026.1"
BEFORE = ["47147121", "c88cdce8f248"]


@SQLITE_TAKES_LONG
def test_whoever_is_still_connected_is_named_and_nothing_is_migrated(installation: Installation) -> None:
    operator = installation.operator
    installation.init("keystone/0")
    digest = installation.plan(TARGET)
    before = installation.content()
    with held_open(installation.url) as who:
        ended = operator.call("apply", "plan.json", "--approve", digest)
    # Units were stopped: this is no refusal that touched nothing.
    assert ended.status == 1, ended.out + ended.err
    run = operator.run().run_id
    assert "OW405" in ended.out
    assert who in ended.out
    assert "Nothing was migrated; units that were stopped by this run are still stopped." in told(ended.out)
    assert f"onward runs resume {run}" in told(ended.out)
    assert installation.content() == before
    assert [line.split()[:2] for line in installation.ledger_lines()] == [["stop", "keystone/0"]]
    resumed = operator.call("runs", "resume", run)
    assert resumed.status == 0, resumed.out + resumed.err
    assert "742c857f1dfb" in installation.heads()
    assert [line.split()[0] for line in installation.ledger_lines()] == ["stop", "start"]


@pytest.mark.mariadb
def test_a_server_that_takes_no_writes_is_refused_before_the_outage_and_within_it(
    installation_on_mariadb: Installation, server: PrivateMariadb
) -> None:
    installation, operator = installation_on_mariadb, installation_on_mariadb.operator
    installation.init("keystone/0")
    digest = installation.plan(TARGET)
    sql(server, "SET GLOBAL read_only = ON")
    try:
        for command in (
            ("plan", "upgrade", "--to", TARGET),
            ("apply", "plan.json", "--approve", digest),
        ):
            refused = operator.call(*command)
            assert refused.status == 4
            assert "OW302" in refused.err
            assert "read_only is on" in refused.err
        checked = operator.call("check", "keystone", "--to", TARGET)
        assert checked.status == 4
        assert "OW302" in checked.out
    finally:
        sql(server, "SET GLOBAL read_only = OFF")
    assert not list((operator.directories.state / "runs").iterdir())
    assert installation.ledger_lines() == []

    # The server changes its mind once the units are stopped.
    killed = operator.call("apply", "plan.json", "--approve", digest, ONWARD_CRASH_AT="step.begun#6")
    assert killed.status == -signal.SIGKILL
    run = operator.run().run_id
    assert operator.run().step("stopped").status == "running"
    sql(server, "SET GLOBAL read_only = ON")
    try:
        stopped = operator.call("runs", "resume", run)
    finally:
        sql(server, "SET GLOBAL read_only = OFF")
    assert stopped.status == 1, stopped.out + stopped.err
    assert "OW302" in stopped.out
    assert "Nothing was migrated; units that were stopped by this run are still stopped." in told(stopped.out)
    assert f"onward runs resume {run}" in told(stopped.out)
    assert installation.heads() == BEFORE
    assert operator.call("runs", "resume", run).status == 0


@pytest.mark.mariadb
def test_a_server_that_is_gone_is_said_so_and_what_it_means_for_the_service(
    installation_on_mariadb: Installation, server: PrivateMariadb
) -> None:
    installation, operator = installation_on_mariadb, installation_on_mariadb.operator
    installation.init("keystone/0")
    digest = installation.plan(TARGET)
    # Killed when the units are stopped, the backup is made, and no migration has begun.
    killed = operator.call("apply", "plan.json", "--approve", digest, ONWARD_CRASH_AT="step.handed-out#9")
    assert killed.status == -signal.SIGKILL
    run = operator.run()
    assert run.step("backup").status == "done"
    assert run.step(f"migrate/{TARGET}").status == "waiting"
    server.stop()
    try:
        for command in (("plan", "upgrade", "--to", TARGET), ("apply", "plan.json", "--approve", digest)):
            refused = operator.call(*command)
            assert refused.status == 4
            assert "OW301" in refused.err
            assert f"unix_socket={server.socket}" in "".join(refused.err.split())
        checked = operator.call("check", "keystone", "--to", TARGET)
        assert checked.status == 4
        assert "OW301" in checked.out
        stopped = operator.call("runs", "resume", run.run_id)
    finally:
        server.start()
    assert stopped.status == 1, stopped.out + stopped.err
    assert "OW301" in stopped.out
    assert "Nothing was touched" not in told(stopped.out)
    assert "keystone is still in its outage" in told(stopped.out)
    assert f"onward runs resume {run.run_id}" in told(stopped.out)
    assert operator.call("runs", "resume", run.run_id).status == 0
    assert "742c857f1dfb" in installation.heads()
