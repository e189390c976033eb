"""State in, plan out: each file in scenarios/ describes a cloud and what is typed, and holds the plan that comes out.

The first part of a file is written by hand. The second part is what Onward says, for reading in a review. After a
change that is meant, ``ONWARD_WRITE_SCENARIOS=1 pytest packages/onward/tests/plan/test_scenarios.py`` writes it again.
"""

import io
import json
import os
import re
import shlex
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

from onward.catalog.load import recipe, series_list
from onward.commands.main import OnwardApp
from onward.errors import OnwardError
from onward.plan.plan import in_order, parse

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))
SEPARATOR = "\n---\n"
DAY = 1_790_000_000
"""When all dumps were made, in seconds since the epoch."""
INTERPRETER = """\
#!/bin/sh
echo '{"version": "VERSION", "implementation": "CPython", "path": "PATH", "headers": true}'
"""
MARIADB_PATHS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


class Cloud:
    """A directory that looks like the machine of a scenario."""

    def __init__(self, directory: Path, described: Mapping[str, Any]) -> None:
        self._directory = directory
        for version in described["interpreters"]:
            self._interpreter(version)
        if "database" in described:
            self._database(described["database"])
        if "dump" in described:
            self._dump(described["dump"])
        if "cloud file" in described:
            (directory / "cloud.yaml").write_text(yaml.safe_dump(described["cloud file"]), encoding="utf-8")
        for series in series_list():
            # Environments that are there need no room on the disk, of which this machine may have too little.
            (directory / "cache" / "environments" / f"keystone-{series.id}-0").mkdir(parents=True)

    def _interpreter(self, version: str) -> None:
        path = self._directory / "bin" / f"python{version.rpartition('.')[0]}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(INTERPRETER.replace("VERSION", version).replace("PATH", str(path)), encoding="utf-8")
        path.chmod(0o755)

    def _database(self, schema: Mapping[str, Any]) -> None:
        path = self._directory / "keystone.db"
        with closing(sqlite3.connect(path)) as connection:
            for table in recipe("keystone").database.signature:
                connection.execute(f'CREATE TABLE "{table}" (id TEXT PRIMARY KEY)')
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("CREATE TABLE migrate_version (repository_id TEXT, repository_path TEXT, version INT)")
            connection.executemany("INSERT INTO alembic_version VALUES (?)", [(x,) for x in schema.get("alembic", ())])
            connection.executemany(
                "INSERT INTO migrate_version VALUES (?, '', ?)", list(schema.get("migrate", {}).items())
            )
            connection.commit()
        (self._directory / "keystone.conf").write_text(f"[database]\nconnection = sqlite:///{path}\n")

    def _dump(self, schema: Mapping[str, Any]) -> None:
        if shutil.which("mariadbd", path=MARIADB_PATHS) is None:
            pytest.skip("needs mariadbd, which would hold the copy: Debian's package mariadb-server-core")
        tables = (*recipe("keystone").database.signature, "alembic_version")
        lines = ["-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)"]
        lines += [f"CREATE TABLE `{table}` (\n  `id` varchar(64) NOT NULL\n);" for table in tables]
        lines += [f"INSERT INTO `alembic_version` VALUES ('{head}');" for head in schema["alembic"]]
        path = self._directory / "keystone.sql"
        path.write_text("\n".join([*lines, "-- Dump completed\n"]), encoding="utf-8")
        os.utime(path, (DAY, DAY))

    def typed(self, words: str) -> dict[str, Any]:
        """What Onward answers: a plan, or a refusal."""
        out = io.StringIO()
        common = ["--state-dir", str(self._directory / "state"), "--cache-dir", str(self._directory / "cache")]
        try:
            with redirect_stdout(out):
                app = OnwardApp()
                app.options, rest = app.parser.parse_known_args([*common, *shlex.split(words)[1:], "--parallel", "2"])
                kind, name, rest = app.command_manager.find_command(rest)
                command = kind(app, app.options, cmd_name=name)
                command.run(command.get_parser(name).parse_args(rest))
        except OnwardError as error:
            assert out.getvalue() == ""
            return {"refused": {key: self._neutral(str(value)) for key, value in error.as_data().items() if value}}
        plan = parse(out.getvalue())
        assert list(plan.steps) == in_order(plan.steps)
        data = json.loads(self._neutral(out.getvalue()))
        described = {name: data[name] for name in ("kind", "cloud", "service", "path", "facts", "limits")}
        return {"plan": {**described, "steps": {step["id"]: _noteworthy(step) for step in data["steps"]}}}

    def _neutral(self, text: str) -> str:
        """Without what is different on every machine or with every release of the catalogue."""
        text = text.replace(str(self._directory), "/cloud")
        return re.sub(r"sha256:[0-9a-f]{64}", "sha256:(digest)", text)


def _noteworthy(step: dict[str, Any]) -> dict[str, Any]:
    """A step without its identifier, and without what is usual."""
    usual: dict[str, Any] = {"reversible": True, "retries": 0}
    return {
        name: value
        for name, value in step.items()
        if name != "id" and value not in (None, [], {}) and (name not in usual or value != usual[name])
    }


@pytest.mark.parametrize("file", SCENARIOS, ids=[file.stem for file in SCENARIOS])
def test_the_plan_is_the_one_that_was_reviewed(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, _, expected = file.read_text(encoding="utf-8").partition(SEPARATOR)
    state = yaml.safe_load(given)
    for name in ("HOME", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    answer = Cloud(tmp_path, state).typed(state["typed"])
    if os.environ.get("ONWARD_WRITE_SCENARIOS"):
        leaves_on_one_line = None if "plan" in answer else False
        text = yaml.safe_dump(answer, sort_keys=False, width=118, default_flow_style=leaves_on_one_line)
        file.write_text(given + SEPARATOR + text, encoding="utf-8")
        return
    reviewed = yaml.safe_load(expected)
    assert answer == reviewed
    # Two mappings are equal in any order; the order of steps is part of what was reviewed.
    assert list(answer.get("plan", {}).get("steps", ())) == list(reviewed.get("plan", {}).get("steps", ()))


def test_there_are_scenarios_of_plans_and_of_refusals() -> None:
    outcomes = [next(iter(yaml.safe_load(file.read_text().partition(SEPARATOR)[2]))) for file in SCENARIOS]
    assert outcomes.count("plan") >= 5
    assert outcomes.count("refused") >= 5
