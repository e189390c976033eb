"""Callers of a deployed cloud who never try again: what one of their calls got is what a user would have got."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from onward.hosts.model_store import ModelStore
from onward.observe.keystone_login import password_login

CALL_SECONDS = 60
PAUSE_SECONDS = 0.02


@dataclass
class Calls:
    """What the callers of one API got, all of them together."""

    good: int = 0
    failed: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0


def token_of(store: ModelStore) -> tuple[str, str]:
    """The public address of a model's load balancer, and a token of its administrator."""
    address = store.record()["addresses"]["haproxy public"]
    body = password_login("admin", store.secrets()["keystone/admin-password"], "admin")
    answer = requests.post(f"http://{address}:5000/v3/auth/tokens", json=body, timeout=CALL_SECONDS)
    answer.raise_for_status()
    return address, answer.headers["X-Subject-Token"]


def some_calls(address: str) -> dict[str, str]:
    """What needs a token and goes to the database, by API."""
    return {
        "keystone": f"http://{address}:5000/v3/projects",
        "glance": f"http://{address}:9292/v2/images",
        "placement": f"http://{address}:8778/resource_providers",
    }


@contextmanager
def calling(token: str, urls: Mapping[str, str], each: int = 2) -> Iterator[dict[str, Calls]]:
    """Have so many callers ask each API, one call after the other, for as long as the block runs."""
    over, lock = threading.Event(), threading.Lock()
    found = {name: Calls() for name in urls}

    def call(name: str, url: str) -> None:
        while not over.is_set():
            began = time.monotonic()
            try:
                answer = requests.get(url, headers={"X-Auth-Token": token}, timeout=CALL_SECONDS)
                failed = "" if answer.ok else f"{answer.status_code} {answer.text[:200]}"
            except requests.RequestException as error:
                failed = f"{type(error).__name__}: {error}"
            with lock:
                seen = found[name]
                seen.slowest_seconds = max(seen.slowest_seconds, time.monotonic() - began)
                if failed:
                    seen.failed.append(failed)
                else:
                    seen.good += 1
            over.wait(PAUSE_SECONDS)

    threads = [threading.Thread(target=call, args=item) for item in urls.items() for _ in range(each)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        over.set()
        for thread in threads:
            thread.join()
