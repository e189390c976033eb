"""Computes that are restarted, many of them: what a bystander at the same broker sees of it, and how long it takes.

Real clients of oslo.messaging at a real RabbitMQ on loopback; several agents share a process, each with connections
and queues of its own. With the same broker and the same agents: all at once; as Juju's charms do it
(modulo-nodes=3 and known-wait=30, their defaults: each unit waits for its number modulo 3, times 30 s); as Ansible does
it (`serial`: the next batch when the processes of the last one have been started, connected or not);
and by Onward's own loop, which is what `onward restart` runs: `onward.restart` decides, `onward.observe.broker_load`
looks. In each, 3 % of the agents never come back.

    .venv/bin/python bench/restart_computes.py --agents 1000

The agents have the policy SCHED_IDLE: a compute's own work is on a machine of its own, and takes nothing from the
broker here.
"""

import argparse
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

sys.path.insert(0, str(Path(__file__).parents[1] / "packages/onward/tests/infrastructure"))
sys.path.insert(0, str(Path(__file__).parents[1] / "packages/onward/tests/commands/check"))

from broker_cluster import PASSWORD, USER, Cluster, Node

from onward.hosts.state import default_directories
from onward.model.restart import Bounds, Fleet, Seen
from onward.observe.broker_load import BrokerAccess, BrokerWatch
from onward.restart.controller import Begin, Done, Stop, decide
from onward.restart.history import Entry, Progress, after, progress_of
from onward.restart.load import calm_of

PROGRAM = Path(__file__).parent / "material" / "agents_program.py"
LOST_PART = 0.03
CALM_SECONDS = 30.0
"""Before each schedule, and again after it: one call in a hundred of ten seconds is told by chance."""
LEFT_SECONDS = 60.0
"""For what the last schedule has left at the broker, at the most: agents leave it within some seconds."""
LONGEST = 240.0
"""Of one schedule."""
SETTLED_SECONDS = 40.0
"""After the first connections of all agents: what has just begun is not calm."""
LOOK_SECONDS = 0.5
"""As the product looks."""
NEEDED_SECONDS = 120.0
"""What a schedule takes at least, with the calm before and after it."""
TOLD_SECONDS = 0.5
"""For what Ansible's connection, and the stop and the start of a service on a machine take at least."""


@dataclass
class Watched:
    """What is seen of broker and bystander while a schedule goes on."""

    memory: list[int] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


class FleetOfAgents:
    """All agents, by what they have said."""

    def __init__(self, stack: ExitStack, python: Path, url: str, names: Sequence[str], processes: int) -> None:
        self.names = tuple(names)
        self.up: dict[str, float] = {}
        self.down: dict[str, float] = {}
        self.away: list[tuple[float, int]] = []
        self.errors = 0
        self.told: dict[str, float] = {}
        """When each was told last."""
        self._changed = threading.Condition()
        self._pipes: dict[str, Any] = {}
        for number in range(processes):
            mine = self.names[number::processes]
            if mine:
                process = started(stack, python, ["agents", url, *mine], self._heard)
                self._pipes |= dict.fromkeys(mine, process.stdin)

    def _heard(self, what: str, name: str, at: Any) -> None:
        with self._changed:
            if what == "down":
                self.down[name] = at
                self.up.pop(name, None)
            elif what == "up":
                self.up[name] = at
            else:
                self.errors += 1
            self.away.append((time.monotonic(), len(self.names) - len(self.up)))
            self._changed.notify_all()

    def restart(self, names: Sequence[str], lost: frozenset[str] = frozenset()) -> None:
        """Tell these to begin anew; of them the ``lost`` never come back."""
        self.told |= dict.fromkeys(names, time.monotonic())
        by_pipe: dict[Any, list[str]] = {}
        for name in names:
            by_pipe.setdefault(self._pipes[name], []).append(name)
        for pipe, mine in by_pipe.items():
            pipe.write(json.dumps(["restart", mine, sorted(lost & set(mine))]) + "\n")
            pipe.flush()

    def back(self, name: str) -> bool:
        """Whether it has come back since it was told."""
        return self.up.get(name, 0.0) > self.told[name]

    def wait(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait until it is true; whether it is."""
        with self._changed:
            return self._changed.wait_for(true, seconds)


def started(stack: ExitStack, python: Path, words: Sequence[str], heard: Callable[[str, str, Any], None]) -> Any:
    process = subprocess.Popen(
        [str(python), str(PROGRAM), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    stack.callback(process.wait)
    stack.callback(process.kill)

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            heard(*json.loads(line))

    threading.Thread(target=listen, daemon=True).start()
    return process


# --- Schedules: each returns when it has told the last agent


def all_at_once(fleet: FleetOfAgents, lost: frozenset[str]) -> str:
    fleet.restart(fleet.names, lost)
    return ""


def as_charms_do(fleet: FleetOfAgents, lost: frozenset[str], modulo: int = 3, known_wait: float = 30.0) -> str:
    for turn in range(modulo):
        fleet.restart(fleet.names[turn::modulo], lost)
        if turn < modulo - 1:
            time.sleep(known_wait)
    return ""


def serial(size: int) -> Callable[[FleetOfAgents, frozenset[str]], str]:
    def schedule(fleet: FleetOfAgents, lost: frozenset[str]) -> str:
        for place in range(0, len(fleet.names), size):
            batch = fleet.names[place : place + size]
            began = time.monotonic()
            fleet.restart(batch, lost)
            fleet.wait(lambda batch=batch, began=began: all(fleet.down.get(each, 0) >= began for each in batch), 60)
            time.sleep(max(0.0, TOLD_SECONDS - (time.monotonic() - began)))
        return ""

    return schedule


def onward(access: BrokerAccess, batch: int, failures: int) -> Callable[[FleetOfAgents, frozenset[str]], str]:
    def schedule(agents: FleetOfAgents, lost: frozenset[str]) -> str:
        fleet = Fleet(agents.names)
        bounds = Bounds(batch=batch, canary=1, failures=failures, patience=60, haste=5)
        # The canary comes back: one that does not ends it at once.
        lost -= {agents.names[0]}
        progress = progress_of(fleet, bounds, [])
        sizes: list[int] = []
        with BrokerWatch(access) as broker:
            looks = []
            for _ in range(10):
                time.sleep(LOOK_SECONDS)
                looks.append(Seen(time.time(), broker=broker.load()))
            progress = after(progress, Entry(kind="calm", at=time.time(), calm=calm_of(looks)))
            while True:
                seen = _seen(agents, progress, broker)
                entries, move = decide(fleet, bounds, progress, seen)
                for entry in entries:
                    progress = after(progress, entry)
                    if entry.why:
                        print(f"{entry.kind} {', '.join(entry.units[:1])}: {entry.why}", file=sys.stderr, flush=True)
                if isinstance(move, Begin):
                    sizes.append(len(move.units))
                    progress = after(progress, Entry(kind="restarting", at=time.time(), units=move.units))
                    agents.restart(move.units, lost)
                if isinstance(move, Done | Stop):
                    stopped = (
                        f"stopped ({move.kind}) after {len(progress.attempts)} agents; "
                        if isinstance(move, Stop)
                        else ""
                    )
                    return f"{stopped}batches {', '.join(map(str, sizes))}"
                time.sleep(LOOK_SECONDS)

    return schedule


def _seen(agents: FleetOfAgents, progress: Progress, broker: BrokerWatch) -> Seen:
    began = {unit: at - time.time() + time.monotonic() for unit, at in progress.restarting.items()}
    health = {
        unit: "" if agents.up.get(unit, 0.0) > began.get(unit, 0.0) else "it does not report"
        for unit in (*progress.restarting, *progress.failed)
    }
    return Seen(time.time(), health=health, broker=broker.load())


# --- What is measured


@contextmanager
def watched(node: Node) -> Iterator[Watched]:
    found, over = Watched(), threading.Event()
    process = psutil.Process(node.pid)

    def look() -> None:
        before = sum(process.cpu_times()[:2])
        while not over.wait(1.0):
            now = sum(process.cpu_times()[:2])
            found.cpu.append(now - before)
            found.memory.append(process.memory_info().rss)
            before = now

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def p99(calls: Path, spans: Sequence[tuple[float, float]]) -> tuple[float, int]:
    """Milliseconds, and of how many calls: those that began in one of the spans."""
    took = sorted(
        float(words[1])
        for line in calls.read_text().splitlines()
        if len(words := line.split()) == 2 and any(since <= float(words[0]) <= until for since, until in spans)
    )
    return (took[min(len(took) - 1, int(0.99 * len(took)))] * 1000 if took else float("nan")), len(took)


def connections(node: Node) -> int:
    """At the broker now, whoever's."""
    answer = requests.get(f"http://{node.management_address}/api/overview", auth=(USER, PASSWORD), timeout=30)
    return int(answer.json()["object_totals"]["connections"])


def measured(
    name: str,
    schedule: Callable[[FleetOfAgents, frozenset[str]], str],
    fleet: FleetOfAgents,
    node: Node,
    calls: Path,
    usual: int,
) -> dict[str, Any]:
    """One schedule: calm before, the restart until all that come back are back, and calm afterwards.

    ``usual``: connections when nothing has been restarted; what is left of the schedule before is waited for.
    """
    lost = frozenset(fleet.names[5 :: round(1 / LOST_PART)])
    calm = [_calm(node, usual)]
    began = time.monotonic()
    fleet.errors = 0
    fleet.away.clear()
    with watched(node) as seen:
        said = schedule(fleet, lost)
        told = max(fleet.told.values())
        gone = frozenset(name for name in fleet.names if fleet.told[name] >= began)
        fleet.wait(lambda: all(fleet.back(each) for each in gone - lost), LONGEST)
        ended = max([told, *(fleet.up[each] for each in gone if fleet.back(each))])
        time.sleep(1.0)
    errors, away = fleet.errors, max((count for _, count in fleet.away), default=0)
    fleet.restart([name for name in fleet.names if not fleet.back(name)])
    fleet.wait(lambda: all(fleet.back(name) for name in fleet.names), LONGEST)
    calm.append(_calm(node, usual))
    worst, count = p99(calls, [(began, ended)])
    usually, _ = p99(calls, calm)
    row = {
        "schedule": name,
        "calm_ms": round(usually, 1),
        "p99_ms": round(worst, 1),
        "times": round(worst / usually, 1),
        "calls": count,
        "seconds": round(ended - began, 1),
        "away": away,
        "memory_mb": round(max(seen.memory, default=0) / 1e6),
        "cpu": round(sum(seen.cpu) / max(1, len(seen.cpu)), 2),
        "cpu_peak": round(max(seen.cpu, default=0), 2),
        "errors": errors,
        "lost": len(gone & lost),
        "said": said,
    }
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def _calm(node: Node, usual: int) -> tuple[float, float]:
    """Wait until what was restarted has left, and then a while: from when to when."""
    began = time.monotonic()
    while connections(node) > usual and time.monotonic() < began + LEFT_SECONDS:
        time.sleep(1.0)
    began = time.monotonic()
    time.sleep(CALM_SECONDS)
    return began, time.monotonic()


def add_user(node: Node) -> None:
    """The agents' own: kombu takes a URL apart twice, and does not bear every character in a password."""
    for path, told in (
        ("users/agents", {"password": "agents", "tags": ""}),
        ("permissions/%2F/agents", {"configure": ".*", "write": ".*", "read": ".*"}),
    ):
        url = f"http://{node.management_address}/api/{path}"
        requests.put(url, json=told, auth=(USER, PASSWORD), timeout=30).raise_for_status()


def environment_python() -> Path:
    """A built environment of Nova: it has the oslo.messaging that computes have."""
    found = sorted(default_directories().environments.glob("nova-2025.1-*/bin/python"))
    if not found:
        raise SystemExit("no environment of nova 2025.1 is in the cache: deploy a bundle with Nova first")
    return found[0]


COLUMNS = {
    "schedule": "schedule",
    "calm_ms": "bystander's p99 before and after, ms",
    "p99_ms": "meanwhile, ms",
    "times": "times",
    "seconds": "total, s",
    "away": "most away at once",
    "memory_mb": "broker's memory, MB",
    "cpu": "its CPU, mean",
    "cpu_peak": "peak",
    "errors": "failed calls",
    "lost": "agents lost",
}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """All schedules, a line each."""
    lines = [tuple(COLUMNS.values()), ("---",) * len(COLUMNS)]
    lines += [tuple(str(row[name]) for name in COLUMNS) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=20)
    parser.add_argument("--limit", type=float, default=1e9, help="seconds after which no schedule begins any more")
    parser.add_argument("--only", nargs="*", help="all, charms, serial-50, onward, onward-budget")
    wanted = parser.parse_args()
    names = [f"compute-{number:04}" for number in range(wanted.agents)]
    part = max(1, wanted.agents // 100)
    with tempfile.TemporaryDirectory(prefix="onward-bench-") as directory, ExitStack() as stack:
        cluster = stack.enter_context(Cluster(Path(directory) / "broker", 1, files=16384))
        node = cluster.nodes[0]
        add_user(node)
        url = f"rabbit://agents:agents@{node.amqp_address}/"
        access = BrokerAccess(("127.0.0.1",), node.amqp_port, node.management_port, USER, PASSWORD)
        python, calls = environment_python(), Path(directory) / "calls"
        calls.touch()
        said: queue.SimpleQueue[str] = queue.SimpleQueue()
        for words in (["conductor", url], ["bystander", url, str(calls)]):
            started(stack, python, words, lambda what, name, _at: said.put(name))
            said.get(timeout=60)
        began = time.monotonic()
        fleet = FleetOfAgents(stack, python, url, names, wanted.processes)
        for place in range(0, len(names), 50):
            fleet.restart(names[place : place + 50])
            fleet.wait(lambda place=place: len(fleet.up) >= min(len(names), place + 40), LONGEST)
        fleet.wait(lambda: len(fleet.up) == len(names), LONGEST)
        print(f"{len(fleet.up)} agents up after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        schedules: dict[str, tuple[str, Callable[[FleetOfAgents, frozenset[str]], str]]] = {
            "all": ("all at once", all_at_once),
            "onward": ("Onward: at most 10 %, 5 % may stay away", onward(access, 10 * part, 5 * part)),
            **{f"serial-{size}": (f"Ansible: serial {size}", serial(size)) for size in (2 * part, part)},
            "charms": ("charms: modulo 3, wait 30 s", as_charms_do),
            "onward-budget": ("Onward: 1 % may stay away", onward(access, 10 * part, part)),
            f"serial-{5 * part}": (f"Ansible: serial {5 * part}", serial(5 * part)),
        }
        chosen = wanted.only or list(schedules)
        time.sleep(SETTLED_SECONDS)
        usual = connections(node)
        rows: list[dict[str, Any]] = []
        for each in chosen:
            if time.monotonic() - began < wanted.limit - NEEDED_SECONDS:
                rows.append(measured(*schedules[each], fleet, node, calls, usual))
        print(table(rows))
        for row in rows:
            if row["said"]:
                print(f"{row['schedule']}: {row['said']}")


if __name__ == "__main__":
    main()
