"""What python-openstackclient asks of a plug-in (entry point group ``openstack.cli.extension``).

It is imported at every call of ``openstack``, so it imports nothing itself. Neither python-openstackclient nor osc-lib
is needed to run Onward; where they are installed beside it, ``openstack upgrade check`` is there.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onward.observe.cloud_api import CloudApi

API_NAME = "upgrade"
API_VERSION_OPTION = "os_upgrade_api_version"
API_VERSIONS = ("1",)
DEFAULT_API_VERSION = "1"


def make_client(instance: Any) -> "CloudApi":
    """The cloud's APIs with the client's own authentication; they can only be read."""
    from onward.observe.cloud_api import CloudApi  # noqa: PLC0415 - only when a command of ours is called

    return CloudApi(instance.session, instance.region_name or None)


def build_option_parser(parser: Any) -> Any:
    """No option for all commands of the client is needed: there is one version."""
    return parser
