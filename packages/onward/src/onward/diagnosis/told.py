"""What units tell of what their calls found, as observations of one another."""

from collections.abc import Iterable, Iterator

from onward.diagnosis.observation import LASTING, Observation, Sight
from onward.diagnosis.places import Places
from onward.model.health import ComponentHealth, UnitHealth

FRESH_SECONDS = 60.0
"""What was used longer ago says nothing of now."""
OWN_CALLS = "calls:own"
"""What onward-service calls the unit's own answers."""
SLOW_MS = {"calls": 1200.0, "sql": 60.0, "cache": 60.0, "messaging": 1000.0, "rpc": 1500.0, "service": 1000.0}
"""By kind, what nobody minds: a query is not a call that makes ten of them."""
SLOWER = 4.0
"""And how many times slower than usual it is, so that a machine that is busy is not taken for it."""
NOTICED = 2.0
"""How many times slower than usual answers are where two agree that they are: the unit, and one who waits for it."""
LATELY_SECONDS = 10.0
APART_SECONDS = 30.0
"""Clocks that are further apart than that have tokens refused that were just issued, or not yet (Fernet tokens allow
for none; five seconds are what a busy machine takes to answer)."""
_NUMBERS: tuple[tuple[frozenset[str], Sight], ...] = (
    (frozenset({"1044", "1045", "1698"}), "login-refused"),
    (frozenset({"1040", "1203", "1226"}), "too-many"),
    (frozenset({"1021", "1114", "28"}), "no-space"),
)
"""https://mariadb.com/kb/en/mariadb-error-codes/; 28 is ENOSPC."""
_WORDS: tuple[tuple[str, Sight], ...] = (
    ("credentials refused", "login-refused"),
    ("AccessRefused", "login-refused"),
    ("SSL", "certificate"),
    ("ConnectionRefusedError", "refused"),
    ("refused", "refused"),
    ("Timeout", "timed-out"),
    ("timeout", "timed-out"),
    ("MessageUndeliverable", "refused"),
)
"""Names of classes of PyMySQL, py-amqp, oslo.messaging and keystoneauth; the first that fits."""


def told_by(units: Iterable[UnitHealth], places: Places, at: float) -> Iterator[Observation]:
    """What they say of whatever is known here. ``at``: when they were asked, in seconds since 1970."""
    for unit in units:
        if unit.seconds_apart is not None and abs(unit.seconds_apart) > APART_SECONDS:
            yield Observation(
                unit.unit, unit.unit, "clock", at, detail=f"its clock is {unit.seconds_apart:+.0f} s from Onward's"
            )
        if _slow_itself(unit):
            yield Observation(unit.unit, unit.unit, "slow", at, detail="its own answers, and nothing that it uses")
        for each in unit.components:
            about = places.named(each.name)
            if about is not None and each.age_seconds <= FRESH_SECONDS:
                detail = each.note if each.state != "pass" else ""
                used = at - each.age_seconds
                yield Observation(unit.unit, about, sight(each), used, _times(each), detail, used)


def _slow_itself(unit: UnitHealth) -> bool:
    """Whether its callers wait for it and not for what it uses."""
    own = [sight(each) for each in unit.components if each.name == OWN_CALLS and each.age_seconds <= FRESH_SECONDS]
    used = [sight(each) for each in unit.components if each.name != OWN_CALLS and each.age_seconds <= FRESH_SECONDS]
    return own == ["slow"] and set(used) <= {"ok"}


def is_as_usual(unit: UnitHealth) -> bool:
    """Whether its own answers take about as long as ever: then its machine is busy, as it has been before."""
    own = [each for each in unit.components if each.name == OWN_CALLS and each.age_seconds <= LATELY_SECONDS]
    return any(each.usual_ms > 0 and each.latency_ms < NOTICED * each.usual_ms for each in own)


def sight(component: ComponentHealth) -> Sight:
    """What the state and the note of a component mean."""
    if component.state == "pass":
        least = SLOW_MS.get(component.name.partition(":")[0], SLOW_MS["service"])
        slow = component.usual_ms > 0 and component.latency_ms > max(least, SLOWER * component.usual_ms)
        return "slow" if slow else "ok"
    words = component.note.split(";")[0].split()
    for numbers, saw in _NUMBERS:
        if numbers & set(words):
            return saw
    return next((saw for said, saw in _WORDS if said in component.note), "failed")


def _times(component: ComponentHealth) -> int:
    """A failure is a second loss or a refused connection: it lasts. A first loss, or one of several workers, warns."""
    return LASTING if component.state in ("fail", "pass") else 1
