"""Looks at a directory of Fernet keys. The keys are read, to see that they are some, and never kept or shown."""

import base64
import binascii
import hashlib
import pwd
from pathlib import Path

from onward.checks.key_repository import KeyFile, KeyRepository

_KEY_BYTES = 32


def observe_key_repository(path: Path) -> KeyRepository:
    """What is there. What is no file with a number for a name is left out, as Keystone does. Raises nothing."""
    try:
        status = path.stat()
        files = sorted(
            (file for file in path.iterdir() if file.name.isdigit() and file.is_file()), key=lambda file: int(file.name)
        )
        return KeyRepository(str(path), _owner(status.st_uid), status.st_mode, tuple(_key(file) for file in files))
    except FileNotFoundError:
        return KeyRepository(str(path), missing=True)
    except OSError as error:
        return KeyRepository(str(path), unreadable=error.strerror or type(error).__name__)


def _key(file: Path) -> KeyFile:
    status, content = file.stat(), file.read_bytes()
    # What Keystone reads: a line of text (keystone/common/fernet_utils.py, load_keys).
    text = content.strip()
    try:
        usable = len(base64.urlsafe_b64decode(text)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        usable = False
    digest = hashlib.sha1(text, usedforsecurity=False).hexdigest() if usable else ""
    return KeyFile(file.name, _owner(status.st_uid), status.st_mode, status.st_mtime, usable, digest, empty=not content)


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
