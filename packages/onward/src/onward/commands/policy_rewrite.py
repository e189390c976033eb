"""``onward policy convert`` and ``prune``: a policy file said anew, and proven to mean the same."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

from onward.catalog.load import series_list, service_policy, services_with_policy
from onward.commands.base import HasApp, Lister
from onward.commands.policy import environments_of
from onward.errors import PolicyOutputRefused
from onward.hosts.replace_file import kept_beside, write_whole
from onward.policy.rewriting import What, convert, prune
from onward.survey.options import add_environment_options
from onward.survey.policy_rewrite import Rewrite, RewriteWish, Source, survey_rewrite
from onward.views.words import counted, harmless


class _Rewrite(Lister):
    """What convert and prune share."""

    rewrite: ClassVar[tuple[Rewrite]]
    """The one function that does it; a class would bind it."""
    words: ClassVar[dict[What, str]]

    def get_parser(self, prog_name: str) -> Any:
        """Add the file and where it goes."""
        parser = super().get_parser(prog_name)
        parser.add_argument("file", type=Path, help="policy file, YAML or JSON")
        parser.add_argument("--service", required=True, help=f"one of {', '.join(services_with_policy())}")
        parser.add_argument("--series", required=True, help="release series that reads the file: 2024.1, caracal")
        add_output_options(parser)
        add_setting_options(parser)
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Rewrite, write, and return what became of each rule."""
        service_policy(parsed_args.service)
        output = check_output(parsed_args)
        wish = RewriteWish(
            parsed_args.file,
            parsed_args.service,
            series_list().find(parsed_args.series).id,
            tuple(parsed_args.config_file),
            output,
            parsed_args.enforce_new_defaults,
        )
        source, found = survey_rewrite(environments_of(self, parsed_args), wish, *self.rewrite)
        print_warnings(self, source)
        counts = [
            f"{sum(change.what == what for change in found.changes)} {words}"
            for what, words in self.words.items()
            if any(change.what == what for change in found.changes)
        ]
        rules = counted(len(source.registered.rules), "rule")
        print(f"{wish.file}: {'; '.join(counts) or 'no rule'}", file=self.app.stderr)
        print(f"proven to mean the same for all {rules} of {release_of(source)}", file=self.app.stderr)
        write(self, parsed_args, output, found.text)
        rows: list[tuple[object, ...]] = [
            (change.rule, change.line, self.words[change.what], harmless(change.details)) for change in found.changes
        ]
        return ("Rule", "Line", "What became of it", "Details"), rows


class PolicyConvert(_Rewrite):
    """Convert a policy file to YAML that means the same: defaults commented out and explained, old names renamed."""

    rewrite = (convert,)
    words: ClassVar[dict[What, str]] = {
        "kept": "kept",
        "default": "default, commented out",
        "renamed": "renamed",
        "idle": "without effect, commented out",
        "repeated": "said twice, commented out",
        "unknown": "unknown, kept",
    }


class PolicyPrune(_Rewrite):
    """Reduce a policy file to what differs from the defaults; it means the same."""

    rewrite = (prune,)
    words: ClassVar[dict[What, str]] = {
        "kept": "kept",
        "default": "default, left out",
        "renamed": "renamed",
        "idle": "without effect, left out",
        "repeated": "said twice, left out",
        "unknown": "unknown, kept",
    }


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add where the result goes."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the result to this file")
    where.add_argument(
        "--in-place", action="store_true", help="write it over the source, whose old text is kept in .NAME.before"
    )
    parser.add_argument("--force", action="store_true", help="let -o replace a file that exists")


def add_setting_options(parser: argparse.ArgumentParser) -> None:
    """Add what else decides what a policy file means."""
    parser.add_argument(
        "--config-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="the service's configuration: its other policy files and its settings count; may be repeated",
    )
    parser.add_argument(
        "--enforce-new-defaults",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="[oslo_policy] enforce_new_defaults of the service (default: what --config-file says)",
    )


def check_output(parsed_args: Any) -> Path | None:
    """Where the result goes; None where it is only shown. Raises PolicyOutputRefused."""
    source: Path = parsed_args.file
    output: Path | None = parsed_args.output
    if parsed_args.in_place:
        if source.suffix == ".json":
            raise PolicyOutputRefused(
                f"{source} would hold YAML under a name that says JSON.",
                next_command=f"give -o {source.with_suffix('.yaml')} instead of --in-place",
            )
        return source
    if output is None:
        return None
    if output.exists() and source.exists() and output.samefile(source):
        raise PolicyOutputRefused(
            f"{output} is the source itself.", next_command="give --in-place, which keeps the old text beside it"
        )
    if output.exists() and not parsed_args.force:
        raise PolicyOutputRefused(f"{output} exists already.", next_command="give --force to replace it, or another -o")
    return output


def write(command: HasApp, parsed_args: Any, output: Path | None, text: str) -> None:
    """Write the result, with the mode of the source. Raises PolicyOutputRefused."""
    source: Path = parsed_args.file.resolve()
    if output is None:
        print("nothing was written; give -o FILE or --in-place", file=command.app.stderr)
        return
    try:
        if parsed_args.in_place:
            # A link stays one: what it leads to is replaced.
            output = source
            before = source.read_bytes().decode("utf-8")
            if before == text:
                print(f"{parsed_args.file} is so already", file=command.app.stderr)
                return
            kept = kept_beside(source)
            write_whole(kept, before, source)
            print(f"kept: {kept}", file=command.app.stderr)
        write_whole(output, text, source)
    except OSError as error:
        raise PolicyOutputRefused(f"{output} cannot be written.", evidence=str(error)) from None
    print(f"written: {output}", file=command.app.stderr)


def print_warnings(command: HasApp, source: Source) -> None:
    """What is wrong in the file, on standard error."""
    for warning in source.warnings:
        print(f"warning: {harmless(warning)}", file=command.app.stderr)


def release_of(source: Source) -> str:
    """The release and the settings under which something holds: ``keystone 30.0.0 (2026.2)``."""
    release = source.registered
    known = source.settings.enforce_new_defaults
    how = "on or off" if known is None else "on" if known else "off"
    return f"{release.service} {release.version} ({release.series}), enforce_new_defaults {how}"
