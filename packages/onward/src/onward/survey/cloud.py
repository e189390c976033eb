"""Reads the cloud file from disk."""

from pathlib import Path

from onward.errors import InvalidCloudFile
from onward.model.cloud import Cloud, parse


def load_cloud(path: Path) -> Cloud:
    """Return the cloud that a file describes, with absolute paths. Raises InvalidCloudFile.

    A plan outlives the directory that it was made in, so that nothing in it may depend on that.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCloudFile(
            f"There is no cloud file to read at {path}.",
            evidence=f"{error}\na deployed model is named with --model",
            next_command="onward init --from-config /etc/keystone/keystone.conf",
        ) from None
    return _beside(parse(text, str(path)), path.absolute().parent)


def _beside(cloud: Cloud, directory: Path) -> Cloud:
    services = {
        name: service.model_copy(
            update={"configuration": tuple(str(directory / file) for file in service.configuration)}
        )
        for name, service in cloud.services.items()
    }
    return cloud.model_copy(update={"services": services})
