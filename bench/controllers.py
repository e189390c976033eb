"""Several controllers on one store: what survives when they are killed and stopped, and what the journal takes.

    uv run python bench/controllers.py [STEPS] [EVENTS]

1. The journal alone: events a second, each a commit on the disk, on SQLite and on PostgreSQL, by one writer and three.
2. STEPS (10,000) steps on three controllers. The one that leads is killed with SIGKILL after a quarter of them; a
   second one is stopped with SIGSTOP after half, together with its guard, as when its machine stands still, in an
   instant in which it has steps in its hands, and continued when the third has taken over. It lives in a namespace of
   processes, as if on another machine, so that nobody can kill it (needs root). Each step's effect is a file that is
   made exclusively, so that a second one would be seen as such; each call of the action is written down as well.

Prints one JSON document. Needs PostgreSQL's server; starts a private one.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "packages" / "onward" / "tests" / "engine"))

from postgres_server import make_database, postgres_server

from onward.engine.action import StepContext
from onward.engine.engine import Engine
from onward.engine.journal import Journal
from onward.engine.record import Event
from onward.engine.runs import enqueue, events, process_namespace, read_run
from onward.engine.shared.controller import SharedController
from onward.engine.shared.lease import LEASE_SECONDS
from onward.errors import StepFailed
from onward.hosts.fence import FENCE
from onward.hosts.state import Directories
from onward.model.store import StoreAddress, store_address
from onward.plan.plan import Plan
from onward.plan.step import Step

RUN = "bench"
WIDTH = 20
"""So many chains of steps run side by side."""
DEADLINE_SECONDS = 900.0


class Effect:
    """Makes a file that must not be there; one that it has made itself, in a life that was cut off, is its effect."""

    name = "effect"
    anywhere = True

    def apply(self, context: StepContext) -> dict[str, Any]:
        """Write the call down, and have the effect unless it is there."""
        append(context.workspace / "calls", f"{context.step.id} {os.getpid()} {time.time()}")
        path = context.workspace / "effects" / context.step.id
        if path.exists():
            return {"found": True}
        FENCE.require()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            # Two at once: what must not be.
            append(context.workspace / "twice", context.step.id)
            raise StepFailed("somebody else was at work on the same step") from None
        os.write(descriptor, str(os.getpid()).encode())
        os.close(descriptor)
        return {"found": False}


def append(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def plan(steps: int) -> Plan:
    return Plan(
        kind="deployment",
        cloud="bench",
        facts={},
        steps=tuple(
            Step(
                id=f"step{number}",
                action="effect",
                target="nothing",
                needs=(f"step{number - WIDTH}",) if number >= WIDTH else (),
                reason="to be measured",
                phase="deploy",
            )
            for number in range(steps)
        ),
    ).sealed()


def controller(directories: Directories) -> None:
    engine = Engine(directories, {})
    assert directories.store
    with engine.signals(graceful_termination=True):
        SharedController(directories, directories.store, {"effect": Effect()}, halt=engine.halt).run()


def begin(directories: Directories, *before: str) -> "subprocess.Popen[str]":
    words = [sys.executable, __file__, "controller", str(directories.state), str(directories.store)]
    return subprocess.Popen([*before, *words], text=True, stderr=subprocess.PIPE)


def done(directories: Directories) -> int:
    with suppress(FileNotFoundError):
        return len(os.listdir(directories.workspace(RUN) / "effects"))
    return 0


def wait(true: Any, what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited in vain until {what}")
        time.sleep(0.1)


def three_controllers(directory: Path, url: str, steps: int) -> dict[str, object]:
    store = store_address(make_database(url, "three"))
    directories = Directories(directory / "state", directory / "cache", store).prepared()
    Engine(directories, {"effect": Effect()}).create(plan(steps), RUN)
    (directories.workspace(RUN) / "effects").mkdir()
    enqueue(directories, RUN)
    began = time.monotonic()
    leader = begin(directories)
    wait(lambda: done(directories) > 0, "the first leads")
    elsewhere = begin(directories, "unshare", "--pid", "--fork", "--kill-child")
    third = begin(directories)
    wait(lambda: done(directories) >= steps // 4, "a quarter is done")
    killed = time.time()
    leader.kill()
    wait(lambda: lost(directories) == 1, "the killed one was taken over from")
    # So much more, that both which are left are in the middle of steps again.
    at_least = max(steps // 2, done(directories) + steps // 20)
    wait(lambda: done(directories) >= at_least, "half is done")
    family = [each.pid for each in psutil.Process(elsewhere.pid).children(recursive=True)]
    wait(lambda: stopped_at_work(directories, family), "the second one is stopped at work")
    stopped, held, at_stop = time.time(), held_elsewhere(directories), done(directories)
    wait(lambda: lost(directories) == 2, "the stopped one was taken over from")
    woken = time.time()
    go_on(family)
    wait(lambda: read_run(directories, RUN).status == "done", "the run is done")
    seconds = time.monotonic() - began
    said = elsewhere.communicate()[1]
    third.terminate()
    third.communicate()
    leader.communicate()
    return {
        **told(directories, steps),
        "seconds": round(seconds, 1),
        "steps_a_second": round(steps / seconds),
        "lease_seconds": LEASE_SECONDS,
        "killed": lag(directories, killed, stopped),
        "stopped": lag(directories, stopped, time.time()),
        "done_when_it_was_stopped": at_stop,
        "steps_it_had_in_its_hands_then": len(held),
        "steps_it_went_on_with_when_it_woke": len(calls_elsewhere(directories, woken)),
        "effects_it_had_after_that": len(effects_elsewhere(directories, woken)),
        "the_woken_one_said": said.strip().splitlines(),
        "the_woken_one_ended_with": elsewhere.returncode,
    }


def stopped_at_work(directories: Directories, family: list[int]) -> bool:
    """Stop a controller and its guard; go on with both and say False when it was at no step in that instant."""
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    if held_elsewhere(directories):
        return True
    go_on(family)
    return False


def go_on(family: list[int]) -> None:
    for pid in reversed(family):  # the controller before its guard
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def held_elsewhere(directories: Directories) -> list[str]:
    """The steps of the controller whose processes have other numbers than ours."""
    with Journal(directories.journal) as journal:
        rows = journal.database.execute(
            "SELECT step_id FROM onward_attempts JOIN onward_controllers USING (token)"
            " WHERE state = 'open' AND NOT lost AND split_part(process, ' ', 2) <> ?",
            (process_namespace(),),
        )
    return [row[0] for row in rows]


def calls_elsewhere(directories: Directories, since: float) -> list[str]:
    """Steps that it has begun since then: in its numbering it is the first process."""
    calls = [line.split() for line in (directories.workspace(RUN) / "calls").read_text().splitlines()]
    return [step for step, pid, at in calls if pid == "1" and float(at) > since]


def effects_elsewhere(directories: Directories, since: float) -> list[str]:
    """Steps whose effect it has had since then."""
    made = (directories.workspace(RUN) / "effects").iterdir()
    return [path.name for path in made if path.read_text() == "1" and path.stat().st_mtime > since]


def lost(directories: Directories) -> int:
    """How many controllers are recorded as lost."""
    with Journal(directories.journal) as journal:
        return len(journal.database.execute("SELECT 1 FROM onward_controllers WHERE lost"))


def told(directories: Directories, steps: int) -> dict[str, object]:
    """What the journal and the effects say of each other."""
    history = events(directories, RUN)
    ends = Counter(event.step_id for event in history if event.kind == "step.done")
    world = directories.workspace(RUN)
    calls = Counter(line.split()[0] for line in (world / "calls").read_text().splitlines())
    numbers = [event.number for event in history]
    return {
        "steps": steps,
        "effects": done(directories),
        "effects_twice": len((world / "twice").read_text().splitlines()) if (world / "twice").exists() else 0,
        "steps_done_in_the_journal": len(ends),
        "steps_done_more_than_once_in_the_journal": sum(count > 1 for count in ends.values()),
        "steps_lost": steps - len(ends),
        "steps_begun_again_after_their_controller_was_lost": sum(count > 1 for count in calls.values()),
        "events": len(numbers),
        "gaps_or_duplicates_in_the_numbers": sum(later != earlier + 1 for earlier, later in pairwise(numbers)),
        "controllers_with_effects": len({path.read_text() for path in (world / "effects").iterdir()}),
    }


def lag(directories: Directories, since: float, until: float) -> dict[str, object]:
    """How long the steps of the lost controller stood still: from its end until another one began them again."""
    history = events(directories, RUN)
    given_up = {each.step_id: each for each in history if each.kind == "step.aborted" and since < each.at < until}
    again = [
        min(event.at for event in history if follows(event, step, lost)) - since for step, lost in given_up.items()
    ]
    return {
        "steps_given_up": len(given_up),
        "until_its_end_was_recorded": round(max((each.at for each in given_up.values()), default=since) - since, 2),
        "until_the_last_of_its_steps_was_begun_again": round(max(again, default=0.0), 2),
    }


def follows(event: Event, step: str | None, lost: Event) -> bool:
    return event.kind == "step.started" and event.step_id == step and event.number > lost.number


def journal_throughput(place: Path | StoreAddress, writers: int, count: int) -> dict[str, object]:
    """Events that are told one by one, each a transaction of its own."""
    with Journal(place) as journal:
        journal.add_run("throughput", plan(1).to_json())
    began = time.perf_counter()
    processes = [multiprocessing.Process(target=write, args=(place, count // writers)) for _ in range(writers)]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
    seconds = time.perf_counter() - began
    with Journal(place) as journal:
        numbers = [event.number for event in journal.events("throughput")]
    assert numbers == list(range(1, len(numbers) + 1))
    return {"writers": writers, "events": len(numbers), "events_a_second": round(len(numbers) / seconds)}


def write(place: Path | StoreAddress, count: int) -> None:
    with Journal(place) as journal:
        for number in range(count):
            journal.tell("throughput", "step.progress", "step", {"number": number})


def main() -> None:
    if sys.argv[1:2] == ["controller"]:
        state = Path(sys.argv[2])
        controller(Directories(state, state.with_name("cache"), store_address(sys.argv[3])))
        return
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 3_000
    with tempfile.TemporaryDirectory() as name, postgres_server(Path(name) / "postgres") as url:
        directory = Path(name)
        os.environ["PGPASSFILE"] = str(directory / "postgres" / "pgpass")
        found = {
            "load_1m": round(os.getloadavg()[0], 2),
            "journal_on_sqlite": [journal_throughput(directory / f"{n}.sqlite", n, count) for n in (1, 3)],
            "journal_on_postgresql": [
                journal_throughput(store_address(make_database(url, f"journal{n}")), n, count) for n in (1, 3)
            ],
            "three_controllers": three_controllers(directory, url, steps),
        }
    print(json.dumps({"controllers": found}, indent=2))


if __name__ == "__main__":
    main()
