"""What the demonstration cloud consists of: pure data, the same for the same size."""

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]

NEVER = "2099-12-31T23:59:59.000000"
"""When the credentials and trusts run out that have an end."""


@dataclass(frozen=True)
class SeedSize:
    """How many of each. Domains beside Default and one that is closed; roles and groups beside bootstrap's."""

    domains: int
    projects: int
    users: int
    roles: int
    groups: int
    application_credentials: int
    credentials: int
    trusts: int
    services: int

    @classmethod
    def demo(cls) -> "SeedSize":
        """A small company's cloud."""
        return cls(
            domains=5,
            projects=200,
            users=500,
            roles=10,
            groups=20,
            application_credentials=30,
            credentials=40,
            trusts=10,
            services=8,
        )

    @classmethod
    def small(cls) -> "SeedSize":
        """Some of everything, in seconds."""
        return cls(
            domains=2,
            projects=20,
            users=24,
            roles=6,
            groups=4,
            application_credentials=6,
            credentials=6,
            trusts=2,
            services=3,
        )

    @classmethod
    def named(cls, name: str) -> "SeedSize":
        """The size that a plan names. Raises KeyError."""
        return {"demo": cls.demo, "small": cls.small}[name]()


@dataclass(frozen=True)
class Grant:
    """A role for a user or group on a project, a domain or the whole system, all by name."""

    role: str
    actor: Literal["users", "groups"]
    name: str
    target: Literal["projects", "domains", "system"]
    on: str = "all"
    inherited: bool = False


@dataclass(frozen=True)
class Delegation:
    """What a user creates for himself or for another: names, and the rest of the body of the API."""

    user: str
    project: str
    name: str
    body: Json


@dataclass(frozen=True)
class DemoCloud:
    """Everything by its unique name, as the body of the API's request, with names where the API wants identifiers.

    The attributes ``domain``, ``parent``, ``default_project``, ``service`` and ``region`` are such names.
    """

    domains: dict[str, Json]
    closed_domain: str
    projects: dict[str, Json]
    users: dict[str, Json]
    home: dict[str, str]
    """Project in which a user works."""
    roles: dict[str, Json]
    implied_roles: tuple[tuple[str, str], ...]
    groups: dict[str, Json]
    members: dict[str, tuple[str, ...]]
    grants: tuple[Grant, ...]
    application_credentials: tuple[Delegation, ...]
    credentials: tuple[Delegation, ...]
    trusts: tuple[Delegation, ...]
    regions: dict[str, Json]
    services: dict[str, Json]
    endpoints: dict[str, Json]
    registered_limits: dict[str, Json]
    limits: dict[str, Json]
    policies: dict[str, Json] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {name: len(value) for name, value in vars(self).items() if isinstance(value, dict | tuple)} | {
            "members": sum(map(len, self.members.values()))
        }


def demo_cloud(size: SeedSize) -> DemoCloud:
    """The cloud of a size."""
    domains = [f"domain-{number:02}" for number in range(size.domains)]
    closed = "closed-domain"
    projects = _projects(size, domains)
    roles = {
        f"role-{number:02}": {"name": f"role-{number:02}"} | ({"domain": domains[0]} if number % 5 == 4 else {})
        for number in range(size.roles)
    }
    common_roles = [name for name, role in roles.items() if "domain" not in role]
    open_projects = {
        domain: [name for name, each in projects.items() if each["domain"] == domain and each["enabled"]]
        for domain in domains
    }
    users, home = _users(size, domains, open_projects)
    groups = {
        f"group-{number:02}": {"name": f"group-{number:02}", "domain": domains[number % size.domains]}
        for number in range(size.groups)
    }
    members = {
        name: tuple([user for user in users if users[user]["domain"] == group["domain"]][place::7][:12])
        for place, (name, group) in enumerate(groups.items())
    }
    for number in range(2):
        name = f"closed-user-{number}"
        users[name] = {"name": name, "domain": closed, "enabled": True}
    workers = [name for name in home if users[name]["enabled"]]
    grants = _grants(users, home, groups, projects, common_roles, open_projects)
    return DemoCloud(
        domains={
            name: {"name": name, "description": f"Domínio {name}: ドメイン", "enabled": True}
            for name in [*domains, closed]
        },
        closed_domain=closed,
        projects=projects,
        users=users,
        home=home,
        roles=roles,
        implied_roles=tuple(_implied(roles, common_roles)),
        groups=groups,
        members=members,
        grants=tuple(dict.fromkeys(grants)),
        application_credentials=tuple(_application_credentials(size, workers, home)),
        credentials=tuple(
            Delegation(
                user=(user := workers[number % len(workers)]),
                project=home[user],
                name=f"credential-{number:03}",
                body={"type": ("ec2", "totp", "cert")[number % 3]},
            )
            for number in range(size.credentials)
        ),
        trusts=tuple(
            Delegation(
                user=workers[number],
                project=home[workers[number]],
                name=workers[-1 - number],
                body={"impersonation": number % 2 == 0} | ({"expires_at": NEVER + "Z"} if number % 3 else {}),
            )
            for number in range(size.trusts)
        ),
        **_catalogue(size, projects),
    )


def _projects(size: SeedSize, domains: list[str]) -> dict[str, Json]:
    """Projects in turn over the domains, up to three deep; some of those without children are disabled."""
    names = [f"project-{number:03}" for number in range(size.projects)]
    depth = [0] * size.projects
    parents: dict[int, int] = {}
    for number in range(size.domains, size.projects):
        above = number - size.domains  # The one before in the same domain.
        if number % 3 == 0 and depth[above] < 2:
            parents[number], depth[number] = above, depth[above] + 1
    found: dict[str, Json] = {}
    for number, name in enumerate(names):
        leaf = number not in parents.values()
        found[name] = {
            "name": name,
            "domain": domains[number % size.domains],
            "description": f"Projekt № {number} für {'große' if number % 2 else 'kleine'} Dinge",
            "enabled": not (leaf and number % 11 == 7),
            "tags": [f"tag-{number % 4}", "grün"] if number % 4 == 0 else [],
        }
        if number in parents:
            found[name]["parent"] = names[parents[number]]
    return found


def _users(
    size: SeedSize, domains: list[str], open_projects: dict[str, list[str]]
) -> tuple[dict[str, Json], dict[str, str]]:
    """Users in turn over the domains, each with a project to work in."""
    users: dict[str, Json] = {}
    home: dict[str, str] = {}
    for number in range(size.users):
        name = f"benutzer-{number:04}-ü✓" if number % 10 == 3 else f"user-{number:04}"
        domain = domains[number % size.domains]
        home[name] = open_projects[domain][number // size.domains % len(open_projects[domain])]
        user: Json = {"name": name, "domain": domain, "enabled": number % 23 != 20, "email": f"{number}@example.org"}
        if number % 2:
            user["default_project"] = home[name]
        if number % 5 == 0:
            user["description"] = "ユーザー № 5 «já»"
        if number % 7 == 0:
            user["options"] = {"ignore_password_expiry": True, "ignore_lockout_failure_attempts": number % 2 == 0}
        users[name] = user
    return users, home


def _grants(
    users: dict[str, Json],
    home: dict[str, str],
    groups: dict[str, Json],
    projects: dict[str, Json],
    roles: list[str],
    open_projects: dict[str, list[str]],
) -> list[Grant]:
    """Every user works in his project; some have more, of every kind there is."""
    grants = []
    for number, (name, project) in enumerate(home.items()):
        role, other = roles[number % len(roles)], roles[(number + 1) % len(roles)]
        domain = str(users[name]["domain"])
        grants.append(Grant(role, "users", name, "projects", project))
        if number % 9 == 1:
            grants.append(Grant(other, "users", name, "projects", open_projects[domain][number % 3]))
        if number % 10 == 2:
            grants.append(Grant(role, "users", name, "domains", domain))
        if number % 20 == 4:
            grants.append(Grant(other, "users", name, "domains", domain, inherited=True))
        if number % 20 == 6:
            grants.append(Grant(other, "users", name, "projects", project, inherited=True))
        if number % 40 == 8:
            grants.append(Grant(role, "users", name, "system"))
    closed = [name for name, project in projects.items() if not project["enabled"]]
    for number, (name, group) in enumerate(groups.items()):
        own = open_projects[str(group["domain"])]
        grants.append(Grant(roles[number % len(roles)], "groups", name, "projects", own[number % len(own)]))
        grants.append(Grant(roles[-1], "groups", name, "domains", str(group["domain"]), inherited=number % 2 == 0))
        if number % 4 == 0:
            grants.append(Grant(roles[0], "groups", name, "system"))
        if closed:
            grants.append(Grant(roles[0], "groups", name, "projects", closed[number % len(closed)]))
    return grants


def _implied(roles: dict[str, Json], common: list[str]) -> list[tuple[str, str]]:
    """Some roles bring others with them; each of a domain brings one of all domains."""
    pairs = [(common[place], common[place + 2]) for place in range(0, len(common) - 2, 2)]
    return pairs + [(name, common[0]) for name in roles if name not in common]


def _application_credentials(size: SeedSize, workers: list[str], home: dict[str, str]) -> list[Delegation]:
    """One for each of the first users that work: plain, unrestricted, with an end, with access rules."""
    found = []
    for number, user in enumerate(workers[: size.application_credentials]):
        body: Json = {"description": f"für Automaten № {number}"}
        match number % 4:
            case 1:
                body["unrestricted"] = True
            case 2:
                body["expires_at"] = NEVER
            case 3:
                body["access_rules"] = [{"path": "/v2.1/servers/*", "method": "GET", "service": "compute"}]
        found.append(Delegation(user, home[user], f"application-credential-{number:02}", body))
    return found


def _catalogue(size: SeedSize, projects: dict[str, Json]) -> dict[str, dict[str, Json]]:
    """Regions, services and endpoints, and the limits that hang on them."""
    regions: dict[str, Json] = {
        "north": {"id": "north", "description": "Nordregion"},
        "north-1": {"id": "north-1", "description": "", "parent_region_id": "north"},
        "south": {"id": "south", "description": "Südregion"},
    }
    services = {
        f"service-{number:02}": {
            "name": f"service-{number:02}",
            "type": f"type-{number:02}",
            "enabled": number % 5 != 4,
        }
        for number in range(size.services)
    }
    endpoints = {
        f"http://192.0.2.{number}:{8000 + place}/{interface}/%(project_id)s": {
            "service": name,
            "region": region,
            "interface": interface,
            "url": f"http://192.0.2.{number}:{8000 + place}/{interface}/%(project_id)s",
        }
        for number, name in enumerate(services)
        for place, region in enumerate(["north-1", "south"])
        for interface in ("public", "internal", "admin")
    }
    first = next(iter(services))
    registered = {
        f"{first}/{resource}": {"service": first, "region": "north-1", "resource_name": resource, "default_limit": 10}
        for resource in ("cores", "gigabytes", "ports")
    }
    limits: dict[str, Json] = {
        f"{first}/cores/{project}": {
            "service": first,
            "region": "north-1",
            "resource_name": "cores",
            "project": project,
            "resource_limit": 20 + place,
        }
        for place, project in enumerate(list(projects)[::6])
    }
    policies = {
        name: {"type": "application/json", "blob": f'{{"name": "{name}"}}'} for name in ("policy-one", "policy-zwei")
    }
    return {
        "regions": regions,
        "services": services,
        "endpoints": endpoints,
        "registered_limits": registered,
        "limits": limits,
        "policies": policies,
    }
