"""What another machine needs of Onward's own code, and a machine that does not take it."""

import sys
import threading
from pathlib import Path

import pytest
from machine_calls import HOSTS, Calls

from onward.errors import HostUnreachable
from onward.hosts.runtime import send_runtime
from onward.hosts.ssh import SshAccess, connect, in_background
from onward.hosts.user import own_name
from onward.model.machine import SshAddress


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_machine_without_room_for_it_says_why(hosts: Calls, tmp_path: Path) -> None:
    """Its program ends long before all of the code is sent, and what it said is what is told."""
    before = set(threading.enumerate())
    (tmp_path / "file").touch()
    address = SshAddress(user=own_name(), host=HOSTS[0], port=hosts.machine.port)
    access = SshAccess("control-1", address, (hosts.known,), str(hosts.machine.identity))
    host = in_background(connect(access))
    try:
        with pytest.raises(HostUnreachable, match="control-1 does not take Onward's code") as raised:
            in_background(send_runtime(host, str(tmp_path / "file"), sys.executable))
    finally:
        in_background(host.close())
    assert "file" in raised.value.evidence
    assert "director" in raised.value.evidence
    for packer in set(threading.enumerate()) - before:
        if "_pack" in packer.name:
            packer.join(timeout=30)
