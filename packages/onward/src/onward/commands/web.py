"""``onward web``: the page."""

import argparse
import ipaddress
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

from onward.commands.base import Command
from onward.commands.plan import DEFAULT_CLOUD_FILE
from onward.commands.store import add_store_option, stored_directories_of
from onward.errors import PageNotServed

PORT = 8765


class Web(Command):
    """Serve a page that shows what is deployed, every run and the journal, and from which runs are steered.

    It listens on this machine alone unless told otherwise, and everybody has to log in: with the link that is printed
    on the terminal, or with a role at a Keystone. Runs that are begun from it are processes of their own, and go on
    when it ends.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add where it listens, and who may come in."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--listen",
            type=_address,
            metavar="ADDRESS:PORT",
            default=("127.0.0.1", PORT),
            help=f"where to listen (default: 127.0.0.1:{PORT}; port 0: any that is free). Beyond this machine only with"
            " --certificate",
        )
        parser.add_argument(
            "--name",
            action="append",
            default=[],
            help="host name that browsers reach it by, as behind a proxy; others are refused; may be repeated",
        )
        parser.add_argument("--certificate", type=Path, metavar="FILE", help="serve TLS with this certificate")
        parser.add_argument("--key", type=Path, metavar="FILE", help="the certificate's key, if it is another file")
        parser.add_argument(
            "--plans",
            type=Path,
            metavar="DIRECTORY",
            default=Path(),
            help="where saved plans are, which can be started from the page (default: the current directory)",
        )
        parser.add_argument("--cloud", type=Path, default=DEFAULT_CLOUD_FILE, help="cloud file (default: %(default)s)")
        add_store_option(parser)
        keystone = parser.add_argument_group("who may log in, where a Keystone says it")
        keystone.add_argument("--keystone", metavar="URL", help="its URL, as https://keystone.example:5000/v3")
        keystone.add_argument("--role", default="admin", help="role that is needed (default: %(default)s)")
        keystone.add_argument("--project", default="admin", help="project in which it is (default: %(default)s)")
        keystone.add_argument(
            "--project-domain", metavar="NAME", default="Default", help="domain of the project (default: %(default)s)"
        )
        keystone.add_argument("--ca-file", type=Path, metavar="FILE", help="who has signed Keystone's certificate")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Listen, say where, and serve until Ctrl-C."""
        # It and what it needs take half a second to load.
        from onward.web.keystone import KeystoneLogin  # noqa: PLC0415
        from onward.web.server import Server, Wish  # noqa: PLC0415

        _require_certificate(parsed_args.certificate, parsed_args.key)
        login = None
        if parsed_args.keystone is not None:
            ca_file = str(parsed_args.ca_file) if parsed_args.ca_file is not None else None
            login = KeystoneLogin(
                parsed_args.keystone, parsed_args.role, parsed_args.project, parsed_args.project_domain, ca_file
            )
        address, port = parsed_args.listen
        wish = Wish(
            address=address,
            port=port,
            names=tuple(parsed_args.name),
            plans=parsed_args.plans.absolute(),
            cloud_file=parsed_args.cloud.absolute(),
            certificate=parsed_args.certificate,
            key=parsed_args.key,
            keystone=login,
        )
        server = Server(stored_directories_of(self, parsed_args), wish)
        self.tell(f"The page is at {server.url}")
        if login is not None:
            self.tell(f"People log in with the role {login.role} in the project {login.project} of {login.url}.")
        elif self.app.stderr.isatty():
            self.tell(f"Log in with this link, and show it to nobody:\n  {server.link}")
        else:
            # What is no terminal may be a log that others read.
            self.tell(f"Log in with the token in {server.token_file}")
        self.tell("Ctrl-C ends the page, and nothing else: runs go on.")
        # Ctrl-C is the way out, and no failure.
        with suppress(KeyboardInterrupt):
            server.serve()
        return 0


def _address(text: str) -> tuple[str, int]:
    """An address and a port: 127.0.0.1:8765, [::1]:8765."""
    host, _, port = text.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        number = int(port)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not ADDRESS:PORT with a numeric address: {text!r}") from None
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"no port can be {number}")
    return str(address), number


def _require_certificate(certificate: Path | None, key: Path | None) -> None:
    """Return when it can be served with. Raises PageNotServed."""
    if certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise PageNotServed(
            f"{certificate} cannot be served with.", evidence=str(error), next_command="onward web --help"
        ) from None
