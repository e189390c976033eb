"""The option that names the store which several controllers share."""

import argparse
import os
from dataclasses import replace
from typing import Any

from onward.commands.base import HasApp, directories_of
from onward.errors import StoreAddressInvalid
from onward.hosts.state import Directories
from onward.model.store import StoreAddress, store_address

VARIABLE = "ONWARD_STORE"


def add_store_option(parser: Any) -> None:
    """Add ``--store``."""
    parser.add_argument(
        "--store",
        metavar="URL",
        default=os.environ.get(VARIABLE),
        help="postgresql://USER@HOST/DATABASE that several controllers share, without a password (environment: "
        f"{VARIABLE}); without it, runs are in the state directory",
    )


def store_of(parsed_args: argparse.Namespace) -> StoreAddress | None:
    """The store that was named, if any. Raises StoreAddressInvalid."""
    if not parsed_args.store:
        return None
    try:
        return store_address(parsed_args.store)
    except ValueError as error:
        raise StoreAddressInvalid(
            f"What was given as the store cannot be used: {error}.",
            next_command="export PGPASSFILE=/etc/onward/pgpass; onward ... --store postgresql://USER@HOST/DATABASE",
        ) from None


def stored_directories_of(command: HasApp, parsed_args: argparse.Namespace) -> Directories:
    """The directories of this call, with the store that was named."""
    return replace(directories_of(command), store=store_of(parsed_args))
