"""``onward ci services``: each service is taken from one release to another by itself, on servers of its own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onward import __version__
from onward.actions.scratch import give_up_scratch
from onward.commands.base import Lister, directories_of
from onward.commands.controller import carry_out_quietly
from onward.engine.record import RunRecord
from onward.errors import DONE, FAILED, InvalidCloudFile, OnwardError
from onward.hosts.reproducer import write_reproducer
from onward.hosts.state import Directories
from onward.model.reproducer import Failure, Manifest, ServiceTrial
from onward.survey.continuous import services_tried, survey_service_trial
from onward.survey.options import EnvironmentWish, add_environment_options, environment_wish
from onward.views.summary import prediction_of
from onward.views.words import duration

SURVEY = "survey"
"""Where it stopped, if that was before anything began."""


@dataclass(frozen=True)
class Tried:
    """How the upgrade of one service went."""

    wish: ServiceTrial
    seconds: float
    failure: Failure | None
    record: RunRecord | None

    @property
    def said(self) -> str:
        """In one word or two."""
        return "done" if self.failure is None else f"{self.failure.code} at {self.failure.step}"


class CiServices(Lister):
    """Take each service from one release to another by itself, from nothing, and show which of them can be.

    Of each that fails a reproducer bundle is left, which `onward ci reproduce` runs again. Exits with 1 if any fails.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the services, the releases, and what is left."""
        parser = super().get_parser(prog_name)
        parser.add_argument("service", nargs="*", help=f"services (default: {', '.join(services_tried())})")
        parser.add_argument("--from", dest="source", metavar="SERIES", required=True, help="release to begin at")
        parser.add_argument("--to", dest="target", metavar="SERIES", required=True, help="release to end at")
        parser.add_argument("--slurp", action="store_true", help="go only through the SLURP releases")
        parser.add_argument(
            "--seed",
            action="append",
            default=[],
            metavar="SERVICE=FILE",
            help="SQL that is loaded into the new databases of a service before it goes; may be repeated",
        )
        add_bundle_options(parser)
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """Try them one after the other; one that fails does not stop the others."""
        directories = directories_of(self)
        seeds = dict(_seed(words) for words in parsed_args.seed)
        environments = environment_wish(parsed_args)
        chosen = tuple(dict.fromkeys((*parsed_args.service, *(() if parsed_args.service else services_tried()))))
        if strange := sorted(set(seeds) - set(chosen)):
            raise InvalidCloudFile(f"--seed names {strange[0]}, which is not tried.", evidence=", ".join(chosen))
        self._tried, rows = list[Tried](), []
        for service in chosen:
            seed = seeds.get(service)
            wish = ServiceTrial(
                service=service,
                source=parsed_args.source,
                target=parsed_args.target,
                slurp=parsed_args.slurp,
                seed=seed.name if seed is not None else "",
                constraints=environments.constraints,
            )
            found = try_service(self.app, directories, wish, seed.parent if seed is not None else None, environments)
            self._tried.append(found)
            bundle = ""
            if found.failure is not None or parsed_args.always_bundle:
                bundle = str(_keep(directories, found, seed, parsed_args.bundle_dir or directories.state / "ci"))
            rows.append(_row(found, bundle))
        return ("Service", "From", "To", "Result", "Seconds", "Outage", "Run", "Bundle"), rows

    def run(self, parsed_args: Any) -> int:
        """Show it and say what it amounts to."""
        super().run(parsed_args)
        return FAILED if any(each.failure is not None for each in self._tried) else DONE


def add_bundle_options(parser: Any) -> None:
    """Add ``--bundle-dir`` and ``--always-bundle``."""
    parser.add_argument(
        "--bundle-dir", type=Path, metavar="DIRECTORY", help="where reproducer bundles go (default: ci, with the state)"
    )
    parser.add_argument("--always-bundle", action="store_true", help="leave one of what went through as well")


def try_service(
    app: Any, directories: Directories, wish: ServiceTrial, seeds: Path | None, environments: EnvironmentWish
) -> Tried:
    """Take a service through its releases. What fails is said, not raised."""
    began = time.monotonic()
    try:
        plan = survey_service_trial(directories, wish, seeds, environments)
    except OnwardError as error:
        refused = Failure(step=SURVEY, code=error.code, what=error.what)
        return Tried(wish, time.monotonic() - began, refused, None)
    record = carry_out_quietly(app, directories, plan)
    failure = failure_of(record)
    if failure is not None:
        give_up_scratch(record.plan, directories.workspace(record.run_id))
    return Tried(wish, time.monotonic() - began, failure, record)


def failure_of(record: RunRecord) -> Failure | None:
    """The first step that failed, and with what code; None where the run came to its end."""
    if record.status == "done":
        return None
    first = next(iter(record.failures), None)
    if first is None:
        return Failure(step=record.status, code="", what=f"the run is {record.status}")
    error = first.error or {}
    return Failure(step=first.step.id, code=str(error.get("code", "")), what=str(error.get("what", "")))


def files_of_run(directories: Directories, record: RunRecord) -> Iterator[tuple[str, Path | str]]:
    """What a reproducer tells of a run: its plan, its report, what it began with, and what its environments hold."""
    workspace = directories.workspace(record.run_id)
    yield "plan.json", record.plan.to_json()
    yield "report.json", workspace / "report.json"
    for file in sorted((workspace / "made").glob("*.sql")):
        yield f"dump/{file.name}", file
    for each in record.steps:
        if each.step.action == "environment.build" and each.evidence is not None:
            environment = Path(str(each.evidence["environment"]))
            name = f"environments/{each.step.arguments['service']}-{each.step.arguments['series']}"
            yield f"{name}/constraints.txt", environment / "onward" / "constraints.txt"
            packages = sorted(path.name.removesuffix(".dist-info") for path in environment.glob("lib/*/*/*.dist-info"))
            yield f"{name}/packages.txt", "\n".join(each.replace("-", "==", 1) for each in packages) + "\n"


def environments_used(record: RunRecord) -> dict[str, dict[str, str]]:
    """By service and series, the version, the interpreter and the constraints."""
    return {
        f"{each.step.arguments['service']} {each.step.arguments['series']}": {
            "version": str(each.step.arguments["version"]),
            "python": str(each.step.arguments["python_version"]),
            "constraints": str((each.step.arguments["constraints"] or {})["kind"]),  # type: ignore[call-overload,index]
        }
        for each in record.steps
        if each.step.action in ("environment.build", "application.environment")
    }


def _keep(directories: Directories, found: Tried, seed: Path | None, where: Path) -> Path:
    """Write the bundle of one trial. Raises OutputUnwritable."""
    wish = found.wish
    result = "done" if found.failure is None else found.failure.code.lower() or "failed"
    files = dict(files_of_run(directories, found.record)) if found.record is not None else {}
    if seed is not None:
        files[wish.seed] = seed
    manifest = Manifest(
        onward_version=__version__,
        wish=wish,
        failure=found.failure,
        environments=environments_used(found.record) if found.record is not None else {},
    )
    run = f"-{found.record.run_id}" if found.record is not None else ""
    return write_reproducer(
        where.absolute() / f"{wish.service}-{wish.source}-{wish.target}-{result}{run}.tar.gz", manifest, files
    )


def _row(found: Tried, bundle: str) -> tuple[object, ...]:
    record, outage = found.record, ""
    if record is not None and found.failure is None:
        expected = prediction_of(record)
        outage = duration(expected.outage_seconds) if expected is not None else ""
    wish = found.wish
    run = record.run_id if record is not None else ""
    return wish.service, wish.source, wish.target, found.said, round(found.seconds, 1), outage, run, bundle


def _seed(words: str) -> tuple[str, Path]:
    service, separator, file = words.partition("=")
    path = Path(file).absolute()
    if not separator or not path.is_file():
        raise InvalidCloudFile(f"--seed {words} is not understood.", evidence="expected SERVICE=FILE, a file of SQL")
    return service, path
