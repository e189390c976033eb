"""Reads the cloud file from disk."""

from pathlib import Path

from onward.errors import InvalidCloudFile
from onward.model.cloud import Cloud, parse


def load_cloud(path: Path) -> Cloud:
    """Return the cloud that a file describes. Raises InvalidCloudFile."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCloudFile(
            f"There is no cloud file to read at {path}.",
            evidence=str(error),
            next_command="onward init --from-config /etc/keystone/keystone.conf",
        ) from None
    return parse(text, str(path))
