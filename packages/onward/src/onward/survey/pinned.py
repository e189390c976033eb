"""What the applications of a model were deployed with, asked of the releases themselves when one of them changes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from onward.catalog.pinned_options import pinned_options
from onward.hosts.state import Directories
from onward.model.options import ReleaseOptions
from onward.plan.deployment.pinned import Pinned, defaults, pinned, said, with_kept
from onward.plan.deployment.topology import Topology
from onward.plan.forward import EnvironmentChoice
from onward.survey.images import options_of

Choose = Callable[[str, str], EnvironmentChoice]
"""The environment of an application at a series."""


def survey_pinned(
    model: str,
    found: Topology,
    before: Mapping[str, Any],
    choices: Mapping[str, EnvironmentChoice],
    choose: Choose,
    directories: Directories,
    progress: Callable[[str], None],
) -> dict[str, Pinned]:
    """By application of a service: what it keeps. ``before`` is what is remembered of the model.

    At the first deployment its release is remembered; nothing has to be asked of it before another one is deployed.
    """
    told = {}
    for name, choice in choices.items():
        first = _first(name, before, choice.series)
        if first.of != choice.series or first.options is not None:
            if first.options is None:
                release = _listed(found, name, choose(name, first.of), directories, progress)
                first = first.model_copy(update={"options": defaults(release, pinned_options())})
            now = _listed(found, name, choice, directories, progress)
            given = found.applications[name].options
            first = pinned(first, now, found.charms[name], given, pinned_options())
        for line in said(model, name, choice.series, first):
            progress(line)
        told[name] = first
    return told


def keeping(found: Topology, told: Mapping[str, Pinned]) -> Topology:
    """The same model, with what is kept among the options of its applications."""
    applications = {
        name: entry.model_copy(update={"options": with_kept(entry.options, told[name])}) if name in told else entry
        for name, entry in found.applications.items()
    }
    return replace(found, applications=applications)


def _first(name: str, before: Mapping[str, Any], series: str) -> Pinned:
    """What is remembered of its first deployment; that may be this one."""
    remembered = before.get("pinned", {}).get(name)
    return Pinned(of=series) if remembered is None else Pinned.model_validate(remembered)


def _listed(
    found: Topology,
    name: str,
    choice: EnvironmentChoice,
    directories: Directories,
    progress: Callable[[str], None],
) -> ReleaseOptions:
    return options_of(found.charms[name].service or "", choice, directories, progress)
