"""A service's WSGI application in this process, asked again and again: MODULE:NAME, PATH, and how often.

The token is taken from the environment, as ASKED_TOKEN. Ends without a word of the application, so that what it does
when it ends is not counted.
"""

import io
import os
import sys
from importlib import import_module
from typing import Any


def environment(path: str, token: str) -> dict[str, Any]:
    """What a server hands an application for one request."""
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "HTTP_X_AUTH_TOKEN": token,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def ask(application: Any, path: str, token: str) -> None:
    """One request."""
    statuses: list[str] = []
    b"".join(application(environment(path, token), lambda status, headers, error=None: statuses.append(status)))
    if not statuses[-1].startswith("200"):
        sys.exit(f"{path}: {statuses[-1]}")


def told() -> tuple[Any, str, str, int]:
    """The application, the path, the token, and how often, of the command line; which a service must not see."""
    place, path, times = sys.argv[1:]
    sys.argv = sys.argv[:1]
    module, _, name = place.partition(":")
    return getattr(import_module(module), name), path, os.environ["ASKED_TOKEN"], int(times)


def main() -> None:
    application, path, token, times = told()
    for _ in range(times):
        ask(application, path, token)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
