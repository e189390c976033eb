"""A saved plan is started from the page, and carried out though the page is gone."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from installation import Installation
from served import Person, Served, newest, until

pytestmark = [pytest.mark.environments, pytest.mark.full, pytest.mark.timeout(900)]


def test_a_saved_plan_is_approved_and_started_and_outlives_the_page(
    install: Callable[..., Installation], tmp_path: Path
) -> None:
    cloud = install("sqlite", tmp_path / "cloud")
    cloud.init("keystone/0")
    digest = cloud.plan("2026.1")
    before, directories = cloud.heads(), cloud.operator.directories
    page = Served(directories, cloud.operator.home).begin()
    try:
        person = Person(page).log_in()
        shown = person.get("/plans/plan.json").text
        assert digest in shown
        assert "migrate/2026.1" in shown
        # The form brings the digest that was shown; whoever approves it names the cloud.
        form = {"proof": person.proof("/plans/plan.json"), "digest": digest}
        assert person.post("/plans/plan.json/start", {**form, "named": "another"}).status_code == 409
        assert newest(directories) is None
        begun = person.post("/plans/plan.json/start", {**form, "named": "example"}).headers["location"]
        run = until(lambda: newest(directories), f"the run: {person.get(begun).text[-800:]}")
        assert run.plan.digest == digest
        until(lambda: run.run_id in person.get(begun).text, "the run on the page of its command")
    finally:
        page.end()
    until(lambda: (newest(directories) or run).status in ("done", "failed"), "the end of the run", seconds=600)
    ended = newest(directories)
    assert ended is not None
    assert ended.status == "done", ended.failures
    assert cloud.heads() != before
    page.begin()
    try:
        assert "exit status 0" in Person(page).log_in().get(begun).text
        # What it was computed from holds no more: the command says so on its page, and nothing is touched.
        again = Person(page).log_in()
        stale = again.post(
            "/plans/plan.json/start", {"proof": again.proof("/plans/plan.json"), "digest": digest, "named": "example"}
        ).headers["location"]
        said = until(lambda: (text := again.get(stale).text) and "exit status 6" in text and text, "the refusal")
        assert "OW401" in said
        # And back: the plan is reviewed as any other.
        back = f"/runs/{ended.run_id}/restore"
        assert back in again.get(f"/runs/{ended.run_id}/steering").text
        found = re.search(r'name="digest" value="([^"]+)"', again.get(back).text)
        assert found
        form = {"proof": again.proof(back), "digest": found[1]}
        assert again.post(back, {**form, "named": "another"}).status_code == 409
        assert again.post(back, {**form, "named": "example"}).status_code == 303
        until(lambda: (newest(directories) or run).plan.kind == "restore", "the way back to be begun")
        until(lambda: (newest(directories) or run).status in ("done", "failed"), "its end", seconds=600)
        assert (newest(directories) or run).status == "done"
        assert cloud.heads() == before
    finally:
        page.end()
