"""The code of onward-service, as it is installed beside Onward: carried to units, never imported here."""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "onward_service"


@cache
def service_files() -> dict[str, str]:
    """The texts of its modules, by their places below a directory of PYTHONPATH."""
    root = package_directory()
    return {str(path.relative_to(root.parent)): path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))}


@cache
def service_digest() -> str:
    """Which code it is: the same for the same texts."""
    digest = hashlib.sha256()
    for name, text in service_files().items():
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


def package_directory() -> Path:
    """Where it is installed."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"{PACKAGE} is not installed beside Onward")
    return Path(found.submodule_search_locations[0])
