"""``onward init``: write a cloud file from a service's configuration."""

import socket
from pathlib import Path
from typing import Any

from onward.catalog.load import recipe, series_list
from onward.commands.base import Command, write_output
from onward.commands.plan import DEFAULT_CLOUD_FILE
from onward.errors import InvalidCloudFile
from onward.model.cloud import described
from onward.observe.cloud_api import names_credentials
from onward.observe.configuration import read_configuration
from onward.observe.database import shown


class Init(Command):
    """Write a cloud file from a service's own configuration. No secret is copied into it.

    Where no credentials for the cloud's APIs are set, the file says that they are not asked.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add where to read and write."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--from-config",
            type=Path,
            action="append",
            required=True,
            metavar="FILE",
            help="configuration file of the service; repeat it in the order the service reads them",
        )
        parser.add_argument("--service", default="keystone", help="whose configuration it is (default: %(default)s)")
        parser.add_argument(
            "--name", default=socket.gethostname(), help="name of the cloud (default: that of this host)"
        )
        parser.add_argument("--series", help="series of the installed code, if known")
        parser.add_argument(
            "-o", "--output", type=Path, default=DEFAULT_CLOUD_FILE, help="file to write (default: %(default)s)"
        )
        parser.add_argument("--force", action="store_true", help="overwrite the file if it exists")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Read the configuration, then write the file."""
        paths = [path.absolute() for path in parsed_args.from_config]
        configuration = read_configuration(paths, recipe(parsed_args.service))
        entry: dict[str, object] = {"configuration": [str(path) for path in paths]}
        if parsed_args.series is not None:
            entry["series"] = series_list().find(parsed_args.series).id
        contents: dict[str, object] = {"cloud": parsed_args.name, "services": {parsed_args.service: entry}}
        asked = names_credentials()
        if not asked:
            contents["infrastructure"] = {"identity": {"ask": False}}
        cloud = described(contents, "the file")
        if parsed_args.output.exists() and not parsed_args.force:
            raise InvalidCloudFile(
                f"{parsed_args.output} exists already.", next_command="give --force to overwrite it, or another -o FILE"
            )
        write_output(parsed_args.output, cloud.to_yaml())
        print(f"wrote {parsed_args.output}: {parsed_args.service} on {shown(configuration.database_url)}")
        if not asked:
            print(
                "neither OS_CLOUD nor OS_AUTH_URL is set: the file says that the cloud's APIs are not asked"
                " (infrastructure: identity: ask)",
                file=self.app.stderr,
            )
        print(f"next: onward check {parsed_args.service} --to SERIES", file=self.app.stderr)
        return 0
