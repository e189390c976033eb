"""Takes the services of a deployed model through releases, with one outage that holds nothing but what needs it. Pure.

Everything is built and imported before; then all units of the services that move are stopped, their databases are
kept, each service goes through its releases in a lane of its own, with each release's own code, and only the target is
started. Meanwhile the APIs are called as their users call them.
"""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from onward.catalog.load import in_force
from onward.catalog.migrations import may_wait
from onward.catalog.service import Command
from onward.plan.deployment.commands import command_arguments, command_variables
from onward.plan.deployment.databases import databases_of
from onward.plan.deployment.move import Move, arrived, stopped
from onward.plan.deployment.serving import behind, called_at
from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.untouched import untouched
from onward.plan.deployment.words import Words
from onward.plan.forward import BUILD_POOL, WARM_POOL
from onward.plan.step import WAIT_POOL, Phase, Step

BACKUP_POOL = "backup"
GATE, PROBE, PROBED = "gate", "probe/begin", "probe/end"
_IDENTITY, _DATABASE = "keystone", "mysql-shared"
"""The interfaces of Keystone and of a database server."""
_COPIED_FROM = "copy-files-from"
"""The option of the database server's charm."""
_CALLS = {
    "image": "/v2/images?limit=1",
    "placement": "/resource_providers",
    "network": "/v2.0/networks?limit=1",
    "compute": "/servers?limit=1",
    "block-storage": "/volumes?limit=1",
    "key-manager": "/v1/secrets?limit=1",
    "dns": "/v2/zones?limit=1",
    "load-balancer": "/v2/lbaas/loadbalancers?limit=1",
}
"""What a service is asked for, by its type, after the URL that the catalogue has: it goes to the database."""


class Forward:
    """The steps that stand before the units of the target are started."""

    def __init__(
        self,
        topology: Topology,
        site: Site,
        moves: Iterable[Move],
        settles: Mapping[str, Mapping[str, str]],
        described: Mapping[str, JsonValue],
        budget_seconds: float,
        ahead: Iterable[str] = (),
    ) -> None:
        """``settles``: by the owner of a schema, what would make it from nothing, and need not be done any more.

        ``described``: the model as a cloud file would have it, for the checks before the outage; ``budget_seconds``:
        for how long the data plane may be gone. ``ahead``: steps of others that have to be done before anything is
        stopped.
        """
        self._untouched = untouched(topology, site, budget_seconds)
        self._ahead = tuple(ahead)
        self._described = dict(described)
        self._topology = topology
        self._site = site
        self._moves = tuple(moves)
        self._settles = settles

    @property
    def gate(self) -> tuple[str, ...]:
        """The step that nothing of the model is changed before; none where nothing is checked."""
        return (GATE,) if self._described and any(not move.backups for move in self._moves) else ()

    def steps(self) -> Iterator[Step]:
        """In the order of their phases; none where nothing moves."""
        for move in self._moves:
            if move.backups:
                yield from self._way_back(move)
        ahead = [move for move in self._moves if not move.backups]
        if not ahead:
            return
        ready: list[str] = []
        for move in ahead:
            for step in self._prepared(move):
                ready.append(step.id)
                yield step
        if self.gate:
            yield self._checks(ahead, tuple(ready))
            ready = [GATE]
        for step in self._untouched[0]:
            yield step.model_copy(update={"needs": tuple(ready)})
        ready += [*(step.id for step in self._untouched[0]), *self._ahead]
        yield self._probe(PROBE, "probe.begin", "prepare", tuple(ready), "the APIs are called all the while")
        for move in ahead:
            yield from self._outage(move)

    def _prepared(self, move: Move) -> Iterator[Step]:
        """Builds, imports, and what the old release has to finish; the services are up."""
        for series, choice in move.environments.items():
            yield _step(
                _environment(move, series),
                "application.environment",
                f"{move.service} {choice.version}",
                {"service": move.service, **choice.as_arguments()},
                "prepare",
                reason=f"{move.service} is taken to {series} with its own code",
                retries=1,
                pool=BUILD_POOL,
            )
        source = move.path[0]
        if source in move.environments:
            yield self._commands(
                move,
                source,
                self._topology.charms[move.owner].online,
                f"finish/{move.service}/{source}",
                "prepare",
                (_environment(move, source),),
                "data that the old release has to move with its own code, while it serves",
            )
        for series in move.ahead:
            yield _step(
                f"warm/{move.service}/{series}",
                "application.warm",
                f"{move.service} {series}",
                {**self._code(move, series), "starts": series == move.path[-1]},
                "prepare",
                needs=(_environment(move, series),),
                reason="its code is imported before the outage",
                pool=WARM_POOL,
            )

    def _code(self, move: Move, series: str) -> dict[str, JsonValue]:
        """A release, and what of it is imported ahead."""
        return {
            "service": move.service,
            "series": series,
            "environment": _environment(move, series),
            "modules": list(self._topology.charms[move.owner].warm_modules),
        }

    def _checks(self, moves: Iterable[Move], needs: tuple[str, ...]) -> Step:
        return _step(
            GATE,
            "model.check",
            self._site.model,
            {
                "cloud": self._described,
                "ways": {move.service: list(move.path) for move in moves},
                "codes": [self._code(move, series) for move in moves for series in move.environments],
            },
            "prepare",
            needs=needs,
            reason="nothing is stopped before every check has passed, or was waived by name",
        )

    def ended(self, needs: tuple[str, ...]) -> Iterator[Step]:
        """After this step it is known for how long each API was gone; then what waits for it. None on a way back."""
        ahead = [move for move in self._moves if not move.backups]
        if ahead:
            reason = "all APIs answer again; for how long each was gone, its callers have seen"
            yield self._probe(PROBED, "probe.end", "proof", needs, reason)
            for step in self._untouched[1]:
                yield step.model_copy(update={"needs": needs})
        reason = "data that no release on the way needed in another form: it is moved while the service is used"
        for move in ahead:
            target = move.path[-1]
            online = in_force(self._topology.charms[move.owner].online, target)
            if left := [command for command in online if may_wait(command, target)]:
                yield self._commands(move, target, left, f"finish/{move.service}/{target}", "proof", (PROBED,), reason)

    def _probe(self, step: str, action: str, phase: Phase, needs: tuple[str, ...], reason: str) -> Step:
        arguments: dict[str, JsonValue] = {}
        for name, charm in self._topology.charms.items():
            if self._topology.units(name) and any(each.interface == _IDENTITY for each in charm.provides.values()):
                words = Words(self._topology, self._site, name)
                arguments = {
                    "url": words.url("public", charm.registers[0].port) + charm.registers[0].path,
                    "secret": f"{name}/admin-password",
                    "calls": self._calls(),
                }
        return _step(step, action, self._site.model, arguments, phase, needs=needs, reason=reason)

    def _calls(self) -> dict[str, JsonValue]:
        """What is called of the services, by type."""
        return {
            each.type: Words(self._topology, self._site, name).url("public", each.port) + each.path + _CALLS[each.type]
            for name, charm in self._topology.charms.items()
            for each in charm.registers
            if each.type in _CALLS and self._topology.units(name)
        }

    def _way_back(self, move: Move) -> Iterator[Step]:
        """The backups in the place of the databases."""
        yield from self._stops(move, ("record", "supervisor"))
        yield _step(
            arrived(move),
            "model.restore",
            move.service,
            {
                "service": move.service,
                "series": move.path[-1],
                "databases": self._databases(move),
                "backups": dict(move.backups),
                "settles": dict(self._settles[move.owner]),
            },
            "outage",
            needs=tuple(stopped(application) for application in move.applications),
            reason=f"its databases as they were at {move.path[-1]}; what was written since then is lost",
            pool=BACKUP_POOL,
            reversible=False,
        )

    def _stops(self, move: Move, needs: tuple[str, ...]) -> Iterator[Step]:
        for application in move.applications:
            yield _step(
                stopped(application),
                "application.stop",
                application,
                {
                    "units": list(self._topology.units(application)),
                    "serving": self._serving(application),
                    "behind": self._behind(application),
                },
                "outage",
                needs=needs,
                reason="its database is about to change below it",
                pool=WAIT_POOL,
            )

    def _serving(self, application: str) -> dict[str, JsonValue]:
        """Where the processes of its units are called."""
        called = called_at(Words(self._topology, self._site, application))
        return {unit: {name: each.as_data() for name, each in processes.items()} for unit, processes in called.items()}

    def _behind(self, application: str) -> list[JsonValue]:
        """Where its units stand behind load balancers."""
        words = Words(self._topology, self._site, application)
        return [place for unit in self._topology.units(application) for place in behind(words, unit)]

    def _outage(self, move: Move) -> Iterator[Step]:
        yield from self._stops(move, (PROBE,))
        is_stopped = tuple(stopped(application) for application in move.applications)
        kept, counted = f"backup/{move.service}", f"census/{move.service}"
        yield _step(
            kept,
            "model.backup",
            move.service,
            {"databases": self._databases(move), "series": move.path[0], **self._files(move)},
            "outage",
            needs=is_stopped,
            reason=f"what brings back {move.path[0]}",
            pool=BACKUP_POOL,
        )
        yield _step(
            counted,
            "model.census",
            move.service,
            self._counting(move, move.path[0]),
            "outage",
            needs=is_stopped,
            reason="what is there before, to hold against it what is there afterwards",
        )
        charm = self._topology.charms[move.owner]
        again = [command for command in charm.initialise if not command.once]
        online = [command for command in charm.online if not may_wait(command, move.path[-1])]
        first = self._topology.units(move.owner)[0]
        before: tuple[str, ...] = (kept, counted)
        for series in move.ahead:
            step = self._commands(
                move,
                series,
                [*again, *online],
                f"migrate/{move.service}/{series}",
                "outage",
                (*before, f"warm/{move.service}/{series}", f"configure/{first}"),
                "its schema and its data become those of this release, with its own code",
            )
            # Nobody writes before the last of them is done: one that was cut off may begin with what was kept.
            yield step.model_copy(update={"arguments": {**step.arguments, "backup": kept}})
            before = (step.id,)
        yield _step(
            arrived(move),
            "model.compare",
            move.service,
            {**self._counting(move, move.path[-1]), "baseline": counted},
            "outage",
            needs=before,
            reason="nothing is started before every row is seen to be there still",
        )

    def _files(self, move: Move) -> dict[str, JsonValue]:
        """From where its databases' files can be copied: a server of this model, alone, and on this machine.

        A node of a cluster may not have yet what another one has answered for.
        """
        for relation in self._topology.used_by(move.owner):
            provider = relation.provider[0]
            if relation.interface != _DATABASE or provider in self._topology.lent:
                continue
            units = self._topology.units(provider)
            if len(units) == 1 and not self._site.machines.get(units[0]):
                mebibytes = Words(self._topology, self._site, provider).options(units[0])[_COPIED_FROM]
                return {"files": {"socket": self._site.socket(units[0]), "bytes": int(mebibytes) << 20}}
        return {}

    def _counting(self, move: Move, series: str) -> dict[str, JsonValue]:
        """What both ends of a census are told."""
        databases = self._databases(move)
        return {"service": move.service, "databases": databases, "source": move.path[0], "series": series}

    def _databases(self, move: Move) -> list[JsonValue]:
        """Where the databases of a service are, and as whom its owner uses them."""
        return databases_of(Words(self._topology, self._site, move.owner))

    def _commands(
        self,
        move: Move,
        series: str,
        commands: Iterable[Command],
        step: str,
        phase: Phase,
        needs: tuple[str, ...],
        reason: str,
    ) -> Step:
        words = Words(self._topology, self._site, move.owner)
        return _step(
            step,
            "application.migrate",
            f"{move.service} {series}",
            {
                **command_arguments(words, commands, series, _environment(move, series)),
                "variables": command_variables(words),
                "modules": list(words.charm.warm_modules),
                "reaches": phase == "outage",
                "settles": dict(self._settles[move.owner]) if phase == "outage" and series == move.path[-1] else {},
            },
            phase,
            needs=needs,
            reason=reason,
            reversible=phase != "outage",
        )


def _environment(move: Move, series: str) -> str:
    return f"environment/{move.service}/{series}"


def _step(
    step: str,
    action: str,
    target: str,
    arguments: dict[str, JsonValue],
    phase: Phase,
    *,
    reason: str,
    needs: tuple[str, ...] = (),
    retries: int = 0,
    pool: str | None = None,
    reversible: bool = True,
) -> Step:
    return Step(
        id=step,
        action=action,
        target=target,
        arguments=arguments,
        needs=needs,
        reason=reason,
        phase=phase,
        retries=retries,
        pool=pool,
        reversible=reversible,
    )
