"""Which versions an API offers, as it tells everybody: https://specs.openstack.org/openstack/api-sig/guidelines/."""

import logging

from keystoneauth1.discover import Discover
from keystoneauth1.exceptions import ClientException
from keystoneauth1.session import Session

from onward.model.api_version import ApiVersion

_SECONDS = 10.0


def api_versions(url: str) -> list[ApiVersion]:
    """The versions behind the root of an API, the oldest first; nothing where it does not say, as it need not."""
    logging.getLogger("keystoneauth").setLevel(logging.ERROR)
    try:
        found = Discover(Session(timeout=_SECONDS), url, authenticated=False).version_data(
            allow_experimental=True, allow_deprecated=True
        )
    except ClientException:
        return []
    return [
        ApiVersion(
            version=_written(each["version"]),
            status=str(each["raw_status"]),
            least=_written(each["min_microversion"]),
            most=_written(each["max_microversion"]),
        )
        for each in found
    ]


def _written(version: tuple[int, ...] | None) -> str:
    return ".".join(map(str, version or ()))
