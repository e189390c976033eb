"""Fills an identity service with the demonstration cloud, through its API; what is there already is left alone."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from onward.actions.identity_cloud import Delegation, DemoCloud, Grant
from onward.actions.identity_filler import WRITERS, Filler
from onward.actions.identity_secrets import IdentitySecrets
from onward.errors import SeedFailed
from onward.observe.identity import Administrator, IdentityApi, Json, Scope, by_id, side_by_side


@dataclass(frozen=True)
class SeedReport:
    """What was made and what was there before, by kind, and what this release does not have."""

    created: dict[str, int]
    found: dict[str, int]
    not_offered: list[str]
    seconds: dict[str, float]
    """By kind."""
    ids: dict[str, dict[str, str]]
    """Identifiers by kind and name."""


def seed(
    api: IdentityApi,
    administrator: Administrator,
    cloud: DemoCloud,
    secrets: IdentitySecrets,
    progress: Callable[[str], None] = lambda _: None,
) -> SeedReport:
    """Make all of the cloud that is not there yet. Run again after any interruption it ends in the same cloud.

    Raises SeedFailed with the API's answer.
    """
    filler = Filler(api, administrator, progress)
    _things(filler, cloud, secrets)
    for kind, make in (
        ("members", _members),
        ("implied_roles", _implied_roles),
        ("role_assignments", _grants),
        ("registered_limits", _registered_limits),
        ("limits", _limits),
    ):
        with filler.measured(kind):
            make(filler, cloud)
    with filler.measured("credentials"):
        _credentials(filler, cloud, secrets)
    with filler.measured("application_credentials"):
        _delegated(filler, "application_credentials", cloud.application_credentials, secrets, _application_credential)
    with filler.measured("trusts"):
        _delegated(filler, "trusts", cloud.trusts, secrets, _trust)
    _close(filler, cloud)
    return SeedReport(
        created=dict(filler.created),
        found={kind: count for kind, count in filler.found.items() if count},
        not_offered=sorted(filler.not_offered),
        seconds=filler.seconds,
        ids=filler.ids,
    )


def _things(filler: Filler, cloud: DemoCloud, secrets: IdentitySecrets) -> None:
    """All that has a name of its own, each before those that refer to it."""
    filler.ensure("domains", cloud.domains)
    for level in levels(cloud.projects, "parent"):
        filler.ensure("projects", level)
    users = {name: {**user, "password": secrets.value(password_name(name))} for name, user in cloud.users.items()}
    filler.ensure("users", users)
    filler.ensure("roles", {name: role for name, role in cloud.roles.items() if "domain" not in role})
    for domain in dict.fromkeys(str(role["domain"]) for role in cloud.roles.values() if "domain" in role):
        own = {name: role for name, role in cloud.roles.items() if role.get("domain") == domain}
        filler.ensure("roles", own, query=f"?domain_id={filler.ids['domains'][domain]}")
    filler.ensure("groups", cloud.groups)
    for level in levels(cloud.regions, "parent_region_id"):
        filler.ensure("regions", level, name="id")
    filler.ensure("services", cloud.services)
    filler.ensure("endpoints", cloud.endpoints, name="url")
    filler.ensure("policies", cloud.policies, name="blob")


def levels(things: dict[str, Json], parent: str) -> Iterator[dict[str, Json]]:
    """Things that refer to a parent by name, those without one first, then their children, and so on."""
    above: set[str | None] = {None}
    while level := {name: body for name, body in things.items() if body.get(parent) in above}:
        yield level
        above = set(level)


def password_name(user: str) -> str:
    """Name of the secret that is a user's password."""
    return f"password of {user}"


def secret_name(delegation: Delegation) -> str:
    """Name of the secret of a credential or application credential."""
    return f"secret of {delegation.name}"


def _members(filler: Filler, cloud: DemoCloud) -> None:
    users, groups = filler.ids["users"], filler.ids["groups"]
    missing, there = [], 0
    for group, members in cloud.members.items():
        listed = filler.listed("users", f"/groups/{groups[group]}/users") or []
        known = {str(user["id"]) for user in listed}
        new = [users[name] for name in members if users[name] not in known]
        missing += [f"/groups/{groups[group]}/users/{user}" for user in new]
        there += len(members) - len(new)
    filler.put_all("members", missing, there=there)


def _implied_roles(filler: Filler, cloud: DemoCloud) -> None:
    roles = filler.ids["roles"]
    listed = filler.listed("role_inferences", "/role_inferences") or []
    known = {(rule["prior_role"]["id"], implied["id"]) for rule in listed for implied in rule["implies"]}
    wanted = [(roles[prior], roles[implied]) for prior, implied in cloud.implied_roles]
    missing = [f"/roles/{prior}/implies/{implied}" for prior, implied in wanted if (prior, implied) not in known]
    filler.put_all("implied_roles", missing, there=len(wanted) - len(missing))


def _grants(filler: Filler, cloud: DemoCloud) -> None:
    listed = filler.listed("role_assignments", "/role_assignments") or []
    known = {_path_of(assignment) for assignment in listed}
    wanted = [_path(grant, filler) for grant in cloud.grants]
    missing = [path for path in wanted if path not in known]
    filler.put_all("role_assignments", missing, there=len(wanted) - len(missing))


def _path(grant: Grant, filler: Filler) -> str:
    """The path that makes a grant."""
    actor, role = filler.ids[grant.actor][grant.name], filler.ids["roles"][grant.role]
    target = "/system" if grant.target == "system" else f"/{grant.target}/{filler.ids[grant.target][grant.on]}"
    path = f"{target}/{grant.actor}/{actor}/roles/{role}"
    return f"/OS-INHERIT{path}/inherited_to_projects" if grant.inherited else path


def _path_of(assignment: Json) -> str:
    """The path that would have made a role assignment which the API lists."""
    scope = assignment["scope"]
    inherited = scope.get("OS-INHERIT:inherited_to")
    actor = f"/users/{assignment['user']['id']}" if "user" in assignment else f"/groups/{assignment['group']['id']}"
    target = "/system"
    for kind in ("project", "domain"):
        if kind in scope:
            target = f"/{kind}s/{scope[kind]['id']}"
    path = f"{target}{actor}/roles/{assignment['role']['id']}"
    return f"/OS-INHERIT{path}/inherited_to_projects" if inherited else path


def _registered_limits(filler: Filler, cloud: DemoCloud) -> None:
    _limits_of(filler, "registered_limits", list(cloud.registered_limits.values()))


def _limits(filler: Filler, cloud: DemoCloud) -> None:
    _limits_of(filler, "limits", list(cloud.limits.values()))


def _limits_of(filler: Filler, kind: str, wanted: list[Json]) -> None:
    """Limits of a kind, which are made by one request."""
    listed = filler.listed(kind, f"/{kind}")
    if listed is None:
        return
    known = {_limit_name(limit) for limit in listed}
    bodies = [filler.resolved(limit) for limit in wanted]
    missing = [body for body in bodies if _limit_name(body) not in known]
    if missing:
        answer = filler.send("POST", f"/{kind}", {kind: missing})
        filler.must(answer)
    filler.count(kind, made=len(missing), there=len(bodies) - len(missing))


def _limit_name(limit: Json) -> tuple[object, ...]:
    return tuple(limit.get(name) for name in ("service_id", "region_id", "resource_name", "project_id"))


def _credentials(filler: Filler, cloud: DemoCloud, secrets: IdentitySecrets) -> None:
    listed = filler.listed("credentials", "/credentials") or []
    known = {(item["type"], item["user_id"], item["blob"]) for item in listed}
    bodies = []
    for each in cloud.credentials:
        user = filler.ids["users"][each.user]
        body = {**each.body, "user_id": user, "blob": blob(each, secrets)}
        if each.body["type"] == "ec2":
            body["project_id"] = filler.ids["projects"][each.project]
        bodies.append(body)
    missing = [body for body in bodies if (body["type"], body["user_id"], body["blob"]) not in known]
    side_by_side(lambda body: filler.must(filler.send("POST", "/credentials", {"credential": body})), missing, WRITERS)
    filler.count("credentials", made=len(missing), there=len(bodies) - len(missing))


def blob(credential: Delegation, secrets: IdentitySecrets) -> str:
    """What a credential of its type keeps."""
    secret = secrets.value(secret_name(credential))
    match credential.body["type"]:
        case "ec2":
            return json.dumps({"access": access_key(credential), "secret": secret})
        case "totp":
            return base64.b32encode(secret.encode()[:20]).decode()
        case _:
            return f"-----BEGIN CERTIFICATE-----\n{secret}\n-----END CERTIFICATE-----\n"


def access_key(credential: Delegation) -> str:
    """The public half of an EC2 credential."""
    return hashlib.sha256(credential.name.encode()).hexdigest()[:32]


Make = Callable[[Filler, Delegation, str, IdentitySecrets], tuple[str, bool] | None]
"""Make what a user delegates, with a token of the user's: its identifier, and whether it had to be made.
None: not offered."""


def _delegated(filler: Filler, kind: str, wanted: Sequence[Delegation], secrets: IdentitySecrets, make: Make) -> None:
    """What only users themselves can make: each logs in and does."""

    def of_user(each: Delegation) -> tuple[str, bool] | None:
        user = by_id(filler.ids["users"][each.user], secrets.value(password_name(each.user)))
        answer = filler.api.log_in(user, Scope(project_id=filler.ids["projects"][each.project]))
        if answer.token is None:
            raise SeedFailed(f"The new user {each.user} cannot log in.", evidence=answer.said())
        return make(filler, each, answer.token, secrets)

    ids = filler.ids.setdefault(kind, {})
    for each, done in zip(wanted, side_by_side(of_user, wanted, WRITERS), strict=True):
        if done is not None:
            ids[each.name], made = done
            filler.count(kind, made=int(made), there=int(not made))


def _application_credential(
    filler: Filler, each: Delegation, token: str, secrets: IdentitySecrets
) -> tuple[str, bool] | None:
    path = f"/users/{filler.ids['users'][each.user]}/application_credentials"
    listed = filler.listed("application_credentials", path, token=token)
    if listed is None:
        return None
    known = {item["name"]: str(item["id"]) for item in listed}
    if each.name in known:
        return known[each.name], False
    body = {**each.body, "name": each.name, "secret": secrets.value(secret_name(each))}
    answer = filler.send("POST", path, {"application_credential": body}, token=token)
    if answer.status == 400 and "access_rules" in body:  # Since Train.
        filler.not_offered.add("access_rules")
        del body["access_rules"]
        answer = filler.send("POST", path, {"application_credential": body}, token=token)
    return str(filler.must(answer)["application_credential"]["id"]), True


def _trust(filler: Filler, each: Delegation, token: str, _: IdentitySecrets) -> tuple[str, bool]:
    trustor, trustee = (filler.ids["users"][name] for name in (each.user, each.name))
    listed = filler.listed("trusts", f"/OS-TRUST/trusts?trustor_user_id={trustor}", token=token) or []
    for item in listed:
        if item["trustee_user_id"] == trustee:
            return str(item["id"]), False
    validated = filler.api.validate(token, filler.administrator.quick)
    roles = [{"id": role["id"]} for role in filler.must(validated)["token"]["roles"]]
    body = {
        **each.body,
        "trustor_user_id": trustor,
        "trustee_user_id": trustee,
        "project_id": filler.ids["projects"][each.project],
        "roles": roles[:1],
    }
    answer = filler.send("POST", "/OS-TRUST/trusts", {"trust": body}, token=token)
    return str(filler.must(answer)["trust"]["id"]), True


def _close(filler: Filler, cloud: DemoCloud) -> None:
    """Disable the domain whose users must not get in, once all else is there."""
    path = f"/domains/{filler.ids['domains'][cloud.closed_domain]}"
    if filler.must(filler.send("GET", path))["domain"]["enabled"]:
        filler.must(filler.send("PATCH", path, {"domain": {"enabled": False}}))
