"""Puts faults into a deployed cloud, one after the other, and records what is seen of each, beside what it truly was.

    uv run python bench/record_faults.py STATE-DIRECTORY MODEL FILE faults|healthy [COUNT] [MINUTES]

COUNT is the number of the first case that is not recorded any more; the environment's FIRST that of the first.

The clouds are those of bench/material/faults.yaml and faults_single.yaml. Ordinary users call their APIs all the time.
Every fourth case has two faults at once. A line of JSON is added to FILE for each; called again, it goes on where it
ended. ``healthy`` records windows in which nothing is wrong, with ordinary noise (bench/material/ordinary_noise.py).
FILE's first line is the cloud: who depends on whom, and what is found where. What is in bench/material/recorded is the
same, compressed. Nothing is put in before all is well again after the last one.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from material.deployed_faults import Fault, Faults, together
from material.faulty_cloud import BETWEEN_CALLS, Cloud, Traffic
from material.ordinary_noise import beside, noise
from onward.diagnosis.causes import diagnose
from onward.diagnosis.sighting import FROM_A_LOG, Sighting, observations
from onward.hosts.state import Directories, default_directories
from onward.survey.sighting import Watcher

SEED = 2_026
DOUBLE = 4
"""Every so many cases have two faults."""
FIRST = int(os.environ.get("FIRST", "0"))
"""Number of a file's first case: another one than that of a file with the same cases."""
VERBOSE = bool(os.environ.get("VERBOSE"))
WELL_SECONDS = 150.0
WARM_SECONDS = 8.0
SLOW_SECONDS = 1.5
BETWEEN_WINDOWS = 1.0


class Recorder:
    """Looks at the cloud, and keeps what is seen."""

    def __init__(self, state: Path, model: str, file: Path) -> None:
        self.watcher = Watcher(Directories(state, default_directories().cache), model)
        self.cloud = Cloud(self.watcher.store)
        self.faults = Faults(self.cloud)
        self.faults.ground.prepare()
        self.file = file
        if not file.exists():
            graph, places = self.watcher.graph, self.watcher.places
            head = {"units": graph.units, "uses": graph.uses, "machines": graph.machines, "places": asdict(places)}
            file.write_text(json.dumps({**head, "balancers": graph.balancers}) + "\n")

    def next_number(self) -> int:
        """Of the next case: one more than that of the last one that was recorded."""
        last = self.file.read_text().splitlines()[1:][-1:]
        return json.loads(last[0])["number"] + 1 if last else FIRST

    def look(self, since: float | None = None) -> Sighting:
        """``since``: what is left in logs of the fault before, and what began anew after it, is no part of this one."""
        return self.watcher.look(since)[0]

    def named(self, sighting: Sighting) -> list[tuple[str, str]]:
        told = diagnose(list(observations(sighting, self.watcher.places)), self.watcher.graph)
        return [(each.kind, each.subject) for each in told.causes]

    def require_slow(self, chosen: Sequence[Fault]) -> None:
        """One that is starved and is not slow for its users is no fault. Raises ValueError."""
        units = [unit for each in chosen if each.name.startswith("slow ") for unit in each.touches]
        took = {unit: self.cloud.seconds(unit) for unit in units}
        if any(seconds < SLOW_SECONDS for seconds in took.values()):
            raise ValueError(f"not slow: {took}")

    def until_well(self) -> float:
        """Wait until nothing is seen of the last fault any more; the seconds that it took."""
        began = time.monotonic()
        while time.monotonic() - began < WELL_SECONDS:
            sighting = self.look()
            bad = [each for each in sighting.seen if each.saw != "ok" and not each.detail.startswith(FROM_A_LOG)]
            unwell = [each for each in sighting.health if each.state not in ("pass", "warn")]
            poor = [c for each in sighting.health for c in each.components if c.state == "fail" and c.age_seconds < 30]
            clustered = self._clustered()
            if not bad and not unwell and not poor and clustered:
                return time.monotonic() - began
            if VERBOSE:
                print("   waits", [(e.about, e.saw) for e in bad], [u.unit for u in unwell], poor[:2], clustered)
            time.sleep(0.5)
        raise SystemExit(f"not well again: {bad[:3]} {unwell[:2]} {poor[:2]}")

    def _clustered(self) -> bool:
        try:
            nodes = self.cloud.broker("GET", "nodes")
        except Exception:
            return False
        brokers = all(each.get("running") and not each.get("partitions") for each in nodes)
        return brokers and all(self.cloud.serves(each) for each in self.cloud.nodes("mariadb"))

    def record(self, number: int, kind: str, name: str, truth: Any, sighting: Sighting) -> None:
        """Add a case. Refused where a secret of the cloud is in it."""
        load = round(os.getloadavg()[0], 1)
        line = {"number": number, "kind": kind, "name": name, "truth": truth, "load": load}
        text = json.dumps({**line, "sighting": asdict(sighting)}, separators=(",", ":"))
        text = text.replace(str(self.watcher.store.directory), "")
        for secret in self.cloud.secrets.values():
            assert secret not in text
        with self.file.open("a") as file:
            file.write(text + "\n")


def drawn(faults: list[Fault], number: int) -> tuple[Fault, ...]:
    """The faults of a case: all single ones in turn, in another order each time; of two the second by lot."""
    lot = random.Random(f"{SEED}-{number}")  # noqa: S311 - the same each time
    order = random.Random(f"{SEED}-{number // len(faults)}").sample(faults, len(faults))  # noqa: S311
    first = order[number % len(faults)]
    if number % DOUBLE != DOUBLE - 1:
        return (first,)
    others = [each for each in faults if not each.touches & first.touches and not each.hides(first)]
    return (first, lot.choice(others))


def record_fault(recorder: Recorder, number: int) -> str:
    """Put it in, look once, take it back, and wait until all is well."""
    chosen = drawn(recorder.faults.all(), number)
    name = " + ".join(each.name for each in chosen)
    since = time.time()
    with together(chosen):
        time.sleep(max(each.settle for each in chosen) + 2 * BETWEEN_CALLS)
        recorder.require_slow(chosen)
        began = time.monotonic()
        sighting = recorder.look(since)
        took = time.monotonic() - began
    truth = sorted({what for each in chosen for what in each.truth})
    named = recorder.named(sighting)
    recorder.record(number, "double" if len(chosen) > 1 else "single", name, truth, sighting)
    back = recorder.until_well()
    mark = "ok " if named[:1] and list(named[0]) in [list(each) for each in truth] else "BAD"
    return f"{mark} {name}: {named} (looked {took:.1f} s, well after {back:.1f} s)"


def record_healthy(recorder: Recorder, number: int) -> str:
    """Make some noise, look once as anybody would, and wait until what was restarted serves. Windows do not overlap."""
    lot = random.Random(f"{SEED}-healthy-{number}")  # noqa: S311 - the same each time
    made = noise(recorder.cloud, lot)
    with beside(made):
        time.sleep(lot.uniform(0, made.longest_wait))
        sighting = recorder.look()
    named = recorder.named(sighting)
    recorder.record(number, "healthy", made.name, [], sighting)
    # Of what is ordinary nobody waits for the end; but one restart at a time.
    back = recorder.until_well() if made.ends_something else 0.0
    time.sleep(BETWEEN_WINDOWS)
    return f"{'BAD' if named else 'ok '} {made.name}: {named} (well after {back:.1f} s)"


def _end(*_: object) -> None:
    """As if it had been interrupted: what was put in is taken back."""
    raise KeyboardInterrupt


def main() -> None:
    signal.signal(signal.SIGTERM, _end)
    state, model, file, what = sys.argv[1:5]
    count = int(sys.argv[5]) if len(sys.argv) > 5 else 100
    deadline = time.monotonic() + 60 * (float(sys.argv[6]) if len(sys.argv) > 6 else 9)
    recorder = Recorder(Path(state), model, Path(file))
    one = record_fault if what == "faults" else record_healthy
    with Traffic(recorder.cloud) as traffic:
        time.sleep(WARM_SECONDS)
        print("well after", round(recorder.until_well(), 1), flush=True)
        first, start = recorder.next_number(), time.monotonic()
        for number in range(first, count):
            began = time.monotonic()
            if began > deadline:
                break
            try:
                told = one(recorder, number)
            except Exception as error:
                # What could not be put in is left out, and said: it is no case.
                told = f"left out: {type(error).__name__} {error}; well after {recorder.until_well():.1f} s"
            took = time.monotonic() - began
            each = (time.monotonic() - start) / (number + 1 - first)
            ahead = f"{count - number - 1} more take {each * (count - number - 1) / 60:.0f} min, {each:.0f} s each"
            calls = f"{traffic.calls} calls, {traffic.failed} failed"
            print(f"{time.strftime('%H:%M:%S')} {number} {told}; {took:.0f} s; {calls}; {ahead}", flush=True)


if __name__ == "__main__":
    main()
