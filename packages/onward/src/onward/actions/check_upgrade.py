"""Ask the target release whether it can take the service over."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from oslo_config import cfg

from onward.actions.configure_service import configuration_files
from onward.actions.warm_runner import command_log, runner_for
from onward.catalog.load import in_force, recipe
from onward.catalog.service import Command
from onward.checks.finding import Finding, Result
from onward.engine.action import Evidence, StepContext
from onward.errors import CheckFailed
from onward.hosts.runner import CommandOutcome, Runner

# oslo_upgradecheck/upgradecheck.py, Code.
_RESULTS: dict[int, Result] = {0: "pass", 1: "warn", 2: "fail"}
_DOCTOR = "WARNING: "


class CheckUpgrade:
    """``service.check``: run the service's own checks with the code of a series.

    Arguments: ``service``, ``series``. Evidence: ``findings``, a list of ``name``, ``result`` (pass, warn, fail or
    could-not-tell), ``details`` and ``way_out``; ``checked``, a list of ``name``, ``exit_status``, ``seconds``
    and ``log``. In a rehearsal findings fail nothing: finding out is its purpose. In an upgrade a failed check stops
    the run before the outage begins. A rehearsal leaves out checks of the configuration alone: the copy's is Onward's
    own. Reads only, so that it may be repeated.
    """

    name = "service.check"

    def apply(self, context: StepContext) -> Evidence:
        """Run all checks that the release has. Raises RunnerDied; in an upgrade CheckFailed."""
        series = str(context.step.arguments["series"])
        runner = runner_for(context, series)
        files = configuration_files(context)
        findings: list[Finding] = []
        checked = []
        for check in in_force(recipe(context.plan.service).checks, series):
            if check.about_configuration and context.plan.kind == "rehearsal":
                continue
            context.progress(f"{series}: {check.name}")
            outcome, said = run_check(runner, check, files, command_log(context, series, check.name))
            findings += said
            checked.append(_evidence(context, outcome))
        failed = [finding for finding in findings if finding.result == "fail"]
        if failed and context.plan.kind == "upgrade":
            raise CheckFailed(
                f"{context.plan.service} {series} cannot take this cloud over as it is.",
                evidence="\n".join(f"{finding.name}: {finding.details}" for finding in failed),
                state="The service is up and nothing was migrated.",
                next_command=f"mend it, then: onward runs resume {context.run_id}",
            )
        return {"findings": [asdict(finding) for finding in findings], "checked": checked}


def run_check(
    runner: Runner, check: Command, files: Sequence[Path], log: Path, timeout_seconds: float | None = None
) -> tuple[CommandOutcome, list[Finding]]:
    """Run one check with a service's configuration; how it ended, and what it says. Raises RunnerDied."""
    outcome = runner.run(
        check,
        configuration=files,
        log=log,
        early_values=_early_values(check, files),
        timeout_seconds=timeout_seconds,
    )
    return outcome, findings_of(check, outcome.exit_status, outcome.output())


def _early_values(command: Command, files: Sequence[Path]) -> dict[tuple[str, str], str]:
    """What the files say of the options that a command uses before it has read them."""
    values = {}
    for group, name in command.early_options:
        conf = cfg.ConfigOpts()
        conf.register_opt(cfg.StrOpt(name), group=group)
        conf([], default_config_files=[str(file) for file in files], default_config_dirs=[], use_env=False)
        if (value := conf[group][name]) is not None:
            values[group, name] = value
    return values


def findings_of(check: Command, exit_status: int, output: str) -> list[Finding]:
    """What a check's output says. Pure. A check that ended otherwise than it should could not tell."""
    found = list(_upgrade_check(output)) or list(_doctor(check, output))
    if exit_status in (0, *check.meanings) and exit_status != 255:
        if found:
            return found
        if exit_status == 0:
            return [Finding(check.name, "pass")]
    last = "\n".join(output.strip().splitlines()[-5:])
    return [*found, Finding(check.name, "could-not-tell", f"it ended with exit status {exit_status}: {last}")]


def _upgrade_check(output: str) -> Iterator[Finding]:
    """The findings of oslo.upgradecheck, which are one line of JSON among whatever else is printed."""
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        try:
            checks: list[dict[str, Any]] = json.loads(line)["checks"]
        except (ValueError, KeyError, TypeError):
            continue
        for check in checks:
            result = _RESULTS.get(int(check["result"]), "could-not-tell")
            yield Finding(str(check["check"]), result, str(check["details"] or ""))


def _doctor(check: Command, output: str) -> Iterator[Finding]:
    """The symptoms that keystone-manage doctor prints: a line each, and below it what to do, indented."""
    title, advice = "", list[str]()
    for line in [*output.splitlines(), _DOCTOR]:
        if line.startswith(_DOCTOR):
            if title:
                yield Finding(check.name, "warn", title, " ".join(advice).strip())
            title, advice = line.removeprefix(_DOCTOR).strip(), []
        elif title and line.startswith("    "):
            advice.append(line.strip())


def _evidence(context: StepContext, outcome: CommandOutcome) -> Evidence:
    return {
        "name": outcome.name,
        "exit_status": outcome.exit_status,
        "seconds": round(outcome.seconds, 3),
        "log": str(outcome.log.relative_to(context.workspace)),
    }
