"""The policy of a service at one release: what it registers, what the operator's files say, and what it enforces."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from onward.catalog.load import service_policy
from onward.errors import PolicyUnreadable
from onward.hosts.policies import PolicySources
from onward.observe.policy_files import look_at, observe_policy_files
from onward.policy.difference import End
from onward.policy.document import Document, read_document
from onward.policy.effective import Override
from onward.policy.files import PolicyFile, files_of_release
from onward.policy.language import Check, parse
from onward.policy.personas import Case, cases_for, checks_of
from onward.policy.registered import RegisteredPolicy
from onward.survey.policies import PolicyEnvironments

OLD_FILE = "policy.json"


@dataclass(frozen=True)
class OperatorPolicy:
    """Where an operator's policy is: in one file, or where a service's configuration says. Nothing: all is default."""

    policy_file: Path | None = None
    configuration: tuple[Path, ...] = ()
    search: tuple[Path, ...] | None = None
    """Directories that are searched after those of the configuration files; None: /etc/SERVICE and /etc."""

    def sources(self, release: RegisteredPolicy) -> PolicySources:
        """Where the release is to look.

        A file is taken for what [oslo_policy] policy_file names. A policy.json is not: it lies there from older times,
        and is read only by a release that falls back to it by itself.
        """
        if self.policy_file is not None:
            read = self.policy_file.name != OLD_FILE or release.reads_json_instead or release.policy_file == OLD_FILE
            return PolicySources(policy_file=self.policy_file.absolute()) if read else PolicySources()
        if self.configuration or self.search:
            return PolicySources(tuple(file.absolute() for file in self.configuration), search=self.search)
        return PolicySources()

    def files(self, release: RegisteredPolicy) -> tuple[PolicyFile, ...]:
        """The files that the release will read, in its order."""
        sources = self.sources(release)
        if sources.policy_file is not None:
            return (look_at(sources.policy_file),)
        if not sources.configuration and not sources.search:
            return ()
        facts = service_policy(release.service)
        seen = observe_policy_files(facts, release.service, sources.configuration, sources.search)
        return files_of_release(seen, release).read


@dataclass(frozen=True)
class ReadPolicy:
    """A release and the files it reads, before it was asked."""

    registered: RegisteredPolicy
    documents: tuple[tuple[PolicyFile, Document], ...]

    @property
    def overrides(self) -> tuple[Override, ...]:
        """What the files say; of two with one name the later counts."""
        return tuple(each for file, document in self.documents for each in document.overrides(str(file.path)))

    def checks(self) -> Iterator[Check]:
        """All checks in it: the release's, those they replace, and the operator's."""
        yield from checks_of(self.registered)
        yield from (parse(override.value) for override in self.overrides)


def read_policy(environments: PolicyEnvironments, service: str, series: str, operator: OperatorPolicy) -> ReadPolicy:
    """What a release will read. Raises PolicyUnreadable, and as ``PolicyEnvironments.registered`` does."""
    registered = environments.registered(service, series)
    return ReadPolicy(registered, tuple((file, readable(file)) for file in operator.files(registered)))


def readable(file: PolicyFile) -> Document:
    """The document in a file. Raises PolicyUnreadable, which names the line."""
    if file.text is None:
        raise PolicyUnreadable(f"{file.path} cannot be read.", evidence=file.unreadable)
    document = read_document(file.text)
    if not document.readable:
        raise PolicyUnreadable(
            f"{file.path} is no policy that oslo.policy can read.",
            evidence="\n".join(f"{file.path}:{problem.line}: {problem.what}" for problem in document.problems),
        )
    return document


def policy_ends(
    environments: PolicyEnvironments, service: str, series: Sequence[str], operator: OperatorPolicy
) -> list[End]:
    """The policy of a service at each of these series; all releases are asked the same questions.

    Raises PolicyUnreadable, PolicyNotLoaded, and what building an environment raises.
    """
    read = [read_policy(environments, service, each, operator) for each in series]
    cases = cases_for(check for each in read for check in each.checks())
    return [policy_end(environments, each, operator, cases) for each in read]


def policy_end(
    environments: PolicyEnvironments, read: ReadPolicy, operator: OperatorPolicy, cases: Iterable[Case]
) -> End:
    """One end: the release is asked what it enforces. Raises PolicyNotLoaded."""
    release = read.registered
    real = environments.in_force(release.service, release.series, operator.sources(release), cases)
    return End(release, read.overrides, real)
