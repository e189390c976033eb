"""What a reproducer bundle says: what was wished for, on what it ran, and how it failed. It holds no secrets."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onward.errors import ReproducerInvalid

FORMAT: Literal[1] = 1
MANIFEST = "manifest.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServiceTrial(_Part):
    """A service that was taken from one release to another, stand-alone."""

    kind: Literal["service"] = "service"
    service: str
    source: str
    target: str
    slurp: bool = False
    seed: str = Field(default="", description="Name of the file in the bundle with what its databases held besides")
    constraints: str


class WorkflowTrial(_Part):
    """A bundle that was deployed and taken to another release, all by commands."""

    kind: Literal["workflow"] = "workflow"
    bundle: str = Field(description="Name of the file in the bundle")
    model: str
    target: str
    slurp: bool = False
    constraints: str
    waivers: tuple[str, ...] = Field(default=(), description="NAME=REASON of findings that did not stop it")


Wish = Annotated[ServiceTrial | WorkflowTrial, Field(discriminator="kind")]


class Failure(_Part):
    """Where it stopped, and why."""

    step: str
    code: str = Field(description="Stable code of the error; empty where there was none")
    what: str = ""


class Manifest(_Part):
    """All of it."""

    format: Literal[1] = FORMAT
    onward_version: str
    wish: Wish
    failure: Failure | None = Field(description="null: it went through")
    environments: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="By SERVICE SERIES, the version, the interpreter and the constraints"
    )


def read_manifest(text: str, name: str) -> Manifest:
    """What a bundle's manifest says. Raises ReproducerInvalid."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ReproducerInvalid(
            f"{name} is no reproducer of format {FORMAT}.", evidence=f"{MANIFEST}, {place}: {first['msg']}"
        ) from None
