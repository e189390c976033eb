"""The process of one plug-in. Started by ``plugins.py`` with the path of a request; never imported.

The answer is a file with a line of JSON for each finding, written as soon as it is known, and ``"end"`` as the last.
What the plug-in prints goes to the log.
"""

import json
import os
import sys
from dataclasses import asdict
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from onward.checks.finding import Finding, unclear
from onward.survey.checks.context import CheckContext, context_from
from onward.survey.checks.plugins import GROUP
from onward.survey.checks.runner import collect


class _Answer(list[Finding]):
    """Findings that are on the disk as soon as they are known, without the secrets that the plug-in was given."""

    def __init__(self, file: Any, clean: Any) -> None:
        super().__init__()
        self._file = file
        self._clean = clean

    def append(self, finding: Finding) -> None:
        super().append(finding)
        self.write(self._clean(asdict(finding)))

    def write(self, data: Any) -> None:
        """Add a line."""
        self._file.write(json.dumps(data) + "\n")
        self._file.flush()


def _called(entry: EntryPoint, context: CheckContext) -> Any:
    """Its answer, whatever that is. What cannot even be imported could not tell."""
    try:
        function = entry.load()
    except BaseException as error:  # its module is the site's code as well
        return [unclear(entry.name, f"{entry.value} cannot be imported: {type(error).__name__}: {error}")]
    return function(context)


def main() -> None:
    """Load the plug-in, call it, write its answer, and end whatever it may have left running."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.path[:] = request["path"]
    entry = EntryPoint(request["name"], request["value"], GROUP)
    with (
        Path(request["answer"]).open("w", encoding="utf-8") as file,
        context_from(request["context"]) as context,
    ):
        answer = _Answer(file, context.secrets.clean)
        collect(entry.name, lambda: _called(entry, context), answer)
        answer.write("end")
    os._exit(0)


if __name__ == "__main__":
    main()
