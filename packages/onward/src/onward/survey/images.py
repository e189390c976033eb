"""The images that a bundle names: found or fetched, and looked at before anything is planned from them."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from onward.actions.build_environment import specification
from onward.catalog.charm import Charm
from onward.catalog.load import recipe
from onward.catalog.series import Series
from onward.catalog.wsgi import UWSGI
from onward.errors import ContainerUnsupported, ImageUnfit
from onward.hosts.containers import CARRIED, IMAGE_PROGRAM, Engine, find_engine
from onward.hosts.environments import build
from onward.hosts.options import image_options, release_options
from onward.hosts.state import Directories
from onward.model.bundle import BundleApplication
from onward.model.container import ContainerImage
from onward.model.options import ReleaseOptions
from onward.plan.deployment.topology import Topology
from onward.plan.forward import EnvironmentChoice
from onward.survey.wsgi import servers_of

DASHBOARD = "openstack-dashboard"
_SAID = "image.json"


class Contents(BaseModel):
    """What an image says of itself."""

    python: str
    version: str | None
    programs: tuple[str, ...]


def require_supported(found: Topology, placed: Mapping[str, str]) -> None:
    """Return when all units that shall run in containers can. Raises ContainerUnsupported, which names the others."""
    wrong = [
        f"{name}: {why}"
        for name, entry in found.applications.items()
        if entry.runtime == "container"
        for why in _unsupported(found, name, [unit for unit in found.units(name) if unit in placed])
    ]
    if wrong:
        raise ContainerUnsupported("Units cannot run in containers.", evidence="\n".join(wrong))


def _unsupported(found: Topology, name: str, elsewhere: list[str]) -> Iterator[str]:
    charm = found.charms[name]
    if charm.service is None:
        yield f"{charm.charm} is no service of OpenStack, and runs from the distribution's packages"
    if charm.charm == DASHBOARD:
        yield "the dashboard makes its files anew for every build of its code"
    if servers_of(found, name) - {UWSGI}:
        yield "an API under Apache runs in the distribution's Apache"
    if elsewhere:
        yield f"{', '.join(elsewhere)} would be on another machine"


def require_release_kept(found: Topology, series: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Return when no service goes to another release whose units shall run in containers. Raises ContainerUnsupported.

    ``series`` is where each service is now, ``wanted`` where each application shall be.
    """
    moved = [
        f"{name}: from {series[service]} to {wanted[name]}"
        for name, entry in found.applications.items()
        for service in [found.charms[name].service or ""]
        if entry.runtime == "container" and series.get(service, wanted[name]) != wanted[name]
    ]
    if moved:
        raise ContainerUnsupported(
            "Services are not taken to another release in containers.",
            evidence="\n".join(moved),
            next_command="take runtime and image out of the bundle for the way; onward explain OW944",
        )


def image_choice(
    directories: Directories,
    name: str,
    entry: BundleApplication,
    charm: Charm,
    series: Series,
    progress: Callable[[str], None],
) -> EnvironmentChoice:
    """What an application runs in containers. Raises EngineMissing, ImageUnavailable, ImageUnfit."""
    engine, reference = find_engine(), entry.image or ""
    found = engine.image(reference)
    if found is None:
        progress(f"fetching the image {reference}")
        found = engine.pull(reference)
    image = ContainerImage(
        engine=engine.path, id=found, reference=reference, prefix=entry.image_prefix, as_user=engine.as_user()
    )
    contents = _contents(directories, image, recipe(charm.service or "").package)
    if wrong := list(_unfit(contents, charm, series)):
        raise ImageUnfit(
            f"{name} cannot run from the image {reference}.",
            evidence="\n".join([*wrong, f"image {found[:12]}, looked at below {image.prefix}"]),
        )
    return EnvironmentChoice(
        series=series.id,
        version=series.newest(charm.service or "").version,
        python=image.python,
        python_version=contents.python,
        constraints={},
        image=image,
    )


def _unfit(contents: Contents, charm: Charm, series: Series) -> Iterator[str]:
    """What of a release is not there, or is of another one: a release of OpenStack has a number of its own."""
    package = recipe(charm.service or "").package
    known = {each.version.partition(".")[0] for each in series.services[charm.service or ""]}
    if contents.version is None:
        yield f"{package} is not installed there"
    elif contents.version.partition(".")[0] not in known:
        yield f"it has {package} {contents.version}, and {series.id} has {', '.join(sorted(known))}"
    if any(process.wsgi is not None for process in charm.processes) and "uwsgi" not in contents.programs:
        yield "bin/uwsgi is missing"


def _contents(directories: Directories, image: ContainerImage, package: str) -> Contents:
    """What an image has, asked once: an image of this identity never changes. Raises ImageUnfit."""
    kept = kept_of(directories, image) / _SAID
    try:
        return Contents.model_validate_json(kept.read_bytes())
    except (OSError, ValueError):
        pass
    try:
        said = Engine(image.engine).asked_in(
            image.id,
            image.python,
            *("-I", CARRIED),
            file=IMAGE_PROGRAM,
            stdin=json.dumps({"package": package}),
        )
        contents = Contents.model_validate_json(said.stdout)
    except (subprocess.TimeoutExpired, ValidationError) as error:
        raise ImageUnfit(
            f"The interpreter {image.python} of the image {image.reference} does not answer.",
            evidence=str(error) if isinstance(error, subprocess.TimeoutExpired) else said.tail(),
            next_command="name where the image has the release, with image-prefix",
        ) from None
    kept.parent.mkdir(parents=True, exist_ok=True)
    unfinished = kept.with_name(f"{kept.name}.{os.getpid()}")
    unfinished.write_text(contents.model_dump_json(), encoding="utf-8")
    os.replace(unfinished, kept)
    return contents


def kept_of(directories: Directories, image: ContainerImage) -> Path:
    """Where what an image has said is kept."""
    digest = hashlib.sha256(f"{image.id} {image.prefix}".encode()).hexdigest()[:16]
    return directories.cache / "images" / digest


def options_of(
    service: str, choice: EnvironmentChoice, directories: Directories, progress: Callable[[str], None]
) -> ReleaseOptions:
    """The options that a release knows, asked of what is to be run: its environment, built if need be, or its image.

    Raises OptionsNotListed.
    """
    known = recipe(service)
    if choice.image is not None:
        return image_options(choice.image, kept_of(directories, choice.image), known, choice.series)
    environment = build(specification(service, choice), directories, progress)
    return release_options(environment.path, known, choice.series)
