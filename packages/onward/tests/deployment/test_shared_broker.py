"""A broker that another model offers: what it grants is of the model that asks, and is taken back."""

from pathlib import Path
from typing import Any

import amqp
import pytest
import requests
from deploying import Operator

from onward.actions.deployment.broker_grant import GrantBroker, WithdrawBroker
from onward.engine.action import Session, StepContext
from onward.plan.deployment.grant import GrantWish
from onward.plan.deployment.granting import Granted, withdrawal
from onward.plan.plan import Plan
from onward.plan.step import Step

BUNDLE = "name: broker\napplications: {rabbitmq-server: {offers: {queue: {endpoints: [amqp]}}}}\n"


def context(step: Step, workspace: Path) -> StepContext:
    plan = Plan(kind="deployment", cloud="mine", facts={}, steps=(step,)).sealed()
    return StepContext("run", plan, step, workspace, {}, Session(), progress=lambda line: None)


def known(operator: Operator, kind: str) -> set[str]:
    """Names that the broker's administrator is shown."""
    store = operator.store("broker")
    address, password = (
        store.record()["addresses"]["rabbitmq-server/0"],
        store.secrets()["rabbitmq-server/administrator"],
    )
    listed: list[dict[str, Any]] = requests.get(
        f"http://{address}:15672/api/{kind}", auth=("onward", password), timeout=60
    ).json()
    return {each["name"] for each in listed}


@pytest.mark.full
@pytest.mark.broker
@pytest.mark.timeout(900)
def test_a_virtual_host_of_another_models_broker_is_granted_and_taken_back(
    module_operator: Operator, tmp_path: Path
) -> None:
    module_operator.deploy(BUNDLE)
    store, mine = module_operator.store("broker"), module_operator.store("mine")
    mine.ensure_secrets({"nova/amqp": "password"})
    before = {kind: known(module_operator, kind) for kind in ("users", "vhosts")}
    address = store.record()["addresses"]["rabbitmq-server/0"]
    wish = GrantWish(
        application="nova",
        provider="rabbitmq-server",
        model="broker",
        wants={"vhost": "mine-nova", "user": "mine-nova"},
        secret="nova/amqp",
        address=address,
        ports={"amqp": 5672, "management": 15672},
        socket="",
        offers={},
    )
    grant = Step(
        id="grant/queue/nova/amqp",
        action="broker.grant",
        target="queue for nova",
        arguments=wish.model_dump(mode="json"),
        reason="nova sends messages",
        phase="deploy",
    )
    evidence = GrantBroker(module_operator.directories).apply(context(grant, tmp_path))
    password = mine.secrets()["nova/amqp"]
    with amqp.Connection(
        f"{address}:5672", userid="mine-nova", password=password, virtual_host="mine-nova"
    ) as logged_in:
        assert logged_in.connected
    step = withdrawal(Granted.model_validate(evidence["elsewhere"]), (), reversible=False)
    for _ in range(2):
        WithdrawBroker(module_operator.directories).apply(context(step, tmp_path))
        assert {kind: known(module_operator, kind) for kind in before} == before
