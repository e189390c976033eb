"""The databases of nova's cells, as its API's database has them."""

import pytest

from onward.survey.checks.service_databases import filled

TEMPLATE = "mysql+pymysql://nova:s3cret@10.0.0.1:3307/nova_cell0?charset=utf8"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("mysql://a:b@c/d", "mysql://a:b@c/d"),
        ("{scheme}://{username}:{password}@{hostname}:{port}/cell1?{query}", TEMPLATE.replace("nova_cell0", "cell1")),
        ("{scheme}://{username}:{password}@10.0.0.9/{path}", "mysql+pymysql://nova:s3cret@10.0.0.9/nova_cell0"),
    ],
)
def test_what_a_cell_leaves_open_is_taken_from_the_configuration(written: str, expected: str) -> None:
    assert filled(written, TEMPLATE) == expected


@pytest.mark.parametrize("written", ["mysql://{hostname3}/x", "mysql://{}/x"])
def test_what_nobody_says_is_an_error_without_a_password_in_it(written: str) -> None:
    with pytest.raises(ValueError, match="leaves open") as error:
        filled(written, TEMPLATE)
    assert "s3cret" not in str(error.value)
