"""Errors of deploying a bundle and of changing what was deployed."""

from onward.errors.base import OnwardError, Refused


class BundleInvalid(Refused):
    """A bundle is not YAML, or a key of it is wrong: unknown, of the wrong kind, or naming what there is not.

    The evidence names line and key of each fault. Keys are those of Juju's bundles; ``onward bundle schema`` prints
    the JSON schema, which editors can use.
    """

    code = "OW901"


class BundleUnsatisfied(Refused):
    """What the bundle describes can never come up.

    An application needs a relation that is not there, or several wait for one another in a circle. The evidence
    names each application with what it needs. Add the application that provides it and a relation between the two.
    """

    code = "OW902"


class OptionUnknown(Refused):
    """An option was set that neither the charm nor the service it deploys has.

    The evidence gives the nearest names. Options of the service's own configuration are named
    ``section.option``; those of the section DEFAULT by their name alone.
    """

    code = "OW903"


class ProgramMissing(Refused):
    """A server that the bundle deploys is not installed on the machine.

    Servers come from the distribution's packages; the evidence names the program, the next command installs it.
    """

    code = "OW904"


class PortTaken(Refused):
    """Another process listens where a unit would.

    Every unit has an address of its own below 127.0.0.0/8; what listens on all addresses at once is in the way of every
    one. The evidence names address and port.
    """

    code = "OW905"


class ModelUnknown(Refused):
    """A model was named that is not deployed here. ``onward status`` shows those that are."""

    code = "OW906"


class OfferInUse(Refused):
    """An offer would go that another model uses: its model is to be destroyed, or its bundle has it no more.

    The evidence names the models that use it. Destroy these first, or deploy them with bundles that do without it.
    """

    code = "OW907"


class FaultUnknown(Refused):
    """``onward test`` was asked for a fault that there is not, or for a unit that the bundle does not have."""

    code = "OW909"


class NoMemory(Refused):
    """The units that a bundle adds would take more memory than the machine has left.

    What a unit takes was measured after its start and stands in its charm; one that is used takes more. The evidence
    says which applications take how much.
    """

    code = "OW910"


class MachineElsewhere(Refused):
    """A machine of the bundle has an address that is not one of this machine.

    An address without ``ssh://`` is one of the machine that Onward runs on. The evidence names line and key. Write
    ``ssh://USER@HOST:PORT`` for a machine that is reached over SSH, or leave out the address.
    """

    code = "OW922"


class UnitNeeded(Refused):
    """A unit was to be removed that the cloud cannot do without now.

    A cluster of database servers or brokers keeps at least two nodes, or is removed as a whole with the application.
    Nodes go only while all that stay run: they have the data from then on. ``onward status`` shows what does not run;
    the same command goes through when it does.
    """

    code = "OW921"


class RestartStopped(OnwardError):
    """A restart of many units stopped by itself: it would have done harm to go on.

    The evidence says why: the broker is in alarm; more units stay away than were allowed, or the first one does; a
    cluster would lose its majority; the broker or the database does not become calm. Units that were restarted run, the
    others were not touched. ``onward runs resume`` gives those that stayed away another try and goes on;
    ``onward runs skip RUN UNIT`` leaves a unit out that is known to be broken.
    """

    code = "OW923"


class RestartUnready(Refused):
    """Units were to be restarted whose files are not what the bundle says they shall be.

    A run that was to write them has not ended, or somebody has changed them by hand. Go on with that run, or deploy the
    bundle again; both restart what has to be.
    """

    code = "OW924"


class UnitUnknown(Refused):
    """An application or a unit was named that the model, or the run, does not have. The evidence names those it has."""

    code = "OW925"


class UnitNotReady(OnwardError):
    """A unit was started and does not serve within the time its charm gives it, or ended again.

    The evidence holds the last lines of its log. Resuming the run starts it again.
    """

    code = "OW911"


class PartDown(OnwardError):
    """A step could not be done because a part of the model that it uses is down: a database server, a broker, an API.

    The run has stopped where it is: nothing after that step was begun. The evidence names each part that should run and
    does not, or that runs and does not answer, and then what the step itself was told. Have the part run again: what
    keeps it running does that by itself unless it cannot, and ``onward diagnose`` says which cause explains most. Then
    resume the run. A migration that was cut off may not be able to go on; ``onward runs restore`` takes the services
    back to what they were.
    """

    code = "OW916"


class PromiseBroken(OnwardError):
    """A unit was hurt on purpose, and an API was gone for longer than a cloud with several units may let it be.

    The evidence says for how long each API was gone, as its callers saw it, and what they were told last.
    """

    code = "OW914"
