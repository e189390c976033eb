"""Every way through the series is legal, or refused for what is wrong; each series gets an interpreter or is named."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.catalog.load import series_list
from onward.catalog.series import Series
from onward.errors import InterpreterMissing, NotSlurp, TargetNotAhead, UnknownSeries
from onward.hosts.interpreters import Interpreter
from onward.hosts.state import Directories
from onward.survey.environments import choose_environments
from onward.survey.options import EnvironmentWish

ALL = list(series_list())
any_series = st.sampled_from(ALL)
minors = st.sets(st.sampled_from(["3.5", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]))


def written(series: Series, how: int) -> str:
    """One of the ways in which people write a series."""
    return [series.id, series.name, series.name.title(), f" {series.id} "][how]


@given(any_series, any_series, st.booleans(), st.integers(0, 3))
def test_a_path_is_legal_or_refused_for_what_is_wrong_with_it(
    source: Series, target: Series, slurp: bool, how: int
) -> None:
    ends = written(source, how), written(target, how)
    if ALL.index(target) <= ALL.index(source):
        with pytest.raises(TargetNotAhead, match=re.escape(target.id)) as refused:
            series_list().path(*ends, slurp=slurp)
        assert refused.value.exit_status == 4
        return
    if slurp and not (source.slurp and target.slurp):
        with pytest.raises(NotSlurp, match=re.escape((target if source.slurp else source).id)):
            series_list().path(*ends, slurp=True)
        return
    path = series_list().path(*ends, slurp=slurp)
    assert (path[0], path[-1]) == (source, target)
    between = ALL[ALL.index(source) : ALL.index(target) + 1]
    assert list(path) == [series for series in between if series.slurp or not slurp]


@given(any_series, any_series)
def test_a_slurp_step_skips_one_release_and_no_slurp_release(source: Series, target: Series) -> None:
    if not (source.slurp and target.slurp and source.released < target.released):
        return
    places = [ALL.index(series) for series in series_list().path(source.id, target.id, slurp=True)]
    assert [later - earlier for earlier, later in pairwise(places)] == [2] * (len(places) - 1)


@given(st.text(max_size=20))
def test_what_is_no_series_is_refused_with_something_to_go_on_from(words: str) -> None:
    known = {name for series in ALL for name in (series.id, series.name)}
    if words.strip().lower() in known:
        return
    for source, target in ((words, "2026.1"), ("2023.1", words)):
        with pytest.raises(UnknownSeries) as refused:
            series_list().path(source, target)
        assert refused.value.exit_status == 4
        assert repr(words) in refused.value.what
        assert any(name in refused.value.evidence for name in known)


@given(any_series, any_series, minors)
def test_every_series_gets_an_interpreter_that_carries_it_or_the_first_without_one_is_named(
    source: Series, target: Series, present: set[str]
) -> None:
    if ALL.index(target) <= ALL.index(source):
        return
    path = series_list().path(source.id, target.id)
    interpreters = tuple(Interpreter(f"{minor}.1", Path(f"/opt/python{minor}"), "system") for minor in present)
    directories = Directories(Path("/nonexistent"), Path("/nonexistent"))  # as-of-release keeps nothing
    without = [series for series in path if not present & set(series.python)]
    wish = EnvironmentWish(constraints="as-of-release", parallel=2)
    if without:
        with pytest.raises(InterpreterMissing) as refused:
            choose_environments(directories, "keystone", path, interpreters, wish)
        assert refused.value.what.startswith(f"{without[0].id} runs on Python")
        assert refused.value.exit_status == 4
        return
    chosen = choose_environments(directories, "keystone", path, interpreters, wish)
    assert list(chosen) == [series.id for series in path]
    for series in path:
        choice = chosen[series.id]
        preferred = next(minor for minor in series.python if minor in present)
        assert choice.python == f"/opt/python{preferred}"
        assert choice.version == series.newest("keystone").version
