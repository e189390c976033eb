"""A run as data for programs."""

import json

import pytest
from run_records import rehearsal, run_of, stopped_at, upgrade

from onward.views.data import ReportData, schema, to_json

RUNS = [
    run_of(rehearsal()),
    run_of(upgrade()),
    stopped_at(run_of(rehearsal()), "migrate/2026.2", "failed"),
    stopped_at(run_of(rehearsal()), "seed", "interrupted"),
    stopped_at(run_of(upgrade()), "backup", "paused"),
]


@pytest.mark.parametrize("record", RUNS)
def test_it_reads_back_as_what_was_written(record) -> None:
    text = to_json(record)
    assert json.loads(ReportData.model_validate_json(text).model_dump_json()) == json.loads(text)


@pytest.mark.parametrize("record", RUNS)
def test_keys_keep_their_order_and_the_schema_names_them_all(record) -> None:
    data = json.loads(to_json(record))
    assert list(data) == list(schema()["properties"])
    assert next(iter(data)) == "format"
    assert data["format"] == 1
    assert set(schema()["required"]) == set(data) - {"format"}


def test_the_prediction_is_in_it() -> None:
    prediction = json.loads(to_json(RUNS[0]))["prediction"]
    assert prediction["outage_seconds"] == pytest.approx(sum(part["seconds"] for part in prediction["parts"]))
    assert prediction["dominates"] == "start of the 2026.2 API"


def test_a_failure_is_in_it_with_its_code_and_the_next_command() -> None:
    data = json.loads(to_json(RUNS[2]))
    failed = [step for step in data["steps"] if step["status"] == "failed"]
    assert [step["error"]["code"] for step in failed] == ["OW601"]
    assert data["next_command"] == "onward runs resume keystone-7f3a"
    assert data["prediction"] is None
