"""Plants faults in policy files, one in each, and asks oslo.policy's own tools and Onward what they see of them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from onward.hosts.runner import clean_environment
from onward.policy.registered import RegisteredPolicy

CHECKER, VALIDATOR, LIST = "oslopolicy-checker", "oslopolicy-validator", "oslopolicy-list-redundant"
UPGRADE, CONVERT = "oslopolicy-policy-upgrade", "oslopolicy-convert-json-to-yaml"
UPSTREAM = (CHECKER, VALIDATOR, LIST, UPGRADE, CONVERT)
ONWARD = ("onward policy check", "onward policy diff")
TOOLS = (*UPSTREAM, *ONWARD)
AUDITOR = "role:auditor"


Verdict = Literal["finds", "mends", "hints", "misses", "crashes"]
"""finds: it says what is wrong with which rule; mends: what it writes has it right, without a word; hints: it shows
that something is odd, not what; crashes: it ends with a traceback instead."""


@dataclass(frozen=True)
class Fault:
    """A fault that is planted, alone, and how a tool's output shows that it was seen."""

    what: str
    key: str
    """Name of the directory it is planted in."""
    rule: str
    said: tuple[tuple[str, str], ...]
    """What the policy file has: names, and values as JSON."""
    finds: str
    """Regular expression: what a line that names the rule says besides, whichever tool prints it."""
    otherwise: dict[str, tuple[Verdict, str]] = field(default_factory=dict)
    """By tool, what else there may be in the whole of its output, and what that amounts to."""

    @property
    def as_yaml(self) -> str:
        """The policy file, in order and with what is said twice."""
        return "".join(f"{json.dumps(name)}: {value}\n" for name, value in self.said)

    @property
    def as_json(self) -> str:
        """The same for the tool that reads nothing but JSON."""
        return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in self.said) + "}\n"


def faults(old: RegisteredPolicy, new: RegisteredPolicy) -> list[Fault]:
    """The faults, for the rules of these two releases: the installed one and the one to move to."""
    same = [
        name
        for name, rule in sorted(new.rules.items())
        if name in old.rules and rule.check == old.rules[name].check and rule.replaced is None and ":" in name
    ]
    rule, check = same[0], new.rules[same[0]].check
    word = re.escape(rule)
    needless: dict[str, tuple[Verdict, str]] = {
        LIST: ("finds", rf'^"?{word}"?: '),
        CONVERT: ("mends", rf'^# ?"?{word}"?: '),
    }
    not_understood = dict.fromkeys(UPSTREAM, ("finds", "Failed to understand rule admin"))
    return [
        Fault("override with the words of the default", "same", rule, says(rule, check), "without effect", needless),
        Fault(
            "override with other words for the default",
            "other-words",
            rule,
            says(rule, f"({check}) or ({check})"),
            "without effect",
            needless,
        ),
        Fault(
            "rule that no release has",
            "unknown",
            f"{rule}s",
            says(f"{rule}s", "role:x"),
            "Unknown rule|no release",
            {CONVERT: ("finds", rf"extra rules in policy file[\s\S]*{word}s")},
        ),
        Fault(
            "reference to a rule that is not there",
            "undefined",
            rule,
            says(rule, "rule:nowhere"),
            "not defined|no rule is",
        ),
        Fault(
            "rules that go round in a circle",
            "circle",
            rule,
            (*says(rule, "rule:round"), *says("round", f"rule:{rule}")),
            "cyclical|circle",
            {CHECKER: ("hints", rf"exception: rule:(round|{word})")},
        ),
        Fault(
            "check that cannot be understood",
            "broken-check",
            rule,
            says(rule, "admin"),
            "nobody is let in",
            not_understood,
        ),
        Fault("file that cannot be read", "broken-file", "policy.yaml", ((rule, "["),), "cannot read|is no policy"),
        Fault(
            "value that lets everybody in (null)",
            "everybody",
            rule,
            ((rule, "null"),),
            "everybody is let in",
            {CHECKER: ("hints", rf"^passed: {word}$")},
        ),
        Fault("rule that is said twice", "twice", rule, (*says(rule, "!"), *says(rule, "role:x")), "said again"),
        Fault(
            "policy.json that is not read",
            "json",
            rule,
            says(rule, "role:nobody"),
            "is ignored|no longer in force",
            {
                VALIDATOR: ("hints", 'Configured policy file "policy.yaml" not found'),
                UPGRADE: ("mends", rf"^{word}: role:nobody$"),
                CONVERT: ("mends", rf'^"{word}": "role:nobody"$'),
            },
        ),
        *of_moves(old, new),
    ]


def of_moves(old: RegisteredPolicy, new: RegisteredPolicy) -> Iterator[Fault]:
    """The faults that only a move to another release makes."""
    former = old_names(new)
    for what, key, several in (
        ("old name of one new rule", "renamed", False),
        ("old name of several new rules", "split", True),
    ):
        fits = [name for name, names in former.items() if (len(names) > 1) is several]
        # One that looks like a rule of the API before one that does not.
        name = min(fits, key=lambda name: name.startswith("rule:"), default=None)
        if name is not None:
            otherwise: dict[str, tuple[Verdict, str]] = {
                UPGRADE: ("mends", rf'^"?{re.escape(former[name][-1])}"?: "?{AUDITOR}'),
                CONVERT: ("finds", rf"either deprecated rules[\s\S]*{re.escape(name)}"),
            }
            yield Fault(what, key, name, says(name, AUDITOR), "is called|in favor of", otherwise)
    for name, rule in new.rules.items():
        if name in old.rules and rule.check != old.rules[name].check:
            yield Fault(
                "default that changes under an override", "changed", name, says(name, AUDITOR), "default changed under"
            )
            break
    for name in old.rules:
        if name not in new.rules and name not in former:
            words = "no longer in force|known to no|Unknown rule"
            otherwise = {CONVERT: ("finds", rf"extra rules in policy file[\s\S]*{re.escape(name)}")}
            yield Fault("override that is lost by the move", "lost", name, says(name, AUDITOR), words, otherwise)
            break


def old_names(release: RegisteredPolicy) -> dict[str, list[str]]:
    """Names that the release remembers and no longer has as rules, and the rules that each stands for."""
    former: dict[str, list[str]] = {}
    for name, rule in release.rules.items():
        if rule.replaced is not None and rule.replaced.name != name and rule.replaced.name not in release.rules:
            former.setdefault(rule.replaced.name, []).append(name)
    return former


def upgraded(service: str, python: Path, name: str, rules: list[str], home: Path) -> Verdict:
    """What oslopolicy-policy-upgrade makes of a file with one old name."""
    file = home / "old-name.yaml"
    file.write_text(f"{json.dumps(name)}: {json.dumps(AUDITOR)}\n")
    words = [python.parent / UPGRADE, "--namespace", service, "--policy", file]
    result = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        env=clean_environment(os.environ) | {"HOME": str(home)},
    )
    if result.returncode != 0 and "Traceback" in result.stderr:
        return "crashes"
    return "mends" if all(rule in result.stdout for rule in rules) else "misses"


def says(rule: str, check: str) -> tuple[tuple[str, str], ...]:
    return ((rule, json.dumps(check)),)


def planted(fault: Fault, service: str, home: Path) -> Path:
    """The directory ~/.SERVICE of a home of its own, where the service's code finds its configuration by itself."""
    place = home / fault.key / f".{service}"
    place.mkdir(parents=True)
    (place / "given.json").write_text(fault.as_json)
    if fault.key == "json":
        (place / "policy.json").write_text(fault.as_json)
        (place / f"{service}.conf").write_text("[DEFAULT]\n")
    else:
        (place / "policy.yaml").write_text(fault.as_yaml)
        (place / f"{service}.conf").write_text(f"[oslo_policy]\npolicy_file = {place / 'policy.yaml'}\n")
    token = {"token": {"roles": [{"name": "reader"}], "user": {"id": "u", "domain": {"id": "d"}}}}
    (place / "token.json").write_text(json.dumps(token))
    return place


def asked(
    fault: Fault, service: str, python: Path, place: Path, ends: tuple[str, str]
) -> Iterator[tuple[str, str, int]]:
    """Each tool, what it printed and wrote, and its exit status."""
    output = place / "output.yaml"
    policy = place / ("policy.json" if fault.key == "json" else "policy.yaml")
    named = ["--namespace", service]
    words: dict[str, list[object]] = {
        "oslopolicy-checker": ["--policy", policy, "--access", place / "token.json"],
        "oslopolicy-validator": [*named, "--config-file", place / f"{service}.conf"],
        "oslopolicy-list-redundant": [*named, "--config-file", place / f"{service}.conf"],
        "oslopolicy-policy-upgrade": [*named, "--policy", policy],
        "oslopolicy-convert-json-to-yaml": [*named, "--policy-file", place / "given.json", "--output-file", output],
        "onward policy check": [
            "check",
            service,
            "--policy-dir",
            place,
            "--from",
            ends[0],
            "--to",
            ends[1],
            "-f",
            "json",
        ],
        "onward policy diff": [
            "diff",
            service,
            "--from",
            ends[0],
            "--to",
            ends[1],
            "--policy-file",
            policy,
            "-f",
            "json",
        ],
    }
    for tool, arguments in words.items():
        own = [sys.executable, "-m", "onward.commands.main", "policy"]
        command = own if tool in ONWARD else [python.parent / tool]
        result = subprocess.run(
            [*map(str, command), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=place,
            env=dict(os.environ) if tool in ONWARD else {**clean_environment(os.environ), "HOME": str(place.parent)},
        )
        text = result.stdout
        if tool in ONWARD and text:
            # A line for each finding, or rule.
            text = "\n".join(" ".join(json.dumps(value) for value in row.values()) for row in json.loads(text))
        written = output.read_text() if output.exists() else ""
        output.unlink(missing_ok=True)
        yield tool, f"{text}\n{result.stderr}\n{written}", result.returncode


def verdict(tool: str, fault: Fault, text: str, status: int) -> Verdict:
    """What is to be said of a tool that printed this."""
    if any(re.search(fault.finds, line) for line in text.splitlines() if fault.rule in line):
        return "finds"
    amounts_to, shown = fault.otherwise.get(tool, ("misses", ""))
    if shown and re.search(shown, text, flags=re.MULTILINE):
        return amounts_to
    return "crashes" if status != 0 and "Traceback (most recent call last)" in text else "misses"
