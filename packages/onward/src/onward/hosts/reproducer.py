"""Reproducer bundles as files: a compressed tar with a manifest and what it names, read with distrust."""

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from onward.errors import OutputUnwritable, ReproducerInvalid
from onward.model.reproducer import MANIFEST, Manifest, read_manifest

LARGEST_MANIFEST = 1 << 20
_HIDDEN = b"***"


def write_reproducer(
    target: Path, manifest: Manifest, files: Mapping[str, Path | str], secrets: Iterable[str] = ()
) -> Path:
    """Write a bundle: its manifest first, then files by their names in it; what is not there is left out.

    Any of the ``secrets`` is replaced wherever it stands. Raises OutputUnwritable.
    """
    partial = target.with_name(f"{target.name}.partial")
    hidden = [each.encode() for each in secrets if each]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(partial, "w:gz") as archive:
            _add(archive, MANIFEST, manifest.model_dump_json(indent=2).encode(), hidden)
            for name, content in sorted(files.items()):
                if isinstance(content, str):
                    _add(archive, name, content.encode(), hidden)
                elif content.is_file():
                    _add(archive, name, content.read_bytes(), hidden)
        partial.replace(target)
    except OSError as error:
        raise OutputUnwritable(
            f"{target} cannot be written.", evidence=str(error.strerror), next_command="name another directory"
        ) from None
    return target


def read_reproducer(bundle: Path, directory: Path) -> Manifest:
    """Unpack a bundle into an empty directory, and say what it is of. Raises ReproducerInvalid."""
    try:
        with tarfile.open(bundle, "r:gz") as archive:
            found = archive.extractfile(MANIFEST)
            if found is None:
                raise KeyError(MANIFEST)
            manifest = read_manifest(found.read(LARGEST_MANIFEST).decode(), str(bundle))
            # Nothing outside the directory, no links, no devices: https://docs.python.org/3/library/tarfile.html
            archive.extractall(directory, filter="data")
    except (OSError, EOFError, tarfile.TarError, KeyError, UnicodeDecodeError) as error:
        raise ReproducerInvalid(f"{bundle} is no reproducer.", evidence=str(error)) from None
    return manifest


def _add(archive: tarfile.TarFile, name: str, content: bytes, hidden: Iterable[bytes]) -> None:
    for each in hidden:
        content = content.replace(each, _HIDDEN)
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))
