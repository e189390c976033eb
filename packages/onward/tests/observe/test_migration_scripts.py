"""Where a release's own scripts end is read off its package, whatever tool made its schema."""

from pathlib import Path

from onward.observe.migration_scripts import script_sets


def written(directory: Path, **scripts: str) -> Path:
    versions = directory / "db" / "migrations" / "versions"
    versions.mkdir(parents=True)
    for name, text in scripts.items():
        (versions / f"{name}.py").write_text(text)
    return directory


def test_it_ends_at_what_no_other_script_comes_after(tmp_path: Path) -> None:
    package = written(
        tmp_path,
        first="revision = 'a'\ndown_revision = None\n",
        second="revision: str = 'b'\ndown_revision = 'a'\n",
        left="revision = 'c'\ndown_revision = ('b',)\n",
        right="BEFORE = 'b'\nrevision = 'd'\ndown_revision = BEFORE\n",
    )
    (found,) = script_sets(package)
    assert found.place == "db/migrations"
    assert found.ends == {"c", "d"}
    assert found.is_at_end(frozenset({"c", "d"}))
    assert not found.is_at_end(frozenset({"b"}))
    assert not found.is_at_end(frozenset({"c"}))


def test_what_another_branch_needs_may_be_left_unsaid(tmp_path: Path) -> None:
    package = written(
        tmp_path,
        expand="revision = 'expand1'\ndown_revision = None\n",
        contract="revision = 'contract1'\ndown_revision = None\ndepends_on = 'expand1'\n",
    )
    (found,) = script_sets(package)
    assert found.is_at_end(frozenset({"contract1"}))
    assert found.is_at_end(frozenset({"contract1", "expand1"}))
    assert not found.is_at_end(frozenset({"expand1"}))


def test_scripts_with_numbers_end_at_the_highest_and_tests_are_no_scripts(tmp_path: Path) -> None:
    package = written(tmp_path)
    versions = tmp_path / "db" / "migrate_repo" / "versions"
    versions.mkdir(parents=True)
    for name in ("001_first.py", "019_last.py", "__init__.py"):
        (versions / name).write_text("def upgrade(engine): pass\n")
    tests = tmp_path / "tests" / "db" / "versions"
    tests.mkdir(parents=True)
    (tests / "099_fake.py").write_text("")
    (found,) = script_sets(package)
    assert (found.place, found.number) == ("db/migrate_repo", 19)
