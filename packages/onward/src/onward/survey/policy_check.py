"""Finds out what is wrong with the policy of services, on this machine or in a copy of their files."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from onward.catalog.load import recipe, series_list, services
from onward.checks.finding import Finding, finding_of
from onward.checks.policy import (
    STALE_NAMES,
    file_findings,
    permission_findings,
    rule_findings,
    stale_findings,
    way_findings,
)
from onward.checks.service_owned import NONE_OF_ITS_OWN
from onward.errors import OnwardError, SourceSeriesUnclear, UnknownService
from onward.hosts.policies import PolicySources
from onward.model.cloud import Service
from onward.observe.policy_files import observe_policy_files, readable_by
from onward.policy.difference import End, PolicyDifference, difference
from onward.policy.document import Document, read_document
from onward.policy.effective import Override
from onward.policy.files import PolicyFile, PolicyFiles, files_of_release
from onward.policy.language import parse
from onward.policy.personas import Case, cases_for, checks_of
from onward.policy.registered import RegisteredPolicy
from onward.survey.cloud import load_cloud
from onward.survey.policies import PolicyEnvironments


@dataclass(frozen=True)
class PolicyPlace:
    """Where the policy of one service is looked for."""

    service: str
    configuration: tuple[Path, ...]
    search: tuple[Path, ...] | None
    """As in ``hosts.policies.PolicySources``."""
    series: str | None
    """Of the installed code."""
    on_unit: bool
    """These are the files that the service itself reads, so that their owners matter."""


def places_of_cloud(cloud_file: Path, wanted: Sequence[str]) -> list[PolicyPlace]:
    """The wanted services of a cloud file; all where none is named. Raises InvalidCloudFile, UnknownService."""
    cloud = load_cloud(cloud_file)
    found = []
    for service in wanted or sorted(cloud.services):
        recipe(service)
        found.append(place_of_unit(service, cloud.service(service)))
    return found


def place_of_unit(service: str, entry: Service) -> PolicyPlace:
    """Where the service itself looks for its policy, on this machine."""
    files = tuple(Path(path) for path in entry.configuration)
    return PolicyPlace(service, files, None, entry.series, on_unit=True)


def places_of_directory(directory: Path, wanted: Sequence[str]) -> list[PolicyPlace]:
    """Services in a copy of their files: in DIR/SERVICE, or for a single one in DIR itself. Raises UnknownService."""
    named = wanted or [name for name in services() if (directory / name).is_dir()]
    if not named:
        raise UnknownService(
            f"No service was named, and {directory} has no directory of one.",
            evidence=f"known: {', '.join(services())}",
            next_command=f"onward policy check keystone --policy-dir {directory}",
        )
    found = []
    for service in named:
        beneath = directory / service
        place = (beneath if beneath.is_dir() else directory).absolute()
        names = [Path(path).name for path in recipe(service).configuration]
        files = tuple(place / name for name in names if (place / name).is_file())
        found.append(PolicyPlace(service, files, (place,), None, on_unit=False))
    return found


def survey_policy(
    environments: PolicyEnvironments,
    places: Sequence[PolicyPlace],
    *,
    source: str | None,
    target: str | None,
    progress: Callable[[str], None],
) -> list[Finding]:
    """All findings, service by service. Raises only for a wish that makes no sense: an unknown series, or none."""
    ways = {place.service: _way(place, source, target) for place in places}
    findings: list[Finding] = []
    for place in places:
        way = ways[place.service]
        progress(f"{place.service}: asking {' and '.join(dict.fromkeys((way[0], way[-1])))}")
        findings += policy_of(environments, place, way)
    return findings


def policy_of(environments: PolicyEnvironments, place: PolicyPlace, way: Sequence[str]) -> list[Finding]:
    """All findings on the policy of one service, as the first release of the way enforces it and as the last would.

    Raises nothing for what is wrong with the policy or keeps the releases from being asked: that is a finding, too.
    """
    try:
        return _Check(environments, place, tuple(way)).findings()
    except OnwardError as error:
        return [finding_of("policy", error, about=place.service)]


def _way(place: PolicyPlace, source: str | None, target: str | None) -> tuple[str, ...]:
    """The series from where the service is to where it shall go; one alone where only that is known."""
    known = series_list()
    first = source or place.series
    if first is None and target is None:
        raise SourceSeriesUnclear(
            f"Nothing says which series {place.service} is at.", next_command="onward policy check --from SERIES"
        )
    if first is None or target is None:
        return (known.find(first or target or "").id,)
    if known.position(first) == known.position(target):
        return (known.find(first).id,)
    return tuple(series.id for series in known.path(first, target))


@dataclass
class _Check:
    """The check of one service."""

    environments: PolicyEnvironments
    place: PolicyPlace
    way: tuple[str, ...]
    seen: PolicyFiles = field(init=False)
    documents: dict[Path, Document] = field(init=False)

    def findings(self) -> list[Finding]:
        """All of them. Raises what building an environment raises, and InterpreterMissing."""
        service = self.place.service
        facts = recipe(service).policy
        if facts is None:
            return [Finding("policy", "not-checked", NONE_OF_ITS_OWN, about=service)]
        self.seen = observe_policy_files(facts, service, self.place.configuration, self.place.search)
        texts = {path: file.text for path, file in self.seen.files.items()}
        self.documents = {path: read_document(text) for path, text in texts.items() if text is not None}
        registered = [self.environments.registered(service, series) for series in self.way]
        cases = self._cases(registered)
        found: list[Finding] = []
        ends: list[End | None] = []
        for release in dict.fromkeys((registered[0].series, registered[-1].series)):
            each = next(policy for policy in registered if policy.series == release)
            end, said = self._end(each, cases)
            ends.append(end)
            found += [*said, *self._stale(registered[0], each, end, cases)]
        if self.place.on_unit:
            read = files_of_release(self.seen, registered[0]).read
            can = {file.path: readable_by(file, service) for file in read}
            found += permission_findings(service, read, can)
        if ends[0] is not None:
            found += rule_findings(ends[0], registered[1:])
        if len(ends) == 2 and ends[0] is not None and ends[1] is not None:
            stale = (file.path for file in files_of_release(self.seen, registered[-1]).ignored)
            found += way_findings(service, registered, difference(ends[0], ends[1]), stale)
        return list(dict.fromkeys(found))

    def _cases(self, registered: Sequence[RegisteredPolicy]) -> tuple[Case, ...]:
        """The same questions for all: personas with every key and role that any release or file asks for."""
        own = (parse(entry.value) for document in self.documents.values() for entry in document.entries)
        return cases_for([*(check for each in registered for check in checks_of(each)), *own])

    def _end(self, release: RegisteredPolicy, cases: tuple[Case, ...]) -> tuple[End | None, list[Finding]]:
        """What the release enforces, and findings on the files it reads; None where it cannot load them."""
        of_release = files_of_release(self.seen, release)
        found = list(file_findings(self.seen, of_release, self.documents, release))
        read = [self.documents[file.path] for file in of_release.read if file.path in self.documents]
        if any(problem.effect == "endless" for document in read for problem in document.problems):
            return None, found
        sources = PolicySources(self.place.configuration, search=self.place.search)
        try:
            if self.seen.nothing_configured and not of_release.read:
                real = self.environments.defaults_in_force(release.service, release.series, cases)
            else:
                real = self.environments.in_force(release.service, release.series, sources, cases)
        except OnwardError as error:
            details = f"{error.what} {' '.join(error.evidence.split())}"
            return None, [*found, Finding("policy", "fail", details, error.next_command, release.service)]
        return End(release, self._overrides(of_release.read), real), found

    def _stale(
        self, installed: RegisteredPolicy, release: RegisteredPolicy, end: End | None, cases: tuple[Case, ...]
    ) -> Iterator[Finding]:
        """Findings on files that the release ignores and that look as if they counted."""
        for file in files_of_release(self.seen, release).ignored:
            if file.path.name in STALE_NAMES:
                document = self.documents.get(file.path)
                would = None
                if end is not None and document is not None and document.readable:
                    would = self._would(release, end, file, cases)
                entries = len(document.entries) if document is not None else 0
                yield from stale_findings(installed, release, file, entries, would)

    def _would(
        self, release: RegisteredPolicy, end: End, file: PolicyFile, cases: tuple[Case, ...]
    ) -> PolicyDifference | None:
        """From the policy as it would be if the release read the file, to the one in force."""
        document = self.documents[file.path]
        named = replace(self.seen, named=replace(self.seen.named, file=str(file.path)))
        with tempfile.TemporaryDirectory(prefix="onward-policy-") as directory:
            # JSON with tabs is no YAML, so that the release could not read it as it is.
            copy = Path(directory) / "as-if.yaml"
            copy.write_text(yaml.safe_dump(document.values), encoding="utf-8")
            sources = PolicySources(self.place.configuration, policy_file=copy, search=self.place.search)
            try:
                real = self.environments.in_force(release.service, release.series, sources, cases)
            except OnwardError:
                return None
        as_if = End(release, self._overrides(files_of_release(named, release).read), real)
        return difference(as_if, end)

    def _overrides(self, files: Sequence[PolicyFile]) -> tuple[Override, ...]:
        return tuple(
            override
            for file in files
            if file.path in self.documents
            for override in self.documents[file.path].overrides(str(file.path))
        )
