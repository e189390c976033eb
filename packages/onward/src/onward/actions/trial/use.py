"""Use a deployed cloud: make one of everything, look that all is still there, and take it away."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from onward.actions.trial.cloud import CONTENT, NAME, SECONDS, TrialCloud, trial_cloud, tried
from onward.actions.trial.dashboard import log_in
from onward.actions.waiting import LOOK_SECONDS
from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed
from onward.hosts.state import Directories

ROLES = ("member", "creator")
"""Those of an ordinary user, as far as there are such roles: Barbican has one of its own."""
_TEMPLATE = """\
heat_template_version: 2018-08-31
resources:
  word: {type: OS::Heat::RandomString, properties: {length: 12}}
outputs:
  word: {value: {get_attr: [word, value]}}
"""


class UseCloud:
    """``trial.use``: make a thing through the API that it belongs to, and use it.

    Arguments: those of an Access, and ``use``, one of plan/trial.py's. Evidence: what the thing is.
    """

    name = "trial.use"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Make it, or take that of an earlier attempt. Raises StepFailed with what the cloud answered."""
        use = str(context.step.arguments["use"])
        cloud = trial_cloud(context, self._directories)
        found: Evidence = tried(context, f"The {use}", partial(_MAKERS[use], cloud))
        return found


class KeptByCloud:
    """``trial.kept``: all that was made is there, and an image is what it was. Arguments: an Access, and ``uses``."""

    name = "trial.kept"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Look. Raises StepFailed, which names what is lost."""
        cloud = trial_cloud(context, self._directories)
        uses = TypeAdapter(list[str]).validate_python(context.step.arguments["uses"])
        kept = [use for use in uses if use in FINDERS]
        found = {use: tried(context, f"The {use}", partial(FINDERS[use], cloud)) for use in kept}
        lost = [use for use, thing in found.items() if thing is None]
        if "image" in uses and found.get("image") is not None:
            content = tried(context, "The image", lambda: _content(cloud, found["image"]))
            lost += ["the image's content"] if content != CONTENT else []
        if lost:
            raise StepFailed(f"{context.plan.cloud} has lost what was made in it.", evidence="\n".join(lost))
        return {"kept": kept}


class RemoveTrial:
    """``trial.remove``: take away all that a trial makes. Arguments: those of an Access, and ``uses``."""

    name = "trial.remove"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Remove what is there. Raises StepFailed with what the cloud answered."""
        cloud = trial_cloud(context, self._directories)
        uses = TypeAdapter(list[str]).validate_python(context.step.arguments["uses"])
        for use in reversed(uses):
            if use in _REMOVERS:
                tried(context, f"The {use}", partial(_REMOVERS[use], cloud))
        return {}


def _make_user(cloud: TrialCloud) -> Evidence:
    identity = cloud.admin.identity
    project = identity.find_project(cloud.account) or identity.create_project(name=cloud.account, domain_id="default")
    user = identity.find_user(cloud.account) or identity.create_user(
        name=cloud.account, domain_id="default", password=cloud.user_password
    )
    identity.update_user(user, password=cloud.user_password)
    for name in ROLES:
        role = identity.find_role(name)
        if role is not None:
            identity.assign_project_role_to_user(project, user, role)
    return {"user": user.id, "project": cloud.user.current_project_id}


def _make_image(cloud: TrialCloud) -> Evidence:
    found = FINDERS["image"](cloud)
    if found is not None and found.status != "active":
        cloud.user.image.delete_image(found)
        found = None
    image = found or cloud.user.create_image(
        NAME, data=CONTENT, disk_format="raw", container_format="bare", wait=True, timeout=SECONDS
    )
    if _content(cloud, image) != CONTENT:
        raise OSError("the image that is downloaded is not the one that was uploaded")
    return {"image": image.id, "bytes": len(CONTENT)}


def _content(cloud: TrialCloud, image: Any) -> bytes:
    answer = cloud.user.image.download_image(image.id)
    return bytes(answer if isinstance(answer, bytes) else answer.content)


def _inventory(cloud: TrialCloud) -> Evidence:
    return {"providers": len(list(cloud.admin.placement.resource_providers()))}


def _make_network(cloud: TrialCloud) -> Evidence:
    network = FINDERS["network"](cloud) or cloud.user.network.create_network(name=NAME)
    subnet = cloud.user.network.find_subnet(NAME) or cloud.user.network.create_subnet(
        name=NAME, network_id=network.id, ip_version=4, cidr="192.0.2.0/24"
    )
    return {"network": network.id, "subnet": subnet.id}


def _make_server(cloud: TrialCloud) -> Evidence:
    found = FINDERS["server"](cloud)
    if found is not None and found.status == "ERROR":
        remove_server(cloud, NAME)
        found = None
    server = active(cloud, found or make_server(cloud, NAME))
    return {"server": server.id, "status": server.status, "host": cloud.admin.compute.get_server(server).compute_host}


def make_server(cloud: TrialCloud, name: str) -> Any:
    """Ask for a server of this name, of the trial's image, on its network. It is not waited for."""
    compute = cloud.admin.compute
    flavor = compute.find_flavor(NAME) or compute.create_flavor(name=NAME, ram=64, vcpus=1, disk=1)
    return cloud.user.compute.create_server(
        name=name,
        image_id=cloud.user.image.find_image(NAME, ignore_missing=False).id,
        flavor_id=flavor.id,
        networks=[{"uuid": cloud.user.network.find_network(NAME, ignore_missing=False).id}],
    )


def active(cloud: TrialCloud, server: Any) -> Any:
    """The server, when it is ACTIVE. Raises OSError with what Nova says of it when it will not be."""
    compute, deadline = cloud.user.compute, time.monotonic() + SECONDS
    while server.status != "ACTIVE":
        if server.status == "ERROR" or time.monotonic() > deadline:
            fault = (cloud.admin.compute.get_server(server).fault or {}).get("message", "")
            raise OSError(f"the server is {server.status}: {fault}")
        time.sleep(LOOK_SECONDS)
        server = compute.get_server(server)
    return server


def remove_server(cloud: TrialCloud, name: str) -> None:
    """Remove the server of this name where there is one, and wait until it is gone."""
    server = cloud.user.compute.find_server(name)
    if server is not None:
        cloud.user.compute.delete_server(server)
        cloud.user.compute.wait_for_delete(server, wait=SECONDS)


def _make_volume(cloud: TrialCloud) -> Evidence:
    """The record of one: what would hold it is not there."""
    volume = FINDERS["volume"](cloud) or cloud.user.block_storage.create_volume(name=NAME, size=1)
    return {"volume": volume.id}


def _make_secret(cloud: TrialCloud) -> Evidence:
    manager = cloud.user.key_manager
    if FINDERS["secret"](cloud) is None:
        manager.create_secret(name=NAME, payload=NAME, payload_content_type="text/plain")
    found = FINDERS["secret"](cloud)
    # Not the list's entry, which has no payload.
    answer = manager.get(f"/secrets/{found.secret_id}/payload", headers={"Accept": "text/plain"})
    if answer.text != NAME:
        raise OSError("the secret that is read is not the one that was stored")
    return {"secret": found.secret_id}


def _make_stack(cloud: TrialCloud) -> Evidence:
    stack = FINDERS["stack"](cloud) or cloud.user.orchestration.create_stack(name=NAME, template=_TEMPLATE)
    stack = cloud.user.orchestration.wait_for_status(
        stack, status="CREATE_COMPLETE", failures=["CREATE_FAILED"], wait=SECONDS
    )
    return {"stack": stack.id}


def _make_top_level_domain(cloud: TrialCloud) -> Evidence:
    """Through the API and the central service into the database, without a name server."""
    if FINDERS["top-level-domain"](cloud) is None:
        answer = cloud.admin.dns.post("/tlds", json={"name": NAME})
        if not answer.ok:
            raise OSError(f"{answer.status_code} {answer.text[:300]}")
    return {"name": NAME}


def _load_balancers(cloud: TrialCloud) -> Evidence:
    balancer = cloud.admin.load_balancer
    return {
        "providers": [each.name for each in balancer.providers()],
        "load_balancers": len(list(balancer.load_balancers())),
    }


def _log_in_at_dashboard(cloud: TrialCloud) -> Evidence:
    user, region = log_in(cloud.access.dashboard, cloud.account, cloud.user_password)
    if user != cloud.account or region not in ("", cloud.access.region):
        raise OSError(f"{cloud.account} of {cloud.access.region} logs in, and is {user} of {region}")
    return {"user": user, "region": region}


def _find_top_level_domain(cloud: TrialCloud) -> Any:
    answer = cloud.admin.dns.get("/tlds", params={"name": NAME})
    if not answer.ok:
        raise OSError(f"{answer.status_code} {answer.text[:300]}")
    return next(iter(answer.json()["tlds"]), None)


def _remove_user(cloud: TrialCloud) -> None:
    identity = cloud.admin.identity
    for found, remove in (
        (identity.find_user(cloud.account), identity.delete_user),
        (identity.find_project(cloud.account), identity.delete_project),
    ):
        if found is not None:
            remove(found)


def _remove_network(cloud: TrialCloud) -> None:
    found = FINDERS["network"](cloud)
    if found is not None:
        cloud.user.network.delete_network(found)


def _remove_server(cloud: TrialCloud) -> None:
    remove_server(cloud, NAME)
    flavor = cloud.admin.compute.find_flavor(NAME)
    if flavor is not None:
        cloud.admin.compute.delete_flavor(flavor)


def _remove_found(use: str, remove: Callable[[TrialCloud], Callable[[Any], Any]]) -> Callable[[TrialCloud], None]:
    def removal(cloud: TrialCloud) -> None:
        found = FINDERS[use](cloud)
        if found is not None:
            remove(cloud)(found)

    return removal


_MAKERS: dict[str, Callable[[TrialCloud], Evidence]] = {
    "user": _make_user,
    "image": _make_image,
    "inventory": _inventory,
    "network": _make_network,
    "server": _make_server,
    "volume": _make_volume,
    "secret": _make_secret,
    "stack": _make_stack,
    "top-level-domain": _make_top_level_domain,
    "load-balancers": _load_balancers,
    "dashboard": _log_in_at_dashboard,
}
FINDERS: dict[str, Callable[[TrialCloud], Any]] = {
    "user": lambda cloud: cloud.admin.identity.find_user(cloud.account),
    "image": lambda cloud: cloud.user.image.find_image(NAME),
    "network": lambda cloud: cloud.user.network.find_network(NAME),
    "server": lambda cloud: cloud.user.compute.find_server(NAME),
    "volume": lambda cloud: cloud.user.block_storage.find_volume(NAME),
    "secret": lambda cloud: next(iter(cloud.user.key_manager.secrets(name=NAME)), None),
    "stack": lambda cloud: cloud.user.orchestration.find_stack(NAME),
    "top-level-domain": _find_top_level_domain,
}
"""The thing that a trial has made, or None, by its use."""
_REMOVERS: dict[str, Callable[[TrialCloud], None]] = {
    "user": _remove_user,
    "image": _remove_found("image", lambda cloud: cloud.user.image.delete_image),
    "network": _remove_network,
    "server": _remove_server,
    "volume": _remove_found("volume", lambda cloud: cloud.admin.block_storage.delete_volume),
    "secret": _remove_found("secret", lambda cloud: cloud.user.key_manager.delete_secret),
    "stack": _remove_found("stack", lambda cloud: cloud.user.orchestration.delete_stack),
    "top-level-domain": _remove_found(
        "top-level-domain", lambda cloud: lambda found: cloud.admin.dns.delete(f"/tlds/{found['id']}")
    ),
}
