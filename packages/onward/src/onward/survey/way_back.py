"""The way back from a run, whatever it was: in place, or of a deployed model."""

from onward.engine.record import RunRecord
from onward.hosts.state import Directories
from onward.plan.plan import Plan
from onward.survey.model_restore import survey_model_restore
from onward.survey.options import EnvironmentWish
from onward.survey.restore import survey_restore


def survey_way_back(directories: Directories, record: RunRecord, environments: EnvironmentWish) -> Plan:
    """The plan of putting back what a run has backed up. Raises NothingToRestore."""
    if record.plan.kind == "deployment":
        return survey_model_restore(directories, record, environments)
    return survey_restore(directories, record)
