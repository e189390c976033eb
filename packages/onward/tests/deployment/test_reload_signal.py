"""A service that takes calls from the broker takes over a mutable option by SIGHUP, with no restart."""

from pathlib import Path

import pytest
from deploying import Operator, until

pytestmark = [
    pytest.mark.full,
    pytest.mark.mariadb,
    pytest.mark.broker,
    pytest.mark.environments,
    pytest.mark.timeout(1200),
]

BUNDLE = """\
name: volumes
applications:
  mariadb:
  rabbitmq-server:
  keystone: {options: {workers: 1}}
  cinder-api:
  cinder-scheduler:
relations:
  - [keystone, mariadb]
  - [cinder-api, mariadb]
  - [cinder-api, rabbitmq-server]
  - [cinder-api, keystone]
  - [cinder-scheduler, cinder-api]
  - [cinder-scheduler, mariadb]
  - [cinder-scheduler, rabbitmq-server]
"""


def details(log: Path) -> int:
    return log.read_text(errors="replace").count(" DEBUG ")


def test_debug_is_turned_on_in_a_scheduler_that_goes_on(module_operator: Operator) -> None:
    module_operator.deploy(BUNDLE)
    before = module_operator.pids("volumes")["cinder-scheduler/0"]
    directory = module_operator.store("volumes").directory / "units" / "cinder-scheduler-0"
    log = directory / "log" / "scheduler.log"
    assert details(log) == 0
    said = module_operator.must("config", "cinder-scheduler", "debug=true", "--model", "volumes")
    assert "reload/cinder-scheduler/0" in said
    until("it tells details", lambda: details(log) > 0)
    assert module_operator.pids("volumes")["cinder-scheduler/0"] == before
    module_operator.destroy("volumes")
