"""Plans the way back from an upgrade in place: the backup is put in the place of the database."""

from pydantic import Field, JsonValue

from onward.plan.plan import Plan, in_order
from onward.plan.step import Frozen, Step


class RestoreWish(Frozen):
    """What is known of the upgrade that is to be taken back."""

    cloud: str
    service: str
    source: str = Field(description="Series that the backup is at")
    target: str = Field(description="Series that the upgrade was to end at")
    configuration: tuple[str, ...] = Field(min_length=1)
    backup: str = Field(description="Path of the backup")
    census: str = Field(description="Path of the census that was taken beside the backup")
    rows_file: str = Field(description="Path of its rows")
    facts: dict[str, JsonValue]


def plan_restore(wish: RestoreWish) -> Plan:
    """The plan of putting a backup back. Pure."""
    adopt = Step(
        id="configure",
        action="service.adopt",
        target=wish.service,
        arguments={"service": wish.service, "configuration": list(wish.configuration)},
        reason="the backup goes to where the cloud's own configuration says",
        phase="prepare",
    )
    gate = Step(
        id="stopped",
        action="service.stopped",
        target=wish.service,
        arguments={"service": wish.service},
        needs=(adopt.id,),
        reason="nobody may use the database while it is replaced",
        phase="outage",
    )
    restore = Step(
        id="restore",
        action="database.restore",
        target=f"{wish.service} database",
        arguments={
            "service": wish.service,
            "series": wish.source,
            "backup": wish.backup,
            "census": wish.census,
            "rows_file": wish.rows_file,
        },
        needs=(gate.id,),
        reason=f"the database as it was at {wish.source}; what was written since then is lost",
        phase="outage",
        reversible=False,
    )
    return Plan(
        kind="restore",
        cloud=wish.cloud,
        service=wish.service,
        path=(wish.target, wish.source),
        facts=wish.facts,
        steps=tuple(in_order([adopt, gate, restore])),
    ).sealed()
