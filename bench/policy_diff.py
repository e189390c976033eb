"""What changes in the policy of every service between adjacent series, and what other tools see of the same files.

    uv run python bench/policy_diff.py [--services nova,keystone] [--series 2023.1,...] [--tools nova] [--write FILE]

Environments are built where they are missing, and the registered rules asked for, before anything is timed.
``seconds`` is what one `onward policy diff` then takes: both releases are started, load their policy and answer for
every persona, and the answers are compared; ``processor_seconds`` is the processor time of it, which other work on the
machine changes little; ``compare_seconds`` is the comparing alone. One after the other, each once.

Then faults are planted in policy files of one service, and oslo.policy's own tools are run on the same files, in the
environment of the target (material/policy_tools.py). Prints one JSON document, and writes the tables where told to.
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from material.policy_tools import TOOLS, UPSTREAM, Verdict, asked, faults, old_names, planted, upgraded, verdict
from onward.catalog.load import series_list
from onward.hosts.state import default_directories
from onward.policy.difference import difference
from onward.survey.options import EnvironmentWish
from onward.survey.policies import PolicyEnvironments
from onward.survey.policy_ends import OperatorPolicy, policy_ends

SERVICES = ("nova", "keystone", "neutron", "glance", "cinder", "barbican", "octavia", "designate")
SERIES = tuple(series.id for series in series_list() if series.id[:2] == "20")
KINDS = ("wider", "narrower", "could not tell", "default changed", "scope changed", "renamed", "removed", "new")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def processor_seconds() -> float:
    """What this process and the programs that it has waited for have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def pairs(environments: PolicyEnvironments, services: list[str], series: list[str]) -> list[dict]:
    """One entry for each service and adjacent pair."""
    found = []
    for service in services:
        for each in series:
            environments.registered(service, each)
        for old, new in pairwise(series):
            began, used = time.perf_counter(), processor_seconds()
            ends = policy_ends(environments, service, [old, new], OperatorPolicy())
            asked = time.perf_counter()
            changes = difference(*ends).changes
            ended = time.perf_counter()
            counts = Counter(kind for change in changes for kind in change.kinds)
            found.append(
                {
                    "service": service,
                    "from": old,
                    "to": new,
                    "rules": len(ends[1].registered.rules),
                    "seconds": round(ended - began, 2),
                    "processor_seconds": round(processor_seconds() - used, 2),
                    "compare_seconds": round(ended - asked, 2),
                    "changed": len(changes),
                    **{kind: counts[kind] for kind in KINDS},
                }
            )
            say(f"{service} {old} -> {new}: {found[-1]['seconds']} s, {dict(counts)}")
    return found


def compared(environments: PolicyEnvironments, service: str, old: str, new: str, keep: Path | None) -> dict:
    """Which tool finds which of the planted faults."""
    before, after = environments.registered(service, old), environments.registered(service, new)
    python = environments.environment(service, new).python
    finds: dict[str, dict[str, Verdict]] = {}
    with tempfile.TemporaryDirectory(prefix="onward-bench-") as directory:
        for fault in faults(before, after):
            place = planted(fault, service, Path(directory))
            finds[fault.what] = {}
            for tool, text, status in asked(fault, service, python, place, (old, new)):
                finds[fault.what][tool] = verdict(tool, fault, text, status)
                if keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{fault.key}-{tool.replace(' ', '-')}.txt").write_text(f"exit status {status}\n{text}")
            say(f"{service}: {fault.what}: {finds[fault.what]}")
        renames = Counter(
            ("several" if len(rules) > 1 else "one", upgraded(service, python, name, rules, Path(directory)))
            for name, rules in old_names(after).items()
        )
    return {
        "service": service,
        "from": old,
        "to": new,
        "oslo.policy": after.oslo_policy,
        "finds": finds,
        "renames": [[rules, made, number] for (rules, made), number in sorted(renames.items())],
    }


def listed(words: str) -> list[str]:
    return [each for each in words.split(",") if each]


def page(found: list[dict]) -> str:
    """The tables, for the documentation."""
    lines = ["# Measurements: policy", ""]
    for each in found:
        if each["pairs"]:
            lines += of_pairs(each)
        for tools in each["tools"]:
            lines += of_tools(each, tools)
    return "\n".join(lines).rstrip() + "\n"


def made_by(each: dict) -> str:
    words = shlex.join(["uv", "run", "python", "bench/policy_diff.py", *each["arguments"]])
    return f"Made by `{words}`. {each['began']}, {each['machine']} (not of its own)."


def of_pairs(each: dict) -> list[str]:
    lines = ["## Every adjacent pair", "", made_by(each), ""]
    lines += [
        "Nobody's overrides: the defaults of each release as it enforces them. *Opens* counts the rules that let in",
        "somebody who was kept out, *closes* those that keep out somebody who was let in; a rule may do both.",
        "*Processor* is the processor time of one `onward policy diff`, both releases started and asked, in seconds;",
        "it changes little with what else the machine does. *Clock* is what passed meanwhile.",
        "",
        "| Service | From | To | Rules | Opens | Closes | Unclear | New | Gone | Renamed | Scope | Processor | Clock |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in each["pairs"]:
        cells = [row[key] for key in ("service", "from", "to", "rules", "wider", "narrower", "could not tell", "new")]
        cells += [row[key] for key in ("removed", "renamed", "scope changed", "processor_seconds", "seconds")]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    used, passed = (sorted(row[key] for row in each["pairs"]) for key in ("processor_seconds", "seconds"))
    middle = len(used) // 2
    lines += ["", f"{len(used)} pairs: processor {used[0]} to {used[-1]} s, {used[middle]} s in the middle; clock"]
    lines += [f"{passed[0]} to {passed[-1]} s, {passed[middle]} s in the middle.", ""]
    return lines


def of_tools(each: dict, tools: dict) -> list[str]:
    release = f"{tools['service']}, {tools['from']} to {tools['to']}"
    short = [tool.removeprefix("oslopolicy-") for tool in TOOLS]
    lines = [f"## The same faults for all tools: {release}", "", made_by(each), ""]
    lines += [
        f"Each fault is planted alone. The first {len(UPSTREAM)} columns are oslo.policy's own `oslopolicy-…` tools,"
    ]
    lines += [
        f"run in the environment of {tools['to']} (oslo.policy {tools['oslo.policy']}), each as it is documented: the"
    ]
    lines += [
        "service finds its configuration in its usual place, `convert-json-to-yaml` is given the file as JSON.",
        "",
    ]
    lines += [f"| Planted | {' | '.join(short)} |", f"|---|{'---|' * len(short)}"]
    lines += [f"| {what} | {' | '.join(finds[tool] for tool in TOOLS)} |" for what, finds in tools["finds"].items()]
    lines += [
        "",
        "*finds*: it says what is wrong with which rule; *mends*: what it writes has it right, without a word;",
        "*hints*: it shows that something is odd, not what; *crashes*: it ends with a traceback instead, which for a",
        "file that cannot be read names the line.",
        "",
    ]
    for rules, made, number in tools["renames"]:
        lines.append(f"- Old names that stand for {rules} of the new rules, each alone in a file:")
        lines[-1] += f" `oslopolicy-policy-upgrade` {made} {number} times."
    return [*lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--services", default=",".join(SERVICES))
    parser.add_argument("--series", default=",".join(SERIES))
    parser.add_argument("--tools", default="nova", help="services in which the faults are planted")
    parser.add_argument("--tools-from", default="2024.2")
    parser.add_argument("--tools-to", default="2026.1")
    parser.add_argument("--keep", type=Path, help="directory for all that the tools print")
    parser.add_argument(
        "--read", type=Path, action="append", default=[], help="what an earlier call printed: its tables, too"
    )
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    environments = PolicyEnvironments(default_directories().prepared(), EnvironmentWish("as-of-release", 2), say)
    shown = [word for word in sys.argv[1:] if word not in ("--write", "--read", "--keep")]
    named = {str(each) for each in (chosen.write, chosen.keep, *chosen.read)}
    found = {
        "bench": "policy_diff",
        "arguments": [word for word in shown if word not in named],
        "machine": f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.0f} when it began",
        "began": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "pairs": pairs(environments, listed(chosen.services), listed(chosen.series)),
        "tools": [
            compared(environments, service, chosen.tools_from, chosen.tools_to, chosen.keep)
            for service in listed(chosen.tools)
        ],
    }
    print(json.dumps(found, indent=2))
    if chosen.write is not None:
        earlier = [json.loads(file.read_text(encoding="utf-8")) for file in chosen.read]
        chosen.write.write_text(page([*earlier, found]), encoding="utf-8")


if __name__ == "__main__":
    main()
