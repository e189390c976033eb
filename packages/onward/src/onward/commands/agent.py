"""The program that runs on other machines: it is sent there with all of Onward, and is no command of a user.

``python -m onward.commands.agent DIRECTORY CACHE MODEL``; requests come on standard input, one line of JSON each.
"""

import sys
from pathlib import Path

from onward.actions.remote.served import Served
from onward.survey.deployed import look


def main() -> None:
    """Serve until nobody listens."""
    state, cache, model = sys.argv[1:]
    Served(Path(state), Path(cache), model, look).until_the_end()


if __name__ == "__main__":
    main()
