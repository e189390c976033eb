"""What changes in the policy of every service between adjacent series, and what other tools see of the same files.

    uv run python bench/policy_diff.py [--services nova,keystone] [--series 2023.1,...] [--write FILE]

Environments are built where they are missing, and the registered rules asked for, before anything is timed.
``seconds`` is what one `onward policy diff` then takes: both releases are started, load their policy and answer for
every persona, and the answers are compared; ``compare_seconds`` is the comparing alone. One after the other, each once.

Then faults are planted in policy files of one service, and oslo.policy's own tools are run on the same files, in the
environment of the target: a tool finds a fault when what it prints says so of the rule that has it, by the patterns
below. Prints one JSON document, and writes the tables where told to.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from onward.catalog.load import series_list
from onward.hosts.runner import clean_environment
from onward.hosts.state import default_directories
from onward.policy.difference import difference, predecessors
from onward.policy.registered import RegisteredPolicy
from onward.survey.options import EnvironmentWish
from onward.survey.policies import PolicyEnvironments
from onward.survey.policy_ends import OperatorPolicy, policy_ends

SERVICES = ("nova", "keystone", "neutron", "glance", "cinder", "barbican", "octavia", "designate")
SERIES = tuple(series.id for series in series_list() if series.id[:2] == "20")
KINDS = ("wider", "narrower", "could not tell", "default changed", "scope changed", "renamed", "removed", "new")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def pairs(environments: PolicyEnvironments, services: list[str], series: list[str]) -> list[dict]:
    """One entry for each service and adjacent pair."""
    found = []
    for service in services:
        for each in series:
            environments.registered(service, each)
        for old, new in pairwise(series):
            began = time.perf_counter()
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
                    "compare_seconds": round(ended - asked, 2),
                    "changed": len(changes),
                    **{kind: counts[kind] for kind in KINDS},
                }
            )
            say(f"{service} {old} -> {new}: {found[-1]['seconds']} s, {dict(counts)}")
    return found


# --- The same faults for all tools


@dataclass(frozen=True)
class Fault:
    """A fault that is planted: what it is, in which directory, and the rule that has it."""

    what: str
    where: str
    rule: str
    says: str
    """Regular expression: what a tool's line must say besides the rule's name; empty: that it prints it at all."""


def plant(directory: Path, old: RegisteredPolicy, new: RegisteredPolicy) -> list[Fault]:
    """Policy files with faults, one directory for each that would hide others; returns what is wrong in them."""
    service = new.service
    plain = [
        name
        for name, rule in sorted(new.rules.items())
        if name in old.rules and rule.check == old.rules[name].check and rule.replaced is None and ":" in name
    ]
    same, other, undefined, circle, broken, everybody, twice, stricter = plain[:8]
    former: dict[str, list[str]] = {}
    for name, rule in new.rules.items():
        if rule.replaced is not None and rule.replaced.name != name:
            former.setdefault(rule.replaced.name, []).append(name)
    split = next(name for name, rules in former.items() if len(rules) > 1)
    under = next(name for name, rule in new.rules.items() if name in old.rules and rule.check != old.rules[name].check)
    gone = next((name for name in old.rules if name not in new.rules and name not in former), None)
    files = {
        "rules": {
            same: new.rules[same].check,
            other: f"({new.rules[other].check}) or ({new.rules[other].check})",
            f"{same}s": "role:admin",
            undefined: "rule:nowhere",
            circle: "rule:round",
            "round": "rule:and_round",
            "and_round": "rule:round",
            broken: "admin",
        },
        "split": {split: "role:auditor"},
        "move": {under: "role:auditor", **({gone: "role:auditor"} if gone else {})},
        "json": {stricter: "role:nobody"},
    }
    for name, rules in files.items():
        place = directory / name
        place.mkdir()
        (place / f"{service}.conf").write_text(f"[oslo_policy]\npolicy_file = {place / 'policy.yaml'}\n")
        (place / "policy.yaml").write_text("".join(f"{json.dumps(key)}: {json.dumps(rules[key])}\n" for key in rules))
    (directory / "rules" / "policy.yaml").open("a").write(f'"{everybody}":\n"{twice}": "!"\n"{twice}": "role:x"\n')
    (directory / "json" / "policy.yaml").rename(directory / "json" / "policy.json")
    (directory / "json" / f"{service}.conf").write_text("[DEFAULT]\n")
    faults = [
        Fault("override with the words of the default", "rules", same, ""),
        Fault("override with other words for the default", "rules", other, ""),
        Fault("rule that no release has", "rules", f"{same}s", r"[Uu]nknown|no release"),
        Fault("reference to a rule that is not there", "rules", undefined, r"not defined|no rule is|undefined"),
        Fault("rules that go round in a circle", "rules", "and_round", r"cycl|circle"),
        Fault("check that cannot be understood", "rules", broken, r"[Ff]ailed to (parse|understand)|no colon"),
        Fault("value that lets everybody in", "rules", everybody, r"everybody"),
        Fault("name that is said twice", "rules", twice, r"again|duplicate"),
        Fault("old name of several new rules", "split", split, r"called .* now|renamed|deprecated"),
        Fault("policy.json that is not read", "json", stricter, r"ignored"),
        Fault("default that changes under an override", "move", under, r"default changed"),
    ]
    if gone:
        faults.append(Fault("override that is lost by the move", "move", gone, r"no longer in force|is known to no"))
    return faults


def upstream(python: Path, service: str, place: Path) -> dict[str, tuple[str, bool]]:
    """What each of oslo.policy's tools prints for a directory, and whether it crashed."""
    conf, output = place / f"{service}.conf", place / "output"
    source = next(path for path in (place / "policy.json", place / "policy.yaml") if path.exists())
    token = place / "token.json"
    token.write_text(json.dumps({"token": {"roles": [{"name": "reader"}], "user": {"id": "u", "domain": {"id": "d"}}}}))
    words = {
        "oslopolicy-checker": ["--policy", source, "--access", token],
        "oslopolicy-list-redundant": ["--namespace", service, "--config-file", conf],
        "oslopolicy-policy-generator": ["--namespace", service, "--config-file", conf],
        "oslopolicy-sample-generator": ["--namespace", service],
        "oslopolicy-policy-upgrade": ["--namespace", service, "--policy", source],
        "oslopolicy-convert-json-to-yaml": ["--namespace", service, "--policy-file", source, "--output-file", output],
        "oslopolicy-validator": ["--namespace", service, "--config-file", conf],
    }
    printed = {}
    for tool, arguments in words.items():
        result = subprocess.run(
            [python.parent / tool, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=place,
            env=clean_environment(os.environ),
        )
        text = result.stdout + result.stderr + (output.read_text() if output.exists() else "")
        output.unlink(missing_ok=True)
        printed[tool] = (text, "Traceback" in result.stderr and result.returncode != 0)
    return printed


def said(tool: str, fault: Fault, text: str) -> bool:
    """Whether the tool's output says the fault of the rule."""
    lines = [line for line in text.splitlines() if re.search(rf"{re.escape(fault.rule)}(?![\w:-])", line)]
    if fault.says:
        whole = [line for line in lines if re.search(fault.says, line)]
        return bool(whole) or (fault.what.startswith("check") and bool(re.search("Failed to parse rule: admin", text)))
    if tool == "oslopolicy-list-redundant":
        return bool(lines)
    if tool == "oslopolicy-convert-json-to-yaml":
        return any(line.startswith("#") for line in lines)
    return tool.startswith("onward") and any("without effect" in line for line in lines)


def onward(place: Path, service: str, old: str, new: str) -> dict[str, tuple[str, bool]]:
    """What Onward prints for a directory."""
    program = [sys.executable, "-m", "onward.commands.main", "policy"]
    named = place / "policy.json" if (place / "policy.json").exists() else place / "policy.yaml"
    ends = ["--from", old, "--to", new]
    words = {
        "onward policy check": ["check", service, "--policy-dir", place, *ends, "-f", "json"],
        "onward policy diff": ["diff", service, *ends, "--policy-file", named, "-f", "json"],
    }
    printed = {}
    for tool, arguments in words.items():
        result = subprocess.run([*program, *map(str, arguments)], capture_output=True, text=True, check=False)
        try:
            rows = [" ".join(json.dumps(value) for value in row.values()) for row in json.loads(result.stdout)]
        except ValueError:
            rows = [result.stderr]
        printed[tool] = ("\n".join(rows), "Traceback" in result.stderr)
    return printed


def compared(environments: PolicyEnvironments, service: str, old: str, new: str) -> dict:
    """Which tool finds which of the planted faults."""
    before, after = environments.registered(service, old), environments.registered(service, new)
    python = environments.environment(service, new).python
    with tempfile.TemporaryDirectory(prefix="onward-bench-") as directory:
        faults = plant(Path(directory), before, after)
        printed = {}
        for place in sorted({fault.where for fault in faults}):
            say(f"the tools on {service}, {place}")
            printed[place] = {
                **upstream(python, service, Path(directory) / place),
                **onward(Path(directory) / place, service, old, new),
            }
    tools = list(next(iter(printed.values())))
    table = {
        fault.what: {tool: "yes" if said(tool, fault, printed[fault.where][tool][0]) else "" for tool in tools}
        for fault in faults
    }
    crashes = {tool: [place for place in printed if printed[place][tool][1]] for tool in tools}
    for fault in faults:
        for tool in tools:
            if fault.where in crashes[tool] and not table[fault.what][tool]:
                table[fault.what][tool] = "crash"
    return {"service": service, "from": old, "to": new, "finds": table, "renamed": len(predecessors(before, after))}


def page(found: dict) -> str:
    """The tables, for the documentation."""
    words = " ".join(["uv run python bench/policy_diff.py", *found["arguments"]])
    lines = ["# Measurements: policy", "", f"Made by `{words}`, {found['machine']}.", ""]
    lines += ["## Every adjacent pair", ""]
    lines += [
        "Nobody's overrides; the defaults of each release as it enforces them. *Opens* counts the rules that let in",
        "somebody who was kept out, *closes* those that keep out somebody who was let in; a rule may do both.",
        "",
        "| Service | From | To | Rules | Opens | Closes | Could not tell | New | Removed | Renamed | Scope | Seconds |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in found["pairs"]:
        cells = [row[key] for key in ("service", "from", "to", "rules", "wider", "narrower", "could not tell")]
        cells += [row[key] for key in ("new", "removed", "renamed", "scope changed", "seconds")]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    seconds = sorted(row["seconds"] for row in found["pairs"])
    middle = seconds[len(seconds) // 2]
    lines += ["", f"{len(seconds)} pairs: {seconds[0]} to {seconds[-1]} s, {middle} s in the middle.", ""]
    for each in found["tools"]:
        tools = list(next(iter(each["finds"].values())))
        lines += [f"## The same faults for all tools: {each['service']}, {each['from']} to {each['to']}", ""]
        lines += [f"| Planted | {' | '.join(tool.removeprefix('oslopolicy-') for tool in tools)} |"]
        lines += [f"|---|{'---|' * len(tools)}"]
        lines += [f"| {what} | {' | '.join(finds[tool] for tool in tools)} |" for what, finds in each["finds"].items()]
        lines.append("")
    lines += [
        "All but the last two columns are oslo.policy's own tools (`oslopolicy-…`), run in the environment of the",
        "target. *crash* is a traceback.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--services", default=",".join(SERVICES))
    parser.add_argument("--series", default=",".join(SERIES))
    parser.add_argument("--tools", default="nova", help="services in which the faults are planted")
    parser.add_argument("--tools-from", default="2024.2")
    parser.add_argument("--tools-to", default="2026.1")
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    directories = default_directories().prepared()
    environments = PolicyEnvironments(directories, EnvironmentWish("as-of-release", 2), say)
    found = {
        "bench": "policy_diff",
        "arguments": sys.argv[1:],
        "machine": f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.0f} when it began",
        "pairs": pairs(environments, [each for each in chosen.services.split(",") if each], chosen.series.split(",")),
        "tools": [
            compared(environments, service, chosen.tools_from, chosen.tools_to) for service in chosen.tools.split(",")
        ],
    }
    print(json.dumps(found, indent=2))
    if chosen.write is not None:
        chosen.write.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
