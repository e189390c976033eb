"""Which series a database is really at: by data for every release, by properties, on databases Keystone made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from onward.catalog.load import in_force, recipe, series_list
from onward.catalog.service import Command
from onward.errors import (
    DatabaseAhead,
    DumpOfAnotherService,
    HalfMigrated,
    SourceSeriesUnclear,
    UnknownRevision,
)
from onward.hosts.runner import Runner, warm_runner
from onward.observe.revision import SchemaPosition, SchemaState, observe_schema, position, require_series

KEYSTONE = recipe("keystone")
HISTORY = KEYSTONE.database.history
BY_SERIES = {revision.series: revision for revision in KEYSTONE.database.revisions}
REPOSITORIES = ("keystone_expand", "keystone_data_migrate", "keystone_contract")
FIRST_ALEMBIC = "27e647c0fad4"
"""The revision that both branches begin with; databases that counted in migrate_version are declared to be at it."""
SAME_SCHEMA = (
    ("pike",),
    ("queens",),
    ("rocky",),
    ("stein",),
    ("train",),
    ("ussuri", "victoria"),
    ("wallaby", "xena", "yoga"),
    ("zed", "2023.1"),
    ("2023.2",),
    ("2024.1", "2024.2", "2025.1", "2025.2"),
    ("2026.1", "2026.2"),
)
PAIRS = list(combinations([group[0] for group in SAME_SCHEMA], 2))
OLD_STYLE = tuple(series for series, revision in BY_SERIES.items() if revision.migrate)
NEW_STYLE = tuple(series for series, revision in BY_SERIES.items() if revision.expand)


def counted(expand: int, data_migrate: int, contract: int) -> SchemaState:
    """A database that sqlalchemy-migrate took care of, with the relic that those of before Pike have."""
    rows = {**dict(zip(REPOSITORIES, (expand, data_migrate, contract), strict=True)), "keystone": 109}
    return SchemaState((), tuple(sorted(rows.items())), (), 40)


def headed(*heads: str, relic: bool = False) -> SchemaState:
    """A database that alembic takes care of; with ``relic`` it has been counted before."""
    migrate = (("keystone_contract", 79), ("keystone_data_migrate", 79), ("keystone_expand", 79)) if relic else ()
    return SchemaState(tuple(sorted(heads)), migrate, (), 40)


def finished(series: str) -> SchemaState:
    """What a release leaves behind."""
    revision = BY_SERIES[series]
    if revision.migrate:
        return counted(*(revision.migrate[name] for name in REPOSITORIES))
    return headed(*filter(None, (revision.expand, revision.contract)))


def at(state: SchemaState) -> SchemaPosition:
    return position(state, KEYSTONE, series_list())


def required(state: SchemaState, said: str | None = None) -> str:
    return require_series(at(state), said, series_list())


# --- By data


def test_the_catalogue_knows_the_schema_of_every_series() -> None:
    assert [series.id for series in series_list()] == [series for group in SAME_SCHEMA for series in group]
    assert list(BY_SERIES) == [series.id for series in series_list()]


@pytest.mark.parametrize("group", SAME_SCHEMA, ids=lambda group: group[0])
def test_what_a_release_leaves_is_recognised_with_all_that_leave_the_same(group: tuple[str, ...]) -> None:
    for series in group:
        found = at(finished(series))
        assert found.series == group
        assert found.half_migrated_by is None
        assert required(finished(series), series) == series


@pytest.mark.parametrize("group", [group for group in SAME_SCHEMA if len(group) == 1])
def test_where_the_schema_is_enough_nothing_needs_to_be_said(group: tuple[str]) -> None:
    assert required(finished(group[0])) == group[0]


@pytest.mark.parametrize("group", [group for group in SAME_SCHEMA if len(group) > 1], ids=lambda group: group[0])
def test_several_series_that_fit_are_all_named_and_one_has_to_be_said(group: tuple[str, ...]) -> None:
    with pytest.raises(SourceSeriesUnclear) as unclear:
        required(finished(group[0]))
    assert ", ".join(group) in unclear.value.what
    assert f"--from {group[-1]}" in unclear.value.next_command


def test_a_relic_of_the_older_tool_does_not_count() -> None:
    assert at(headed("29e87d24a316", "e25ffa003242", relic=True)).series == ("zed", "2023.1")
    assert at(headed(FIRST_ALEMBIC, relic=True)).half_migrated_by == "zed"


@pytest.mark.parametrize(("earlier", "later"), PAIRS)
def test_an_expand_without_its_contract_is_half_migrated_whatever_lies_between(earlier: str, later: str) -> None:
    old, new = BY_SERIES[earlier], BY_SERIES[later]
    if new.migrate:
        state = counted(new.migrate["keystone_expand"], *(old.migrate[name] for name in REPOSITORIES[1:]))
    elif old.migrate:
        state = headed(str(new.expand), relic=True)
    else:
        state = headed(str(new.expand), str(old.contract))
    if old.contract == new.contract and old.contract is not None:
        assert later in at(state).series  # Nothing to contract: the expansion was all there is to this step.
        return
    with pytest.raises(HalfMigrated) as half:
        required(state)
    assert half.value.exit_status == 4
    assert f"begun by {later} or later" in half.value.evidence
    assert half.value.next_command.startswith(f"with the code of {later}: keystone-manage db_sync --expand")
    assert half.value.next_command.endswith("keystone-manage db_sync --contract")
    assert ("--migrate" in half.value.next_command) == (later in OLD_STYLE)


@pytest.mark.parametrize(
    ("state", "begun_by"),
    [
        (counted(44, 24, 24), "queens"),
        (counted(30, 24, 24), "queens"),
        (counted(44, 30, 24), "queens"),
        (counted(44, 44, 43), "queens"),
        (counted(79, 78, 78), "wallaby"),
        (headed("b4f8b3f584e0", "e25ffa003242"), "2023.2"),
        (headed("11c3b243b4cb", "99de3849d860"), "2023.2"),
        (headed("e8725d6fa226", "c88cdce8f248"), "2026.1"),
        (headed("29e87d24a316"), "zed"),
        # A contract that ran ahead of its expand belongs to the release that has that contract.
        (headed("29e87d24a316", "c88cdce8f248"), "2023.2"),
    ],
)
def test_a_migration_that_stopped_between_its_revisions_names_who_can_finish_it(
    state: SchemaState, begun_by: str
) -> None:
    assert at(state).series == ()
    assert at(state).half_migrated_by == begun_by


@pytest.mark.parametrize(
    "state",
    [
        headed("abcdefabcdef"),
        headed("29e87d24a316", "abcdefabcdef"),
        headed("29e87d24a316", "e25ffa003242", "abcdefabcdef"),
        counted(80, 79, 79),
        counted(12, 12, 12),
        SchemaState((), (("keystone", 109),), (), 40),
        SchemaState((), (), (), 40),
    ],
    ids=["another head", "one of two", "one too many", "too new", "too old", "before Pike", "no bookkeeping"],
)
def test_what_no_release_leaves_is_unknown_and_shown(state: SchemaState) -> None:
    with pytest.raises(UnknownRevision) as unknown:
        required(state)
    shown = [*state.alembic, *(f"{name} {version}" for name, version in state.migrate)]
    assert all(each in unknown.value.evidence for each in shown)
    assert unknown.value.evidence


def test_a_database_without_the_tables_of_the_service_is_another_services() -> None:
    state = SchemaState(("29e87d24a316", "e25ffa003242"), (), ("project", "user"), 31)
    with pytest.raises(DumpOfAnotherService) as refused:
        required(state, "2023.1")
    assert refused.value.evidence == "missing tables: project, user; it has 31 tables"


@pytest.mark.parametrize("said", [series for group in SAME_SCHEMA[:-2] for series in group])
def test_a_database_ahead_of_what_was_said_is_refused(said: str) -> None:
    with pytest.raises(DatabaseAhead) as ahead:
        required(finished("2025.1"), said)
    assert "2024.1 or 2024.2 or 2025.1 or 2025.2" in ahead.value.what
    assert said in ahead.value.what
    assert "say which release is installed: --from 2025.2" in ahead.value.next_command


@pytest.mark.parametrize("said", ["2026.1", "2026.2"])
def test_a_database_behind_what_was_said_is_refused_too(said: str) -> None:
    with pytest.raises(SourceSeriesUnclear, match=f"not at {said} as was said"):
        required(finished("2025.1"), said)


# --- By properties

heads = st.sampled_from(sorted({*HISTORY.expand, *HISTORY.contract, "abcdefabcdef", "29e87d24a317"}))
versions = st.integers(0, 85) | st.sampled_from([24, 44, 52, 61, 71, 78, 79])
states = st.builds(
    lambda alembic, migrate: SchemaState(tuple(sorted(alembic)), tuple(sorted(migrate.items())), (), 40),
    st.sets(heads, max_size=4),
    st.dictionaries(st.sampled_from([*REPOSITORIES, "keystone"]), versions),
)


@given(states)
def test_no_series_is_claimed_whose_revisions_are_not_all_there(state: SchemaState) -> None:
    found = at(state)
    for series in found.series:
        revision = BY_SERIES[series]
        if revision.expand:
            assert set(state.alembic) == {revision.expand, revision.contract}
        else:
            assert not state.alembic
            assert all(dict(state.migrate).get(name) == number for name, number in revision.migrate.items())
    assert not (found.series and found.half_migrated_by)
    assert bool(found.to_finish) == bool(found.half_migrated_by)


@given(states)
def test_who_is_named_for_finishing_has_all_that_was_begun(state: SchemaState) -> None:
    begun_by = at(state).half_migrated_by
    if begun_by is None:
        return
    revision = BY_SERIES[begun_by]
    if state.alembic:
        for head in state.alembic:
            assert head in (
                *HISTORY.expand[: HISTORY.expand.index(str(revision.expand)) + 1],
                *HISTORY.contract[: HISTORY.contract.index(str(revision.contract)) + 1],
            )
    else:
        assert all(dict(state.migrate)[name] <= number for name, number in revision.migrate.items())


@given(states, st.none() | st.sampled_from([series.id for series in series_list()]))
def test_a_series_is_started_from_only_when_the_database_shows_it(state: SchemaState, said: str | None) -> None:
    found = at(state)
    try:
        chosen = require_series(found, said, series_list())
    except HalfMigrated:
        assert found.half_migrated_by
    except UnknownRevision:
        assert not found.series
        assert not found.half_migrated_by
    except SourceSeriesUnclear:
        assert len(found.series) > 1 or (said is not None and said not in found.series)
    except DatabaseAhead:
        assert said is not None
        assert said not in found.series
    else:
        assert chosen in found.series
        assert said in (None, chosen)


def online(source: str, target: str) -> Iterator[SchemaState]:
    """Every state that a database goes through in an online upgrade, both ends included."""
    old, new = BY_SERIES[source], BY_SERIES[target]
    if new.migrate:
        now = dict(old.migrate)
        yield counted(*now.values())
        for name in REPOSITORIES:
            for number in range(old.migrate[name] + 1, new.migrate[name] + 1):
                now[name] = number
                yield counted(*(now[each] for each in REPOSITORIES))
        return
    relic = bool(old.migrate)
    if relic:
        yield finished(source)
    began = (FIRST_ALEMBIC, FIRST_ALEMBIC) if relic else (str(old.expand), str(old.contract))
    expand, contract = began
    yield headed(*{expand, contract}, relic=relic)
    for expand in HISTORY.expand[HISTORY.expand.index(began[0]) + 1 : HISTORY.expand.index(str(new.expand)) + 1]:
        # Alembic replaces the common first revision by that of the branch that leaves it first.
        yield headed(*{expand, contract} - {FIRST_ALEMBIC}, relic=relic)
    for contract in HISTORY.contract[
        HISTORY.contract.index(began[1]) + 1 : HISTORY.contract.index(str(new.contract)) + 1
    ]:
        yield headed(expand, contract, relic=relic)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_no_moment_of_an_online_upgrade_is_taken_for_a_finished_one(source: str, target: str) -> None:
    *under_way, last = online(source, target)
    assert target in at(last).series
    assert source in at(under_way[0]).series
    for state in under_way[1:]:
        found = at(state)
        # A moment at which all of a release's own revisions are there, and no other, is that release.
        assert (found.half_migrated_by is None) == any(
            finished(series).alembic == state.alembic for series in NEW_STYLE
        )
        if found.half_migrated_by is None:
            assert all(finished(series).alembic == state.alembic for series in found.series)
        else:
            assert found.series == ()
            place = series_list().position(found.half_migrated_by)
            assert series_list().position(source) < place <= series_list().position(target)


# --- On the real thing


@dataclass
class Installation:
    """A Keystone database on SQLite, and warm runners of some releases."""

    directory: Path
    runners: dict[str, Runner]

    @property
    def configuration(self) -> Path:
        return self.directory / "keystone.conf"

    def run(self, series: str, *commands: Command) -> None:
        for command in commands:
            outcome = self.runners[series].run(
                command, configuration=[self.configuration], log=self.directory / f"{series}-{command.name}.log"
            )
            assert outcome.exit_status == 0, outcome.tail()

    def state(self) -> SchemaState:
        engine = create_engine(f"sqlite:///{self.directory / 'keystone.db'}")
        try:
            return observe_schema(engine, KEYSTONE)
        finally:
            engine.dispose()


@pytest.fixture
def installation(
    request: pytest.FixtureRequest, tmp_path: Path, keystone_environment: Callable[[str], Path]
) -> Iterator[Installation]:
    """The runners of both series, for an empty database."""
    (tmp_path / "keystone.conf").write_text(
        f"[DEFAULT]\nlog_dir =\n[database]\nconnection = sqlite:///{tmp_path / 'keystone.db'}\n"
    )
    old, new = request.param
    # Only what these commands need is imported, where a run's runners import all that the API needs as well.
    modules = [KEYSTONE.offline[0].module, "sqlite3"]
    with (
        warm_runner(keystone_environment(old), modules, tmp_path / "old.log") as first,
        warm_runner(keystone_environment(new), modules, tmp_path / "new.log") as second,
    ):
        yield Installation(tmp_path, {old: first, new: second})


@pytest.mark.environments
@pytest.mark.parametrize(
    "installation",
    [
        ("2023.1", "2023.2"),
        pytest.param(("pike", "queens"), marks=pytest.mark.full),
        pytest.param(("queens", "rocky"), marks=pytest.mark.full),
        pytest.param(("victoria", "wallaby"), marks=pytest.mark.full),
        pytest.param(("yoga", "zed"), marks=pytest.mark.full),
    ],
    indirect=True,
    ids="-".join,
)
def test_a_real_upgrade_that_was_begun_is_seen_and_the_commands_that_are_named_finish_it(
    installation: Installation,
) -> None:
    old, new = installation.runners
    installation.run(old, *in_force(KEYSTONE.offline, old))
    assert installation.state().missing == ()
    assert required(installation.state(), old) == old

    expand, *rest = in_force(KEYSTONE.online, new)
    installation.run(new, expand)
    with pytest.raises(HalfMigrated) as half:
        required(installation.state(), old)
    assert f"begun by {new} or later" in half.value.evidence

    said = half.value.next_command.removeprefix(f"with the code of {new}: ").split(" && ")
    assert said == [" ".join(command.argv) for command in (expand, *rest)]
    installation.run(new, expand, *rest)
    assert new in at(installation.state()).series


@pytest.mark.environments
@pytest.mark.parametrize("installation", [("2025.2", "2026.1")], indirect=True, ids="-".join)
def test_a_real_release_that_only_expands_is_finished_by_expanding(installation: Installation) -> None:
    old, new = installation.runners
    installation.run(old, *in_force(KEYSTONE.offline, old))
    assert required(installation.state(), old) == old
    installation.run(new, in_force(KEYSTONE.online, new)[0])
    assert required(installation.state(), new) == new
