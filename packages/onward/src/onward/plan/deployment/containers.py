"""Processes of units that run in containers: what is run instead of their own commands. Pure.

Nothing else of a unit is different: what keeps processes running keeps the engine's client, which is attached to the
container, hands signals on to it, and ends with it. A container has the name of its process, so that there is one.
"""

import hashlib
from pathlib import PurePath

from onward.model.container import NOTES, ContainedCommands
from onward.model.deployment import UnitFile, UnitProcess, name_in_paths
from onward.plan.deployment.site import Site
from onward.plan.deployment.words import Words

PATH = "etc/onward_container.sh"
PROGRAM = f"""\
# Runs a container in the foreground, in place of whatever there is of its name.
#     onward_container.sh ENGINE NAME OPTIONS...
# Before there is a container there is a note of it, by which it is found and ended whatever becomes of who began it.
engine=$1 name=$2
shift 2
notes=$(dirname "$0")/../{NOTES}
umask 077
mkdir -p "$notes" && printf '%s\\n' "$engine" >"$notes/.$name" && mv "$notes/.$name" "$notes/$name" || exit
# What a client that was killed has left: nobody watches over it, and it has the address that the next one needs.
"$engine" kill "$name" </dev/null >/dev/null 2>&1
"$engine" rm --force "$name" </dev/null >/dev/null 2>&1
exec "$engine" run --name "$name" "$@"
"""


def program_file() -> UnitFile:
    """What containers of a unit are started by. Another text of it is no reason to restart what runs."""
    return UnitFile(path=PATH, text=PROGRAM, restarts=False)


def contained(words: Words, unit: str, process: UnitProcess) -> UnitProcess:
    """The same process, in a container of the application's image."""
    image, site = words.site.images[words.application], words.site
    program, *arguments = process.argv
    # By name alone: what they are is in the environment of the client, and in no list of processes.
    names = [word for name in process.environment for word in ("--env", name)]
    argv = (
        *_launch(site, words.application, unit, process.name),
        *names,
        *("--workdir", process.directory, "--entrypoint", program, image.id),
        *arguments,
    )
    return process.model_copy(update={"argv": argv})


def is_contained(process: UnitProcess) -> bool:
    """Whether it is one that runs in a container."""
    return len(process.argv) > 1 and process.argv[1] == f"{process.directory}/{PATH}"


def contained_commands(words: Words, unit: str, purpose: str) -> ContainedCommands:
    """How the release's commands are run for a unit; ``purpose`` tells those apart that are run at the same time."""
    return ContainedCommands(
        image=words.site.images[words.application],
        launch=_launch(words.site, words.application, unit, purpose),
    )


def _launch(site: Site, application: str, unit: str, purpose: str) -> tuple[str, ...]:
    image, directory = site.images[application], site.unit_directory(unit)
    mounts = [str(directory), str(shared(site, application)), str(site.place(unit).sockets)]
    return (
        *("/bin/sh", str(directory / PATH), image.engine, container_name(site, unit, purpose)),
        # The log of the process is what its keeper writes; an engine would keep all of it once more.
        *("--rm", "--pull", "never", "--network", "host", "--log-driver", "none"),
        # What workers note of their health has their numbers, and is read from outside. Nor is a process the first one
        # of a namespace, to which the kernel does not give signals that it does not handle.
        *("--pid", "host"),
        # Files stay what they are: an engine on a machine with SELinux would have to give them another label.
        *("--security-opt", "label=disable", *image.as_user),
        *(word for path in mounts for word in ("--volume", f"{path}:{path}")),
    )


def shared(site: Site, application: str) -> PurePath:
    """What the units of an application have in common on this machine."""
    return site.directory / "shared" / application


def container_name(site: Site, unit: str, purpose: str) -> str:
    """The name of a container: two state directories may have a model of the same name on one machine."""
    digest = hashlib.sha256(str(site.directory).encode()).hexdigest()[:8]
    return f"onward.{site.model}.{digest}.{name_in_paths(unit)}.{purpose}"
