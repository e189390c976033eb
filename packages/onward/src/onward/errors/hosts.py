"""Errors of the machines that are reached over SSH."""

from onward.errors.base import OnwardError, Refused


class HostUnreachable(Refused):
    """A machine did not answer: nobody listens at its address, the name is unknown, or it was silent for too long.

    The evidence is what the network or the server said. Other machines were not held up by it.
    """

    code = "OW930"


class HostKeyUnknown(Refused):
    """A machine showed a key that is not known, or another one than the one that is known.

    A key is never accepted unseen. Ask for its fingerprint over another way (on the machine itself, ``ssh-keygen -lf
    /etc/ssh/ssh_host_ed25519_key.pub``), and record it with ``onward hosts add ADDRESS --fingerprint SHA256:...``.
    Where the known key is another one, the machine was installed anew, or it is not the one that answers: find
    out which, and remove the old line before the new one is recorded. The evidence names the files that were read.
    """

    code = "OW931"


class HostLoginRefused(Refused):
    """A machine did not let Onward in.

    Keys are those that ``ssh`` uses: the agent's, those of ``~/.ssh``, or the file that the bundle names as
    ``identity`` of the machine. Passwords are not asked for.
    """

    code = "OW932"


class HostUnfit(Refused):
    """A machine was reached and cannot take the units that the bundle puts there.

    The evidence says of each machine what is missing: root by ``sudo`` without a password, an interpreter of the same
    version as the one that runs Onward, a server, room on the disk, memory, an address, a port that is free.
    """

    code = "OW933"


class HostLost(OnwardError):
    """The connection to a machine ended while a step was at work there, or could not be made for the next step.

    What was begun there ends with the connection, wherever it is: the process that runs the step notices that nobody
    listens any more. Resuming the run connects again, ends what may be left of it, and does the step again.
    """

    code = "OW934"


class PlacementUnfit(Refused):
    """The bundle puts units where they cannot serve, or something was asked for that is done on this machine alone.

    Units of machines with addresses of a network cannot reach units at addresses below 127.0.0.0/8; two units with the
    same port need two addresses. Services are taken to another release, backed up and hurt on purpose only
    where all units are on this machine. The evidence names the units.
    """

    code = "OW935"


class InventoryUnreadable(Refused):
    """An inventory of Ansible cannot be read, or does not say how a machine is reached.

    Files of the formats ``ini`` and ``yaml``, and directories of them, are read with their ``group_vars`` and
    ``host_vars``. What Ansible's vault keeps is not read, and a program that writes an inventory is not run: save what
    ``ansible-inventory --list --yaml`` prints, and name that file.
    """

    code = "OW936"


class NoSuchMachine(Refused):
    """No machine is known by this name, and no group has it.

    ``onward hosts list`` shows those that ``onward hosts add`` has recorded; ``--inventory`` names others.
    """

    code = "OW937"
