"""Containers by the command line of podman or docker: which engine there is, its images, and the end of containers.

https://docs.podman.io/en/v4.3/Commands.html and https://docs.docker.com/reference/cli/docker/: what is used here, both
have alike.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

from onward.errors import ContainersNotEnded, EngineMissing, ImageUnavailable
from onward.hosts.command import CommandResult, run_command
from onward.model.container import NOTES

ENGINES = ("podman", "docker")
"""The first that works is used: podman needs no service of its own that could be gone."""
PULL_SECONDS = 1800.0
COMMAND_SECONDS = 120.0
REMOVE_SECONDS = 30.0
"""The engine may be about to remove it by itself."""


@dataclass(frozen=True)
class Engine:
    """What runs containers on this machine."""

    path: str

    @property
    def is_podman(self) -> bool:
        """Whether it is podman, which runs containers as its own user; docker's service does so for others."""
        return PurePath(self.path).name == "podman"

    def as_user(self) -> tuple[str, ...]:
        """Options of a container whose processes may do with files what this user may."""
        mapped = ("--userns", "keep-id") if self.is_podman and os.geteuid() != 0 else ()
        return (*mapped, "--user", f"{os.geteuid()}:{os.getegid()}")

    def image(self, reference: str) -> str | None:
        """The identity of an image that is here; None where it is not."""
        said = self._asked("image", "inspect", "--format", "{{.Id}}", reference)
        return said.stdout.strip().removeprefix("sha256:") if said.exit_status == 0 else None

    def pull(self, reference: str) -> str:
        """Fetch an image; its identity. Raises ImageUnavailable with what the engine says."""
        try:
            said = self._asked("pull", "--quiet", reference, seconds=PULL_SECONDS)
        except subprocess.TimeoutExpired:
            raise _unavailable(reference, f"not within {PULL_SECONDS:g} s") from None
        found = self.image(reference)
        if said.exit_status != 0 or found is None:
            raise _unavailable(reference, said.tail(2))
        return found

    def asked_in(
        self,
        image: str,
        program: str,
        *arguments: str,
        file: Path,
        stdin: str,
        seconds: float = COMMAND_SECONDS,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> CommandResult:
        """Run a program of an image that only answers; ``file`` is there as :data:`CARRIED`.

        Raises subprocess.TimeoutExpired.
        """
        return self._asked(
            *("run", "--rm", "--interactive", "--pull", "never", "--network", "none", "--log-driver", "none"),
            *("--security-opt", "label=disable", "--volume", f"{file}:{CARRIED}:ro"),
            *(word for name, value in variables.items() for word in ("--env", f"{name}={value}")),
            *("--entrypoint", program, image, *arguments),
            seconds=seconds,
            stdin=stdin,
        )

    def remove(self, name: str) -> None:
        """End a container at once and remove it; return also where there is none. Raises ContainersNotEnded."""
        at_once = ("--time", "0") if self.is_podman else ()
        deadline = time.monotonic() + REMOVE_SECONDS
        while True:
            said = self._asked("rm", "--force", *at_once, name)
            if self._asked("container", "inspect", "--format", "{{.Id}}", name).exit_status != 0:
                return
            if time.monotonic() > deadline:
                raise ContainersNotEnded(
                    f"The container {name} cannot be removed.",
                    evidence=said.tail(),
                    next_command=f"{self.path} rm --force {name}",
                )
            time.sleep(0.1)

    def process(self, name: str) -> int | None:
        """The machine's number of the first process in a container; None where it does not run."""
        said = self._asked("container", "inspect", "--format", "{{.State.Pid}}", name)
        return int(said.stdout) or None if said.exit_status == 0 else None

    def works(self) -> str:
        """Empty where it can run something; otherwise why not. Its client may be there without its service."""
        try:
            said = self._asked("info", "--format", "{{json .}}")
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        with suppress(ValueError):
            told: Any = json.loads(said.stdout)
            # docker's client answers for itself where its service is gone.
            if errors := told.get("ServerErrors"):
                return "; ".join(errors)
        return "" if said.exit_status == 0 else said.tail(2)

    def _asked(self, *words: str, seconds: float = COMMAND_SECONDS, stdin: str | None = None) -> CommandResult:
        return run_command([self.path, *words], timeout_seconds=seconds, stdin=stdin)


IMAGE_PROGRAM = Path(__file__).with_name("image_program.py")
"""Says what an image has."""
CARRIED = "/onward_program.py"
"""Where a program of Onward's own is in a container."""


def find_engine() -> Engine:
    """The engine of this machine. Raises EngineMissing, which says of each that is installed why it does not work."""
    wrong = []
    for name in ENGINES:
        path = shutil.which(name)
        if path is None:
            wrong.append(f"{name}: not installed")
            continue
        why = Engine(path).works()
        if not why:
            return Engine(path)
        wrong.append(f"{path}: {why}")
    raise EngineMissing(
        "The bundle has units that run in containers, and nothing here runs containers.",
        evidence="\n".join(wrong),
        next_command="apt-get install podman crun",
    )


def processes_in_containers(directory: Path) -> list[int]:
    """The first process of each container of a unit that runs: a client knows of it, and is not above it."""
    notes = directory / NOTES
    there = sorted(notes.iterdir()) if notes.is_dir() else []
    found = [Engine(note.read_text(encoding="utf-8").strip()).process(note.name) for note in there]
    return [pid for pid in found if pid is not None]


def end_containers_of(directory: Path, processes: Collection[str] | None = None) -> None:
    """End what there is of containers of a unit, by their notes, and forget them: of these processes alone, or of all.

    Raises ContainersNotEnded.
    """
    notes = directory / NOTES
    there = sorted(notes.iterdir()) if notes.is_dir() else []
    for note in there:
        if processes is not None and note.name.rpartition(".")[2] not in processes:
            continue
        # What begins with a dot was never finished, and its container not begun.
        engine = note.read_text(encoding="utf-8").strip()
        if not note.name.startswith(".") and Path(engine).exists():
            Engine(engine).remove(note.name)
        note.unlink(missing_ok=True)


def _unavailable(reference: str, why: str) -> ImageUnavailable:
    return ImageUnavailable(
        f"The image {reference} is not on this machine, and cannot be fetched.",
        evidence=why,
        next_command="have the engine fetch or load it, then the same command again",
    )
