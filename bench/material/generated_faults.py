"""Faults made up, not recorded: what units of a cloud would say of one another, with gaps and ordinary noise.

The same seed makes the same words. Who passes on what, and who has not used a faulty thing yet, is drawn by lot; what
each kind of fault looks like to its users is written down here, apart from what the diagnosis takes for it.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.observation import ONWARD, Observation, Sight

APIS = {
    "keystone": (),
    "glance": ("keystone",),
    "placement": ("keystone",),
    "neutron-api": ("keystone", "nova-api"),
    "nova-api": ("keystone", "glance", "neutron-api", "placement"),
    "cinder-api": ("keystone", "glance"),
    "heat": ("keystone", "nova-api", "neutron-api", "cinder-api"),
    "barbican": ("keystone",),
    "designate": ("keystone",),
    "octavia": ("keystone", "neutron-api", "barbican"),
}
WORKERS = {"nova-scheduler": ("placement",), "nova-conductor": (), "cinder-scheduler": (), "nova-compute": ()}
WITHOUT_BROKER = ("keystone", "placement", "barbican")
MACHINES = 3
BEGAN = 1_800_000_000.0
LOOKS: dict[str, tuple[Sight, ...]] = {
    "down": ("refused",),
    "node-down": ("refused",),
    "hung": ("timed-out",),
    "slow": ("slow", "slow", "slow", "timed-out"),
    "overload": ("too-many", "too-many", "slow", "timed-out", "refused"),
    "disk": ("no-space", "failed", "failed", "timed-out"),
    "clock": ("clock", "clock", "login-refused"),
    "certificate": ("certificate",),
    "credentials": ("login-refused",),
    "network": ("timed-out",),
}
KINDS = tuple(LOOKS)


@dataclass(frozen=True)
class Case:
    """What is wrong, as (kind, subject), and what is said."""

    truth: frozenset[tuple[str, str]]
    observations: tuple[Observation, ...]


def cloud(computes: int = 3) -> Dependencies:
    units = {"mariadb": 3, "rabbitmq": 3, "memcached": 1} | dict.fromkeys(APIS, 2) | dict.fromkeys(WORKERS, 2)
    units |= {"nova-compute": computes}
    uses = {"mariadb": (), "rabbitmq": (), "memcached": ()}
    for name, others in {**APIS, **WORKERS}.items():
        own = ("mariadb",) if name != "nova-compute" else ()
        own += ("rabbitmq",) if name not in WITHOUT_BROKER else ()
        own += ("memcached",) if name in APIS else ()
        uses[name] = (*own, *others)
    named = {name: tuple(f"{name}/{number}" for number in range(count)) for name, count in units.items()}
    places = {unit: f"m{int(unit.rpartition('/')[2]) % MACHINES}" for each in named.values() for unit in each}
    return Dependencies(named, uses, places)


def reached_as(graph: Dependencies, provider: str) -> tuple[str, ...]:
    """APIs are reached through a balancer, servers each by itself."""
    return (provider,) if provider in APIS else graph.units[provider]


def pairs(graph: Dependencies) -> Iterator[tuple[str, str]]:
    for name, providers in graph.uses.items():
        for provider in providers:
            for unit in graph.units[name]:
                for about in reached_as(graph, provider):
                    yield unit, about
    for units in graph.units.values():
        for unit in units:
            yield ONWARD, unit


def draw_fault(kind: str, graph: Dependencies, lot: random.Random) -> tuple[str, str]:
    used = {provider for providers in graph.uses.values() for provider in providers}
    # What nobody uses nobody can complain of.
    servers, apis = ("mariadb", "rabbitmq", "memcached"), tuple(name for name in APIS if name in used)
    if kind == "network":
        first, second = sorted(lot.sample(range(MACHINES), 2))
        return "network", f"m{first} - m{second}"
    if kind == "credentials":
        user = lot.choice([name for name in graph.uses if graph.uses[name]])
        provider = lot.choice(graph.uses[user])
        return "credentials", f"{user} > {provider}"
    if kind == "node-down":
        return "node-down", lot.choice(graph.units[lot.choice(("mariadb", "rabbitmq"))])
    name = lot.choice(servers if kind in ("overload", "disk") else (*servers, *apis))
    if kind in ("clock", "disk"):
        return kind, lot.choice(graph.units[name if name not in apis else lot.choice(("mariadb", "rabbitmq"))])
    units = graph.units[name]
    return "down" if kind == "hung" else kind, units[0] if len(units) == 1 else name


def direct(kind: str, subject: str, user: str, about: str, graph: Dependencies) -> bool:
    application = graph.application
    if kind == "network":
        places = sorted((graph.machine(user), graph.machine(about)))
        return about in graph.machines and user != ONWARD and " - ".join(places) == subject
    if kind == "credentials":
        users, _, provider = subject.partition(" > ")
        return application.get(user) == users and application[about] == provider
    if user == ONWARD and kind in ("clock", "certificate", "overload", "disk"):
        return False
    return about == subject or application[about] == subject


def case(faults: list[tuple[str, tuple[str, str]]], graph: Dependencies, lot: random.Random) -> Case:
    """``faults``: how each looks, and what it is."""
    words: dict[tuple[str, str], Observation] = {}
    hurt: set[str] = set()
    for look, (kind, subject) in faults:
        for user, about in pairs(graph):
            if (user, about) in words or not direct(kind, subject, user, about, graph):
                continue
            if user != ONWARD and lot.random() < 0.15:  # It has not used it since.
                continue
            saw = LOOKS[look][0] if user == ONWARD else lot.choice(LOOKS[look])
            since = BEGAN + lot.random() * 1.5
            words[user, about] = Observation(user, about, saw, since, times=lot.randint(3, 40))
            if user != ONWARD:
                hurt.add(graph.application[user])
    for _ in range(2):
        for user, about in pairs(graph):
            if (user, about) not in words and about in hurt and lot.random() < 0.5:
                saw: Sight = lot.choice(("failed", "failed", "timed-out"))
                words[user, about] = Observation(
                    user, about, saw, BEGAN + 2 + lot.random() * 5, times=lot.randint(3, 9)
                )
        hurt |= {graph.application[user] for user, _ in words if user != ONWARD}
    return Case(frozenset(what for _, what in faults), (*words.values(), *well(graph, words, lot)))


def well(graph: Dependencies, bad: dict[tuple[str, str], Observation], lot: random.Random) -> Iterator[Observation]:
    """What the others say: mostly that all is well; a slow query here, a call lost to a restart there."""
    touched = {user for user, _ in bad} | {about for _, about in bad}
    for user, about in pairs(graph):
        if (user, about) in bad or (user in touched and about in touched and lot.random() < 0.15):
            continue
        chance = lot.random()
        if user != ONWARD and chance < 0.02:
            yield Observation(user, about, lot.choice(("slow", "refused", "failed")), BEGAN + lot.random(), times=1)
        else:
            yield Observation(user, about, "ok", BEGAN - lot.random() * 60, times=lot.randint(1, 900))


def healthy(graph: Dependencies, lot: random.Random) -> Case:
    """A window with a restart in it, over by its end for all but one who lost a call to it and has not come back."""
    return Case(frozenset(), tuple(restart(graph, lot)))


def restart(graph: Dependencies, lot: random.Random) -> Iterator[Observation]:
    unit = lot.choice([each for units in graph.units.values() for each in units])
    late = lot.random() < 0.5
    for each in well(graph, {}, lot):
        if each.about == unit and each.user != ONWARD:
            yield Observation(each.user, unit, "refused", BEGAN - 90 + lot.random(), times=lot.randint(1, 9))
            if late:
                late = False
                yield Observation(each.user, unit, "refused", BEGAN + lot.random(), times=lot.randint(1, 2))
                continue
        yield each


def cases(count: int, seed: int, graph: Dependencies) -> Iterator[Case]:
    """Single faults, every kind in turn; every fourth case has two at once."""
    lot = random.Random(seed)  # noqa: S311 - the same each time
    for number in range(count):
        looks = [KINDS[number % len(KINDS)]]
        if number % 4 == 3:
            looks.append(lot.choice([each for each in KINDS if each != looks[0]]))
        yield case([(look, draw_fault(look, graph, lot)) for look in looks], graph, lot)
