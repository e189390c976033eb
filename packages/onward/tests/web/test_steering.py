"""Runs are paused, resumed and cancelled from the page, by whoever brings the proof of its form."""

from pathlib import Path

import pytest
from served import Person, Served, gated_plan, recorded, resumed, status, until

from onward.engine.runs import all_events, last_number


def at_work(served: Served, home: Path) -> tuple[str, Path]:
    """A run whose first step waits for its gate."""
    gates = home / "gates"
    gates.mkdir()
    return recorded(served.directories, gated_plan(gates, "a", "b", "c", cloud=home.name)), gates


def test_a_run_is_paused_and_resumed_and_cancelled(served: Served, person: Person, tmp_path: Path) -> None:
    run, gates = at_work(served, tmp_path)
    assert person.send(f"/runs/{run}", f"/runs/{run}/resume").headers["location"].startswith("/commands/resume-")
    until(lambda: status(served.directories, run).step("start/a").status == "running", "the run to be begun")
    # Nobody goes on with what is at work.
    again = person.send(f"/runs/{run}", f"/runs/{run}/resume")
    assert (again.status_code, "at work already" in again.text) == (409, True)
    assert person.send(f"/runs/{run}", f"/runs/{run}/pause").status_code == 303
    (gates / "a").touch()
    until(lambda: status(served.directories, run).status == "paused", "the run to pause")
    assert status(served.directories, run).step("start/b").status == "waiting"
    assert person.send(f"/runs/{run}", f"/runs/{run}/resume").status_code == 303
    until(lambda: status(served.directories, run).step("start/b").status == "running", "the run to go on")
    # Its cloud has to be named.
    refused = person.send(f"/runs/{run}", f"/runs/{run}/cancel", named="another")
    assert (refused.status_code, tmp_path.name in refused.text) == (409, True)
    assert person.send(f"/runs/{run}", f"/runs/{run}/cancel", named=tmp_path.name).status_code == 303
    (gates / "b").touch()
    until(lambda: status(served.directories, run).status == "cancelled", "the run to be cancelled")
    assert status(served.directories, run).step("start/c").status == "waiting"
    for verb in ("pause", "resume", "cancel"):
        ended = person.post(f"/runs/{run}/{verb}", {"proof": person.proof(f"/runs/{run}"), "named": tmp_path.name})
        assert ended.status_code == 409


def test_whoever_has_lost_the_number_of_the_last_event_is_told_it_all_the_same(
    served: Served, person: Person, tmp_path: Path
) -> None:
    run, gates = at_work(served, tmp_path)
    before = last_number(served.directories)
    # Somebody else is at work on it, at a terminal.
    controller = resumed(served.directories, run)
    until(lambda: status(served.directories, run).step("start/a").status == "running", "the run to be begun")
    assert person.send(f"/runs/{run}", f"/runs/{run}/pause").status_code == 303
    (gates / "a").touch()
    assert controller.wait(60) == 5
    assert "Paused by request" in person.get(f"/runs/{run}").text
    happened = [event.number for event in all_events(served.directories, before, 1000)]
    assert len(happened) >= 4
    for after, headers in ((before, {}), (happened[1], {}), (0, {"last-event-id": str(happened[2])})):
        seen = max(after, int(headers.get("last-event-id", 0)))
        with person.session.get(
            f"{served.url}/events?after={after}", headers=headers, stream=True, timeout=60
        ) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            found: list[int] = []
            for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line.startswith("id: "):
                    found.append(int(line[4:]))
                if found and found[-1] == happened[-1]:
                    break
        assert found == [number for number in happened if number > seen]


def test_what_a_command_says_is_on_its_page(served: Served, person: Person) -> None:
    """A check of a cloud file that is broken ends at once, and its page says why."""
    (served.home / "cloud.yaml").write_text("cloud: [")
    begun = person.send("/checks", "/checks", model="").headers["location"]
    page = until(lambda: (text := person.get(begun).text) and "exit status 4" in text and text, "the check to end")
    assert "OW105" in page
    last = person.get(f"{begun}/part")
    assert (last.status_code, "exit status 4" in last.headers["hx-trigger"]) == (286, True)
    assert begun in person.get("/checks").text


@pytest.mark.parametrize("waive", ["no reason", "=", "a="])
def test_a_waiver_that_is_none_is_refused(served: Served, person: Person, tmp_path: Path, waive: str) -> None:
    run, _ = at_work(served, tmp_path)
    answer = person.send(f"/runs/{run}", f"/runs/{run}/resume", waive=waive)
    assert (answer.status_code, "OW801" in answer.text) == (409, True)


def test_an_edited_plan_is_not_started(served: Served, person: Person, tmp_path: Path) -> None:
    plan = gated_plan(tmp_path, "a", reversible=False)
    file = served.home / "some-plan.json"
    file.write_text(plan.to_json())
    form = {"proof": person.proof("/plans/some-plan.json"), "digest": plan.digest, "named": "gated"}
    for wrong in ({"digest": "sha256:0"}, {"named": ""}, {"named": "other"}):
        answer = person.post("/plans/some-plan.json/start", {**form, **wrong})
        assert (answer.status_code, "OW404" in answer.text) == (409, True), answer.text
    file.write_text(plan.to_json().replace("waits for its gate", "waits for nobody"))
    assert "OW402" in person.post("/plans/some-plan.json/start", form).text
    assert person.post("/plans/../some-plan.json/start", form).status_code == 404
    (served.home / "other.json").write_text('{"not": "a plan"}')
    listed = person.get("/plans").text
    assert "some-plan.json" in listed
    assert "OW402" in listed
    assert "other.json" not in listed
