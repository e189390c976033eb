"""The servers of memcached that the services' configuration names, or the cloud file."""

from collections.abc import Iterator

from onward.checks.finding import Finding, finding_of
from onward.checks.memcached import ANSWERS, memcached_findings
from onward.errors import OnwardError
from onward.observe.memcached import MemcachedWish, memcached_of, merged, observe_memcached
from onward.survey.checks.context import CheckContext


def memcached(context: CheckContext) -> Iterator[Finding]:
    """Whether each server answers in the services' time, keeps what it is given, and takes connections."""
    found = []
    for service in context.configured:
        try:
            found.append(memcached_of(context.settings(service), service))
        except OnwardError as error:
            yield finding_of(ANSWERS, error, about=service)
    servers = merged(found)
    if said := context.infrastructure.memcached:
        # The least patient service counts for a server that none of them names, too.
        seconds = min((wish.seconds for wish in servers.values()), default=MemcachedWish().seconds)
        servers = {address: servers.get(address, MemcachedWish(seconds)) for address in said}
    if not servers:
        yield Finding(ANSWERS, "not-checked", "no service names one, nor does the cloud file")
        return
    yield from memcached_findings(observe_memcached(servers))
