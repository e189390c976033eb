"""What is to be said of a service's configuration files, for a release that is to read them. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from onward.checks.finding import Finding, unclear
from onward.checks.option_values import expected, takes
from onward.model.options import Option, ReleaseOptions, SetOption

VALUES = "option values"
REMOVED = "removed options"
RENAMED = "renamed options"
GOING = "options to be removed"
UNLISTED = "unlisted options"

_MOST_UNLISTED = 20


def option_findings(
    service: str,
    options: Sequence[SetOption],
    releases: Sequence[ReleaseOptions],
    unasked: Mapping[str, str],
    *,
    moves: bool,
) -> Iterator[Finding]:
    """Whether the last of the releases reads what the files set; the others are those on the way, the source first.

    They matter only where it does not read something. Those that could not be asked are in ``unasked``, by series, with
    the reason. ``moves``: the service is not at the last one yet.
    """
    target = releases[-1]
    about = f"{service} {target.series}"
    known = {each: option for each in options if (option := target.reads(each)) is not None}
    removed = {
        each: last for each in target.unknown(options) if (last := next(_before(each, releases), None)) is not None
    }
    unlisted = [each for each in target.unknown(options) if each not in removed]
    yield from _values(about, refused(target, options), releases)
    if moves:
        yield from _removed(about, removed, set(known.values()), target)
        # What is not listed may be gone, too, where nobody could be asked.
        if not removed and not (unlisted and unasked):
            yield Finding(REMOVED, "pass", "none is set", about=about)
    yield _renamed(about, known)
    yield _going(about, known)
    if unlisted:
        yield _unlisted(about, unlisted, unasked)


def _before(option: SetOption, releases: Sequence[ReleaseOptions]) -> Iterator[tuple[str, Option]]:
    """What the releases before the target read a setting as, by series, the last one first."""
    for release in reversed(releases[:-1]):
        if (found := release.reads(option)) is not None:
            yield release.series, found


def refused(release: ReleaseOptions, options: Iterable[SetOption]) -> dict[SetOption, Option]:
    """Settings with a value that the release does not take, and the options that they are for it."""
    known = {each: option for each in options if (option := release.reads(each)) is not None}
    return {each: option for each, option in known.items() if takes(option.kind, each.value) is False}


def _values(about: str, wrong: dict[SetOption, Option], releases: Sequence[ReleaseOptions]) -> Iterator[Finding]:
    for each, option in wrong.items():
        words = f"{each} in {each.file} {_shown(each, releases)}, and the release takes {expected(option.kind)}"
        before = next((series for series, other in _before(each, releases) if takes(other.kind, each.value)), None)
        words += f"; {before} takes it" if before else ""
        yield Finding(VALUES, "fail", words, f"set {each} in {each.file} to {expected(option.kind)}", about)
    if not wrong:
        yield Finding(VALUES, "pass", "all that can be told are such as the release takes", about=about)


def _shown(option: SetOption, releases: Sequence[ReleaseOptions]) -> str:
    """The value, unless any release calls it a secret, or it looks as if a password were in it."""
    secret = any(found.secret for release in releases if (found := release.reads(option)) is not None)
    if secret or "@" in option.value:
        return "has a value that is not shown"
    return f"is {option.value!r}"


def _removed(
    about: str,
    removed: Mapping[SetOption, tuple[str, Option]],
    in_force: Collection[Option],
    target: ReleaseOptions,
) -> Iterator[Finding]:
    """Of options that the target does not read, and a release on the way does."""
    gone = []
    for each, (series, option) in removed.items():
        successor = target.current(option.group, option.name) or target.former(option.group, option.name)
        if option.namespace in target.silent and successor is None:
            why = f"the options of {option.namespace} could not be listed: {target.silent[option.namespace]}"
            yield unclear(REMOVED, f"{each} in {each.file}: {why}", f"see the release notes of {about}", about)
        elif successor is not None and successor not in in_force:
            words = f"{each} in {each.file} is read up to {series}; it is called {successor} now, which is not set"
            way_out = f"in {each.file}, move the value of {each} to {successor}"
            yield Finding(REMOVED, "fail", f"{words}: the default would be in force", way_out, about)
        else:
            why = f"{successor}, its new name, is set as well" if successor is not None else option.why
            gone.append(f"{each} (up to {series}{f': {why}' if why else ''})")
    if gone:
        words = f"without effect at {target.series}: {'; '.join(gone)}"
        yield Finding(REMOVED, "warn", words, f"read the release notes of {about}, then take them out", about)


def _renamed(about: str, known: dict[SetOption, Option]) -> Finding:
    old = {each: option for each, option in known.items() if each.name != option.name or _moved(each, option)}
    if not old:
        return Finding(RENAMED, "pass", "none is set under an old name", about=about)
    words = "; ".join(f"{each} is now {option}" for each, option in old.items())
    return Finding(RENAMED, "warn", f"still read, under names that will go: {words}", "rename them", about)


def _moved(option: SetOption, known: Option) -> bool:
    """Whether it stands in another group than the one that it belongs to."""
    return known.group.lower() not in {group.lower() for group in (option.group, *option.takes)}


def _going(about: str, known: dict[SetOption, Option]) -> Finding:
    going = {str(each): option for each, option in known.items() if option.removal}
    if not going:
        return Finding(GOING, "pass", "none is set", about=about)
    words = "; ".join(f"{name}{f' ({option.why})' if option.why else ''}" for name, option in going.items())
    return Finding(GOING, "warn", f"still in force, and a later release will be without: {words}", _GOING_WAY, about)


_GOING_WAY = "nothing for this release; see what takes their place before the next one"


def _unlisted(about: str, options: Sequence[SetOption], unasked: Mapping[str, str]) -> Finding:
    words = ", ".join(str(each) for each in options[:_MOST_UNLISTED])
    more = f" and {len(options) - _MOST_UNLISTED} more" if len(options) > _MOST_UNLISTED else ""
    kinds = "of a plug-in, a driver or a section of your own naming, or misspelt, and then never in force"
    if not unasked:
        return Finding(UNLISTED, "not-checked", f"no release lists them ({kinds}): {words}{more}", about=about)
    reasons = "; ".join(f"{series} could not be asked ({reason})" for series, reason in unasked.items())
    details = f"the release does not list them (gone since, {kinds}): {words}{more}; {reasons}"
    return Finding(UNLISTED, "warn", details, f"read the release notes of {about}", about)
