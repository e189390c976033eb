"""The catalogue's files are checked when they are read: a broken one is refused with its name and the key."""

from importlib.resources import files
from typing import Any

import pytest
import yaml

from onward.catalog.load import read_recipe, read_series, recipe, series_list, services
from onward.catalog.pins import BuildFault, Pin, build_faults, pins
from onward.catalog.validation import validated
from onward.errors import InvalidCatalogue

DATA = files("onward.catalog") / "data"
SERIES = (DATA / "series.yaml").read_text(encoding="utf-8")
KEYSTONE = (DATA / "services" / "keystone.yaml").read_text(encoding="utf-8")
AWAY = object()


def changed(text: str, path: list[Any], value: Any) -> str:
    """A file's text with one value replaced, or taken away. A list's entry is found by its id, series or name."""
    data = yaml.safe_load(text)
    place = data
    for part in path[:-1]:
        place = place[entry(place, part) if isinstance(place, list) and isinstance(part, str) else part]
    if value is AWAY:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return yaml.safe_dump(data, sort_keys=False)


def entry(listed: list[dict[str, Any]], name: str) -> int:
    return next(at for at, each in enumerate(listed) if name in (each.get(key) for key in ("id", "series", "name")))


def read(file: str, text: str) -> object:
    return read_series(file, text) if file == "series.yaml" else read_recipe(file, text, series_list())


def refusal(file: str, text: str) -> str:
    with pytest.raises(InvalidCatalogue) as refused:
        read(file, text)
    assert refused.value.exit_status == 4
    assert file in refused.value.what
    assert all(line.startswith(f"{file}: ") for line in refused.value.evidence.splitlines())
    return refused.value.evidence


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["2024.1", "released"], AWAY, "[2024.1].released: Field required"),
        (["2024.1", "released"], "last spring", "[2024.1].released: Input should be a valid date"),
        (["2024.1", "slurp"], AWAY, "[2024.1].slurp: Field required"),
        (["2024.1", "slurp"], False, "2024.1 cannot have slurp: false"),
        (["2024.1", "python"], [], "[2024.1].python: Tuple should have at least 1 item"),
        (["2024.1", "python"], [3.11], "[2024.1].python[0]: Input should be a valid string"),
        (["2024.1", "python"], ["3"], "[2024.1].python[0]: String should match pattern"),
        (["2024.1", "pyhton"], ["3.11"], "[2024.1].pyhton: Extra inputs are not permitted"),
        (["2024.1", "services", "nova", 0], "29", "[2024.1].services.nova[0].version: String should match"),
        (
            ["2024.1", "services", "keystone", 0],
            {"version": "25.0.0", "publisched": 1},
            "keystone[0].publisched: Extra",
        ),
        (["2024.1", "name"], "bobcat", "bobcat is the name of two series"),
        (["2024.1", "released"], "2023-01-01", "2024.1 stands after 2023.2 and was not released after it"),
    ],
)
def test_a_wrong_series_is_refused_with_the_file_and_the_key(path: list[Any], value: Any, said: str) -> None:
    assert said in refusal("series.yaml", changed(SERIES, path, value))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["package"], AWAY, "package: Field required"),
        (["forward", "enter_next"], AWAY, "forward.enter_next: Field required"),
        (["forward"], None, "forward: below it are facts by name, not None"),
        (["offline"], [], "offline: this stands below forward"),
        (["forward", "package"], "keystone", "forward.package: this does not stand below forward"),
        (["forward", "ofline"], [], "forward.ofline: Extra inputs are not permitted"),
        (["forward", "offline", "db_sync", "source"], AWAY, "forward.offline[db_sync].source: Field required"),
        (
            ["forward", "offline", "db_sync", "argv"],
            "keystone-manage db_sync",
            "offline[db_sync].argv: Input should be a valid",
        ),
        (
            ["forward", "online", "migrate", "until"],
            "xenia",
            "online[migrate].until: There is no series called 'xenia'. (nearest: xena",
        ),
        (["forward", "enter_next", "since"], "2042.1", "enter_next.since: There is no series called '2042.1'"),
        (["checks", 0, "until"], "rocky", "checks[upgrade-check].until: rocky is before stein"),
        (["forward", "processes", "api", "kind"], "cgi", "processes[api].kind: Input should be 'wsgi' or 'daemon'"),
        (
            ["forward", "processes", "api", "applications", 0, "since"],
            "x",
            "processes[api].applications[0].since: There is no",
        ),
        (["forward", "database", "signature"], AWAY, "database.signature: Field required"),
        (["forward", "database", "signature"], [], "database.signature: Tuple should have at least 1 item"),
        (
            ["forward", "database", "revisions", "queens", "series"],
            "quens",
            "database.revisions[1].series: There is no series called",
        ),
        (
            ["forward", "database", "revisions", "queens", "series"],
            "rocky",
            "database.revisions: each series has one entry",
        ),
        (
            ["forward", "database", "revisions", "zed", "expand"],
            "abcdef",
            "[zed].expand: abcdef is not in database.history.expand",
        ),
        (["forward", "database", "revisions", "zed", "contract"], AWAY, "[zed]: a schema has either migrate, or both"),
        (
            ["forward", "database", "revisions", "queens", "migrate"],
            AWAY,
            "[queens]: a schema has either migrate, or both",
        ),
        (
            ["census", "changes", 0, "kind"],
            "lost",
            "census.changes[rocky].kind: Input should be",
        ),
        (
            ["census", "changes", 0, "series"],
            "lost",
            "census.changes[0].series: There is no series",
        ),
        (
            ["forward", "known_faults", 0, "pattern"],
            "No such (",
            "known_faults[0].pattern: no regular expression: missing )",
        ),
        (["checks", 0, "doubts"], "No such (", "checks[0].doubts: no regular expression: missing )"),
        (
            ["checks", 0, "known_faults"],
            [{"since": "2042.1", "pattern": "a", "explanation": "a", "way_out": "a", "source": "a"}],
            "checks[0].known_faults[0].since: There is no series called '2042.1'",
        ),
        (["forward", "demonstration_from"], "2042.1", "demonstration_from: There is no series called '2042.1'"),
    ],
)
def test_a_wrong_recipe_is_refused_with_the_file_and_the_key(path: list[Any], value: Any, said: str) -> None:
    assert said in refusal("services/keystone.yaml", changed(KEYSTONE, path, value))


@pytest.mark.parametrize("file", ["series.yaml", "services/keystone.yaml"])
@pytest.mark.parametrize(
    ("text", "said"), [("a: [", "no YAML"), ("", "the whole file"), ("a: 1\na: 2", "a is there twice")]
)
def test_what_is_no_catalogue_at_all_is_refused(file: str, text: str, said: str) -> None:
    assert said in refusal(file, text)


def test_every_key_that_is_wrong_is_named_at_once() -> None:
    once = changed(SERIES, ["2024.1", "slurp"], "perhaps")
    assert len(refusal("series.yaml", changed(once, ["2024.2", "released"], AWAY)).splitlines()) == 2


@pytest.mark.parametrize(("kind", "key"), [(Pin, "[a].applies"), (BuildFault, "[a].meaning")])
def test_pins_and_known_faults_are_checked_too(kind: type, key: str) -> None:
    with pytest.raises(InvalidCatalogue) as refused:
        validated("file.yaml", "- {requirement: a, pattern: a}", tuple[kind, ...])  # type: ignore[valid-type]
    assert f"file.yaml: {key}: Field required" in refused.value.evidence


def test_what_comes_with_onward_is_good() -> None:
    assert "keystone" in services()
    assert [recipe(service).service for service in services()] == list(services())
    assert build_faults()
    assert all(pins(series.id, "as-of-release") for series in series_list() if series.id < "2024.2" or series.id > "a")
