"""Runs checks side by side. Whatever becomes of a check, what comes out is findings."""

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace

from onward.checks.finding import RESULTS, Finding, finding_of, unclear
from onward.errors import OnwardError
from onward.survey.checks.check import Check
from onward.survey.checks.context import CheckContext

_POLL_SECONDS = 0.1
_MOST_SHOWN = 300
"""Characters of what a check should not have said that are repeated as evidence."""


@dataclass
class _Work:
    """A check that runs in a thread, and what it has said so far."""

    check: Check
    context: CheckContext
    findings: list[Finding] = field(default_factory=list)
    narrowed: bool = False
    """Whether it is about the one service of its context."""
    began: float = 0.0
    thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin. A daemon: a check that hangs does not keep the process from ending."""
        self.began = time.monotonic()
        self.thread = threading.Thread(
            target=collect,
            args=(self.check.name, lambda: self.check.look(self.context), self.findings),
            name=f"check-{self.check.name}",
            daemon=True,
        )
        self.thread.start()

    def wait(self, cancelled: Callable[[], bool]) -> list[Finding]:
        """What it has said when it has ended, or when its time has run out."""
        reason = ""
        while self.thread is not None and self.thread.is_alive() and not reason:
            self.thread.join(_POLL_SECONDS)
            seconds = self.check.timeout_seconds
            if seconds is not None and time.monotonic() - self.began > seconds:
                reason = f"the check did not end within {seconds:g} s"
            elif cancelled():
                reason = "the checks were cancelled before this one ended"
        said = list(self.findings)
        return [*said, unclear(self.check.name, reason)] if reason and self.thread and self.thread.is_alive() else said


def run_checks(
    checks: Sequence[Check], context: CheckContext, *, cancelled: Callable[[], bool] = lambda: False
) -> list[Finding]:
    """What all checks found, in the checks' order; each finding names its check, and none holds a known secret.

    Returns when every check has ended or its time has run out. A check that hangs is left behind in its thread.
    """
    works = []
    for check in checks:
        if check.only_to_move and context.target is None:
            continue
        if (missing := _missing(check, context)) is not None:
            works.append(_Work(check, context, [missing]))
            continue
        if check.each_service:
            works += [_Work(check, context.only(service), narrowed=True) for service in context.services]
        else:
            works.append(_Work(check, context))
    for work in works:
        if not work.findings:
            work.start()
    return [_signed(finding, work) for work in works for finding in work.wait(cancelled)]


def collect(name: str, look: Callable[[], Iterable[Finding]], findings: list[Finding]) -> None:
    """Call a check and add to ``findings`` what it says. Raises nothing.

    What is no finding, an exception and silence are added as ``could-not-tell``.
    """
    before = len(findings)
    try:
        answer = look()
        if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
            findings.append(unclear(name, f"its answer is no list of findings: {_shown(answer)}"))
            return
        for each in answer:
            findings.append(_checked(name, each))
    except OnwardError as error:
        findings.append(finding_of(name, error))
    except BaseException as error:  # a plug-in may even call sys.exit()
        place = traceback.extract_tb(error.__traceback__)[-1]
        crash = f"{type(error).__name__}: {error}".strip(": ")
        findings.append(unclear(name, f"the check crashed: {crash} (at {place.filename}:{place.lineno})"))
    if len(findings) == before:
        findings.append(unclear(name, "the check said nothing"))


def _missing(check: Check, context: CheckContext) -> Finding | None:
    """What a check needs and has not, where that is so."""
    if check.needs == "cloud file" and context.cloud is None:
        return unclear(
            check.name,
            "it needs the cloud file and the services' configuration",
            "run it where they are: onward check, or openstack upgrade check --cloud-file FILE",
        )
    if check.needs == "api" and not context.asks_api:
        return Finding(check.name, "not-checked", "the cloud file says that the APIs are not asked")
    if check.needs == "api":
        try:
            context.api()
        except OnwardError as error:
            return finding_of(check.name, error)
    return None


def _checked(name: str, said: object) -> Finding:
    """A finding as it was said, where it is one."""
    if not isinstance(said, Finding):
        return unclear(name, f"it said something that is no finding: {_shown(said)}")
    words = [getattr(said, each.name) for each in fields(said)]
    if not all(isinstance(word, str) for word in words) or not said.name:
        return unclear(name, f"it said a finding without words: {_shown(said)}")
    if said.result not in RESULTS:
        return unclear(name, f"it said {said.name}: {said.result!r}, which is no result; known: {', '.join(RESULTS)}")
    return said


def _signed(finding: Finding, work: _Work) -> Finding:
    """The finding with the check it is from, and without secrets. Nobody waives himself."""
    check, secrets = work.check, work.context.secrets
    who = f"{check.name} ({check.distribution})" if check.distribution else check.name
    cleaned = {each.name: secrets.clean(getattr(finding, each.name)) for each in fields(finding)}
    about = cleaned["about"] or (work.context.services[0] if work.narrowed else "")
    return replace(Finding(**cleaned), check=who, about=about, waived="")


def _shown(thing: object) -> str:
    try:
        text = repr(thing)
    except Exception:  # even that may be broken
        text = f"an object of {type(thing).__name__}"
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."
