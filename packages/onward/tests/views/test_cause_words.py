"""What causes are called: who is on call looks otherwise at what is gone than at what is there and silent."""

import pytest

from onward.diagnosis.causes import diagnose
from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.observation import ONWARD, Observation, Sight
from onward.views.cause_words import cause_words

GRAPH = Dependencies(
    units={"mariadb": ("mariadb/0",), "keystone": ("keystone/0", "keystone/1")},
    uses={"mariadb": (), "keystone": ("mariadb",)},
)


@pytest.mark.parametrize(
    ("of_its_process", "of_its_callers", "words"),
    [
        (None, "timed-out", "does not answer"),
        ("held", "timed-out", "does not answer"),
        ("held", "failed", "does not answer"),
        ("held", None, "does not answer"),
        ("stopped", "refused", "down"),
        ("stopped", "timed-out", "down"),
        (None, "refused", "down"),
    ],
)
def test_a_server_that_is_there_and_silent_is_not_called_down(
    of_its_process: Sight | None, of_its_callers: Sight | None, words: str
) -> None:
    said = [Observation(ONWARD, "mariadb/0", of_its_process, 1.0)] if of_its_process else []
    said += [Observation(f"keystone/{n}", "mariadb/0", of_its_callers, 2.0) for n in (0, 1) if of_its_callers]
    causes = diagnose(tuple(said), GRAPH).causes
    assert [(cause_words(each), each.subject) for each in causes] == [(words, "mariadb/0")]
