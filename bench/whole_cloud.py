"""The HA example, full of data, from the oldest release it can be deployed at to the newest, by one saved plan.

Deployed at 2023.1, filled through its APIs (100 projects, each with a network, a volume and a secret; 200 images;
1,000 servers of the fake driver, of which Nova builds 200, and the others are copies of their records), then
``onward plan upgrade`` and ``onward apply`` to 2026.2, and used as an ordinary user would (``onward smoke``). What is
printed: how long each part took, for how long callers found each API gone, the rows before and afterwards, and what of
all that was there is gone, new or another one; the tokens that were issued before have to do. With --keep and the same
directory another call goes on where one ended.

    .venv/bin/python bench/whole_cloud.py [--projects N] [--servers N] [--copied N] [--images N]
        [--directory DIRECTORY] [--keep]
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from material.filled_cloud import Amount, FilledCloud, differences
from material.operated_model import OperatedModel, add_model_options, operated
from onward.engine.record import RunRecord
from onward.engine.runs import list_runs
from onward.hosts.state import Directories, default_directories

MODEL, SOURCE, TARGET = "whole-cloud", "2023.1", "2026.2"
EXAMPLE = Path(__file__).parents[1] / "examples" / "ha-cloud.yaml"
TOKENS_LAST = "token.expiration: 43200"
"""Longer than the bench."""


class Operator(OperatedModel):
    """Who types the commands, and how long that took."""

    def __init__(self, directory: Path) -> None:
        super().__init__(MODEL, directory)
        self.seconds: dict[str, float] = {}

    def timed(self, part: str, work: Callable[[], Any]) -> Any:
        """Do it and remember what it took."""
        begin = time.monotonic()
        found = work()
        self.seconds[part] = round(time.monotonic() - begin, 1)
        print(f"{part}: {self.seconds[part]} s", file=sys.stderr)
        return found

    def upgrade(self) -> RunRecord:
        """The last run that took services to another release."""
        runs = list_runs(Directories(state=self.state, cache=default_directories().cache))
        return [run for run in runs if any(step.step.id == "probe/end" for step in run.steps)][-1]


def bundle(operator: Operator, text: str) -> Path:
    """The bundle at the source release, with tokens that outlive the run."""
    text = re.sub(r'(release: &release) "[^"]*"', rf'\1 "{SOURCE}"', text)
    text = re.sub(r"^name: .*", f"name: {MODEL}", text, flags=re.MULTILINE)
    text = text.replace("options: {workers: 1}", f"options: {{workers: 1, {TOKENS_LAST}}}", 1)
    if TOKENS_LAST not in text:
        raise SystemExit("the bundle's keystone has no options: {workers: 1}")
    file = operator.directory / "bundle.yaml"
    file.write_text(text)
    return file


def measure(operator: Operator, text: str, amount: Amount) -> dict[str, Any]:
    """All parts, one after the other; those that an earlier call has done are left out."""
    plan, kept = operator.directory / "plan.json", operator.directory / "before.json"
    if not kept.exists():
        operator.timed("deploy", lambda: operator.onward("deploy", bundle(operator, text)))
    cloud = FilledCloud(operator.store, operator.directory / "tokens.json")
    if not kept.exists():
        operator.timed("fill", lambda: cloud.fill(amount))
        kept.write_text(json.dumps(operator.timed("remember", cloud.remember)))
    before = json.loads(kept.read_text())
    if set(operator.store.series().values()) != {TARGET}:
        words = ("plan", "upgrade", "--model", MODEL, "--to", TARGET, "-o", plan)
        operator.timed("plan", lambda: operator.onward(*words))
        digest = json.loads(plan.read_text())["digest"]
        operator.timed("apply", lambda: operator.onward("apply", plan, "--approve", digest))
    lost = differences(before, operator.timed("look again", cloud.remember))
    operator.timed("smoke", lambda: operator.onward("smoke", MODEL))
    return {
        "things": {kind: len(things) for kind, things in before.items()},
        "tokens": len(cloud.tokens),
        "seconds": operator.seconds,
        **seen_by(operator.upgrade()),
        "lost": lost,
    }


def seen_by(run: RunRecord) -> dict[str, Any]:
    """What the run itself says of the outage, the rows, the instances and the pings."""
    said = {record.step.id: dict(record.evidence or {}) for record in run.steps}
    rows = {}
    for step, evidence in said.items():
        for database, found in evidence.get("databases", {}).items() if step.startswith("compare/") else ():
            counted: Any = said[step.replace("compare/", "census/")]["databases"]
            rows[database] = {"before": counted[database]["rows"], **found}
    began = [record.started for record in run.steps if record.step.phase == "outage" and record.started]
    return {
        "run": run.run_id,
        "gone_seconds": {name: each["gone_seconds"] for name, each in said["probe/end"]["apis"].items()},
        "seconds_before_the_outage": round(min(began) - run.created, 1),
        "rows": rows,
        "instances": said["instances/after"],
        "pings": said["dataplane/end"],
    }


def main() -> None:
    """Measure and print; 1 where anything is lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--projects", type=int, default=100)
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--copied", type=int, default=800, help="of the servers: not built, but copied from the others")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--bundle", type=Path, default=EXAMPLE, help="another one than the HA example")
    add_model_options(parser)
    wish = parser.parse_args()
    amount = Amount(wish.projects, wish.servers, wish.images, wish.copied)
    with operated(Operator, wish) as operator:
        found = measure(operator, wish.bundle.read_text(), amount)
        print(json.dumps(found, indent=2))
    if found["lost"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
