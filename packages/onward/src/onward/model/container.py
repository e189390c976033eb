"""An image that units run from instead of an environment, and how a release's commands are run in it."""

from pydantic import Field

from onward.model.described import Described

NOTES = "run/containers"
"""Below a unit's directory: a file for each container that there may be, with its engine's path. It is made first."""


class ContainerImage(Described):
    """An image that units run from, and what runs it."""

    engine: str = Field(description="Path of podman or docker")
    id: str = Field(description="Of the image: what is run is this one, whatever its name means later")
    reference: str = Field(description="As the bundle names it")
    prefix: str = Field(description="Where it has the release: bin/python is below it")
    as_user: tuple[str, ...] = Field(description="Options by which its processes are those of who runs Onward")

    @property
    def python(self) -> str:
        """The interpreter of the release, in the image."""
        return f"{self.prefix}/bin/python"


class ContainedCommands(Described):
    """How commands of a release are run in its image, with the files of a unit."""

    image: ContainerImage
    launch: tuple[str, ...] = Field(description="Up to the options of this command's own")
