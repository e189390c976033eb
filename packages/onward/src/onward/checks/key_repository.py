"""The keys that Keystone encrypts tokens and credentials with: what was found of them, and what that means. Pure."""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onward.checks.finding import Finding, unclear

DAY = 86_400.0
STALE_DAYS = 180
"""A primary key of tokens that is older was not rotated by anything that still runs."""
_OTHERS = stat.S_IRWXO
_STAGED = "0"
"""The key that the next rotation makes the primary one (keystone/common/fernet_utils.py); all units have it by then."""


@dataclass(frozen=True)
class KeyFile:
    """One key. Nothing here tells what it is."""

    index: str
    owner: str
    mode: int
    changed: float
    """Seconds since 1970."""
    usable: bool
    """Whether it is a key at all: 32 bytes in base64."""
    digest: str = ""
    """SHA-1 as Keystone stores it beside what it encrypted (credential.key_hash); empty for what is no key."""


@dataclass(frozen=True)
class KeyRepository:
    """A directory of keys on this machine."""

    path: str
    owner: str = ""
    mode: int = 0
    keys: tuple[KeyFile, ...] = ()
    missing: bool = False
    """Whether there is no such directory."""
    unreadable: str = ""
    """Why it could not be looked at."""


def repository_findings(name: str, found: KeyRepository, most: int, now: float, *, rotates: bool) -> list[Finding]:
    """Whether a repository can be used, by its owner only, and holds as many keys as it should.

    ``most`` is max_active_keys. With ``rotates`` the keys are of tokens, of which one is staged and none gets old.
    """
    if found.unreadable:
        return [unclear(name, f"{found.path}: {found.unreadable}", "run it as root, or as Keystone's user", found.path)]
    kind = "fernet" if rotates else "credential"
    setup = f"keystone-manage {kind}_setup --keystone-user keystone --keystone-group keystone"
    if found.missing or not found.keys:
        what = "there is no such directory" if found.missing else "it holds no key"
        return [Finding(name, "fail", what, f"copy the keys from another unit; the first of all: {setup}", found.path)]
    findings = [*_unusable(name, found), *_exposed(name, found), *_strange_owners(name, found)]
    if rotates and found.keys[0].index != _STAGED:
        why = "there is no staged key (0): after the next rotation, units that are not yet told refuse its tokens"
        findings.append(Finding(name, "warn", why, "keystone-manage fernet_rotate, then distribute", found.path))
    if len(found.keys) > most:
        why = f"{len(found.keys)} keys, and max_active_keys is {most}: the next rotation removes the oldest"
        findings.append(Finding(name, "warn", why, "see that nothing needs the oldest", found.path))
    primary = found.keys[-1]
    days = (now - primary.changed) / DAY
    if rotates and days > STALE_DAYS:
        why = f"the primary key is {days:.0f} days old: nothing rotates it"
        findings.append(Finding(name, "warn", why, "keystone-manage fernet_rotate, then distribute", found.path))
    return findings or [
        Finding(name, "pass", f"{len(found.keys)} keys, the primary is {days:.0f} days old", about=found.path)
    ]


def encrypted_findings(found: KeyRepository, encrypted: Mapping[str, int]) -> list[Finding]:
    """Whether the keys of all stored credentials are here. ``encrypted`` is their number by digest of the key."""
    known = {key.digest for key in found.keys if key.digest}
    lost = sum(number for digest, number in encrypted.items() if digest not in known)
    name = "stored credentials"
    if not encrypted:
        return [Finding(name, "pass", "there are none")]
    if lost:
        why = f"{lost} of {sum(encrypted.values())} were encrypted with a key that is not in {found.path}"
        return [Finding(name, "fail", why, "copy the credential keys of the unit that wrote them")]
    return [Finding(name, "pass", f"{sum(encrypted.values())}, all of them encrypted with keys that are here")]


def agreement_findings(accepted: Mapping[tuple[str, str], bool | str], units: Sequence[str]) -> list[Finding]:
    """Whether the units take each other's tokens. ``accepted`` by (who issued, who was asked); a text: no answer."""
    name = "tokens of other units"
    findings = []
    for (issuer, judge), answer in accepted.items():
        if isinstance(answer, str):
            who = issuer if issuer == judge else judge
            finding = unclear(name, answer, f"look whether {who} is up", who)
            findings += [finding] if finding not in findings else []
        elif not answer:
            details = f"it refuses a token that {issuer} issued a moment ago: their keys are not the same"
            way_out = f"compare sha256sum of the fernet keys on {issuer} and {judge}; distribute those of the right one"
            findings.append(Finding(name, "fail", details, way_out, judge))
    return findings or [Finding(name, "pass", f"{len(units)} units accept each other's tokens")]


def _unusable(name: str, found: KeyRepository) -> list[Finding]:
    bad = [key.index for key in found.keys if not key.usable]
    if not bad:
        return []
    why = f"no keys at all: {', '.join(bad)}; Keystone stops at them"
    return [Finding(name, "fail", why, "copy them from another unit", found.path)]


def _exposed(name: str, found: KeyRepository) -> list[Finding]:
    entries = [("the directory", found.mode), *((f"key {key.index}", key.mode) for key in found.keys)]
    exposed = [f"{what} ({stat.S_IMODE(mode):04o})" for what, mode in entries if mode & _OTHERS]
    if not exposed:
        return []
    why = f"open to every user of the machine: {', '.join(exposed)}"
    return [Finding(name, "fail", why, f"chmod -R o-rwx {found.path}; then rotate: they may be known", found.path)]


def _strange_owners(name: str, found: KeyRepository) -> list[Finding]:
    strange = [
        f"{key.index} ({key.owner})"
        for key in found.keys
        if key.owner != found.owner and not key.mode & (stat.S_IRGRP | stat.S_IROTH)
    ]
    if not strange:
        return []
    why = f"the directory belongs to {found.owner}, who cannot read {', '.join(strange)}"
    return [Finding(name, "fail", why, f"chown {found.owner} {found.path}/*", found.path)]
