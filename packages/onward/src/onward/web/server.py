"""The page's server: where it listens, who it answers to, and what it leaves in the state directory."""

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from onward.errors import PageNotServed
from onward.hosts.private_file import make_private
from onward.hosts.state import Directories
from onward.web.application import application
from onward.web.guard import name_of
from onward.web.journal import Listening
from onward.web.keystone import KeystoneLogin
from onward.web.sessions import Sessions, new_token
from onward.web.site import Site

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
MOST_CONNECTIONS = 200
CLOSE_SECONDS = 3


@dataclass(frozen=True)
class Wish:
    """What somebody wants of the page."""

    address: str
    port: int
    names: tuple[str, ...]
    """Host names that it answers to, beside its address."""
    plans: Path
    cloud_file: Path
    certificate: Path | None = None
    key: Path | None = None
    keystone: KeystoneLogin | None = None

    @property
    def loopback(self) -> bool:
        """Whether nobody outside of this machine can reach it."""
        return ipaddress.ip_address(self.address).is_loopback


class Server:
    """A server that listens already; nothing is answered before :meth:`serve`."""

    def __init__(self, directories: Directories, wish: Wish) -> None:
        """Listen, and make the token. Raises PageNotServed."""
        if not wish.loopback and wish.certificate is None:
            raise PageNotServed(
                f"Passwords and tokens would go over the network in the clear to {wish.address}.",
                evidence="neither --certificate nor a loopback address was given",
                next_command="onward web --listen ADDRESS:PORT --certificate FILE --key FILE",
            )
        if ipaddress.ip_address(wish.address).is_unspecified and not wish.names:
            raise PageNotServed(
                f"No browser calls this page {wish.address}, and by another name it does not answer.",
                evidence="--name was not given",
                next_command="onward web --listen ADDRESS:PORT --name NAME --certificate FILE",
            )
        self._wish = wish
        self._socket = _listening(wish)
        port = self._socket.getsockname()[1]
        kept = directories.state / "web" / str(port)
        make_private(kept)
        self.token_file = kept / "token"
        token = "" if wish.keystone is not None else new_token(self.token_file)
        if not token:
            self.token_file.unlink(missing_ok=True)
        scheme = "https" if wish.certificate is not None else "http"
        shown = wish.names[0] if wish.names else wish.address
        self.url = f"{scheme}://{f'[{shown}]' if ':' in shown else shown}:{port}/"
        self.link = f"{self.url}login#{token}" if token else self.url
        self._site = Site(
            directories=directories,
            plans=wish.plans,
            cloud_file=wish.cloud_file,
            sessions=Sessions(kept / "sessions.json"),
            # Browsers do not tell apart the ports of a host.
            cookie=f"onward-{port}",
            token=token,
            keystone=wish.keystone,
            secure=wish.certificate is not None,
        )

    def serve(self) -> None:
        """Answer until somebody ends it with Ctrl-C or SIGTERM."""
        wish = self._wish
        names = {name_of(each) for each in wish.names} | {wish.address}
        if wish.loopback:
            names |= LOOPBACK_NAMES
        listening = Listening()
        config = uvicorn.Config(
            application(self._site, frozenset(names), listening),
            http="h11",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=CLOSE_SECONDS,
            ssl_certfile=wish.certificate,
            ssl_keyfile=wish.key,
        )
        _Uvicorn(config, listening).run(sockets=[self._socket])


class _Uvicorn(uvicorn.Server):
    """Tells those who listen to the journal before it waits for them to go."""

    def __init__(self, config: uvicorn.Config, listening: Listening) -> None:
        super().__init__(config)
        self._listening = listening

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let pages that listen try again, with whoever serves next."""
        self._listening.closing.set()
        await super().shutdown(sockets)


def _listening(wish: Wish) -> socket.socket:
    family = socket.AF_INET6 if ":" in wish.address else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((wish.address, wish.port))
        found.listen(128)
    except OSError as error:
        found.close()
        raise PageNotServed(
            f"The page cannot be served at {wish.address}:{wish.port}.",
            evidence=str(error.strerror),
            next_command="onward web --listen 127.0.0.1:0",
        ) from None
    return found
