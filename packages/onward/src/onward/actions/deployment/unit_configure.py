"""Write the files of a unit, and make what it needs before it can be started."""

import hashlib
import os
import shutil
from pathlib import Path

from onward.actions.deployment.noted import store_of
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import StepFailed
from onward.hosts.command import run_command
from onward.hosts.private_file import make_private, write_private
from onward.hosts.service_package import service_digest, service_files
from onward.hosts.state import Directories
from onward.model.deployment import UnitFile, UnitPreparation, UnitState

PREPARATION_SECONDS = 300.0
DIRECTORIES = ("etc", "log", "run")
CODE = "lib"


class ConfigureUnit:
    """``unit.configure``: make the unit's directory as the plan says, with secrets in their places.

    Arguments: ``state``, a UnitState without processes; ``start``, the digest of the step that starts the unit with
    these files. Evidence: ``files`` with the SHA-256 of each, ``made`` by preparations that were needed. Each file is
    replaced at once; those of an earlier state that are no more are removed. That the unit has to be restarted is
    noted before the first file is another one.
    """

    name = "unit.configure"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Write what differs. Raises StepFailed when a preparation fails, or the plan is another Onward's."""
        store = store_of(self._directories, context)
        state = UnitState.model_validate(context.step.arguments["state"])
        start = str(context.step.arguments.get("start", ""))
        directory = Path(state.directory)
        for name in DIRECTORIES:
            make_private(directory / name)
        digests = {}
        for file in (*state.files, *_code(state)):
            text = store.resolved(file.text)
            path = directory / file.path
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                store.owe(state.unit, start, f"{file.path} has changed")
                crash_point("unit.owes-restart")
                # Its processes may begin anew at any time, and read this: what they have taken over is known no more.
                store.undo(f"reload/{state.unit}")
                write_private(path, text)
                crash_point("unit.file-written")
            digests[file.path] = hashlib.sha256(text.encode()).hexdigest()
        store.owes_nothing(state.unit, start)
        before = store.noted(context.step.id).get("evidence", {}).get("files", {})
        for name in set(before) - set(digests):
            (directory / name).unlink(missing_ok=True)
        made = [each.name for each in state.preparations if _prepare(context, directory, each)]
        return {"files": digests, "made": made}


def _code(state: UnitState) -> list[UnitFile]:
    """The modules of onward-service, where the unit's API shall have them."""
    if not state.health_code:
        return []
    if state.health_code != service_digest():
        raise StepFailed(
            f"{state.unit} shall have another onward-service than is installed here.",
            evidence=f"planned {state.health_code[:12]}, installed {service_digest()[:12]}",
            next_command="onward deploy BUNDLE",
        )
    return [UnitFile(path=f"{CODE}/{path}", text=text) for path, text in service_files().items()]


def _prepare(context: StepContext, directory: Path, preparation: UnitPreparation) -> bool:
    """Make it under another name first, so that it is there whole or not at all. Whether there was anything to do."""
    target = directory / preparation.creates
    if target.exists():
        return False
    context.progress(f"making {preparation.name} of {context.step.target}")
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    argv = [word.replace("{partial}", str(partial)) for word in preparation.argv]
    # Temporary files of its own: a server that starts beside it removes what it finds in the common directory.
    environment = {**os.environ, "TMPDIR": str(directory / "run")}
    result = run_command(argv, environment=environment, directory=directory, timeout_seconds=PREPARATION_SECONDS)
    if result.exit_status != 0:
        raise StepFailed(
            f"{preparation.name} of {context.step.target} could not be made.",
            evidence=result.tail(),
            next_command=f"onward runs resume {context.run_id}",
        )
    crash_point("unit.prepared")
    partial.rename(target)
    return True
