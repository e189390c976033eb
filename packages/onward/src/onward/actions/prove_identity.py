"""Prove through the API of the new release that nothing was lost."""

import json
import time

from onward.actions.identity_secrets import IdentitySecrets
from onward.actions.identity_service import running_identity
from onward.actions.lane import lane_path, service_of
from onward.actions.migrate_database import known_fault_on_the_way
from onward.actions.remember_identity import REMEMBERED, TOKENS
from onward.catalog.load import changes_between, forward_recipe
from onward.engine.action import Evidence, StepContext
from onward.errors import ProofFailed
from onward.hosts.private_file import write_private
from onward.observe.identity_memory import Remembered, look_again
from onward.observe.identity_proof import ProofResult, prove, summary

DIFFERENCES = "proof-differences.json"
SHOWN = 10
"""How many differences an error shows; all are in the run's directory."""


class ProveIdentity:
    """``identity.prove``: ask the new release all that the old one was asked, and compare the answers.

    Arguments: ``service``, ``series``. Evidence: ``checks``, a list of ``name``, ``asked``, ``passed``, ``total``;
    ``differences``, empty; ``documented``, what releases are known to answer otherwise; ``requests``, ``repeated``,
    ``api_start_seconds``, ``total_seconds``. It only reads, and may be repeated.
    """

    name = "identity.prove"

    def apply(self, context: StepContext) -> Evidence:
        """Ask and compare. Raises ProofFailed, which names the first differences; all are in a file beside."""
        began = time.monotonic()
        series = str(context.step.arguments["series"])
        secrets = IdentitySecrets(context.workspace)
        before = Remembered.from_data(json.loads((context.workspace / REMEMBERED).read_text(encoding="utf-8")))
        old = secrets.load(TOKENS)
        with running_identity(context, series, old["administrator"]) as running:
            context.progress(
                f"{series}: {len(before.logins)} logins, {len(old['tokens'])} old tokens, and all listings"
            )
            after = look_again(
                running.api, running.administrator, before, old["tokens"], secrets.value, secrets.fingerprint
            )
        known = forward_recipe(service_of(context))
        result = prove(before, after, changes_between(known.answer_changes, lane_path(context)[0], series))
        if result.differences:
            raise _failure(context, result)
        return {
            "checks": [check.as_data() for check in result.checks],
            "differences": [],
            "documented": list(result.documented),
            "requests": running.api.requests,
            "repeated": running.api.repeated,
            "api_start_seconds": running.start_seconds,
            "total_seconds": round(time.monotonic() - began, 3),
        }


def _failure(context: StepContext, result: ProofResult) -> ProofFailed:
    path = context.workspace / DIFFERENCES
    everything = [difference.as_data() for difference in result.differences]
    write_private(path, json.dumps(everything, ensure_ascii=False, indent=1))
    evidence = summary(result.differences, SHOWN)
    known = known_fault_on_the_way(context, "\n".join(map(str, result.differences)))
    return ProofFailed(
        f"The upgraded {service_of(context)} answers differently from the old one in {len(everything)} places.",
        evidence=f"{evidence}\nall of them: {path}{known}",
        state="The copy is at the new series; your cloud was not touched.",
        next_command=f"onward runs show {context.run_id}",
    )
