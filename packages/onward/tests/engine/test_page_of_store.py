"""The page of a store: runs that controllers carry out are followed and steered from it."""

import subprocess
import sys
from pathlib import Path

import pytest
from served import Person, Served, gated_plan, recorded, status, until

from onward.engine.runs import all_events
from onward.hosts.state import Directories

pytestmark = pytest.mark.full


def test_a_run_of_a_store_is_followed_and_steered(stored: Directories, tmp_path: Path) -> None:
    url = str(stored.store)
    page = Served(stored, tmp_path, "--store", url).begin()
    where = ["--state-dir", str(stored.state), "--cache-dir", str(stored.cache)]
    argv = [sys.executable, "-m", "onward.commands.main", *where, "controller", "run", "--store", url]
    try:
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as controller:
            try:
                _steer(page, stored, tmp_path)
            finally:
                controller.terminate()
    finally:
        page.end()


def _steer(page: Served, stored: Directories, gates: Path) -> None:
    person = Person(page).log_in()
    run = recorded(stored, gated_plan(gates, "a", "b"))
    begun = person.send(f"/runs/{run}", f"/runs/{run}/resume").headers["location"]
    until(lambda: status(stored, run).step("start/a").status == "running", f"the run: {person.get(begun).text}")
    assert person.send(f"/runs/{run}", f"/runs/{run}/pause").status_code == 303
    (gates / "a").touch()
    until(lambda: status(stored, run).status == "paused", "the run to pause")
    assert "Paused by request" in person.get(f"/runs/{run}").text
    happened = [event.number for event in all_events(stored, 0, 1000)]
    found: list[int] = []
    with person.session.get(f"{page.url}/events?after=0", stream=True, timeout=60) as answer:
        for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
            if line.startswith("id: "):
                found.append(int(line[4:]))
            if found and found[-1] == happened[-1]:
                break
    assert found == happened
