"""Give a service a user of its own in Keystone, and enter it in the catalogue; take both away."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests

from onward.actions.deployment.keystone_client import KeystoneClient
from onward.actions.deployment.noted import Withdrawal, elsewhere, provider_of, store_of
from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.plan.deployment.grant import GrantWish


class GrantIdentity:
    """``identity.grant``: project, user, roles, service and endpoints; what exists under its name is used.

    Arguments: ``wants`` with ``user`` and perhaps ``roles`` that its users have, ``registers`` with the services of the
    catalogue, ``alongside`` with those of Keystone itself in a region of another model. Evidence: what was ``made``.
    """

    name = "identity.grant"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Make what is missing. Raises StepFailed when Keystone refuses or does not answer."""
        wish = GrantWish.model_validate(context.step.arguments)
        password = store_of(self._directories, context).secrets()[wish.secret]
        with _keystone(context, wish, provider_of(self._directories, context, wish)) as keystone:
            keystone.user(wish.wants["user"], password)
            for role in wish.wants.get("roles", "").split():
                keystone.role(role)
            keystone.region(wish.offers["region"])
            for service in (*wish.registers, *wish.alongside):
                keystone.register(service, wish.offers["region"])
        return {"made": keystone.made, **elsewhere(context, wish)}


class WithdrawIdentity(Withdrawal):
    """``identity.withdraw``: the user, its endpoints in the region, and the region where nothing is left in it."""

    name = "identity.withdraw"

    def withdraw(self, context: StepContext, wish: GrantWish, provider: ModelStore) -> list[str]:
        """Remove what is there. Keystone's own endpoints in the region stay as long as other services are in it."""
        region = wish.offers["region"]
        with _keystone(context, wish, provider) as keystone:
            for service in wish.registers:
                keystone.unregister(service, region)
            own = [service.type for service in wish.alongside]
            if own and keystone.types_in(region) <= set(own):
                for service in wish.alongside:
                    keystone.unregister(service, region)
                keystone.remove(f"regions/{region}", f"region {region}")
            keystone.remove_user(wish.wants["user"])
        return keystone.removed


@contextmanager
def _keystone(context: StepContext, wish: GrantWish, provider: ModelStore) -> Iterator[KeystoneClient]:
    """Keystone, as its administrator. Raises StepFailed for whatever it refuses."""
    try:
        yield KeystoneClient(wish.offers["url"], provider.secrets()[f"{wish.provider}/admin-password"])
    except requests.RequestException as error:
        said = getattr(error.response, "text", "") or str(error)
        raise StepFailed(
            f"{context.step.target}: Keystone refuses.",
            evidence=said[:500],
            next_command=f"onward runs resume {context.run_id}",
        ) from None
