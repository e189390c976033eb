"""Simulated computes, a conductor, or a bystander: oslo.messaging as services have it. Runs in a service's environment.

agents: as many agents as are named in one process; each has a transport of its own (connections for what it takes,
what it sends and what it is answered), a queue of its own that it takes calls from, and reports to the conductor.
Commands come on standard input, a JSON list each: ["restart", [names], [names that never come back]]; what happens goes
to standard output: ["down"|"up", name, seconds of the monotonic clock].
conductor: takes the reports. bystander: calls itself, and writes what each call took to a file.
"""

import json
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import oslo_messaging
from oslo_config import cfg

REPORT_SECONDS = 10.0
CALLS_A_SECOND = 25
TIMEOUT = 20
_saying = threading.Lock()


def say(*words):
    with _saying:
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()


def transport(url):
    conf = cfg.ConfigOpts()
    conf([], project="bench", default_config_files=[])
    return oslo_messaging.get_rpc_transport(conf, url=url)


class Endpoint:
    """What is called."""

    def report(self, _context, host):
        """Take a report."""
        return host

    def ping(self, _context):
        """Answer."""
        return True


def served(made, topic, server):
    found = oslo_messaging.get_rpc_server(
        made, oslo_messaging.Target(topic=topic, server=server), [Endpoint()], executor="threading"
    )
    found.start()
    return found


class Agent:
    """A compute, as the broker sees it."""

    def __init__(self, url, name):
        self.url, self.name = url, name
        self.running = None
        self.made = None
        self.lock = threading.Lock()

    def start(self):
        """Connect, take calls, and report once."""
        self.made = transport(self.url)
        self.running = served(self.made, "compute", self.name)
        self.client = oslo_messaging.get_rpc_client(
            self.made, oslo_messaging.Target(topic="conductor"), timeout=TIMEOUT
        )
        self.client.call({}, "report", host=self.name)
        say("up", self.name, time.monotonic())

    def stop(self):
        """Leave the broker."""
        if self.running is not None:
            self.running.stop()
            self.running.wait()
            self.made.cleanup()
            self.running = self.made = None

    def restart(self, lost):
        """End, and begin anew, unless it is one that is lost."""
        with self.lock:
            say("down", self.name, time.monotonic())
            self.stop()
            while not lost:
                try:
                    self.start()
                    break
                except Exception as error:  # as a compute does: it tries again
                    say("error", self.name, type(error).__name__)
                    self.stop()

    def report(self):
        """Report, as it does now and then."""
        with self.lock:
            if self.running is not None:
                try:
                    self.client.call({}, "report", host=self.name)
                except Exception as error:
                    say("error", self.name, type(error).__name__)


def agents(url, names):
    os.nice(10)  # Computes have machines of their own: what they do there takes nothing from the broker.
    every = {name: Agent(url, name) for name in names}
    threads = ThreadPoolExecutor(len(names))

    def reporting():
        while True:
            for agent in every.values():
                time.sleep(REPORT_SECONDS / len(every) * random.uniform(0.5, 1.5))  # noqa: S311 - so that they do not all report at once
                if not agent.lock.locked():
                    threads.submit(agent.report)

    threading.Thread(target=reporting, daemon=True).start()
    for line in sys.stdin:
        _, restarted, lost = json.loads(line)
        for name in restarted:
            threads.submit(every[name].restart, name in lost)
    os._exit(0)


def conductor(url):
    served(transport(url), "conductor", "conductor")
    say("up", "conductor", time.monotonic())
    sys.stdin.read()
    os._exit(0)


def bystander(url, path):
    made = transport(url)
    served(made, "bystander", "bystander")
    client = oslo_messaging.get_rpc_client(
        made, oslo_messaging.Target(topic="bystander", server="bystander"), timeout=TIMEOUT
    )
    client.call({}, "ping")
    say("up", "bystander", time.monotonic())

    def calling():
        with open(path, "a") as file:
            following = time.monotonic()
            while True:
                began = time.monotonic()
                try:
                    client.call({}, "ping")
                except Exception as error:
                    say("error", "bystander", type(error).__name__)
                file.write(f"{began} {time.monotonic() - began}\n")
                file.flush()
                following = max(following + 1 / CALLS_A_SECOND, time.monotonic())
                time.sleep(max(0.0, following - time.monotonic()))

    threading.Thread(target=calling, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    kind, broker, *rest = sys.argv[1:]
    {
        "agents": lambda: agents(broker, rest),
        "conductor": lambda: conductor(broker),
        "bystander": lambda: bystander(broker, *rest),
    }[kind]()
