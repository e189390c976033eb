"""A service leaves another one's database: its tables are counted where they are, moved, taken over, and compared."""

import pytest
from wishes import choices

from onward.catalog.load import recipe
from onward.plan.extraction import ExtractionWish, plan_extraction
from onward.plan.plan import Plan, parse
from onward.plan.prediction import EXTRACTION_LABEL, predict
from onward.plan.rehearsal import DumpSource

EXTRACTION = recipe("placement").extraction
assert EXTRACTION is not None


def plan(*path: str) -> Plan:
    return plan_extraction(
        ExtractionWish(
            cloud="nova_api",
            service="placement",
            path=path,
            extraction=EXTRACTION,
            dump=DumpSource(path="/srv/nova_api.sql", size=1, modified=0.0),
            environments=choices(("rocky", "stein", "train", "ussuri")),
            facts={},
        )
    )


@pytest.mark.parametrize("path", [("rocky", "stein", "train"), ("stein", "train"), ("stein", "train", "ussuri")])
def test_the_first_release_with_a_database_of_its_own_takes_the_tables_over_whichever_they_come_from(
    path: tuple[str, ...],
) -> None:
    found = plan(*path)
    assert parse(found.to_json()) == found
    steps = {step.id: step for step in found.steps}
    assert steps["take-over"].arguments["series"] == "stein"
    assert "environment/stein" in steps
    assert "environment/rocky" not in steps
    assert steps[f"migrate/{path[1]}"].needs == ("take-over",)
    assert steps[f"census/{path[-1]}"].arguments["baseline"] == f"census/{path[0]}"


def test_what_is_compared_in_the_end_was_counted_in_the_other_database() -> None:
    steps = {step.id: step for step in plan("stein", "train").steps}
    counted = steps["census/stein"].arguments
    assert counted["database"] == "nova_api"
    assert {"inventories", "allocations", "traits", "consumers", "resource_provider_aggregates"} <= set(
        counted["tables"]  # type: ignore[arg-type]
    )
    assert steps["load"].arguments["database"] == "nova_api"
    assert "census/stein" in steps["copy"].needs


def test_the_outage_to_expect_has_the_way_of_the_tables() -> None:
    found = plan("stein", "train")
    predicted = predict(found, {step.id: 1.0 for step in found.steps}, {})
    assert predicted is not None
    assert {part.label: part.seconds for part in predicted.parts}[EXTRACTION_LABEL] == 2.0
