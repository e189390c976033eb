"""Asks a release, in its own environment, what its policy is."""

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from onward.catalog.load import service_policy
from onward.catalog.service import Recipe
from onward.errors import PolicyNotLoaded
from onward.hosts.command import run_command
from onward.hosts.environments import Environment
from onward.hosts.runner import clean_environment
from onward.policy.in_force import InForce, RuleInForce
from onward.policy.personas import Case
from onward.policy.registered import RegisteredPolicy

_PROGRAM = Path(__file__).with_name("policy_program.py")
_SECONDS = 900.0
_MOST_LINES = 8


@dataclass(frozen=True)
class PolicySources:
    """Where a release is to look for an operator's policy."""

    configuration: tuple[Path, ...] = ()
    """The service's configuration files; a relative [oslo_policy] policy_file is beside them."""
    policy_file: Path | None = None
    """Instead of what the configuration names."""
    search: tuple[Path, ...] | None = ()
    """Directories that are searched after those of the configuration files. None: /etc/SERVICE and /etc, as it does."""


def registered_policy(environment: Environment, recipe: Recipe, series: str, version: str) -> RegisteredPolicy:
    """The rules that a release registers. Kept beside the environment, which never changes. Raises PolicyNotLoaded."""
    kept = _kept_beside(environment, "policy")
    try:
        return RegisteredPolicy.from_json(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # It was not asked before, or by another Onward.
    known = {"service": recipe.service, "series": series, "version": version}
    answer = _asked(environment, recipe, {"do": "registered", **known}, f"{recipe.service} {series}")
    found = RegisteredPolicy.from_json(json.dumps(answer["registered"]))
    _keep(kept, found.to_json())
    return found


def defaults_in_force(environment: Environment, recipe: Recipe, series: str, cases: tuple[Case, ...]) -> InForce:
    """What a release enforces with no file and no option of an operator's, and what each rule answers in each case.

    That never changes, and is kept beside the environment. Raises PolicyNotLoaded.
    """
    asked = json.dumps([[case.credentials, case.target] for case in cases], sort_keys=True)
    kept = _kept_beside(environment, "defaults", sha256(asked.encode()).hexdigest()[:12])
    try:
        return _in_force(json.loads(kept.read_text(encoding="utf-8")), cases)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # As above.
    answer = _asked_in_force(environment, recipe, series, PolicySources(), cases)
    _keep(kept, json.dumps(answer))
    return _in_force(answer, cases)


def _kept_beside(environment: Environment, *names: str) -> Path:
    """Where an answer is kept. Another Onward's program may have given another one."""
    program = sha256(_PROGRAM.read_bytes()).hexdigest()[:12]
    return environment.path / "onward" / f"{'-'.join([*names, program])}.json"


def _keep(place: Path, text: str) -> None:
    """Write it whole or not at all."""
    place.parent.mkdir(exist_ok=True)
    unfinished = place.with_name(f"{place.name}.{os.getpid()}.{threading.get_ident()}")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, place)


def policy_in_force(
    environment: Environment, recipe: Recipe, series: str, sources: PolicySources, cases: tuple[Case, ...]
) -> InForce:
    """What a release enforces with the operator's files, and what each rule answers in each case.

    Raises PolicyNotLoaded where the release cannot read them.
    """
    return _in_force(_asked_in_force(environment, recipe, series, sources, cases), cases)


def _asked_in_force(
    environment: Environment, recipe: Recipe, series: str, sources: PolicySources, cases: tuple[Case, ...]
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="onward-policy-") as directory:
        last = Path(directory) / "onward.conf"
        named = f"policy_file = {sources.policy_file}\n" if sources.policy_file else ""
        last.write_text(f"[oslo_policy]\n{named}", encoding="utf-8")
        answer = _asked(
            environment,
            recipe,
            {
                "do": "in force",
                "configuration": [*map(str, sources.configuration), str(last)],
                "search": None if sources.search is None else [*map(str, sources.search)],
                "cases": [{"credentials": case.credentials, "target": case.target} for case in cases],
            },
            f"{recipe.service} {series}",
        )
    found: dict[str, Any] = answer["in_force"]
    return found


def _in_force(answer: Mapping[str, Any], cases: tuple[Case, ...]) -> InForce:
    return InForce(
        rules={name: RuleInForce(name=name, **rule) for name, rule in answer["rules"].items()},
        files=tuple(answer["files"]),
        policy_file=answer["policy_file"],
        directories=tuple(answer["directories"]),
        enforce_new_defaults=answer["enforce_new_defaults"],
        enforce_scope=answer["enforce_scope"],
        warnings=tuple(answer["warnings"]),
        cases=cases,
    )


def _asked(environment: Environment, recipe: Recipe, request: dict[str, Any], release: str) -> dict[str, Any]:
    """The answer of the program. Raises ServiceWithoutPolicy, PolicyNotLoaded."""
    policy = service_policy(recipe.service)
    names = {"namespace": policy.namespace, "enforcer": policy.enforcer}
    try:
        result = run_command(
            [environment.python, "-I", _PROGRAM],
            environment={**clean_environment(os.environ), **recipe.variables},
            directory=environment.path,
            timeout_seconds=_SECONDS,
            stdin=json.dumps({**names, **request}),
        )
    except subprocess.TimeoutExpired:
        raise _not_loaded(release, [f"no answer within {_SECONDS:.0f} s"]) from None
    except OSError as error:
        raise _not_loaded(release, [str(error)]) from None
    try:
        answer: dict[str, Any] = json.loads(result.stdout)
    except ValueError:
        raise _not_loaded(release, [f"exit status {result.exit_status}", result.tail(_MOST_LINES)]) from None
    if failed := answer.get("failed"):
        raise _not_loaded(release, [failed["error"], *failed["warnings"]])
    return answer


def _not_loaded(release: str, evidence: Iterable[str]) -> PolicyNotLoaded:
    lines = [line for each in evidence for line in each.splitlines()]
    return PolicyNotLoaded(
        f"The release cannot load its policy: {release}.",
        evidence="\n".join(lines[:_MOST_LINES]),
        next_command="mend what the evidence names, then: onward policy check",
    )
