"""Ask a release whether it can take the service over."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from oslo_config import cfg

from onward.actions.configure_service import configuration_files
from onward.actions.copied import run_databases
from onward.actions.lane import service_of
from onward.actions.warm_runner import command_evidence, command_log, runner_for
from onward.catalog.load import in_force, recipe
from onward.catalog.service import Command
from onward.checks.finding import Finding
from onward.checks.service_owned import alarmed_for_nothing, findings_of, none_of_its_own
from onward.engine.action import Evidence, StepContext
from onward.hosts.lent_runner import ReleaseCommands
from onward.hosts.runner import CommandOutcome
from onward.observe.database import count_rows, read_only


class CheckUpgrade:
    """``service.check``: run the service's own checks with the code of a series, in a rehearsal.

    Arguments: ``service``, ``series``. Evidence: ``findings``, each a Finding as data; ``checked``, a list of
    ``name``, ``exit_status``, ``seconds`` and ``log``. Findings fail nothing: in a rehearsal, finding out is the
    purpose. ``adopted`` are files of the cloud's own, which those of the copy only correct; without them, checks of the
    configuration alone are left out. Reads only, so that it may be repeated.
    """

    name = "service.check"

    def apply(self, context: StepContext) -> Evidence:
        """Run all checks that the release has. Raises RunnerDied."""
        service, series = service_of(context), str(context.step.arguments["series"])
        told: Any = context.step.arguments.get("adopted", ())
        adopted = [Path(file) for file in told]
        outcomes, findings = ask_release(
            service,
            series,
            runner_for(context, series),
            [*adopted, *configuration_files(context)],
            log_of=lambda check: command_log(context, series, check),
            rows=lambda query: _rows(context, query),
            progress=context.progress,
            about_configuration=bool(adopted),
        )
        return {
            "findings": [asdict(finding) for finding in findings],
            "checked": [command_evidence(context, outcome) for outcome in outcomes],
        }


def _rows(context: StepContext, query: str) -> int | None:
    """What a query counts in the service's own database of the run."""
    engine = read_only(next(iter(run_databases(context).values())))
    try:
        return count_rows(engine, query)
    finally:
        engine.dispose()


def ask_release(
    service: str,
    series: str,
    runner: ReleaseCommands,
    files: Sequence[Path],
    *,
    log_of: Callable[[str], Path],
    rows: Callable[[str], int | None],
    progress: Callable[[str], None],
    timeout_seconds: float | None = None,
    about_configuration: bool = True,
    older_schema: str = "",
) -> tuple[list[CommandOutcome], list[Finding]]:
    """Run all checks that a release brings along, one after the other; how they ended, and what they say.

    A release without an upgrade check has ``none of its own``. A check that takes longer than ``timeout_seconds``
    could not tell. Without ``about_configuration`` the checks of the configuration alone are left out.
    ``older_schema`` is the series that the database is at, where that is before this one; ``rows`` counts what is in
    it with a query, or cannot (None). Raises RunnerDied.
    """
    about = f"{service} {series}"
    checks = [
        check
        for check in in_force(recipe(service).checks, series)
        if about_configuration or not check.about_configuration
    ]
    outcomes: list[CommandOutcome] = []
    findings: list[Finding] = []
    if not any(check.prints != "symptoms" for check in checks):
        findings.append(none_of_its_own("upgrade-check", about))
    for check in checks:
        progress(f"{about}: {check.name}")
        outcome = runner.run(
            check,
            configuration=files,
            log=log_of(check.name),
            early_values=early_values(check, files),
            timeout_seconds=timeout_seconds,
        )
        outcomes.append(outcome)
        found = findings_of(
            check,
            outcome.exit_status,
            outcome.output(),
            about,
            faults=in_force(check.known_faults, series),
            older_schema=older_schema,
        )
        findings += [alarmed_for_nothing(each, check.false_alarms, rows) for each in found]
    return outcomes, findings


def early_values(command: Command, files: Sequence[Path]) -> dict[tuple[str, str], str]:
    """What the files say of the options that a command uses before it has read them."""
    values = {}
    for group, name in command.early_options:
        conf = cfg.ConfigOpts()
        conf.register_opt(cfg.StrOpt(name), group=group)
        conf([], default_config_files=[str(file) for file in files], default_config_dirs=[], use_env=False)
        if (value := conf[group][name]) is not None:
            values[group, name] = value
    return values
