"""Simulated computes, a conductor, or a bystander: oslo.messaging as services have it, in an environment of Nova's.

agents: as many agents as are named in one process; each has a transport of its own (connections for what it takes,
what it sends and what it is answered), a queue of its own that it takes calls from, and reports to the conductor.
Commands come on standard input, a JSON list each: ["restart", [names], [names that never come back]]; what happens goes
to standard output: ["down"|"up", name, seconds of the monotonic clock].
conductor: takes the reports. bystander: sends itself a message there and one back, and writes what both took to a file:
the client's own wait for an answer looks every half second only (_drivers/amqpdriver.py, ReplyWaiters), and would hide
what is measured.

With eventlet, as Nova's own processes of these releases.
"""

import eventlet

eventlet.monkey_patch()

import json  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from concurrent.futures import Future  # noqa: E402

import oslo_messaging  # noqa: E402
from eventlet.greenio import GreenPipe  # noqa: E402
from oslo_config import cfg  # noqa: E402

REPORT_SECONDS = 30.0
CALLS_A_SECOND = 25
TIMEOUT = 20
_saying = threading.Lock()


def say(*words):
    with _saying:
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()


def transport(url):
    return oslo_messaging.get_rpc_transport(cfg.CONF, url=url)


class Endpoint:
    """What is called."""

    def report(self, _context, host):
        """Take a report."""
        return host

    def there(self, _context, number):
        """Send one back."""
        self.client.cast({}, "back", number=number)

    def back(self, _context, number):
        """It is there."""
        self.came.set_result(number)


def served(made, topic, server, endpoint=None):
    target = oslo_messaging.Target(topic=topic, server=server)
    found = oslo_messaging.get_rpc_server(made, target, [endpoint or Endpoint()], executor="eventlet")
    found.start()
    return found


def leave(running, made):
    running.stop()
    running.wait()
    made.cleanup()


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
        """Leave the broker: it is left within some seconds, when the service's own stop has come to its end."""
        if self.running is not None:
            eventlet.spawn_n(leave, self.running, self.made)
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
    # Computes have machines of their own: what they do there takes nothing from the broker. sched(7), SCHED_IDLE.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    every = {name: Agent(url, name) for name in names}

    def reporting():
        while True:
            for agent in every.values():
                time.sleep(REPORT_SECONDS / len(every) * random.uniform(0.5, 1.5))  # noqa: S311 - so that they do not all report at once
                if not agent.lock.locked():
                    eventlet.spawn_n(agent.report)

    eventlet.spawn_n(reporting)
    for line in GreenPipe(0, "r"):
        _, restarted, lost = json.loads(line)
        for name in restarted:
            eventlet.spawn_n(every[name].restart, name in lost)
    os._exit(0)


def conductor(url):
    served(transport(url), "conductor", "conductor")
    say("up", "conductor", time.monotonic())
    GreenPipe(0, "r").read()
    os._exit(0)


def bystander(url, path):
    made = transport(url)
    endpoint = Endpoint()
    endpoint.client = oslo_messaging.get_rpc_client(made, oslo_messaging.Target(topic="bystander", server="bystander"))
    served(made, "bystander", "bystander", endpoint)

    def once():
        endpoint.came = Future()
        began = time.monotonic()
        endpoint.client.cast({}, "there", number=began)
        try:
            endpoint.came.result(TIMEOUT)
        except Exception as error:
            say("error", "bystander", type(error).__name__)
        return began, time.monotonic() - began

    once()
    say("up", "bystander", time.monotonic())

    def calling():
        with open(path, "a") as file:
            following = time.monotonic()
            while True:
                file.write(" ".join(map(str, once())) + "\n")
                file.flush()
                following = max(following + 1 / CALLS_A_SECOND, time.monotonic())
                time.sleep(max(0.0, following - time.monotonic()))

    eventlet.spawn_n(calling)
    GreenPipe(0, "r").read()
    os._exit(0)


if __name__ == "__main__":
    cfg.CONF([], project="bench", default_config_files=[])
    kind, broker, *rest = sys.argv[1:]
    {
        "agents": lambda: agents(broker, rest),
        "conductor": lambda: conductor(broker),
        "bystander": lambda: bystander(broker, *rest),
    }[kind]()
