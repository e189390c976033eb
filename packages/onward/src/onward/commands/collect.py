"""``onward collect``: keeps a history of who saw what of whom, for ``onward diagnose --since``."""

import argparse
import threading
import time
from pathlib import Path
from typing import Any

from onward.commands.base import Command, directories_of
from onward.errors import CollectorImpossible
from onward.hosts.state import Directories
from onward.survey.collecting import Collecting
from onward.survey.recorded import only_model

_SHORTEST_SECONDS = 1.0
_SHORTEST_KEY = 16


class Collect(Command):
    """Keep what the units of a model see of one another, and when that changed, until Ctrl-C.

    It looks at all of them again and again, and takes what they tell by themselves. `onward diagnose --since 10m`
    says then what was wrong.
    """

    def get_parser(self, prog_name: str) -> Any:
        """Add the model, and how often and for how long."""
        parser = super().get_parser(prog_name)
        parser.add_argument("model", nargs="?", help="name of the model (default: the only one there is)")
        parser.add_argument(
            "--every", type=_seconds, default=10.0, metavar="SECONDS", help="between two looks (default: 10)"
        )
        parser.add_argument(
            "--keep", type=float, default=24.0, metavar="HOURS", help="how long it is kept (default: 24)"
        )
        parser.add_argument(
            "--udp",
            type=_address,
            metavar="ADDRESS:PORT",
            help="listen there as well, for units of other machines (their option push_to); with --key-file",
        )
        parser.add_argument("--key-file", type=Path, metavar="FILE", help="the secret that those units seal with")
        return parser

    def take_action(self, parsed_args: Any) -> int:
        """Collect until somebody has had enough."""
        directories: Directories = directories_of(self)
        model = only_model(directories, parsed_args.model)
        key = _key(parsed_args.key_file) if parsed_args.udp else b""
        with Collecting(directories, model, 3600 * parsed_args.keep, parsed_args.udp, key) as collecting:
            self.tell(f"collecting what {model} tells, in {collecting.path}; Ctrl-C ends it")
            over = threading.Event()
            looking = threading.Thread(target=_look, args=(collecting, parsed_args.every, over), daemon=True)
            looking.start()
            try:
                while looking.is_alive():
                    collecting.work(1.0)
            except KeyboardInterrupt:
                pass
            finally:
                over.set()
                looking.join()
            self.tell(f"{collecting.kept} changes kept, {collecting.taken} reports taken, {collecting.refused} refused")
        return 0


def _look(collecting: Collecting, every: float, over: threading.Event) -> None:
    while not over.is_set():
        began = time.monotonic()
        if not collecting.look():
            return
        over.wait(max(0.0, every - (time.monotonic() - began)))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not _SHORTEST_SECONDS <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: at least {_SHORTEST_SECONDS:g} second is expected")
    return seconds


def _address(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    if not address or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r}: ADDRESS:PORT is expected")
    return address, int(port)


def _key(file: Path | None) -> bytes:
    """Raises CollectorImpossible."""
    if file is None:
        raise CollectorImpossible(
            "Over UDP anybody could tell anything.", next_command="name a file with a secret: --key-file FILE"
        )
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise CollectorImpossible(f"{file} cannot be read.", evidence=str(error.strerror)) from None
    if len(key) < _SHORTEST_KEY:
        raise CollectorImpossible(f"The secret in {file} is too short.", evidence=f"at least {_SHORTEST_KEY} bytes")
    return key
