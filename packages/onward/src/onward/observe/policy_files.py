"""Looks for a service's policy files: all that a release might read, and all that lie there as if it did."""

import grp
import os
import pwd
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from oslo_config import cfg

from onward.catalog.service import Policy
from onward.errors import UnreadableConfig
from onward.observe.settings import Settings
from onward.policy.files import DANGLING, Named, PolicyFile, PolicyFiles

LARGEST = 8 * 1024 * 1024
"""Bytes; what is larger is no policy file, and is not read."""

_LOOKS_LIKE_POLICY = re.compile(r"policy\.(json|ya?ml)([._~-].*)?")


def observe_policy_files(
    facts: Policy, service: str, configuration: Sequence[Path], search: Sequence[Path] | None = None
) -> PolicyFiles:
    """Find the files. Only reads; what cannot be found out is one of the problems, and nothing is raised.

    ``search``: further directories as in ``hosts.policies.PolicySources``; None: /etc/SERVICE and /etc.
    """
    further = [Path(f"/etc/{facts.namespace}"), Path("/etc")] if search is None else list(search)
    beside = [file.absolute().parent for file in reversed(configuration)]
    searched = tuple(dict.fromkeys([*beside, *further]))
    problems: list[str] = []
    named, formerly = _options(configuration, problems)
    files: dict[Path, PolicyFile] = {}
    present: list[Path] = []
    names = dict.fromkeys([*(each.file for each in (named, formerly) if each.file), *facts.files])
    below = dict.fromkeys([*(named.directories or ()), *(formerly.directories or ()), *facts.directories])
    for directory in searched:
        # In /etc itself there are the policies of others: polkit's, say.
        alike = _alike(directory, problems) if directory != Path("/etc") else []
        for path in dict.fromkeys([*(directory / name for name in names), *alike]):
            if os.path.lexists(path) and not os.path.isdir(path):
                files.setdefault(path, look_at(path))
        for name in below:
            if os.path.isdir(directory / name):
                present.append(directory / name)
                files |= {path: look_at(path) for path in _inside(directory / name, problems) if path not in files}
    plain = not problems and formerly == Named() and _nothing_configured(configuration)
    return PolicyFiles(service, searched, files, tuple(present), named, formerly, tuple(problems), plain)


def look_at(path: Path) -> PolicyFile:
    """One file, its owner and its text. Raises nothing."""
    try:
        told = path.stat()
    except OSError as error:
        why = DANGLING if path.is_symlink() else error.strerror or str(error)
        return PolicyFile(path, None, why)
    facts = (_user(told.st_uid), _group(told.st_gid), stat.S_IMODE(told.st_mode), told.st_size)
    if not stat.S_ISREG(told.st_mode):
        return PolicyFile(path, None, "not a file", *facts)
    if told.st_size > LARGEST:
        return PolicyFile(path, None, f"larger than {LARGEST // 1024 // 1024} MiB", *facts)
    try:
        return PolicyFile(path, path.read_bytes().decode("utf-8"), "", *facts)
    except UnicodeDecodeError as error:
        return PolicyFile(path, None, f"not UTF-8: byte {error.start}", *facts)
    except OSError as error:
        return PolicyFile(path, None, error.strerror or str(error), *facts)


def readable_by(file: PolicyFile, user: str) -> bool | None:
    """Whether a user may read a file by its mode; None where this machine does not know the user."""
    try:
        known = pwd.getpwnam(user)
        groups = {_group(number) for number in os.getgrouplist(user, known.pw_gid)}
    except KeyError:
        return None
    if file.owner == user:
        return bool(file.mode & stat.S_IRUSR)
    return bool(file.mode & (stat.S_IRGRP if file.group in groups else stat.S_IROTH))


def _options(configuration: Sequence[Path], problems: list[str]) -> tuple[Named, Named]:
    """policy_file and policy_dirs as the configuration sets them: in [oslo_policy], and in [DEFAULT]."""
    conf = cfg.ConfigOpts()
    for group in ("oslo_policy", "DEFAULT"):
        conf.register_opt(cfg.StrOpt("policy_file"), group=group)
        conf.register_opt(cfg.MultiStrOpt("policy_dirs"), group=group)
    readable = []
    for file in configuration:
        try:
            file.read_text(encoding="utf-8")
            readable.append(str(file))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{file} cannot be read: {error}")
    try:
        conf([], default_config_files=readable, default_config_dirs=[])
        return _named(conf["oslo_policy"]), _named(conf["DEFAULT"])
    except cfg.Error as error:
        # The parser quotes the line it stumbled over, which may be one with a password.
        quoted = re.sub(r": '.*", "", str(error), flags=re.DOTALL)
        problems.append(f"the configuration cannot be read: {quoted}")
    return Named(), Named()


def _named(options: Any) -> Named:
    directories = options.policy_dirs
    return Named(options.policy_file, None if directories is None else tuple(directories))


def _nothing_configured(configuration: Sequence[Path]) -> bool:
    try:
        return not Settings(configuration).options("oslo_policy")
    except UnreadableConfig:
        return False


def _alike(directory: Path, problems: list[str]) -> list[Path]:
    """Files that look like policy files, also those that no release reads: policy.json.bak."""
    return [path for path in _listed(directory, problems) if _LOOKS_LIKE_POLICY.fullmatch(path.name)]


def _inside(directory: Path, problems: list[str]) -> Iterable[Path]:
    """What oslo.policy reads in a directory: every file but hidden ones, whatever its ending; no directory below."""
    return [path for path in _listed(directory, problems) if not path.name.startswith(".") and not os.path.isdir(path)]


def _listed(directory: Path, problems: list[str]) -> Iterator[Path]:
    try:
        yield from sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        problems.append(f"{directory} cannot be listed: {error.strerror}")


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
