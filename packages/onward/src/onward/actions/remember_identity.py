"""Keep what the old release shows, to hold the new one against it."""

import json
import time
from dataclasses import asdict

from onward.actions.identity_secrets import IdentitySecrets
from onward.actions.identity_service import (
    ADMINISTRATOR,
    GUEST_ADMINISTRATOR,
    guest_commands,
    make_administrator,
    running_identity,
)
from onward.actions.lane import service_of
from onward.actions.seed_identity import LOGINS
from onward.checks.finding import Finding
from onward.engine.action import Evidence, StepContext
from onward.errors import ProofFailed
from onward.hosts.private_file import write_private
from onward.observe.identity_logins import LoggedIn, Login
from onward.observe.identity_memory import Remembered, remember

REMEMBERED = "remembered.json"
TOKENS = "tokens.json"
GUEST = (
    f"In the copy Onward made an administrator of its own, {GUEST_ADMINISTRATOR}, who logged in and asked everything."
    " Nobody's password of the cloud is known."
)
UNREADABLE_WITHOUT_KEYS = {
    "credentials": "Credentials were compared as rows alone: the copy has not the cloud's keys that the API needs to"
    " read them."
}
"""Kinds that no copied cloud can list, for a reason that lies in the copy."""


class RememberIdentity:
    """``identity.remember``: read all listings through the API, and log everybody in whose password is known.

    Arguments: ``service``, ``series``, ``logins`` (true where Onward filled the cloud itself; otherwise an
    administrator of the copy's own is made, and nobody else logs in). Evidence: ``counts`` by kind, ``sampled`` and
    ``refused`` kinds, ``findings`` on kinds that the release has and does not list, ``logins`` and ``refusals``
    counted, ``notes`` on what is so in a copy, ``requests``, ``repeated``, ``api_start_seconds``, ``total_seconds``.
    What was read goes to ``remembered.json``, tokens to ``secrets/``, both for the owner only.

    It only reads, and making the administrator can be repeated: killed, it begins again.
    """

    name = "identity.remember"

    def apply(self, context: StepContext) -> Evidence:
        """Look and keep. Raises ProofFailed when the old release itself refuses whom it must let in."""
        began = time.monotonic()
        series = str(context.step.arguments["series"])
        secrets = IdentitySecrets(context.workspace)
        known = bool(context.step.arguments["logins"])
        if not known:
            commands = guest_commands(service_of(context), series)
            make_administrator(context, series, GUEST_ADMINISTRATOR, commands)
        logins, people = _known_logins(context) if known else ([], [])
        name = ADMINISTRATOR if known else GUEST_ADMINISTRATOR
        with running_identity(context, series, name) as running:
            logins = [running.login(), *logins]
            context.progress(f"{series}: {len(logins)} logins, and all listings")
            kept, tried = remember(
                running.api, running.administrator, logins, people, secrets.value, secrets.fingerprint
            )
        _as_expected(tried)
        if known:
            _all_readable(kept)
        secrets.save(TOKENS, {"administrator": name, "tokens": [each.value for each in tried]})
        write_private(context.workspace / REMEMBERED, json.dumps(kept.as_data(), ensure_ascii=False))
        return _evidence(kept, guest=not known) | {
            "requests": running.api.requests,
            "repeated": running.api.repeated,
            "api_start_seconds": running.start_seconds,
            "total_seconds": round(time.monotonic() - began, 3),
        }


def _known_logins(context: StepContext) -> tuple[list[Login], list[str]]:
    data = json.loads((context.workspace / LOGINS).read_text(encoding="utf-8"))
    return [Login(**login) for login in data["logins"]], data["people"]


def _as_expected(tried: list[LoggedIn]) -> None:
    """What the old release does is the measure, but not when it contradicts what was put into it."""
    wrong = [each for each in tried if (each.value is not None) != each.login.allowed]
    if wrong:
        lines = [f"{each.login.label}: {each.status}" for each in wrong[:20]]
        raise ProofFailed(
            f"{len(wrong)} of {len(tried)} logins end otherwise than they should before anything was upgraded.",
            evidence="\n".join(lines),
            state="Nothing was migrated.",
        )


def _all_readable(kept: Remembered) -> None:
    """In a cloud that Onward filled itself everything can be read; a proof that leaves something out proves less."""
    unreadable = [f"{each.kind}: {each.refusal}" for each in kept.listings.values() if each.unreadable]
    if unreadable:
        raise ProofFailed(
            "The old release does not list what was put into it.",
            evidence="\n".join(unreadable),
            state="Nothing was migrated.",
        )


def _evidence(kept: Remembered, *, guest: bool) -> Evidence:
    listings = kept.listings.values()
    explained = UNREADABLE_WITHOUT_KEYS if guest else {}
    findings = [
        Finding(each.kind.replace("_", " "), "could-not-tell", f"cannot be compared: the old release {each.refusal}")
        for each in listings
        if each.unreadable and each.kind not in explained
    ]
    without_keys = [explained[each.kind] for each in listings if each.unreadable and each.kind in explained]
    return {
        "counts": {listing.kind: len(listing.items) for listing in listings if listing.refusal is None},
        "sampled": [listing.kind for listing in listings if listing.sampled],
        "refused": {listing.kind: listing.refusal for listing in listings if listing.refusal},
        "findings": [asdict(finding) for finding in findings],
        "notes": [GUEST, *without_keys] if guest else [],
        "logins": sum(login.allowed for login in kept.logins),
        "refusals": sum(not login.allowed for login in kept.logins),
    }
