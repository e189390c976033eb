"""A deployed model on the page and in `onward watch`, well and with its database silent."""

import os
import signal
from pathlib import Path

import pytest
from deploying import Operator, until
from served import Person, Served

pytestmark = [pytest.mark.environments, pytest.mark.mariadb, pytest.mark.timeout(1200)]


def test_the_cause_is_marked_where_everybody_looks(deployed: Operator, tmp_path: Path) -> None:
    page = Served(deployed.directories, tmp_path).begin()
    pid = deployed.pids("small")["mariadb/0"]
    try:
        person = Person(page).log_in()
        overview = person.get("/").text
        units = len(deployed.pids("small"))
        assert f"{units} of {units} units active" in overview
        assert "Region RegionOne" in overview
        well = person.get("/models/small/cause").text
        assert "CAUSE" not in well
        assert "Nothing is wrong" in well
        assert 'class="graph"' in well
        assert person.get("/models/other").status_code == 404
        os.kill(pid, signal.SIGSTOP)
        # Who has just looked is not asked again; another model's page is of no use here, so another server looks.
        other = Served(deployed.directories, tmp_path).begin()
        try:
            watcher = Person(other).log_in()

            def ill() -> str:
                return watcher.get("/models/small/cause").text

            # Of a unit that has only just begun nobody is believed that it is gone.
            until("the cause is named", lambda: "mariadb/0: does not answer" in ill())
            ill_page = ill()
            assert "CAUSE mariadb/0: does not answer" in watcher.get("/").text
        finally:
            other.end()
        assert "mariadb/0: does not answer" in ill_page
        assert 'class="box cause"' in ill_page
        assert ill_page.count('class="box cause"') == 1
        assert f"-p {pid}" in ill_page
        looked = deployed.run("watch", "small", "--once")
        assert looked.returncode == 4, "as that of diagnose: somebody may have it looked at again and again"
        once = looked.stdout
        assert f"process {pid} is stopped by a signal" in once
        assert "CAUSE  mariadb/0: does not answer" in once
        assert "keystone/0" in once
        secrets = [value for value in deployed.store("small").secrets().values() if len(value) > 8]
        assert secrets
        for shown in (overview, well, ill_page, once, person.get("/models/small").text, person.get("/journal").text):
            assert not [value for value in secrets if value in shown]
    finally:
        os.kill(pid, signal.SIGCONT)
        page.end()
    assert "cause: none is named" in deployed.must("watch", "--once")
