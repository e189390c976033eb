"""Who must be able to log in to the demonstration cloud, and who must not. Pure."""

from collections.abc import Iterator, Mapping

from onward.actions.identity_cloud import DemoCloud
from onward.actions.identity_seed import access_key, password_name, secret_name
from onward.observe.identity_logins import Login

SOME = 10
"""How many of a kind of refused logins are tried."""

Ids = Mapping[str, Mapping[str, str]]
"""Identifiers by kind and name, as filling the cloud found or made them."""


def expected_logins(cloud: DemoCloud, ids: Ids) -> list[Login]:
    """All logins worth trying, each once."""
    logins = [*_at_work(cloud, ids), *_elsewhere(cloud, ids), *_shut_out(cloud, ids), *_delegated(cloud, ids)]
    return list({login.label: login for login in logins}.values())


def _at_work(cloud: DemoCloud, ids: Ids) -> Iterator[Login]:
    """Every user in his project; a disabled one must be refused."""
    for name, project in cloud.home.items():
        yield _by_password(name, ids, allowed=cloud.users[name]["enabled"], project_id=ids["projects"][project])


def _elsewhere(cloud: DemoCloud, ids: Ids) -> Iterator[Login]:
    """Users with a role on a domain or on the whole system."""
    for grant in cloud.grants:
        if grant.actor != "users" or grant.inherited or not cloud.users[grant.name]["enabled"]:
            continue
        if grant.target == "domains":
            yield _by_password(grant.name, ids, domain_id=ids["domains"][grant.on])
        elif grant.target == "system":
            yield _by_password(grant.name, ids, system=True)


def _shut_out(cloud: DemoCloud, ids: Ids) -> Iterator[Login]:
    """A closed domain, a wrong password, a disabled project, a project of others, and a wrong secret."""
    for name, user in cloud.users.items():
        if user["domain"] == cloud.closed_domain:
            yield _by_password(name, ids, allowed=False)
    workers = [name for name in cloud.home if cloud.users[name]["enabled"]]
    for name in workers[:SOME]:
        yield _by_password(name, ids, allowed=False, secret=f"wrong password of {name}")
    for grant in cloud.grants:
        closed = grant.target == "projects" and not cloud.projects[grant.on]["enabled"]
        if closed and grant.actor == "groups":
            for name in cloud.members[grant.name][:1]:
                yield _by_password(name, ids, allowed=False, project_id=ids["projects"][grant.on])
    for name in workers[-SOME:]:
        domain = cloud.users[name]["domain"]
        foreign = next(each for each, project in cloud.projects.items() if project["domain"] != domain)
        yield _by_password(name, ids, allowed=False, project_id=ids["projects"][foreign])
    for each in cloud.application_credentials[:1]:
        if each.name in ids["application_credentials"]:
            credential = ids["application_credentials"][each.name]
            yield Login(each.name, "application credential", credential, f"wrong {secret_name(each)}", allowed=False)


def _delegated(cloud: DemoCloud, ids: Ids) -> Iterator[Login]:
    """What users made for automata, for each other and for EC2 clients."""
    for each in cloud.application_credentials:
        if each.name in ids["application_credentials"]:
            credential = ids["application_credentials"][each.name]
            yield Login(each.name, "application credential", credential, secret_name(each), allowed=True)
    for trust in cloud.trusts:
        trustee, secret = ids["users"][trust.name], password_name(trust.name)
        yield Login(trust.name, "trust", trustee, secret, allowed=True, trust_id=ids["trusts"][trust.name])
    for each in cloud.credentials:
        if each.body["type"] == "ec2":
            yield Login(each.name, "EC2 key", access_key(each), secret_name(each), allowed=True)


def _by_password(
    name: str,
    ids: Ids,
    *,
    allowed: bool = True,
    secret: str | None = None,
    project_id: str | None = None,
    domain_id: str | None = None,
    system: bool = False,
) -> Login:
    return Login(
        name=name,
        way="password",
        who=ids["users"][name],
        secret=secret or password_name(name),
        allowed=allowed,
        project_id=project_id,
        domain_id=domain_id,
        system=system,
    )
