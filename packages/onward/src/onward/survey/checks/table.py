"""The table of the checks that come with Onward. A site's own are added by ``plugins.py``."""

from onward.survey.checks import (
    api,
    broker,
    database_servers,
    heartbeats,
    keystone_keys,
    machine,
    memcached,
    online_migrations,
    readiness,
)
from onward.survey.checks.check import Check

# One line for each. An area's functions are in a module beside this one (``survey/checks/AREA.py``): they observe
# with ``observe/AREA.py`` whatever the context names, and yield what ``checks/AREA.py`` makes of it.
BUILT_IN: tuple[Check, ...] = (
    Check("known services", readiness.known_services, needs="nothing"),
    Check("machine", machine.machine, needs="nothing"),
    Check("identity API", api.identity, needs="api"),
    Check("endpoints", api.endpoints, needs="api"),
    Check("services reporting", api.reporting, needs="api"),
    Check("message broker", broker.broker, timeout_seconds=90.0),
    Check("memcached", memcached.memcached),
    Check("schema", readiness.schema, each_service=True),
    Check("keys", keystone_keys.keys, each_service=True),
    Check("shared keys", keystone_keys.shared),
    heartbeats.CHECK,
    online_migrations.CHECK,
    Check("database servers", database_servers.database_servers),
)
"""In the order in which their findings are shown where they are equally grave."""
