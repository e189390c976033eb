"""The environment of an application that is deployed."""

from onward.actions.build_environment import BuildEnvironment


class BuildApplicationEnvironment(BuildEnvironment):
    """``application.environment``: what ``environment.build`` does, remembered with the model."""

    name = "application.environment"
