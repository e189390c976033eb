"""Runs the real entry point in this process."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from onward.commands.main import run
from onward.hosts.state import Directories


@dataclass(frozen=True)
class Called:
    status: int
    out: str
    err: str


@pytest.fixture
def onward(directories: Directories) -> Callable[..., Called]:
    """``onward("series", "list")``: exit status, standard output and standard error."""

    def call(*words: object) -> Called:
        out, err = io.StringIO(), io.StringIO()
        common = ["--state-dir", str(directories.state), "--cache-dir", str(directories.cache)]
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = run([*common, *map(str, words)])
            except SystemExit as ended:
                status = int(ended.code or 0)
        return Called(status, out.getvalue(), err.getvalue())

    return call
