"""Inside the environments of real releases, and on the oldest Python: what is installed there is listened to."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("exercise_program.py")


def exercised(python: Path, package: Path) -> Any:
    environment = os.environ | {"PYTHONPATH": str(package), "PYTHONWARNINGS": "ignore"}
    ended = subprocess.run([python, PROGRAM], env=environment, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize("minor", [9, 10, 12, 13])
def test_bare_interpreters(minor: int, interpreter: Path, package: Path) -> None:
    told = exercised(interpreter, package)
    assert told["python"] == [3, minor]
    assert told["checks"]["cache:own"] == "warn"


@pytest.mark.full
@pytest.mark.environments
@pytest.mark.parametrize("series", ["2023.1", "2023.2", "2024.1", "2024.2", "2025.1", "2025.2", "2026.1", "2026.2"])
@pytest.mark.parametrize("service", ["keystone", "glance", "nova", "neutron", "cinder", "placement"])
def test_every_release(service: str, series: str, package: Path, plain_environment: Callable[[str, str], Path]) -> None:
    told = exercised(plain_environment(service, series), package)
    assert told["deaf"] == []
    assert told["secret"] is False
    assert told["checks"]["sql:sqlite"] == "pass"
    (lost,) = [name for name in told["checks"] if name.endswith("/lost")]
    assert told["checks"][lost] == "fail"
    assert told["checks"]["service:volumev3"] == "warn"
    if "oslo_messaging.transport" in told["heard"]:
        assert told["checks"]["rpc:conductor"] == "warn"
    if "amqp.connection" in told["heard"]:
        assert "fail" in [status for name, status in told["checks"].items() if name.startswith("messaging:127.0.0.1")]
    if "same_bytes" in told:
        assert told["backend"] == "FAILED"
