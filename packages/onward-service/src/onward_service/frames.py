"""Room for the frames of a service's functions, so that calling it from a few functions deeper costs it nothing.

CPython 3.11 and newer keep frames in chunks of 16 KiB, and up to 3.12 (and the first 3.13 and 3.14) give a chunk back
to the kernel as soon as it is empty. A function that is called again and again from the last frame of a chunk has its
memory mapped and unmapped at every call: https://github.com/python/cpython/issues/142183. In Keystone that is some
hundred times a request, and how often, each function around it decides anew, since it moves all frames after it.
"""

from __future__ import annotations

import sys
from typing import Any

from onward_service.plugins import Application

_BYTES = 64 * 1024
"""More than the frames of a request need: Keystone's do with half of it."""


def with_room(application: Application) -> Application:
    """The same application, called from a frame behind which there is room for all of its own.

    For a frame that does not fit, a chunk is taken of the next power of two above its size: behind one of a little more
    than 64 KiB are almost as many free. The frame itself has them as stack, of which no page is touched that no
    instruction reaches: the room costs one mapping a request.
    """

    def called(environ: Any, start_response: Any) -> Any:
        return application(environ, start_response)

    if sys.version_info >= (3, 11):
        words = _BYTES // 8
        called.__code__ = called.__code__.replace(co_stacksize=words)
    return called
