"""A deployed cloud as its users have it, and the things that a trial makes of it.

All have one name, so that a trial that was killed finds them again, and the next one clears them away.
"""

import hashlib
import hmac
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from onward.actions.deployment.noted import store_named
from onward.engine.action import StepContext
from onward.errors import StepFailed
from onward.hosts.state import Directories
from onward.plan.trial import Access

NAME = "onward-trial"
CONTENT = hashlib.sha256(NAME.encode()).digest() * 4096
"""128 KiB: more than fits into one buffer of whatever is in between."""
SECONDS = 180.0
"""How long a server, an image or a stack may take."""


@dataclass(frozen=True)
class TrialCloud:
    """Connections to one region: as its administrator, and as an ordinary member of a project of the trial's own."""

    access: Access
    password: str

    @cached_property
    def admin(self) -> Any:
        """The administrator's, an ``openstack.connection.Connection``."""
        return _connect(self.access, "admin", self.password, "admin")

    @cached_property
    def user(self) -> Any:
        """That of the trial's user. Its first use comes after :func:`onward.actions.trial_use.use` made it."""
        return _connect(self.access, self.account, self.user_password, self.account)

    @property
    def account(self) -> str:
        """Name of the trial's user, and of that user's project."""
        return self.access.account

    @property
    def user_password(self) -> str:
        """Always the same, so that a trial can be resumed, and known to nobody who does not know the other one."""
        return hmac.new(self.password.encode(), self.account.encode(), hashlib.sha256).hexdigest()


def trial_cloud(context: StepContext, directories: Directories) -> TrialCloud:
    """The cloud that the step's arguments give access to."""
    arguments = context.step.arguments
    access = Access(**{name: str(arguments[name]) for name in Access.model_fields})
    store = store_named(directories, context, access.model or context.plan.cloud)
    cloud = TrialCloud(access, store.secrets()[access.secret])
    context.secrets.register(cloud.user_password)
    return cloud


def tried(context: StepContext, what: str, do: Callable[[], Any]) -> Any:
    """What ``do`` returns. Raises StepFailed, with what the cloud answered, when it fails."""
    from keystoneauth1.exceptions import ClientException  # noqa: PLC0415 - slow to import, and few commands need it
    from openstack.exceptions import SDKException  # noqa: PLC0415

    try:
        return do()
    # Not every error of its sessions is wrapped in one of the library's own.
    except (SDKException, ClientException, OSError) as error:
        raise StepFailed(
            f"{what} of {context.plan.cloud} cannot be used.",
            evidence=str(error)[:1000],
            state="What the trial has made so far, if anything, is still in the cloud.",
            next_command=f"onward diagnose {context.plan.cloud}\nonward runs resume {context.run_id}",
        ) from None


def _connect(access: Access, user: str, password: str, project: str) -> Any:
    import openstack  # noqa: PLC0415 - slow to import, and few commands need it

    warnings.filterwarnings("ignore", module="openstack")
    return openstack.connect(
        auth={
            "auth_url": access.url,
            "username": user,
            "password": password,
            "project_name": project,
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
        region_name=access.region,
        interface="public",
        load_yaml_config=False,
        load_envvars=False,
        app_name="onward",
    )
