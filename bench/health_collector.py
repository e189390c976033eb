"""A collector of 1,000 units that report every second, and the diagnosis of an outage of all of them.

    uv run python bench/health_collector.py [SECONDS]

One process receives at a socket, as ``onward collect`` does, bound to one processor; another one sends, bound to the
other: real datagrams of ``onward_service.push`` with what a unit of a control plane knows, and RabbitMQ is lost at two
thirds of the time. Prints a JSON document: the processor time of the collector, its memory at the beginning and at the
end, what came in, and how long it takes to read the history and to name the cause.
"""

import json
import multiprocessing
import os
import socket
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

from material.generated_faults import cloud, reached_as
from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.history import episodes
from onward.diagnosis.places import Places
from onward.hosts.health_history import HealthHistory
from onward.observe.health_datagrams import BUFFER, Receiver
from onward.survey.health_collector import HealthCollector
from onward_service import answers
from onward_service.judgement import Component
from onward_service.observation import Status
from onward_service.push import signed

MANY_COMPUTES = 967
"""With the other units of the cloud these are 1,000."""
KINDS = {"mariadb": "sql", "rabbitmq": "messaging", "memcached": "cache"}


def addresses(graph: Dependencies) -> dict[str, str]:
    units = [unit for units in graph.units.values() for unit in units]
    return {unit: f"10.0.{number // 250}.{number % 250 + 1}:1000" for number, unit in enumerate(units)}


def places(graph: Dependencies) -> Places:
    return Places({address: unit for unit, address in addresses(graph).items()}, {n: n for n in graph.units}, {})


def said(unit: str, graph: Dependencies, now: float, lost: bool) -> bytes:
    """What a unit knows of all that its application uses."""
    found = []
    for provider in graph.uses[graph.application[unit]]:
        for about in reached_as(graph, provider):
            kind = KINDS.get(provider, "service")
            name = f"{kind}:{about if kind == 'service' else addresses_of[about]}"
            gone = lost and provider == "rabbitmq"
            status = Status.FAIL if gone else Status.PASS
            note = "ConnectionRefusedError" if gone else ""
            found.append(Component(name, status, now, 0.2, 0.002, 0.002, 900, 3 if gone else 0, 2, note))
    return signed(unit.encode(), answers.details(Status.PASS, "nova", found, (), now), b"")


addresses_of: dict[str, str] = {}


def send(path: str, seconds: int) -> None:
    """Every unit, every second, spread over it."""
    os.sched_setaffinity(0, {0})
    graph = cloud(MANY_COMPUTES)
    addresses_of.update(addresses(graph))
    units = [unit for units in graph.units.values() for unit in units]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        began = time.monotonic()
        for second in range(seconds):
            for number, unit in enumerate(units):
                due = began + second + number / len(units)
                if (left := due - time.monotonic()) > 0.002:
                    time.sleep(left)
                out.sendto(said(unit, graph, time.time(), lost=second >= seconds * 2 / 3), path)


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    graph = cloud(MANY_COMPUTES)
    units = [unit for units in graph.units.values() for unit in units]
    home = Path(tempfile.mkdtemp(prefix="health-collector-"))
    os.sched_setaffinity(0, {1})
    history, receiver = HealthHistory(home / "health.sqlite"), Receiver(home / "health.sock")
    collector = HealthCollector(units, places(graph), history, 3600.0)
    own = psutil.Process()
    sender = multiprocessing.get_context("spawn").Process(target=send, args=(str(receiver.path), seconds))
    sender.start()
    memory: list[int] = []
    kept, used, began = 0, 0.0, 0.0
    while sender.is_alive():
        for each in receiver.received(1.0):
            collector.told(each.unit, each.told)
        kept += collector.keep()
        if collector.taken and not began:
            began, used = time.monotonic(), sum(own.cpu_times()[:2])
        memory.append(own.memory_info().rss)
    wall, processor = time.monotonic() - began, sum(own.cpu_times()[:2]) - used
    collector.prune(time.time())
    found: dict[str, Any] = {
        "units": len(units),
        "seconds": seconds,
        "reports_sent": len(units) * seconds,
        "reports_taken": collector.taken,
        "refused": collector.refused + receiver.refused,
        "processor_of_the_collector": round(processor / wall, 3),
        "mib_at_the_beginning": round(memory[1] / 2**20, 1),
        "mib_at_the_end": round(memory[-1] / 2**20, 1),
        "changes_kept": kept,
    }
    receiver.close()
    with closing(history):
        began = time.perf_counter()
        changes = history.since(time.time() - 600)
        read = time.perf_counter() - began
        named = episodes(changes, graph)
        found["outage"] = {
            "seconds_to_read": round(read, 3),
            "seconds_to_read_and_name": round(time.perf_counter() - began, 3),
            "named": [(each.cause.kind, each.cause.subject, each.cause.evidence) for each in named],
        }
    print(json.dumps({"health_collector": found}, indent=1))


if __name__ == "__main__":
    main()
