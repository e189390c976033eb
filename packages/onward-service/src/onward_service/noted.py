"""What the workers of a unit have noted, for whoever is on its machine while they answer nobody.

    python -m onward_service.noted STATE-FILE

Prints the same document as ``/health``, and changes nothing. Exit status 1 where the file cannot be read.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from onward_service.answers import details
from onward_service.board import StateFileUnusable, noted
from onward_service.judgement import Limits, components
from onward_service.observation import Status


def main() -> int:
    """Read the file that is named."""
    now = time.time()
    try:
        found = components(noted(Path(sys.argv[1])), now, Limits())
    except StateFileUnusable as error:
        print(error, file=sys.stderr)
        return 1
    worst = max((each.status for each in found), default=Status.PASS)
    sys.stdout.buffer.write(details(worst, "", found, (), now))
    return 0


if __name__ == "__main__":
    sys.exit(main())
