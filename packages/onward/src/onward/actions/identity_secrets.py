"""Passwords of the demonstration cloud, and other secrets of an identity service that a run must keep."""

import base64
import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Any

from onward.hosts.private_file import write_private

KEY = "identity.key"


class IdentitySecrets:
    """Secrets below ``secrets/`` in a run's directory, which only its owner may read.

    Passwords are not stored: each is derived from its name and one random key of the run, so that a run which was
    killed finds the same ones again.
    """

    def __init__(self, workspace: Path) -> None:
        self._directory = workspace / "secrets"
        self._directory.mkdir(exist_ok=True, mode=0o700)
        self._key = self._load_key()

    def value(self, name: str) -> str:
        """The secret called ``name``: 32 characters that any password field takes."""
        digest = hmac.digest(self._key, name.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest)[:32].decode()

    def fingerprint(self, text: str) -> str:
        """What may be kept of a secret in order to recognise it: of no use without the run's key."""
        return "hmac-sha256:" + hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def save(self, name: str, data: Any) -> None:
        """Keep JSON data that holds secrets."""
        write_private(self._directory / name, json.dumps(data))

    def load(self, name: str) -> Any:
        """What was saved under this name. Raises FileNotFoundError."""
        return json.loads((self._directory / name).read_text(encoding="utf-8"))

    def _load_key(self) -> bytes:
        path = self._directory / KEY
        if not path.exists():
            write_private(path, secrets.token_hex(32))
        return bytes.fromhex(path.read_text(encoding="utf-8"))
