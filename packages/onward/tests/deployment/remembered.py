"""Models as they are remembered when they were deployed; nothing of them runs."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from deploying import Operator

from onward.errors import OnwardError, ProgramMissing
from onward.hosts.state import Directories
from onward.plan.step import Step
from onward.survey.deployment import read_bundle, survey_deployment
from onward.survey.options import EnvironmentWish

ENVIRONMENTS = EnvironmentWish(constraints="as-of-release", parallel=2)


def remembered_models(
    directory: Path, cache: Path, bundles: Mapping[str, str], serves: Callable[[Step], bool]
) -> Operator:
    """Somebody who has deployed these bundles, by name of the model; of their steps those are done that ``serves``."""
    directories = Directories(state=directory / "state", cache=cache).prepared()
    found = Operator(directories, directory / "bundle.yaml")
    for model, text in bundles.items():
        found.bundle.write_text(text)
        try:
            plan = survey_deployment(directories, read_bundle(found.bundle, None), ENVIRONMENTS)
        except ProgramMissing as missing:
            pytest.skip(f"{missing.what} {missing.evidence}")
        store = found.store(model)
        store.remember(plan.step("record").arguments["record"])  # type: ignore[arg-type]
        for step in plan.steps:
            if serves(step):
                store.note_done(step.id, "", {})
    return found


def refusal(operator: Operator, kind: type[OnwardError], text: str, model: str | None = None) -> str:
    """The evidence with which a bundle is refused."""
    operator.bundle.write_text(text)
    with pytest.raises(kind) as raised:
        survey_deployment(operator.directories, read_bundle(operator.bundle, model), ENVIRONMENTS)
    return raised.value.evidence
