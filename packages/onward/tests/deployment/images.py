"""An image of a release, made of an environment that Onward has built: there is no registry to fetch one from."""

import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

PREFIX = "/var/lib/openstack"
_NOT_CARRIED = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3"}


def import_image(engine: str, reference: str, environment: Path) -> None:
    """Have an image under this name, with the environment, its interpreter, and the libraries that both use."""
    with subprocess.Popen(
        [engine, "import", "-", reference], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        with tarfile.open(fileobj=process.stdin, mode="w|") as archive:
            _fill(archive, environment)
    assert process.returncode == 0


def _fill(archive: tarfile.TarFile, environment: Path) -> None:
    asked = [environment / "bin/python", "-c", "import json, sys; print(json.dumps([sys.base_prefix, sys.executable]))"]
    base = Path(json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)[0])
    interpreter = (environment / "bin/python").resolve()
    for directory in ("tmp", "etc", "run", "proc", "sys", "dev"):
        told = tarfile.TarInfo(directory)
        told.type, told.mode = tarfile.DIRTYPE, 0o1777 if directory == "tmp" else 0o755
        archive.addfile(told)
    _text(archive, "etc/passwd", f"someone:x:{os.geteuid()}:{os.getegid()}::/tmp:/bin/false\n")
    archive.add(interpreter, arcname=str(interpreter).lstrip("/"))
    library = next((base / "lib").glob(f"python{interpreter.name.removeprefix('python')}"))
    for path in sorted((base / "lib").glob("libpython*.so*")):
        archive.add(path, arcname=str(path).lstrip("/"))
    for path in _carried(library):
        if "site-packages" not in path.relative_to(library).parts:
            archive.add(path, arcname=str(path).lstrip("/"), recursive=False)
    for path in _carried(environment):
        name = f"{PREFIX}/{path.relative_to(environment)}".lstrip("/")
        if path.parent.name == "bin" and not path.is_symlink():
            # Programs name the interpreter by the path of their environment.
            text = path.read_bytes().replace(os.fsencode(environment), PREFIX.encode())
            _text(archive, name, text.decode(), 0o755)
        else:
            archive.add(path, arcname=name, recursive=False)
    for path in _libraries([interpreter, *library.rglob("*.so"), *environment.rglob("*.so*")]):
        archive.add(path.resolve(), arcname=str(path).lstrip("/"))


def _carried(root: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if name not in _NOT_CARRIED]
        yield from (Path(directory) / name for name in sorted(files))


def _libraries(files: list[Path]) -> set[Path]:
    """The libraries that the files are linked with, outside of where they are."""
    told = subprocess.run(["ldd", *files], check=False, capture_output=True, text=True).stdout
    found = {Path(name) for name in re.findall(r"(/(?:usr/)?lib\S*/\S+\.so\S*) \(", told)}
    return {path for path in found if path.exists()}


def _text(archive: tarfile.TarFile, name: str, text: str, mode: int = 0o644) -> None:
    told = tarfile.TarInfo(name)
    told.size, told.mode = len(text.encode()), mode
    archive.addfile(told, BytesIO(text.encode()))
