"""``openstack upgrade check``: the checks of ``onward check`` from the openstack client."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onward.checks.finding import Finding
from onward.checks.waiver import parse_waivers
from onward.commands.check import add_check_options, check_wish, subject_of
from onward.commands.findings import FindingsLister
from onward.errors import ApiUnavailable, OnwardError
from onward.hosts.state import default_directories
from onward.observe.cloud_api import CloudApi
from onward.survey.check import survey_check
from onward.survey.cloud import load_cloud
from onward.survey.options import add_environment_options, environment_wish
from onward.views.terminal import print_error

CLOUD_FILE_VARIABLE = "ONWARD_CLOUD_FILE"


class UpgradeCheck(FindingsLister):
    """Check whether a cloud is well, and fit to be taken to a series; nothing is changed.

    With the cloud file, everything is looked at. Without it, what the cloud's APIs show, and the rest says what it
    needs. Exit status 0: nothing stands in the way, though there may be warnings, which are named. 4: something failed
    or could not be told.
    """

    # The client would stop where credentials are missing; here that is a finding, and the cloud file may be enough.
    auth_required = False

    def get_parser(self, prog_name: str) -> Any:
        """Add what is checked."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--cloud-file",
            type=Path,
            default=os.environ.get(CLOUD_FILE_VARIABLE),
            help=f"cloud file (environment: {CLOUD_FILE_VARIABLE}); without it, what can be seen from outside is"
            " checked",
        )
        add_check_options(parser)
        add_environment_options(parser)
        return parser

    def find(self, parsed_args: Any) -> list[Finding]:
        """Look at everything that can be seen from here."""
        return survey_check(
            default_directories().prepared(),
            load_cloud(Path(parsed_args.cloud_file)) if parsed_args.cloud_file else None,
            check_wish(parsed_args),
            environment_wish(parsed_args),
            api=self._api,
            progress=lambda text: print(text, file=self.app.stderr),
        )

    def subject(self, parsed_args: Any) -> tuple[str, str]:
        """By what was asked for."""
        return subject_of(parsed_args)

    def waivers(self, parsed_args: Any) -> Mapping[str, str]:
        """As they were given."""
        return parse_waivers(parsed_args.waive)

    def run(self, parsed_args: Any) -> int:
        """As ``onward`` does: an error is a message with its code, and its exit status."""
        try:
            status: int = super().run(parsed_args)
        except OnwardError as error:
            print_error(error, self.app.stderr)
            return error.exit_status
        return status

    def _api(self) -> CloudApi:
        """The APIs with the client's authentication. Raises ApiUnavailable."""
        app: Any = self.app
        manager = app.client_manager
        try:
            # As the client's own shell does for a command that cannot do without.
            manager._cli_options = app.cloud_config.get_one(
                cloud=app.options.cloud, argparse=app.options, validate=True
            )
            manager.setup_auth()
            api: CloudApi = manager.upgrade
        except Exception as error:  # the client's own, keystoneauth's and openstacksdk's have no common base
            raise ApiUnavailable(
                "The openstack client has no credentials that can be used.",
                evidence=f"{type(error).__name__}: {error}",
                next_command="set OS_CLOUD or the variables of an openrc file, or give --os-cloud",
            ) from None
        return api
