"""Real servers of memcached: healthy they give no warning, and every fault is found and named."""

import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from broker_cluster import free_port
from broker_faults import hold
from memcached_server import SERVER, Memcached, memcached

from onward.checks.finding import Finding
from onward.hosts.state import Directories
from onward.model.cloud import described
from onward.survey.checks.context import CheckContext
from onward.survey.checks.runner import run_checks
from onward.survey.checks.table import BUILT_IN

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(SERVER is None, reason="memcached is not installed (apt-get install memcached)"),
]
CHECK = "memcached"
Check = Callable[..., list[Finding]]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[Memcached]]:
    with memcached(tmp_path) as first, memcached(tmp_path) as second:
        yield [first, second]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """What the check says, of a cloud whose only service has this configuration."""

    def call(configuration: str, **infrastructure: Any) -> list[Finding]:
        file = tmp_path / "nova.conf"
        file.write_text(configuration)
        services = {"nova": {"series": "2023.1", "configuration": [str(file)]}}
        cloud = described({"cloud": "example", "services": services, "infrastructure": infrastructure}, "cloud.yaml")
        directories = Directories(tmp_path / "state", tmp_path / "cache").prepared()
        with CheckContext(directories, cloud, ("nova",)) as context:
            found = run_checks([each for each in BUILT_IN if each.name == CHECK], context)
        assert all(each.way_out for each in found if each.result not in ("pass", "not-checked"))
        return found

    return call


def cache(servers: list[Memcached], *more: str) -> str:
    named = ",".join(each.address for each in servers)
    return "\n".join(["[cache]", "enabled = true", f"memcache_servers = {named}", *more, ""])


def names(servers: list[Memcached]) -> dict[str, str]:
    return {each.address: f"node{number}:11211" for number, each in enumerate(servers, 1)}


def faults(found: list[Finding]) -> dict[tuple[str, str], Finding]:
    return {(each.name, each.about): each for each in found if each.result != "pass"}


def test_healthy_servers_give_no_warning(check: Check, servers: list[Memcached]) -> None:
    found = check(cache(servers))
    assert {each.result for each in found} == {"pass"}, found
    assert {each.name for each in found} == {"memcached", "memcached evictions", "memcached connections"}
    assert {each.about for each in found} == {each.address for each in servers}


def test_servers_are_found_where_any_of_the_configuration_names_them(check: Check, servers: list[Memcached]) -> None:
    first, second = servers
    both = f"[keystone_authtoken]\nmemcached_servers = {second.address}\n{cache([first])}"
    assert {each.about for each in check(both)} == {first.address, second.address}
    off = f"[cache]\nenabled = false\nmemcache_servers = {first.address}\n"
    assert [each.result for each in check(off)] == ["not-checked"]
    assert {each.about for each in check(off, memcached=[second.address])} == {second.address}
    assert [each.result for each in check("[DEFAULT]\n")] == ["not-checked"]


def test_a_server_that_was_killed_is_named(check: Check, servers: list[Memcached]) -> None:
    first, second = servers
    os.kill(second.pid, signal.SIGKILL)
    assert second.process.wait(60)
    found = check(cache(servers))
    hold("memcached was killed", found, names(servers))
    (fault,) = faults(found).values()
    assert (fault.name, fault.about, fault.result) == ("memcached", second.address, "fail")
    assert "Connection refused" in fault.details
    assert "nova" in fault.details
    assert {each.result for each in found if each.about == first.address} == {"pass"}


def test_a_server_that_hangs_is_named_after_the_time_that_the_service_waits(
    check: Check, servers: list[Memcached]
) -> None:
    second = servers[1]
    os.kill(second.pid, signal.SIGSTOP)
    try:
        found = check(cache(servers))
        patient = check(cache(servers, "memcache_socket_timeout = 2.5"))
    finally:
        os.kill(second.pid, signal.SIGCONT)
    hold("memcached hangs (SIGSTOP)", found, names(servers))
    (fault,) = faults(found).values()
    assert (fault.name, fault.about, fault.result) == ("memcached", second.address, "fail")
    assert "no answer within 1 s" in fault.details
    assert "no answer within 2.5 s" in faults(patient)["memcached", second.address].details


def test_a_server_that_throws_out_what_it_should_keep_is_named(check: Check, tmp_path: Path) -> None:
    with memcached(tmp_path, "-m", "4", "-o", "no_lru_crawler") as small:
        client = small.client()
        for number in range(3000):
            client.set(f"token-{number}", b"x" * 4000, noreply=number % 100 != 0)
        client.close()
        found = check(cache([small]))
        hold("memcached has too little memory", found, names([small]))
    (fault,) = faults(found).values()
    assert (fault.name, fault.result) == ("memcached evictions", "warn")
    # Of 3000: what is set without waiting for an answer may also not have been taken at all.
    assert re.match(r"\d+ of [23]\d\d\d items were thrown out for want of room", fault.details)
    assert "before anybody had read them" in fault.details


def test_a_server_with_few_connections_left_is_named(check: Check, tmp_path: Path) -> None:
    with memcached(tmp_path, "-c", "60") as small, ExitStack() as stack:
        watching = small.client()
        stack.callback(watching.close)
        while (seen := watching.stats())[b"curr_connections"] / (60 - seen[b"reserved_fds"]) < 0.85:
            client = small.client()
            client.version()
            stack.callback(client.close)
        found = check(cache([small]))
        hold("memcached has few connections left", found, names([small]))
    (fault,) = faults(found).values()
    assert (fault.name, fault.result) == ("memcached connections", "warn")
    assert "connections are used" in fault.details


def test_a_server_without_connections_left_is_named_as_its_clients_see_it(check: Check, tmp_path: Path) -> None:
    with memcached(tmp_path, "-c", "12") as small, ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(socket.create_connection(("127.0.0.1", small.port)))
        found = check(cache([small]))
        hold("memcached has no connection left", found, names([small]))
    (fault,) = faults(found).values()
    assert (fault.name, fault.result) == ("memcached", "fail")
    assert "no connection left" in fault.details


def test_what_is_no_memcached_is_named(check: Check) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as other:
        other.settimeout(60)

        # A server that greets, as many do.
        def greet() -> None:
            connection, _ = other.accept()
            with connection:
                connection.sendall(b"220 mail.example.com ESMTP\r\n")
                connection.recv(1000)

        thread = Thread(target=greet)
        thread.start()
        found = check(f"[cache]\nmemcache_servers = 127.0.0.1:{port}\n")
        thread.join(60)
    hold("something else listens where memcached should", found, {f"127.0.0.1:{port}": "node1:11211"})
    (fault,) = faults(found).values()
    assert (fault.name, fault.result) == ("memcached", "fail")
