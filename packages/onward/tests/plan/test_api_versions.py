"""What is said of an API whose versions are not those that it was deployed with."""

import pytest

from onward.model.api_version import ApiVersion
from onward.plan.deployment.api_versions import changed


def version(text: str) -> ApiVersion:
    """VERSION or VERSION/LEAST-MOST."""
    number, _, range_ = text.partition("/")
    least, _, most = range_.partition("-")
    return ApiVersion(version=number, status="CURRENT", least=least, most=most)


@pytest.mark.parametrize(
    ("first", "now", "said"),
    [
        ("2.0 2.1/2.1-2.96", "2.0 2.1/2.1-2.96", ""),
        ("", "3.14", ""),
        ("3.14", "", ""),
        ("2.1/2.1-2.96", "2.1/2.1-2.100", "its API has 2.1 (2.1 to 2.100), and was deployed with 2.1 (2.1 to 2.96)"),
        ("1.0 2.0", "2.0", "its API has 2.0, and was deployed with 2.0; 1.0 is no more"),
        (
            "3.0/3.0-3.60",
            "3.0/3.27-3.70",
            (
                "its API has 3.0 (3.27 to 3.70), and was deployed with 3.0 (3.0 to 3.60); "
                "3.0: a client that names no microversion has 3.27 now, not 3.0"
            ),
        ),
    ],
)
def test_only_what_is_otherwise_is_said(first: str, now: str, said: str) -> None:
    before, after = ([version(each) for each in text.split()] for text in (first, now))
    assert changed(before, after) == said
