"""Asks a release, in its own environment, which configuration options it knows."""

import json
import os
import subprocess
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

from onward.catalog.load import in_force
from onward.catalog.service import Recipe
from onward.errors import OptionsNotListed
from onward.hosts.command import CommandResult, run_command
from onward.hosts.containers import CARRIED, Engine
from onward.hosts.runner import clean_environment
from onward.model.container import ContainerImage
from onward.model.options import ReleaseOptions

_PROGRAM = Path(__file__).with_name("options_program.py")
_SECONDS = 600.0
_MOST_LINES = 8


def release_options(environment: Path, recipe: Recipe, series: str) -> ReleaseOptions:
    """The options that a release lists. Kept in its environment, which never changes. Raises OptionsNotListed."""

    def ask(stdin: str) -> CommandResult:
        return run_command(
            [environment / "bin" / "python", "-I", _PROGRAM],
            environment={**clean_environment(os.environ), **recipe.variables},
            directory=environment,
            timeout_seconds=_SECONDS,
            stdin=stdin,
        )

    return _kept(environment / "onward", ask, recipe, series)


def image_options(image: ContainerImage, kept: Path, recipe: Recipe, series: str) -> ReleaseOptions:
    """The same of a release in an image, which never changes either; kept below ``kept``. Raises OptionsNotListed."""

    def ask(stdin: str) -> CommandResult:
        return Engine(image.engine).asked_in(
            image.id,
            image.python,
            *("-I", CARRIED),
            file=_PROGRAM,
            stdin=stdin,
            seconds=_SECONDS,
            variables=recipe.variables,
        )

    return _kept(kept, ask, recipe, series)


def _kept(directory: Path, ask: Callable[[str], CommandResult], recipe: Recipe, series: str) -> ReleaseOptions:
    """What was answered before, or what is answered now. Raises OptionsNotListed."""
    namespaces = [namespace.name for namespace in in_force(recipe.options, series)]
    asked = sha256(_PROGRAM.read_bytes() + json.dumps([series, namespaces]).encode()).hexdigest()[:12]
    kept = directory / f"options-{asked}.json"
    try:
        return ReleaseOptions.model_validate_json(kept.read_bytes())
    except (OSError, ValueError):
        pass  # It was not asked before, or by another Onward.
    found = _asked(ask, recipe, series, namespaces)
    kept.parent.mkdir(exist_ok=True, parents=True)
    unfinished = kept.with_name(f"{kept.name}.{os.getpid()}")
    unfinished.write_text(found.model_dump_json(), encoding="utf-8")
    os.replace(unfinished, kept)
    return found


def _asked(ask: Callable[[str], CommandResult], recipe: Recipe, series: str, namespaces: list[str]) -> ReleaseOptions:
    """What the program answers. Raises OptionsNotListed."""
    try:
        result = ask(json.dumps({"namespaces": namespaces}))
    except subprocess.TimeoutExpired:
        raise _not_listed(recipe.service, series, [f"no answer within {_SECONDS:.0f} s"]) from None
    except OSError as error:
        raise _not_listed(recipe.service, series, [str(error)]) from None
    try:
        return ReleaseOptions.model_validate({"series": series, **json.loads(result.stdout)})
    except (ValueError, TypeError):
        raise _not_listed(
            recipe.service, series, [f"exit status {result.exit_status}", result.tail(_MOST_LINES)]
        ) from None


def _not_listed(service: str, series: str, evidence: Iterable[str]) -> OptionsNotListed:
    lines = [line for each in evidence for line in each.splitlines()]
    return OptionsNotListed(
        f"The release cannot list its configuration options: {service} {series}.",
        evidence="\n".join(lines[:_MOST_LINES]),
        next_command=f"remove its environment from the cache, then: onward check {service}",
    )
