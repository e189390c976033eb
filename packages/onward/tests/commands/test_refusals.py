"""Bad input: its own code, exit status, hint, and nothing touched."""

import gzip
import json
import os
import shlex
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from onward.commands.main import run
from onward.hosts.state import Directories

REVISIONS = {"2023.1": ("29e87d24a316", "e25ffa003242"), "2024.1": ("47147121", "c88cdce8f248")}


def keystone_file(path: Path, revisions: tuple[str, ...]) -> Path:
    """A database with Keystone's tables, empty, that says it is at these revisions."""
    with sqlite3.connect(path) as connection:
        for table in ("project", "user", "role", "assignment", "credential", "endpoint"):
            connection.execute(f'CREATE TABLE "{table}" (id TEXT PRIMARY KEY)')
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.executemany("INSERT INTO alembic_version VALUES (?)", [(each,) for each in revisions])
    connection.close()
    return path


def configuration(directory: Path, database: Path) -> Path:
    file = directory / "keystone.conf"
    file.write_text(f"[database]\nconnection = sqlite:///{database}\n")
    return file


def everything_below(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


@pytest.fixture
def cloud(tmp_path: Path, onward: Callable[..., object]) -> Path:
    """A cloud file for an (empty) Keystone database at 2023.1."""
    (tmp_path / "cloud").mkdir()
    conf = configuration(tmp_path / "cloud", keystone_file(tmp_path / "cloud" / "keystone.db", REVISIONS["2023.1"]))
    file = tmp_path / "cloud.yaml"
    onward("init", "--from-config", conf, "--series", "2023.1", "--name", "example", "-o", file)
    return file


def refused(called, code: str, *named: str, status: int = 4) -> None:
    assert called.status == status, called.err
    assert code in called.err
    # The message is wrapped at the terminal's width; a path may be broken anywhere.
    said = "".join(called.err.replace(" \\\n", " ").split())
    for word in named:
        assert "".join(word.split()) in said
    assert called.out == ""


def commands_told(message: str) -> list[list[str]]:
    """The words of each command that a message ends with."""
    told = message.partition("Next:")[2].partition("hint:")[0]
    return [shlex.split(line) for line in told.replace("\\\n", " ").splitlines() if line.strip()]


def test_only_a_model_can_be_taken_forward_while_it_serves(onward, cloud: Path) -> None:
    words = ("plan", "upgrade", "--cloud", cloud, "--to", "2024.1", "--rolling")
    refused(onward(*words), "OW961", "plan upgrade --model NAME --rolling")
    assert onward(*words, "--slurp").status == 2


def test_an_unknown_series_is_refused_with_the_nearest_names(onward, cloud: Path) -> None:
    refused(onward("plan", "upgrade", "--cloud", cloud, "--to", "caracl"), "OW101", "caracal", "series list")


def test_a_target_before_the_source_is_refused(onward, cloud: Path) -> None:
    refused(onward("plan", "upgrade", "--cloud", cloud, "--to", "yoga"), "OW102", "yoga")


def test_the_series_the_database_is_at_is_no_target(onward, cloud: Path) -> None:
    refused(onward("plan", "upgrade", "--cloud", cloud, "--to", "2023.1"), "OW102")


def test_slurp_to_a_series_that_is_none_is_refused(onward, cloud: Path) -> None:
    refused(onward("plan", "upgrade", "--cloud", cloud, "--to", "2024.2", "--slurp"), "OW106", "2024.1")


def test_a_missing_interpreter_is_named_with_the_series(onward, cloud: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYENV_ROOT", "HOME", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("PATH", "/nonexistent")
    refused(onward("plan", "upgrade", "--cloud", cloud, "--to", "2024.1"), "OW201", "2023.2", "3.11")


def test_a_missing_cloud_file_is_refused(onward, tmp_path: Path) -> None:
    refused(
        onward("plan", "upgrade", "--cloud", tmp_path / "none.yaml", "--to", "2024.1"), "OW105", "init --from-config"
    )


def test_a_service_without_a_recipe_is_refused(onward, cloud: Path) -> None:
    refused(onward("plan", "upgrade", "--cloud", cloud, "--service", "glanse", "--to", "2024.1"), "OW103", "keystone")


@pytest.mark.parametrize("content", ["[database\n", "[database]\nconnection = nonsense\n", "[DEFAULT]\n", "\x00\xff"])
def test_an_unreadable_configuration_is_refused(onward, tmp_path: Path, content: str) -> None:
    file = tmp_path / "keystone.conf"
    file.write_text(content, encoding="latin-1")
    refused(onward("init", "--from-config", file, "-o", tmp_path / "cloud.yaml"), "OW104", "keystone.conf")
    assert not (tmp_path / "cloud.yaml").exists()


def test_a_configuration_that_does_not_parse_is_not_quoted(onward, tmp_path: Path) -> None:
    file = tmp_path / "keystone.conf"
    file.write_text("[database]\nconnection mysql+pymysql://keystone:Gr8Secret@db/keystone\n")
    called = onward("init", "--from-config", file, "-o", tmp_path / "cloud.yaml")
    refused(called, "OW104")
    assert "Gr8Secret" not in called.err


def test_a_half_migrated_database_is_refused(onward, tmp_path: Path) -> None:
    database = keystone_file(tmp_path / "half.db", (REVISIONS["2024.1"][0], REVISIONS["2023.1"][1]))
    called = onward("rehearse", "--copy-of", f"config:{configuration(tmp_path, database)}", "--to", "2026.1")
    refused(called, "OW306", "2024.1", "--contract")


def test_a_revision_of_no_release_is_refused(onward, tmp_path: Path) -> None:
    database = keystone_file(tmp_path / "odd.db", ("abcdefabcdef",))
    called = onward("rehearse", "--copy-of", f"config:{configuration(tmp_path, database)}", "--to", "2026.1")
    refused(called, "OW308", "abcdefabcdef")


def test_a_database_ahead_of_what_was_said_is_refused(onward, tmp_path: Path) -> None:
    database = keystone_file(tmp_path / "new.db", REVISIONS["2024.1"])
    called = onward(
        "rehearse", "--copy-of", f"config:{configuration(tmp_path, database)}", "--from", "2023.1", "--to", "2026.1"
    )
    refused(called, "OW307", "2024.1")


def test_a_schema_that_several_series_share_asks_which_it_is(onward, tmp_path: Path) -> None:
    database = keystone_file(tmp_path / "same.db", REVISIONS["2024.1"])
    called = onward("rehearse", "--copy-of", f"config:{configuration(tmp_path, database)}", "--to", "2026.1")
    refused(called, "OW108", "2024.1", "2025.2", "--from")


def test_a_url_that_a_release_on_the_way_cannot_read_is_refused(onward, tmp_path: Path) -> None:
    database = keystone_file(tmp_path / "100%.db", REVISIONS["2023.1"])
    (tmp_path / "keystone.conf").write_text(f"[database]\nconnection = sqlite:///{str(database).replace('%', '%25')}\n")
    onward("init", "--from-config", tmp_path / "keystone.conf", "--series", "2023.1", "-o", tmp_path / "cloud.yaml")
    called = onward("plan", "upgrade", "--cloud", tmp_path / "cloud.yaml", "--to", "2024.1")
    refused(called, "OW607", "2023.2", "password that needs no escaping")


def test_an_unreachable_database_is_refused_without_its_password(
    onward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONWARD_SOURCE_PASSWORD", "Gr8Secret")
    called = onward("rehearse", "--copy-of", "mysql+pymysql://keystone@127.0.0.1:1/keystone", "--to", "2026.1")
    refused(called, "OW301", "127.0.0.1")
    assert "Gr8Secret" not in called.err


def test_a_password_on_the_command_line_is_refused_and_not_repeated(onward) -> None:
    called = onward("rehearse", "--copy-of", "mysql+pymysql://keystone:Gr8Secret@db/keystone", "--to", "2026.1")
    refused(called, "OW107", "ONWARD_SOURCE_PASSWORD=... onward ... mysql+pymysql://keystone@db/keystone")
    assert "Gr8Secret" not in called.err


def test_a_database_that_is_not_there_is_refused(onward, tmp_path: Path) -> None:
    conf = configuration(tmp_path, tmp_path / "missing.db")
    onward("init", "--from-config", conf, "--series", "2023.1", "-o", tmp_path / "cloud.yaml")
    called = onward("plan", "upgrade", "--cloud", tmp_path / "cloud.yaml", "--to", "2024.1")
    refused(called, "OW301", "missing.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user that is not root, for whom a file can be read-only")
def test_an_sqlite_file_that_cannot_be_written_is_refused(onward, cloud: Path, tmp_path: Path) -> None:
    (tmp_path / "cloud" / "keystone.db").chmod(0o400)
    refused(onward("plan", "upgrade", "--cloud", cloud, "--to", "2024.1"), "OW302", "keystone.db")


def dump(tables: tuple[str, ...], revisions: tuple[str, ...], *, whole: bool = True) -> bytes:
    """What mariadb-dump writes of a database with these tables."""
    lines = ["-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)", ""]
    lines += [f"CREATE TABLE `{table}` (\n  `id` varchar(64) NOT NULL\n);" for table in tables]
    lines += ["CREATE TABLE `alembic_version` (\n  `version_num` varchar(32) NOT NULL\n);"]
    lines += ["INSERT INTO `alembic_version` VALUES " + ",".join(f"('{each}')" for each in revisions) + ";"]
    lines += ["-- Dump completed on 2026-11-01  3:00:00"] if whole else []
    return ("\n".join(lines) + "\n").encode()


KEYSTONE_TABLES = ("assignment", "credential", "endpoint", "project", "role", "user")


def test_a_missing_dump_is_refused(onward, tmp_path: Path) -> None:
    refused(onward("rehearse", "--dump", f"keystone={tmp_path / 'no.sql'}", "--to", "2026.1"), "OW303", "no.sql")


def test_a_damaged_dump_is_refused(onward, tmp_path: Path) -> None:
    whole = gzip.compress(dump(KEYSTONE_TABLES, REVISIONS["2023.1"]) * 200)
    file = tmp_path / "keystone.sql.gz"
    file.write_bytes(whole[: len(whole) // 2] + b"\x00\x00" + whole[len(whole) // 2 + 2 :])
    refused(onward("rehearse", "--dump", f"keystone={file}", "--from", "2023.1", "--to", "2026.1"), "OW303")


def test_a_truncated_dump_is_refused(onward, tmp_path: Path) -> None:
    file = tmp_path / "keystone.sql"
    file.write_bytes(dump(KEYSTONE_TABLES, REVISIONS["2023.1"], whole=False))
    refused(onward("rehearse", "--dump", f"keystone={file}", "--from", "2023.1", "--to", "2026.1"), "OW304")


def test_a_dump_of_another_service_is_refused(onward, tmp_path: Path) -> None:
    file = tmp_path / "glance.sql"
    file.write_bytes(dump(("images", "image_members", "tasks"), ("2023_1_expand01",)))
    refused(onward("rehearse", "--dump", f"keystone={file}", "--to", "2026.1"), "OW305", "project")


def test_too_little_room_is_refused(onward, cloud: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # /proc is a file system without any room; the directory itself need not be made to find that out.
    monkeypatch.setattr("onward.hosts.state.Directories.prepared", lambda self: self)
    called = onward("--cache-dir", "/proc/onward", "plan", "upgrade", "--cloud", cloud, "--to", "2024.1")
    refused(called, "OW204", "free 0.0 GB", "2024.1")


@pytest.mark.parametrize("content", ["", "{}", "not json"])
def test_what_is_no_plan_is_not_applied(onward, cloud: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    refused(onward("apply", file, "--cloud", cloud), "OW403")


@pytest.fixture
def plan_file(onward, cloud: Path, tmp_path: Path) -> Path:
    file = tmp_path / "plan.json"
    called = onward("plan", "upgrade", "--cloud", cloud, "--to", "2024.1", "-o", file)
    assert called.status == 0, called.err
    return file


def test_an_edited_plan_is_not_applied(onward, cloud: Path, plan_file: Path) -> None:
    content = json.loads(plan_file.read_text())
    content["steps"][-1]["needs"] = []
    plan_file.write_text(json.dumps(content))
    refused(onward("apply", plan_file, "--cloud", cloud), "OW402", status=6)


def add_units(cloud: Path, *units: dict[str, object]) -> None:
    """As somebody does who edits the file."""
    described = yaml.safe_load(cloud.read_text())
    described["services"]["keystone"]["units"] = list(units)
    cloud.write_text(yaml.safe_dump(described))


def test_a_stale_plan_is_not_applied(onward, cloud: Path, plan_file: Path, tmp_path: Path) -> None:
    digest = json.loads(plan_file.read_text())["digest"]
    add_units(cloud, {"name": "keystone/0", "stop": ["true"]})
    called = onward("apply", plan_file, "--cloud", cloud, "--approve", digest)
    refused(called, "OW401", "cloud file", "plan upgrade --cloud", status=6)


def test_what_is_told_to_be_typed_next_can_be_typed_as_it_is(onward, cloud: Path, plan_file: Path, tmp_path) -> None:
    """With the directories that were named, and with all that was typed before, but for a digest of another plan."""
    called = onward(
        *("apply", plan_file, "--cloud", cloud, "--approve", "sha256:0", "--waive", "hook=it is known"),
        *("--report-dir", tmp_path / "a report"),
    )
    review, again = commands_told(called.err)
    assert onward(*review[1:]).status == 0
    digest = json.loads(plan_file.read_text())["digest"]
    common = again[: again.index("apply")]
    assert "--state-dir" in common
    assert again == [
        *(*common, "apply", str(plan_file), "--cloud", str(cloud), "--waive", "hook=it is known"),
        *("--report-dir", str(tmp_path / "a report"), "--approve", digest),
    ]
    ((program, *listed),) = commands_told(onward("runs", "show", "nothing-of-the-kind").err)
    assert (program, run(listed)) == ("onward", 0)
    planned = onward("plan", "upgrade", "--cloud", cloud, "--to", "2024.1", "-o", tmp_path / "other.json")
    apply = shlex.split(planned.err.partition("apply it with: ")[2])
    assert apply[:2] == common[:2]
    assert apply[-4:] == ["apply", str(tmp_path / "other.json"), "--cloud", str(cloud)]


def test_a_plan_with_irreversible_steps_needs_approval(onward, cloud: Path, plan_file: Path) -> None:
    digest = json.loads(plan_file.read_text())["digest"]
    refused(onward("apply", plan_file, "--cloud", cloud), "OW404", digest)
    refused(onward("apply", plan_file, "--cloud", cloud, "--approve", "sha256:0"), "OW404", digest)


def test_refusals_touch_nothing(onward, cloud: Path, plan_file: Path, tmp_path: Path, directories: Directories) -> None:
    before = everything_below(tmp_path / "cloud")
    onward("apply", plan_file, "--cloud", cloud)
    onward("plan", "upgrade", "--cloud", cloud, "--to", "yoga")
    onward("rehearse", "--copy-of", f"config:{tmp_path / 'cloud' / 'keystone.conf'}", "--from", "zed", "--to", "yoga")
    assert everything_below(tmp_path / "cloud") == before
    assert list((directories.state / "runs").iterdir()) == []


@pytest.mark.parametrize("verb", ["show", "resume", "pause", "cancel", "report"])
def test_an_unknown_run_is_refused(onward, verb: str) -> None:
    refused(onward("runs", verb, "nothing-of-the-kind"), "OW109", "runs list")


def test_a_wrong_word_is_a_usage_error(onward) -> None:
    assert onward("rehaerse").status == 2
    assert onward("rehearse", "--demmo").status == 2
    assert onward("explain", "OW000").status == 2


def test_a_unit_that_is_there_twice_is_refused(onward, cloud: Path) -> None:
    add_units(cloud, {"name": "keystone/0"}, {"name": "keystone/0"})
    refused(onward("plan", "upgrade", "--cloud", cloud, "--to", "2024.1"), "OW105", "keystone/0")


def test_a_plan_holds_no_path_that_depends_on_where_it_was_made(
    onward, cloud: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.write_text(cloud.read_text().replace(f"{tmp_path}/cloud/keystone.conf", "cloud/keystone.conf"))
    monkeypatch.chdir("/")
    called = onward("plan", "upgrade", "--cloud", cloud, "--to", "2024.1", "-f", "json")
    assert called.status == 0, called.err
    adopt = next(step for step in json.loads(called.out)["steps"] if step["action"] == "service.adopt")
    assert adopt["arguments"]["configuration"] == [str(tmp_path / "cloud" / "keystone.conf")]
