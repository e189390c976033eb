"""Errors of units that run in containers."""

from onward.errors.base import OnwardError, Refused


class EngineMissing(Refused):
    """A bundle has units that run in containers, and the machine has nothing that runs containers.

    Onward uses podman, or docker where podman is not installed or does not work. The evidence says of each what is
    wrong: that it is not installed, or what it says itself; docker's client may be there while its service is not, or
    may not be allowed to talk to it.
    """

    code = "OW941"


class ImageUnavailable(Refused):
    """An image that a bundle names is not on the machine, and the engine cannot fetch it.

    The evidence is what the engine says. A registry that wants a login is logged in to with the engine itself
    (``podman login``); an image without a registry is loaded with ``podman load`` or built where it is used.
    """

    code = "OW942"


class ImageUnfit(Refused):
    """An image does not have what an application is to run from it.

    It needs the release of the service that the channel names, installed below the directory that ``image-prefix``
    names, with ``bin/python``, and ``bin/uwsgi`` for an API. The evidence says what is missing, or which release there
    is instead: another release than that of the channel would not fit the database.
    """

    code = "OW943"


class ContainerUnsupported(Refused):
    """Units were to run in containers, or what runs in containers was to be changed, in a way that Onward does not do.

    Services of OpenStack run in containers, under uWSGI or as programs of their own, on the machine where Onward runs.
    Databases, brokers and load balancers, the dashboard, APIs under Apache and units of other machines do not. To take
    a service whose units run from an image to another release, have it run from environments first (without ``runtime``
    and ``image``, at the same channel), take it there, and then have it run from the image of that release.
    """

    code = "OW944"


class ContainersNotEnded(OnwardError):
    """A container of a unit that has been stopped cannot be removed by its engine.

    The evidence is what the engine says, the next command is what was tried. Nothing else was removed: the same run
    goes on from there when the container is gone.
    """

    code = "OW945"
