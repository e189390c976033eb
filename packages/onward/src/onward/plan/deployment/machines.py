"""The steps after which a machine can take units: Onward's code, what keeps processes running, environments. Pure."""

from collections.abc import Iterator, Mapping

from onward.model.container import ContainerImage
from onward.plan.deployment.containers import shared
from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology
from onward.plan.forward import BUILD_POOL, EnvironmentChoice
from onward.plan.step import Step


def supervisor_id(machine: str | None) -> str:
    """The step after which processes can be started there; None is this machine."""
    return f"supervisor/{machine}" if machine else "supervisor"


def environment_id(application: str, machine: str | None) -> str:
    """The step that builds what an application runs on a machine; None is this one."""
    return f"environment/{application}/{machine}" if machine else f"environment/{application}"


def machine_steps(site: Site) -> Iterator[Step]:
    """What has to be on every other machine before anything of the model is."""
    for machine, place in site.places.items():
        yield Step(
            id=f"machine/{machine}",
            action="machine.prepare",
            target=f"machine {machine}",
            arguments={"owner": place.owner, "runtime": place.runtime},
            needs=("record",),
            reason="Onward's own code is sent there, and carries out the steps of its units",
            phase="deploy",
            machine=machine,
        )
        yield Step(
            id=supervisor_id(machine),
            action="supervisor.start",
            target=f"machine {machine}",
            arguments={"sockets": str(place.sockets)},
            needs=(f"machine/{machine}",),
            reason="keeps the processes of its units running, with or without Onward",
            phase="deploy",
            machine=machine,
        )


def environment_steps(
    found: Topology,
    site: Site,
    choices: Mapping[str, EnvironmentChoice],
    choices_on: Mapping[str, Mapping[str, EnvironmentChoice]],
) -> Iterator[Step]:
    """The environments of all applications of services, on every machine where they have units."""
    for name, here in choices.items():
        service = found.charms[name].service
        for machine in dict.fromkeys(site.machines.get(unit) for unit in found.units(name)) or (None,):
            choice = choices_on[machine][name] if machine else here
            if choice.image is not None:
                yield _image_step(site, name, choice, choice.image)
                continue
            paths = site.places[machine].environments if machine else site.environments
            yield Step(
                id=environment_id(name, machine),
                action="application.environment",
                target=f"{service} {choice.version}",
                # Its place says what else it is built of, which the catalogue may have otherwise some day.
                arguments={"service": service, "environment": paths[name], **choice.as_arguments()},
                needs=(f"machine/{machine}",) if machine else (),
                reason=f"{name} runs the code of {choice.series}",
                phase="prepare",
                retries=1,
                pool=BUILD_POOL,
                machine=machine,
            )


def _image_step(site: Site, application: str, choice: EnvironmentChoice, image: ContainerImage) -> Step:
    """What takes the place of building an environment: the image is there, and what its containers are given."""
    return Step(
        id=environment_id(application, None),
        action="application.image",
        target=image.reference,
        arguments={"image": image.model_dump(mode="json"), "shared": str(shared(site, application))},
        reason=f"{application} runs the code of {choice.series} that the image has",
        phase="prepare",
        retries=1,
        pool=BUILD_POOL,
    )
