"""Policy files as they lie beside a service's configuration, and which of them a release reads. Pure."""

from dataclasses import dataclass, field
from pathlib import Path

from onward.policy.effective import version_of
from onward.policy.registered import RegisteredPolicy

FORGETS_DEFAULT_GROUP = (4, 5)
"""First version of oslo.policy that reads its options in [oslo_policy] alone (oslo_policy/opts.py)."""

DANGLING = "a link to a file that is not there"


@dataclass(frozen=True)
class PolicyFile:
    """A file that is there, and what is in it."""

    path: Path
    text: str | None = field(repr=False)
    """None: it could not be read."""
    unreadable: str = ""
    """Why not."""
    owner: str = ""
    group: str = ""
    mode: int = 0
    """Permission bits."""
    size: int = 0

    @property
    def permissions(self) -> str:
        """For people: ``nova:nova 0640``."""
        return f"{self.owner}:{self.group} {self.mode:04o}"


@dataclass(frozen=True)
class Named:
    """The options policy_file and policy_dirs; None where a group does not set them."""

    file: str | None = None
    directories: tuple[str, ...] | None = None


@dataclass(frozen=True)
class PolicyFiles:
    """What was found beside a service's configuration."""

    service: str
    searched: tuple[Path, ...]
    """The directories in which a relative path is looked for, in this order."""
    files: dict[Path, PolicyFile]
    """Every candidate by its path: files that a configuration names, policy.* beside it, and all in its directories."""
    directories: tuple[Path, ...] = ()
    """The directories of further overrides that are there."""
    named: Named = Named()
    """What [oslo_policy] of the configuration names."""
    formerly: Named = Named()
    """What [DEFAULT] names, where these options stood once."""
    problems: tuple[str, ...] = ()
    """What could not be found out: a configuration or a directory that cannot be read."""
    nothing_configured: bool = False
    """The configuration was read, and none of its options is about policy."""


@dataclass(frozen=True)
class PolicyFilesOfRelease:
    """Which of the files a release reads."""

    read: tuple[PolicyFile, ...]
    """In this order; later ones win."""
    ignored: tuple[PolicyFile, ...]
    """Those that lie there as if they were read."""
    missing: str | None = None
    """A policy file that the configuration names and that is not there."""


def files_of_release(seen: PolicyFiles, release: RegisteredPolicy) -> PolicyFilesOfRelease:
    """Which files the release reads, found as oslo_policy.policy.Enforcer.load_rules does."""
    told = named_to(seen, release)
    named = told.file or release.policy_file
    main = _found(seen, named)
    if main is None and told.file is None and release.reads_json_instead:
        main = _found(seen, "policy.json")
    read = [] if main is None else [main]
    listed = release.policy_directories if told.directories is None else told.directories
    for name in listed:
        read += _of_directory(seen, name)
    kept = tuple({file.path: file for file in read}.values())
    ignored = tuple(file for path, file in seen.files.items() if file not in kept)
    return PolicyFilesOfRelease(kept, ignored, named if main is None and told.file else None)


def named_to(seen: PolicyFiles, release: RegisteredPolicy) -> Named:
    """The options as the release understands them."""
    if version_of(release) >= FORGETS_DEFAULT_GROUP:
        return seen.named
    file = seen.formerly.file if seen.named.file is None else seen.named.file
    former = seen.formerly.directories
    return Named(file, former if seen.named.directories is None else seen.named.directories)


def _found(seen: PolicyFiles, name: str) -> PolicyFile | None:
    """The file of a name in the first directory that has it; a link to nowhere is no file."""
    for directory in seen.searched:
        file = seen.files.get(directory / name)
        if file is not None and file.unreadable != DANGLING:
            return file
    return None


def _of_directory(seen: PolicyFiles, name: str) -> list[PolicyFile]:
    """The files in the first directory of a name, in the order of their names."""
    for directory in seen.searched:
        if directory / name in seen.directories:
            inside = [file for path, file in seen.files.items() if path.parent == directory / name]
            return sorted(inside, key=lambda file: file.path.name)
    return []
