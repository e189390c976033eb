"""The code of onward-service, as it is installed beside Onward: carried to units, never imported here."""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from onward.errors import ProgramMissing

PACKAGE = "onward_service"


@cache
def service_files() -> dict[str, str]:
    """The texts of its modules, by their places below a directory of PYTHONPATH. Raises ProgramMissing."""
    root = package_directory()
    if root is None:
        raise ProgramMissing(
            "An API shall tell of its health, and the package that does it is not installed beside Onward.",
            evidence=f"no module {PACKAGE}",
            next_command="pip install onward-service",
        )
    return {str(path.relative_to(root.parent)): path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))}


@cache
def service_digest() -> str:
    """Which code it is: the same for the same texts. Raises ProgramMissing."""
    digest = hashlib.sha256()
    for name, text in service_files().items():
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


def package_directory() -> Path | None:
    """Where it is installed; None where it is not."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0])
