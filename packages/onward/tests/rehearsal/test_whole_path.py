"""The main job, for real: every release from 2023.1 to the newest, on SQLite and on MariaDB."""

import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from process_list import ProcessList
from rehearsing import PATH_FROM_2023, Operator

pytestmark = [pytest.mark.environments, pytest.mark.timeout(1500)]


def secrets_of(workspace: Path) -> list[str]:
    """Every password and key that the run used, from the one directory that may hold them."""
    found = [path.read_text().strip() for path in (workspace / "secrets").rglob("*") if path.is_file()]
    found += [path.read_text().strip() for path in (workspace / "etc").rglob("*-keys/*") if path.is_file()]
    words = {word for text in found for word in re.findall(r"[A-Za-z0-9_\-+/=]{16,}", text)}
    assert words, "the run has left no secrets to look for"
    return sorted(words)


def leaks(operator: Operator, secrets: list[str], texts: dict[str, bytes]) -> list[str]:
    everywhere = dict(texts)
    workspace = operator.workspace()
    allowed = [workspace / "secrets", *(workspace / "etc").rglob("*-keys")]
    for path in operator.directories.state.rglob("*"):
        if path.is_file() and not any(path.is_relative_to(place) for place in allowed):
            everywhere[str(path)] = path.read_bytes()
    return [
        f"{place}: {secret[:6]}..."
        for place, data in everywhere.items()
        for secret in secrets
        if secret.encode() in data
    ]


def private_files(workspace: Path) -> list[str]:
    """Files with secrets that others than their owner may read."""
    places = [workspace / "secrets", workspace / "etc"]
    return [
        str(path) for place in places for path in place.rglob("*") if path.is_file() and path.stat().st_mode & 0o077
    ]


class Standalone(HTMLParser):
    """Refuses anything that a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href") and value]


@pytest.mark.parametrize("backend", ["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def test_a_demonstration_goes_through_every_series(
    operator: Operator, needs: Callable[..., None], backend: str
) -> None:
    needs(*PATH_FROM_2023)
    with ProcessList() as processes:
        ended = operator.call(
            "rehearse", "--demo", "--size", "small", "--from", "2023.1", "--scratch", backend, "--keep"
        )
    assert ended.status == 0, ended.out + ended.err
    record = operator.run()
    assert list(record.plan.path) == PATH_FROM_2023
    assert {step.status for step in record.steps} == {"done"}
    checks = {check["name"]: check for check in (record.step("prove").evidence or {})["checks"]}
    assert all(check["passed"] == check["total"] > 0 for check in checks.values()), checks
    assert any("old password" in name for name in checks)
    assert "lost" in ended.out.splitlines()[0] or "survived" in ended.out.splitlines()[0]
    # A word that is longer than a line is never broken, be it followed by what says that its command goes on.
    assert all(len(line) <= 80 or " " not in line.removesuffix(" \\").strip() for line in ended.out.splitlines())
    assert f"The copy is left in place:\n  {operator.workspace() / 'scratch'}" in ended.out
    assert "\x1b[" not in ended.out
    page = Standalone()
    page.feed((operator.workspace() / "report.html").read_text())
    assert page.fetched == []
    assert operator.report()["run"]["status"] == "done"
    secrets = secrets_of(operator.workspace())
    texts = {"standard output": ended.out.encode(), "standard error": ended.err.encode()}
    assert leaks(operator, secrets, {**texts, "process list": b"\n".join(processes.lines)}) == []
    assert private_files(operator.workspace()) == []


@pytest.mark.full
def test_slurp_releases_only(operator: Operator, needs: Callable[..., None]) -> None:
    needs("2023.1", "2024.1", "2025.1", "2026.1")
    ended = operator.call("rehearse", "--demo", "--size", "small", "--from", "2023.1", "--to", "2026.1", "--slurp")
    assert ended.status == 0, ended.out + ended.err
    assert list(operator.run().plan.path) == ["2023.1", "2024.1", "2025.1", "2026.1"]
    assert not (operator.workspace() / "scratch").exists()


@pytest.mark.full
@pytest.mark.mariadb
def test_queens_to_the_newest_on_mariadb(operator: Operator, needs: Callable[..., None]) -> None:
    needs("queens", "stein", "ussuri", "wallaby", "2026.2")
    ended = operator.call("rehearse", "--demo", "--from", "queens", "--size", "small", "--scratch", "mariadb")
    assert ended.status == 0, ended.out + ended.err
    assert len(operator.run().plan.path) == 18


@pytest.mark.full
def test_a_release_that_is_itself_broken_is_said_so(operator: Operator, needs: Callable[..., None]) -> None:
    needs("queens", "stein", "ussuri", "wallaby", "2026.2")
    ended = operator.call("rehearse", "--demo", "--from", "queens", "--size", "small", "--scratch", "sqlite", "--keep")
    assert ended.status == 1, ended.out + ended.err
    record = operator.run()
    (failure,) = record.failures
    assert failure.step.id == "migrate/2023.2"
    assert failure.error is not None
    assert failure.error["code"] == "OW601"
    assert "itself at fault" in failure.error["what"]
    assert "access_rule_external_id_key" in failure.error["evidence"]
    assert "between 2023.1 and 2023.2" in failure.error["state"]
    again = operator.call("runs", "resume", record.run_id)
    assert again.status == 1
    assert operator.run().failures[0].step.id == "migrate/2023.2"


def test_what_is_left_when_nothing_is_kept(operator: Operator, needs: Callable[..., None]) -> None:
    needs("2026.1", "2026.2")
    ended = operator.call("rehearse", "--demo", "--size", "small", "--from", "2026.1", "--report-dir", "out")
    assert ended.status == 0, ended.out + ended.err
    assert not (operator.workspace() / "scratch").exists()
    assert {path.name for path in (operator.home / "out").iterdir()} == {"report.html", "report.json"}
    listed = operator.call("runs", "list", "-f", "value", "-c", "Run", "-c", "Status")
    assert listed.out.split() == [operator.run().run_id, "done"]
    shown = operator.call("runs", "show", operator.run().run_id, "-f", "csv", "-c", "Step", "-c", "Status")
    assert '"migrate/2026.2","done"' in shown.out
    assert operator.call("runs", "resume", operator.run().run_id).status == 4
    assert os.listdir(operator.directories.state / "runs") == [operator.run().run_id]
