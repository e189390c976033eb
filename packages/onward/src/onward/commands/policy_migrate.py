"""``onward policy migrate``: an operator's overrides carried to a later series."""

from pathlib import Path
from typing import Any

from onward.catalog.load import series_list, service_policy, services_with_policy
from onward.commands.base import Lister
from onward.commands.policy import environments_of
from onward.commands.policy_rewrite import (
    add_output_options,
    add_setting_options,
    check_output,
    print_warnings,
    write,
)
from onward.errors import PolicyDecisionNeeded, PolicyDecisionUnknown, PolicyNotProven
from onward.model.yaml_text import NotYaml, read_yaml
from onward.policy.carry import Answer, Carried, Outcome, Reason
from onward.policy.edit import rule_line
from onward.policy.migration import migrate
from onward.survey.options import add_environment_options
from onward.survey.policy_rewrite import RewriteWish, policy_source, shown
from onward.views.words import counted, harmless

OUTCOMES: dict[Outcome, str] = {
    "kept": "kept",
    "rewritten": "kept, in other words",
    "default": "default, commented out",
    "taken": "default taken, as decided",
    "gone": "rule gone, commented out",
    "unregistered": "not registered, kept",
    "new": "new rule, takes effect",
    "undecided": "needs a decision",
}
REASONS: dict[Reason, str] = {
    "default-changed": "the default changed under the override",
    "means-otherwise": "the same words would mean something else",
    "removed": "the release has no such rule",
    "joined": "several overridden rules became one",
}
ANSWERS: tuple[Answer, ...] = ("keep", "as-written", "take-default")


class PolicyMigrate(Lister):
    """Carry a policy file to a later series: renames followed, a decision asked for where its meaning would change."""

    def get_parser(self, prog_name: str) -> Any:
        """Add the file, the way and the decisions."""
        parser = super().get_parser(prog_name)
        parser.add_argument("file", type=Path, help="policy file, YAML or JSON")
        parser.add_argument("--service", required=True, help=f"one of {', '.join(services_with_policy())}")
        parser.add_argument("--series", required=True, help="release series that reads the file now")
        parser.add_argument("--to", dest="target", required=True, metavar="SERIES", help="series to carry it to")
        meanings = {
            "keep": "let in whom the override lets in now",
            "as-written": "keep its words, whomever they let in then",
            "take-default": "leave the override out",
        }
        for answer, meaning in meanings.items():
            parser.add_argument(f"--{answer}", action="append", default=[], metavar="RULE", help=meaning)
        parser.add_argument("--decisions", type=Path, metavar="FILE", help="YAML, RULE: keep|as-written|take-default")
        add_output_options(parser)
        add_setting_options(parser)
        add_environment_options(parser)
        return parser

    def take_action(self, parsed_args: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Carry it over and write it; where a decision is missing, write nothing and show what it is about."""
        service_policy(parsed_args.service)
        output = check_output(parsed_args)
        path = series_list().path(parsed_args.series, parsed_args.target)
        answers = decisions(parsed_args)
        environments = environments_of(self, parsed_args)
        wish = RewriteWish(
            parsed_args.file,
            parsed_args.service,
            path[0].id,
            tuple(parsed_args.config_file),
            output,
            parsed_args.enforce_new_defaults,
        )
        source = policy_source(environments, wish)
        print_warnings(self, source)
        releases = [source.registered, *(environments.registered(wish.service, each.id) for each in path[1:])]
        found = migrate(source.document, releases, source.settings, answers)
        _refuse_unknown(answers, found.carriage.decidable)
        if found.unproven:
            raise PolicyNotProven(
                f"{wish.file} could not be carried over without a doubt about what it means.",
                evidence="\n".join(f"{name}: {shown(each)}" for name, each in found.unproven.items()),
            )
        self._undecided = found.carriage.undecided
        if found.text is not None:
            write(self, parsed_args, output, found.text)
        columns = ("Rule", "In the file", "What becomes of it", "Why", "Old default", "Override", "New default")
        return columns, [_row(each) for each in found.carriage.rules]

    def run(self, parsed_args: Any) -> int:
        """Show the table; exit with 5 while a decision is missing."""
        super().run(parsed_args)
        if not self._undecided:
            return 0
        raise PolicyDecisionNeeded(
            f"{counted(len(self._undecided), 'rule')} of {parsed_args.file} wait for a decision.",
            evidence="\n".join(_question(each) for each in self._undecided),
            state="Nothing was written.",
            next_command="the same command with --keep RULE, --as-written RULE or --take-default RULE for each of them",
        )


def decisions(parsed_args: Any) -> dict[str, Answer]:
    """What the operator decided; the command line counts before the file. Raises PolicyDecisionUnknown."""
    found: dict[str, Answer] = {}
    if parsed_args.decisions is not None:
        try:
            said = read_yaml(parsed_args.decisions.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, NotYaml) as error:
            raise PolicyDecisionUnknown(f"{parsed_args.decisions} cannot be read.", evidence=str(error)) from None
        if not isinstance(said, dict) or not set(map(str, said.values())) <= set(ANSWERS):
            raise PolicyDecisionUnknown(
                f"{parsed_args.decisions} does not hold decisions.",
                next_command=f"write lines such as RULE: keep; the answers are {', '.join(ANSWERS)}",
            )
        found |= said
    for answer in ANSWERS:
        found |= dict.fromkeys(getattr(parsed_args, answer.replace("-", "_")), answer)
    return found


def _refuse_unknown(answers: dict[str, Answer], decidable: dict[str, tuple[Answer, ...]]) -> None:
    wrong = [
        f"{name}: {', '.join(decidable[name])}" if name in decidable else f"{name}: there is nothing to decide"
        for name, answer in answers.items()
        if answer not in decidable.get(name, ())
    ]
    if wrong:
        raise PolicyDecisionUnknown("A decision cannot be taken.", evidence="\n".join(wrong))


def _row(each: Carried) -> tuple[object, ...]:
    reasons = "; ".join(REASONS[reason] for reason in each.reasons)
    said = rule_line("", each.override).removeprefix('"": ')
    return (
        each.rule,
        ", ".join(each.names),
        OUTCOMES[each.outcome],
        reasons,
        each.old_default,
        harmless(said),
        each.new_default,
    )


def _question(each: Carried) -> str:
    """One rule that waits, with what each answer would do."""
    lines = [f"{each.rule}: {'; '.join(REASONS[reason] for reason in each.reasons)}"]
    if each.by_default is not None:
        lines.append(f"  take-default: {shown(each.by_default)}")
    if "as-written" in each.answers and each.as_written is not None:
        lines.append(f"  as-written: {shown(each.as_written)}")
    lines.append(f"  answers: {', '.join(each.answers)}")
    return harmless("\n".join(lines))
