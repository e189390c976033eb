"""The image that the units of an application run from."""

from pathlib import Path

from onward.engine.action import Evidence, StepContext
from onward.errors import ImageUnavailable
from onward.hosts.containers import Engine
from onward.hosts.private_file import make_private
from onward.hosts.state import Directories
from onward.model.container import ContainerImage


class PrepareImage:
    """``application.image``: see that the image is there that was looked at, and fetch it where it is gone again.

    Arguments: ``image``, and ``shared``, the directory that all units of the application see. Evidence: ``engine``,
    ``image`` (its identity), ``reference``, ``python`` (in the image). Nothing is changed where it is there.
    """

    name = "application.image"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Look, and perhaps fetch. Raises ImageUnavailable, also where its name means another one meanwhile."""
        image = ContainerImage.model_validate(context.step.arguments["image"])
        make_private(Path(str(context.step.arguments["shared"])))
        engine = Engine(image.engine)
        if engine.image(image.id) is None:
            context.progress(f"fetching the image {image.reference}")
            found = engine.pull(image.reference)
            if found != image.id:
                raise ImageUnavailable(
                    f"The image {image.reference} is another one than when this was planned.",
                    evidence=f"planned {image.id[:12]}, fetched {found[:12]}",
                    next_command="onward deploy BUNDLE",
                )
        return {"engine": image.engine, "image": image.id, "reference": image.reference, "python": image.python}
