"""Errors of the page."""

from onward.errors.base import Refused


class PageNotServed(Refused):
    """``onward web`` cannot listen where it was told to, or what it was told is not safe.

    The evidence says why: the port is taken by somebody else, the address is not one of this machine, a certificate
    cannot be read, or passwords would go over the network without TLS. ``--listen 127.0.0.1:0`` takes any free port.
    """

    code = "OW981"
