"""Whatever lies in a policy file, the commands end with findings or with an error that has a code: no traceback."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from broken_policies import files, loadable_rules
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.environments

SERIES = "2026.1"
CONVERT = ("--service", "keystone", "--series", SERIES)
FEW_AND_MANY = pytest.mark.parametrize("factor", [1, pytest.param(20, marks=pytest.mark.full)])


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None, suppress_health_check=list(HealthCheck))


def sound(called: Any, *statuses: int) -> None:
    """It ended as a command may end: an error has a code and is no bug, and nobody sees a traceback."""
    assert called.status in statuses, called.err
    assert "Traceback" not in called.out + called.err
    assert called.status == 0 or re.search(r"\bOW[1-8]\d\d\b", called.err), called.err


@FEW_AND_MANY
def test_any_bytes_are_converted_compared_or_refused(onward: Callable[..., Any], tmp_path: Path, factor: int) -> None:
    file = tmp_path / "policy.yaml"

    @examples(25 * factor)
    @given(files)
    def each(content: bytes) -> None:
        file.write_bytes(content)
        sound(onward("policy", "convert", file, *CONVERT, "-f", "json"), 0, 4)

    each()


@FEW_AND_MANY
def test_any_bytes_are_findings_of_a_check(onward: Callable[..., Any], tmp_path: Path, factor: int) -> None:
    """Many files at once, in a directory of which a service reads every one."""

    @examples(1 * factor)
    @given(st.lists(files, min_size=15, max_size=30))
    def each(contents: list[bytes]) -> None:
        place = tmp_path / "keystone" / "policy.d"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for number, content in enumerate(contents):
            (place / f"{number}.yaml").write_bytes(content)
        (place.parent / "policy.json").write_bytes(contents[0])
        called = onward("policy", "check", "keystone", "--policy-dir", tmp_path, "--from", SERIES, "-f", "json")
        sound(called, 0, 4)
        assert {"policy files"} <= {found["Check"] for found in json.loads(called.out)}

    each()


@FEW_AND_MANY
def test_any_rules_are_checked_and_compared(onward: Callable[..., Any], tmp_path: Path, factor: int) -> None:
    """What a release loads without a word: circles, rules of nobody, nesting without end."""
    file = tmp_path / "policy.yaml"

    @examples(3 * factor)
    @given(loadable_rules)
    def each(rules: dict[str, object]) -> None:
        file.write_text(json.dumps(rules))
        sound(onward("policy", "check", "keystone", "--policy-dir", tmp_path, "--from", SERIES, "-f", "json"), 0, 4)
        sound(onward("policy", "diff", "keystone", "--from", "2025.2", "--to", SERIES, "--policy-file", file), 0, 4)

    each()
