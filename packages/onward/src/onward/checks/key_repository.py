"""The keys that Keystone encrypts tokens and credentials with: what was found of them, and what that means. Pure."""

import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from onward.checks.finding import Finding, unclear

DAY = 86_400.0
STALE_DAYS = 180
"""A primary key of tokens that is older was not rotated by anything that still runs."""
NULL_DIGEST = "c5bdc272b97a0d521ef878dc26fb73e4075544dc"
"""Of the key that is 32 null bytes. Keystone encrypts credentials with it where it has no key of its own, and always
tries it to decrypt them (NULL_KEY in keystone/common/fernet_utils.py)."""
_OTHERS = stat.S_IRWXO
_EVERYTHING = "root"
"""Who can read all files."""
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
    empty: bool = False
    """Whether there is nothing in it. Keystone passes over such a file (keystone/common/fernet_utils.py)."""


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
    keys = [key for key in found.keys if not key.empty]
    if not keys:
        what = "there is no such directory" if found.missing else "it holds no key"
        what += ", only empty files" if found.keys else ""
        so = "issues no token" if rotates else "encrypts new credentials with the null key, which everybody knows"
        way_out = f"copy the keys from another unit; the first of all: {setup}"
        return [Finding(name, "fail", f"{what}: Keystone {so}", way_out, found.path)]
    findings = [*_unusable(name, found), *_known(name, found), *_exposed(name, found), *_strange_owners(name, found)]
    if rotates:
        findings += _unrotated(name, found.path, keys, now)
    if len(keys) > most:
        why = f"{len(keys)} keys, and max_active_keys is {most}: the next rotation removes the oldest"
        findings.append(Finding(name, "warn", why, "see that nothing needs the oldest", found.path))
    days = (now - keys[-1].changed) / DAY
    return findings or [
        Finding(name, "pass", f"{len(keys)} keys, the primary is {days:.0f} days old", about=found.path)
    ]


def _unrotated(name: str, path: str, keys: Sequence[KeyFile], now: float) -> Iterator[Finding]:
    """What a rotation of token keys would not have left behind: it numbers them one after the other."""
    distribute = "keystone-manage fernet_rotate, then distribute"
    if keys[0].index != _STAGED:
        why = "there is no staged key (0): after the next rotation, units that are not yet told refuse its tokens"
        yield Finding(name, "warn", why, distribute, path)
    active = [int(key.index) for key in keys if key.index != _STAGED]
    lost = sorted(set(range(active[0], active[-1])) - set(active)) if active else []
    if lost:
        missing = ", ".join(map(str, lost))
        why = f"there is no key {missing} between {active[0]} and {active[-1]}: tokens made with it are refused"
        yield Finding(name, "warn", why, "copy it from another unit, unless it was taken away on purpose", path)
    days = (now - keys[-1].changed) / DAY
    if days > STALE_DAYS:
        yield Finding(name, "warn", f"the primary key is {days:.0f} days old: nothing rotates it", distribute, path)


def encrypted_findings(found: KeyRepository, encrypted: Mapping[str, int]) -> list[Finding]:
    """Whether the keys of all stored credentials are here. ``encrypted`` is their number by digest of the key."""
    known = {NULL_DIGEST, *(key.digest for key in found.keys if key.digest)}
    lost = sum(number for digest, number in encrypted.items() if digest not in known)
    name = "stored credentials"
    if not encrypted:
        return [Finding(name, "pass", "there are none")]
    total, open_to_all = sum(encrypted.values()), encrypted.get(NULL_DIGEST, 0)
    findings = []
    if lost:
        why = f"{lost} of {total} were encrypted with a key that is not in {found.path}"
        way_out = "copy the credential keys of the unit that wrote them"
        findings.append(Finding(name, "fail", why, way_out))
    if open_to_all:
        why = f"{open_to_all} of {total} were encrypted with the null key, which stands in Keystone's source"
        way_out = "keystone-manage credential_setup, unless there are keys; then keystone-manage credential_migrate"
        findings.append(Finding(name, "warn", why, way_out))
    return findings or [Finding(name, "pass", f"{total}, all of them encrypted with keys that are here")]


def agreement_findings(accepted: Mapping[tuple[str, str], bool | str], units: Sequence[str]) -> list[Finding]:
    """Whether the units take each other's tokens. ``accepted`` by (who issued, who was asked); a text: no answer."""
    name = "tokens of other units"
    findings: list[Finding] = []
    silent: set[str] = set()
    for (issuer, judge), answer in accepted.items():
        if isinstance(answer, str):
            who = issuer if issuer == judge else judge
            if who not in silent:
                silent.add(who)
                findings.append(unclear(name, answer, f"look whether {who} is up, at its log, and at its keys", who))
        elif not answer:
            details = f"it refuses a token that {issuer} issued a moment ago: it has not the primary key of {issuer}"
            way_out = f"compare sha256sum of the fernet keys on {issuer} and {judge}; distribute those of the right one"
            findings.append(Finding(name, "fail", details, way_out, judge))
    return findings or [Finding(name, "pass", f"{len(units)} units accept each other's tokens")]


def _unusable(name: str, found: KeyRepository) -> Iterator[Finding]:
    copy = "copy them from another unit"
    if empty := [key.index for key in found.keys if key.empty]:
        why = f"empty files: {', '.join(empty)}; Keystone passes over them"
        yield Finding(name, "fail", why, f"{copy}; look whether the disk was full: df -h {found.path}", found.path)
    if bad := [key.index for key in found.keys if not key.usable and not key.empty]:
        yield Finding(name, "fail", f"no keys at all: {', '.join(bad)}; Keystone stops at them", copy, found.path)


def _known(name: str, found: KeyRepository) -> Iterator[Finding]:
    if known := [key.index for key in found.keys if key.digest == NULL_DIGEST]:
        why = f"the null key, which stands in Keystone's source: {', '.join(known)}"
        yield Finding(name, "fail", why, "replace it: rotate until it is gone, and distribute", found.path)


def _exposed(name: str, found: KeyRepository) -> list[Finding]:
    entries = [("the directory", found.mode), *((f"key {key.index}", key.mode) for key in found.keys)]
    exposed = [f"{what} ({stat.S_IMODE(mode):04o})" for what, mode in entries if mode & _OTHERS]
    if not exposed:
        return []
    why = f"open to every user of the machine: {', '.join(exposed)}"
    return [Finding(name, "fail", why, f"chmod -R o-rwx {found.path}; then rotate: they may be known", found.path)]


def _strange_owners(name: str, found: KeyRepository) -> list[Finding]:
    strange = [
        f"{key.index} ({key.owner}, {stat.S_IMODE(key.mode):04o})"
        for key in found.keys
        if found.owner != _EVERYTHING
        and not key.mode & (stat.S_IRGRP | stat.S_IROTH)
        and not (key.owner == found.owner and key.mode & stat.S_IRUSR)
    ]
    if not strange:
        return []
    why = f"the directory belongs to {found.owner}, who cannot read {', '.join(strange)}"
    way_out = f"chown {found.owner} {found.path}/* && chmod 0600 {found.path}/*"
    return [Finding(name, "fail", why, way_out, found.path)]
