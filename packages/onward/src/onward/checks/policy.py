"""What is wrong with an operator's policy: findings from its files, and from what the releases make of them. Pure."""

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from onward.checks.finding import Finding, Result, in_order_of_gravity
from onward.policy.difference import End, PolicyDifference, RuleChange
from onward.policy.document import Document, Effect, Problem
from onward.policy.effective import EffectivePolicy
from onward.policy.files import PolicyFile, PolicyFiles, PolicyFilesOfRelease, named_to
from onward.policy.language import references
from onward.policy.registered import RegisteredPolicy

STALE_NAMES = ("policy.json", "policy.yml", "policy.yaml")
"""Names that an operator takes for those of a policy in force."""

MOST_ALIKE = 6
"""So many findings of one name are shown among those of other checks."""

MOST_NAMES = 12
"""So many rules are named in one finding."""

_EFFECTS: dict[Effect, tuple[Result, str]] = {
    "unreadable": ("fail", "oslo.policy cannot read the file, and the service answers nothing"),
    "endless": ("fail", "a service that loads it may never answer, and none is asked to"),
    "refused": ("fail", "oslo.policy refuses the file, and the service answers nothing"),
    "open": ("fail", "everybody is let in"),
    "denied": ("warn", "nobody is let in, and only the service's log says so"),
    "ignored": ("warn", "it has no effect"),
}


def file_findings(
    seen: PolicyFiles, of_release: PolicyFilesOfRelease, documents: Mapping[Path, Document], release: RegisteredPolicy
) -> Iterator[Finding]:
    """What the files are like that a release reads; one that passes says which they are."""
    name, service = "policy files", seen.service
    for problem in seen.problems:
        yield Finding(name, "could-not-tell", problem, "run Onward as a user that may read it", service)
    if of_release.missing is not None:
        details = f"{of_release.missing}, which [oslo_policy] policy_file names, is not there: all is default"
        yield Finding(name, "fail", details, f"restore {of_release.missing}, or take the option out", service)
    worse = [*_unread_options(name, seen, release), *_of_files(name, service, of_release.read, documents)]
    yield from worse
    if not worse and not seen.problems and of_release.missing is None:
        read = ", ".join(str(file.path) for file in of_release.read)
        details = f"reads {read}" if read else "has no overrides"
        yield Finding(name, "pass", f"{_named(release)} {details}", about=service)


def _unread_options(name: str, seen: PolicyFiles, release: RegisteredPolicy) -> Iterator[Finding]:
    """Options in a group that the release does not look at, without a word."""
    told = named_to(seen, release)
    for option, former, now, default in (
        ("policy_file", seen.formerly.file, told.file, release.policy_file),
        ("policy_dirs", seen.formerly.directories, told.directories, release.policy_directories),
    ):
        if former is not None and now is None and former != default:
            given = former if isinstance(former, str) else ", ".join(former)
            details = (
                f"[DEFAULT] {option} = {given} is not read by {_named(release)}: all that it names is without effect"
            )
            yield Finding(name, "fail", details, f"move {option} from [DEFAULT] to [oslo_policy]", seen.service)


def _of_files(
    name: str, service: str, files: Iterable[PolicyFile], documents: Mapping[Path, Document]
) -> Iterator[Finding]:
    for file in files:
        if file.text is None:
            yield Finding(name, "fail", f"{file.path} cannot be read: {file.unreadable}", f"ls -l {file.path}", service)
        if file.path.suffix not in (".yaml", ".yml", ".json"):
            details = f"{file.path} is read as well: in a directory of overrides every file counts, whatever its ending"
            yield Finding(name, "warn", details, f"move {file.path} elsewhere, unless it is meant to count", service)
        for problem in documents[file.path].problems if file.path in documents else ():
            yield _of_problem(name, service, file.path, problem)


def _of_problem(name: str, service: str, path: Path, problem: Problem) -> Finding:
    result, effect = _EFFECTS[problem.effect]
    rule = f"{problem.rule} " if problem.rule else ""
    details = f"{path}:{problem.line}: {rule}{problem.what}; {effect}"
    return Finding(name, result, details, f"mend line {problem.line}", service)


def permission_findings(
    service: str, files: Iterable[PolicyFile], readable: Mapping[Path, bool | None]
) -> Iterator[Finding]:
    """Who else may change the files, and whether the service itself may read them.

    ``readable`` is by path whether the service's user may read a file; None where that user is not known.
    """
    name = "policy permissions"
    for file in files:
        if file.mode & stat.S_IWOTH:
            details = f"{file.path} ({file.permissions}) can be changed by everybody on this machine"
            yield Finding(name, "fail", details, f"chmod o-w {file.path}", service)
        elif file.owner and file.owner not in ("root", service):
            details = f"{file.path} ({file.permissions}) belongs to neither root nor {service}"
            yield Finding(name, "warn", details, f"chown root:{service} {file.path}", service)
        if readable.get(file.path) is False:
            details = f"{file.path} ({file.permissions}) cannot be read by {service}, which then answers nothing"
            yield Finding(name, "fail", details, f"chgrp {service} {file.path} && chmod g+r {file.path}", service)


def stale_findings(
    installed: RegisteredPolicy,
    release: RegisteredPolicy,
    file: PolicyFile,
    entries: int,
    would: PolicyDifference | None,
) -> Iterator[Finding]:
    """What an ignored file held, against what is in force.

    ``would`` goes from the policy as it would be if the release read the file to the one in force; None: the file or
    the release could not be read. ``installed`` is the release for which it would have to be converted.
    """
    name, service = f"stale {file.path.name}", release.service
    way_out = convert_command(installed, file.path)
    if file.text is None or would is None:
        why = file.unreadable or "its rules could not be evaluated"
        details = f"{file.path} is not read by {_named(release)}, and {why}"
        yield Finding(name, "could-not-tell", details, way_out, service)
        return
    changes = [change for change in would.changes if change.old is not None and change.old.override is not None]
    open_now = [change for change in changes if change.wider]
    closed_now = [change for change in changes if not change.wider and "narrower" in change.kinds]
    details = (
        f"{file.path} is not read by {_named(release)}: {_count(entries, 'rule')} in it without effect."
        f" What is in force is more open for {len(open_now)} of them and stricter for {len(closed_now)}"
    )
    yield Finding(name, "fail" if open_now else "warn", details, way_out, service)
    for change in [*open_now, *closed_now]:
        result: Result = "fail" if change.wider else "warn"
        yield Finding(name, result, _stale_rule(would, change), way_out, f"{service} {change.name}")


def _stale_rule(would: PolicyDifference, change: RuleChange) -> str:
    assert change.old is not None  # noqa: S101 - only rules with an override are looked at
    line = change.old.override.line if change.old.override is not None else 0
    now = f"{change.new.check!r} is in force" if change.new is not None else "the rule is gone"
    parts = [f"line {line} says {change.old.check!r} and is ignored; {now}"]
    if who := would.gained(change):
        parts.append(f"Allowed against the file: {' | '.join(who)}")
    if who := would.lost(change):
        parts.append(f"Denied against the file: {' | '.join(who)}")
    return ". ".join(parts)


def rule_findings(end: End, way: Sequence[RegisteredPolicy]) -> Iterator[Finding]:
    """What is wrong with the rules themselves, as one release has them in force; ``way`` are the releases ahead."""
    service, policy = end.registered.service, end.policy
    yield from _unknown(service, end, way)
    yield from _undefined(service, end)
    for circle in _circles(policy):
        details = f"{' -> '.join(circle)} goes round in a circle: the service answers with an error"
        yield Finding("circular policy rule", "fail", details, f"mend {circle[-1]}", service)
    if redundant := [name for name in dict.fromkeys(each.name for each in end.overrides) if _redundant(end, name)]:
        details = f"without effect, as the default of {end.registered.series} is the same: {_rules(redundant)}"
        yield Finding("redundant policy override", "warn", details, prune_command(end), service)
    yield from _old_names(service, end, way)


def _undefined(service: str, end: End) -> Iterator[Finding]:
    """Rules that refer to none; of the release's own, no file of the operator's is the cause."""
    name, policy = "undefined policy rule", end.policy
    for rule in sorted(policy.rules):
        if not (missing := policy.checks.undefined(rule)):
            continue
        details = f"{_where(policy, rule)} refers to {_rules(missing)}, which no rule is: that part denies"
        if policy.rules[rule].origin in ("override", "old-name"):
            yield Finding(name, "fail", details, f"define it, or mend {rule}", service)
        else:
            details += f". It is the own default of {_named(end.registered)}, and no file here is the cause"
            yield Finding(name, "warn", details, f"define {missing[0]}, if units serve with that release", service)


def _circles(policy: EffectivePolicy) -> Iterable[tuple[str, ...]]:
    """Each circle once, without the rules that only lead into it."""
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for name in sorted(policy.rules):
        if way := policy.checks.cycle(name):
            circle = way[way.index(way[-1]) :]
            found.setdefault(frozenset(circle), circle)
    return found.values()


def _redundant(end: End, name: str) -> bool:
    return name in end.registered.rules and end.redundant(name)


def _unknown(service: str, end: End, way: Sequence[RegisteredPolicy]) -> Iterator[Finding]:
    """Overrides of rules that no release on the way has, and that no other rule refers to."""
    used = {name for rule in end.policy.rules.values() for name in references(rule.check)}
    known = set().union(*(_names(each) for each in [end.registered, *way]))
    for override in {each.name: each for each in end.overrides}.values():
        if override.name in known or override.name in used or override.name == end.policy.default_rule:
            continue
        near = get_close_matches(override.name, known, n=3, cutoff=0.7)
        details = f"{override.file}:{override.line}: no release from {_span(end, way)} has a rule {override.name}"
        hint = f"; nearest: {', '.join(near)}" if near else ""
        way_out = f"call it {near[0]}, or remove it" if near else "remove it, after making sure what it was meant for"
        yield Finding("unknown policy rule", "warn", details + hint, way_out, service)


def _names(registered: RegisteredPolicy) -> set[str]:
    """All names under which an override has an effect."""
    old = {rule.replaced.name for rule in registered.rules.values() if rule.replaced is not None}
    return set(registered.rules) | old


def _old_names(service: str, end: End, way: Sequence[RegisteredPolicy]) -> Iterator[Finding]:
    """Overrides that are on their way out: under an old name, or of a rule that is deprecated for removal."""
    policy = end.policy
    carried: dict[str, list[str]] = {}
    for rule in policy.rules.values():
        if rule.origin == "old-name" and rule.override is not None:
            carried.setdefault(rule.override.name, []).append(rule.name)
        if rule.origin == "override" and rule.registered is not None and rule.registered.removal:
            since = f" since {rule.registered.removal_since}" if rule.registered.removal_since else ""
            details = f"{_where(policy, rule.name)} is deprecated for removal{since}: {rule.registered.removal_reason}"
            yield Finding(
                "policy rule to be removed", "warn", details, "remove it with the release without it", service
            )
    for old, new in carried.items():
        details = f"{old} is called {_rules(new)} now; the old name counts only as long as a release remembers it"
        way_out = migrate_command(end, way[-1].series) if way else f"call it {_rules(new)}"
        yield Finding("old policy name", "warn", details, way_out, service)


def way_findings(
    service: str, way: Sequence[RegisteredPolicy], ahead: PolicyDifference, stale: Iterable[Path]
) -> Iterator[Finding]:
    """What a move to the last release of the way does to the policy in force.

    ``stale`` are the files that it does not read, of which other findings speak.
    """
    unread = {str(path) for path in stale}
    target = ahead.new.registered.series
    compare = f"onward policy diff {service} --from {ahead.old.registered.series} --to {target}"
    lost = ahead.of_kind("override lost")
    for change in lost:
        if change.old is not None and change.old.override is not None and change.old.override.file in unread:
            continue
        details = f"{_lost(change, way)}{_opened(ahead, change)}"
        yield Finding("lost policy override", "fail" if change.wider else "warn", details, compare, service)
    wider = [change for change in ahead.of_kind("wider") if change not in lost]
    if wider:
        details = f"{target} lets in more than {ahead.old.registered.series} at {_rules([each.name for each in wider])}"
        yield Finding("policy after the move", "warn", details, compare, service)
    elif not lost:
        details = f"{target} lets in nobody whom {ahead.old.registered.series} does not"
        yield Finding("policy after the move", "pass", details, about=service)


def _lost(change: RuleChange, way: Sequence[RegisteredPolicy]) -> str:
    assert change.old is not None  # noqa: S101 - what was not there cannot be lost
    assert change.old.override is not None  # noqa: S101
    name = change.old.override.name
    first = next((each.series for each in way if name not in _names(each)), None)
    place = f"{change.old.override.file}:{change.old.override.line}: {name}"
    gone = f"is known to no release from {first} on" if first else "is no longer in force"
    now = f"; {change.new.name} becomes {change.new.check!r}" if change.new is not None else ""
    return f"{place} {gone}: {change.old.check!r}{now}"


def _opened(ahead: PolicyDifference, change: RuleChange) -> str:
    who = ahead.gained(change)
    return f". Becomes allowed: {' | '.join(who)}" if who else ""


def shortened(findings: Sequence[Finding], command: str) -> list[Finding]:
    """The findings, of each name no more than MOST_ALIKE: one more says how many are left out, and what shows them."""
    by_name: dict[str, list[Finding]] = {}
    for finding in findings:
        by_name.setdefault(finding.name, []).append(finding)
    kept: list[Finding] = []
    for name, alike in by_name.items():
        if len(alike) <= MOST_ALIKE:
            kept += alike
            continue
        worst_first = in_order_of_gravity(alike)
        kept += worst_first[: MOST_ALIKE - 1]
        rest = worst_first[MOST_ALIKE - 1 :]
        kept.append(
            Finding(name, rest[0].result, f"and {len(rest)} more of the kind", command, rest[0].about.split()[0])
        )
    return kept


def convert_command(release: RegisteredPolicy, path: Path) -> str:
    """The command that makes a policy.yaml of an old file."""
    target = path.with_name("policy.yaml")
    return f"onward policy convert {path} --service {release.service} --series {release.series} -o {target}"


def prune_command(end: End) -> str:
    """The command that writes beside the operator's file what of it still has an effect."""
    path, release = end.overrides[0].file, end.registered
    return f"onward policy prune {path} --service {release.service} --series {release.series} -o {path}.new"


def migrate_command(end: End, target: str) -> str:
    """The command that writes beside the operator's file what it should be in the target series."""
    path, source = end.overrides[0].file, end.registered
    return (
        f"onward policy migrate {path} --service {source.service} --series {source.series} --to {target} -o {path}.new"
    )


def _named(release: RegisteredPolicy) -> str:
    return f"{release.service} {release.version} ({release.series})"


def _where(policy: EffectivePolicy, name: str) -> str:
    override = policy.rules[name].override
    return name if override is None else f"{override.file}:{override.line}: {name}"


def _span(end: End, way: Sequence[RegisteredPolicy]) -> str:
    first, last = end.registered.series, way[-1].series if way else end.registered.series
    return first if first == last else f"{first} to {last}"


def _rules(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
