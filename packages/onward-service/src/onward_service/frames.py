"""Room for the frames of a service's functions, so that calling it from a few functions deeper costs it nothing.

CPython 3.11 and newer keep frames in chunks of 16 KiB, and up to 3.12 (and the first 3.13 and 3.14) give a chunk back
to the kernel as soon as it is empty. A function that is called again and again from the last frame of a chunk has its
memory mapped and unmapped at every call: https://github.com/python/cpython/issues/142183. In Keystone that is some
hundred times a request, and how often, each function around it decides anew, since it moves all frames after it.
"""

from __future__ import annotations

import resource
import sys
from typing import Any

from onward_service.plugins import Application

_BYTES = 64 * 1024
"""More than the frames of a request need: Keystone's do with half of it."""
_FIRST, _EVERY = 16, 100
"""Which call is looked at first, and then each so many: what a worker's first calls have mapped is for good."""
_MANY = 32
"""Pages in one call. A few are what room itself costs, and what a service's own memory grows by."""


class Room:
    """An application that is called with room, as long as a call of it without has many pages mapped.

    Where all its frames fit into the thread's first chunk, which is never given back, room would only cost it.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._with_room = _with_room(application)
        self._chosen = application
        self._left = _FIRST

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """One request. Threads may count each other's calls as well: then it is looked again a little later."""
        self._left -= 1
        if self._left > 0:
            return self._chosen(environ, start_response)
        self._left = _EVERY
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        try:
            return self._application(environ, start_response)
        finally:
            mapped = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before
            self._chosen = self._with_room if mapped > _MANY else self._application


def roomy(application: Application) -> Application:
    """The same application, with room for its frames where this Python has chunks of them and it needs that."""
    chunks = sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
    return Room(application) if chunks and hasattr(resource, "RUSAGE_THREAD") else application


def _with_room(application: Application) -> Application:
    """The application, called from a frame behind which there is room for all of its own.

    For a frame that does not fit, a chunk is taken of the next power of two above its size: behind one of a little more
    than 64 KiB are almost as many free. The frame itself has them as stack, of which no page is touched that no
    instruction reaches.
    """

    def called(environ: Any, start_response: Any) -> Any:
        return application(environ, start_response)

    words = _BYTES // 8
    called.__code__ = called.__code__.replace(co_stacksize=words)
    return called
