"""Make a new cloud and fill it through its own API."""

import json
import time
from dataclasses import replace
from typing import Any

from onward.actions.identity_cloud import SeedSize, demo_cloud
from onward.actions.identity_expected import expected_logins
from onward.actions.identity_secrets import IdentitySecrets
from onward.actions.identity_seed import password_name, seed
from onward.actions.identity_service import ADMINISTRATOR, make_administrator, running_identity
from onward.actions.lane import service_of
from onward.actions.scratch import scratch_for
from onward.catalog.load import forward_recipe, in_force
from onward.engine.action import Evidence, StepContext
from onward.hosts.private_file import write_private

LOGINS = "logins.json"
"""Who must be able to log in: identifiers and names of secrets, no secrets."""


class SeedIdentity:
    """``identity.seed``: a new cloud on the empty copy, filled through its API.

    Arguments: ``service``, ``series``, ``size`` (demo or small). Evidence: ``counts`` of what there is now by kind,
    ``created`` by this attempt, ``not_offered`` by this release, ``notes`` on what it
    was left without, ``requests``, ``repeated`` (because the database was
    busy), ``seconds`` by kind, ``bootstrap_seconds``, ``api_start_seconds``, ``total_seconds``.

    Killed while the schema is made, it begins again with an empty copy; killed later, it makes what is missing, with
    the same names and passwords.
    """

    name = "identity.seed"

    def apply(self, context: StepContext) -> Evidence:
        """Make and fill it. Raises SeedFailed, StepFailed, ServiceDidNotStart, RunnerDied."""
        began = time.monotonic()
        series = str(context.step.arguments["series"])
        left_out = in_force(forward_recipe(service_of(context)).demonstration_without, series)
        nothing: dict[str, Any] = {kind: {} for each in left_out for kind in each.kinds}
        size = SeedSize.named(str(context.step.arguments["size"]))
        cloud = replace(demo_cloud(size), **nothing)
        secrets = IdentitySecrets(context.workspace)
        for user in cloud.users:
            context.secrets.register(secrets.value(password_name(user)))
        made = context.workspace / "bootstrapped"
        bootstrap_seconds = 0.0
        if not made.exists():
            scratch_for(context).empty()  # A schema that was made by half cannot be completed.
            commands = tuple(in_force(forward_recipe(service_of(context)).bootstrap, series))
            bootstrap_seconds = make_administrator(context, series, ADMINISTRATOR, commands)
            write_private(made, series)
        with running_identity(context, series, ADMINISTRATOR) as running:
            report = seed(running.api, running.administrator, cloud, secrets, context.progress)
        logins = expected_logins(cloud, report.ids)
        people = [report.ids["users"][each.user] for each in cloud.application_credentials]
        kept = {"logins": [login.as_data() for login in logins], "people": people}
        write_private(context.workspace / LOGINS, json.dumps(kept))
        return {
            "counts": {kind: report.created.get(kind, 0) + report.found.get(kind, 0) for kind in report.created},
            "created": {kind: count for kind, count in report.created.items() if count},
            "not_offered": report.not_offered,
            "notes": [f"made without {' and '.join(each.kinds).replace('_', ' ')}: {each.reason}" for each in left_out],
            "requests": running.api.requests,
            "repeated": running.api.repeated,
            "seconds": report.seconds,
            "bootstrap_seconds": bootstrap_seconds,
            "api_start_seconds": running.start_seconds,
            "total_seconds": round(time.monotonic() - began, 3),
        }
