"""What is needed to rewrite a policy file: the file, the release, and what else the service reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onward.errors import PolicyNotProven
from onward.observe.policy_files import look_at
from onward.policy.document import Document
from onward.policy.equivalence import Settings
from onward.policy.meaning import Comparison
from onward.policy.registered import RegisteredPolicy
from onward.policy.rewriting import Rewriting
from onward.survey.policies import PolicyEnvironments
from onward.survey.policy_ends import OperatorPolicy, readable

Rewrite = Callable[[Document, RegisteredPolicy, Settings], Rewriting]


@dataclass(frozen=True)
class RewriteWish:
    """Which file is to be rewritten, for which release, and under which configuration."""

    file: Path
    service: str
    series: str
    configuration: tuple[Path, ...] = ()
    """The service's configuration files: where its other policy files are, and what enforce_new_defaults is."""
    output: Path | None = None
    enforce_new_defaults: bool | None = None


@dataclass(frozen=True)
class Source:
    """A file as it was found, and what surrounds it."""

    document: Document
    registered: RegisteredPolicy
    settings: Settings
    warnings: tuple[str, ...]
    """What is wrong in the file, each with file and line."""


def survey_rewrite(environments: PolicyEnvironments, wish: RewriteWish, rewrite: Rewrite) -> tuple[Source, Rewriting]:
    """Read and rewrite; nothing is written. Raises PolicyNotProven, and what :func:`policy_source` raises."""
    source = policy_source(environments, wish)
    rewriting = rewrite(source.document, source.registered, source.settings)
    if rewriting.unproven:
        raise PolicyNotProven(
            f"{wish.file} could not be rewritten without a doubt about what it means.",
            evidence="\n".join(f"{name}: {shown(found)}" for name, found in rewriting.unproven.items()),
        )
    return source, rewriting


def policy_source(environments: PolicyEnvironments, wish: RewriteWish) -> Source:
    """The file, the release, and what surrounds it.

    Raises PolicyUnreadable, and what asking a release raises: OW2xx of its environment, PolicyNotLoaded.
    """
    # Before an environment is built for it, which may take minutes.
    document = readable(look_at(wish.file))
    registered = environments.registered(wish.service, wish.series)
    settings = Settings(wish.enforce_new_defaults)
    if wish.configuration:
        settings = _configured(environments, wish, registered)
    warnings = (*_problems(wish, document), *_references(wish, document, registered, settings), *_beside(wish))
    return Source(document, registered, settings, warnings)


def shown(comparison: Comparison) -> str:
    """How two policies differ, for people."""
    words: list[str] = [comparison.verdict]
    if comparison.gains is not None:
        words.append(f"lets in {comparison.gains}")
    if comparison.losses is not None:
        words.append(f"keeps out {comparison.losses}")
    if comparison.reason:
        words.append(comparison.reason)
    return "; ".join(words)


def _configured(environments: PolicyEnvironments, wish: RewriteWish, registered: RegisteredPolicy) -> Settings:
    """What the service's configuration says: the setting, and the overrides of its other files."""
    operator = OperatorPolicy(configuration=wish.configuration)
    files = operator.files(registered)
    # A file that is not read yet is taken to become the one at the output's path, or the first of all.
    places = [file.path.resolve() for file in files]
    wanted = [path.resolve() for path in (wish.file, wish.output) if path is not None]
    at = next((places.index(path) for path in wanted if path in places), -1)
    others = [dict(readable(file).values) for file in files]
    before = {name: value for values in others[: max(at, 0)] for name, value in values.items()}
    after = {name: value for values in others[at + 1 :] for name, value in values.items()}
    new_only = wish.enforce_new_defaults
    if new_only is None:
        real = environments.in_force(wish.service, wish.series, operator.sources(registered))
        new_only = real.enforce_new_defaults
    return Settings(new_only, before=before, after=after)


def _problems(wish: RewriteWish, document: Document) -> Iterator[str]:
    for problem in document.problems:
        yield f"{wish.file}:{problem.line}: {problem.rule} {problem.what}"


def _references(
    wish: RewriteWish, document: Document, registered: RegisteredPolicy, settings: Settings
) -> Iterator[str]:
    """Circles, and rules that are referred to and not there, as far as the file's own rules meet them."""
    rules = settings.policy(registered, document.values).checks
    for entry in document.entries:
        place = f"{wish.file}:{entry.line}: {entry.name}"
        if cycle := rules.cycle(entry.name):
            yield f"{place} goes round in a circle: {' -> '.join(cycle)}"
        for missing in rules.undefined(entry.name):
            stands_in = settings.default_rule in rules.checks
            meaning = f"the rule {settings.default_rule} stands in" if stands_in else "that part denies"
            yield f"{place} refers to a rule that is not there, {missing}: {meaning}"


def _beside(wish: RewriteWish) -> Iterator[str]:
    """Other files that the service probably reads, and that nobody has spoken of."""
    if wish.configuration:
        return
    directory = wish.file.parent / "policy.d"
    inside = wish.file.absolute().parent.name == "policy.d"
    if inside or (directory.is_dir() and any(not path.name.startswith(".") for path in directory.iterdir())):
        yield f"{wish.file} was taken for all that the service reads; with --config-file its other files count as well"
