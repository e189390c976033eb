"""Plans how units leave: some that a bundle has no more, or all of a model. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from pydantic import Field, JsonValue

from onward.catalog.charm import Leave
from onward.plan.deployment.granting import Granted, withdrawal
from onward.plan.deployment.site import Site
from onward.plan.deployment.words import Words, number_of
from onward.plan.plan import Plan
from onward.plan.step import Frozen, Step

GRANT_PARTS = 3
"""grant/APPLICATION/ENDPOINT/PROVIDER."""


class Leaving(Frozen):
    """How the cluster that a unit was part of is told that it does not come back."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    stdin: str
    answer: str


class Departure(Frozen):
    """A unit that goes: the arguments of its step."""

    unit: str
    directory: str
    leave: Leaving | None = None
    forgets: tuple[str, ...] = Field(default=(), description="Steps that count as done no more")

    def as_arguments(self) -> dict[str, JsonValue]:
        """Its fields as JSON data, without what is as usual."""
        return self.model_dump(mode="json", exclude_defaults=True)


def removals(
    surplus: Sequence[str], words: Mapping[str, Words], begun: Collection[str], moved_on: tuple[str, ...]
) -> Iterator[Step]:
    """The steps by which units leave a model whose other units stay.

    ``words`` are those of the applications that stay, ``begun`` the steps that were done before, ``moved_on`` those
    after which nobody uses the units any more. Units of one application leave one after the other, so that a
    cluster keeps its majority.
    """
    before: dict[str, str] = {}
    gone = {unit.partition("/")[0] for unit in surplus} - {name for name, each in words.items() if each.unit_names}
    for unit in surplus:
        name = unit.partition("/")[0]
        site = next(iter(words.values())).site
        machine = site.machines.get(unit)
        keeper = f"supervisor/{machine}" if machine else "supervisor"
        earlier = (before[name],) if name in before else ("record", keeper, *moved_on)
        before[name] = f"remove/{unit}"
        yield Step(
            id=before[name],
            action="unit.remove",
            target=unit,
            arguments=Departure(
                unit=unit,
                directory=str(site.unit_directory(unit)),
                leave=None if name in gone else _leave(words[name], unit),
                forgets=tuple(sorted(_forgotten(name, begun))) if name in gone else (),
            ).as_arguments(),
            needs=earlier,
            reason=_why(unit, None if name in gone else words[name]),
            phase="cleanup",
            # What another unit serves as well comes back with another unit; the last one takes the data with it.
            reversible=name not in gone,
            machine=machine,
        )


def _leave(words: Words, unit: str) -> Leaving | None:
    rule: Leave | None = words.charm.cluster.leave if words.charm.cluster else None
    if rule is None:
        return None
    peer, leaving = words.unit_names[0], number_of(unit)
    return Leaving(
        argv=tuple(words.fill(word, peer) for word in rule.argv),
        environment={name: words.fill(text, peer) for name, text in rule.environment.items()},
        stdin=words.fill(rule.stdin, peer, leaving=leaving),
        answer=rule.answer,
    )


def _forgotten(name: str, begun: Collection[str]) -> set[str]:
    """Steps that have left nothing when an application is gone: its own, and what it had given to others."""
    grants = {tuple(step.split("/")) for step in begun if step.startswith("grant/") and step.count("/") == GRANT_PARTS}
    served = {user for _, user, _, provider in grants if provider == name}
    granted = {"/".join(each) for each in grants if name in (each[1], each[3])}
    own = {step for step in begun if not step.startswith("grant/") and name in step.split("/")[1:]}
    return own | granted | {f"initialise/{user}" for user in served} & set(begun)


def _why(unit: str, words: Words | None) -> str:
    if words is None:
        return f"the bundle has no {unit} any more; its data go with it"
    left = len(words.unit_names)
    weak = "; with two nodes left, the loss of one more stops the cluster" if words.charm.cluster and left == 2 else ""
    return f"the bundle has no {unit} any more{weak}"


def plan_removal(site: Site, waves: Sequence[tuple[str, ...]], granted: Sequence[Granted] = ()) -> Plan:
    """The steps that leave nothing of a model: the units of each wave at once, those of the next afterwards.

    What applications of other models have ``granted`` is taken back. What is in a catalogue goes before the units
    do, so that nobody is sent to where nobody answers; databases go when nobody uses them any more.
    """
    listed = [withdrawal(each, (), reversible=False) for each in granted if each.wish.registers]
    removals: list[Step] = [*listed]
    before = tuple(step.id for step in listed)
    for units in waves:
        removals += [
            Step(
                id=f"remove/{unit}",
                action="unit.remove",
                target=unit,
                arguments=Departure(unit=unit, directory=str(site.unit_directory(unit))).as_arguments(),
                needs=before,
                reason="stopped, and all that it kept is removed",
                phase="cleanup",
                reversible=False,
                machine=site.machines.get(unit),
            )
            for unit in units
        ]
        before = tuple(f"remove/{unit}" for unit in units) or before
    rest = [withdrawal(each, before, reversible=False) for each in granted if not each.wish.registers]
    removals += rest
    before += tuple(step.id for step in rest)
    away = [_end(site, f"forget/{name}", str(place.sockets), before, name) for name, place in site.places.items()]
    end = _end(site, "forget", str(site.sockets), (*before, *(step.id for step in away)), None)
    return Plan(kind="removal", cloud=site.model, steps=(*removals, *away, end), facts={}).sealed()


def _end(site: Site, step: str, sockets: str, needs: tuple[str, ...], machine: str | None) -> Step:
    """The step after which nothing of the model is left on a machine."""
    return Step(
        id=step,
        action="model.forget",
        target=f"{site.model} on machine {machine}" if machine else site.model,
        arguments={"sockets": sockets},
        needs=needs,
        reason="no process, file or address is left behind",
        phase="cleanup",
        reversible=False,
        machine=machine,
    )
