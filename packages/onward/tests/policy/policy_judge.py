"""The real oslo.policy of a release, asked by tests through one process for as long as they need it."""

import json
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

from onward.policy.language import Always, And, Atom, Check, Never, Not, Or, Role, Rule
from onward.policy.registered import RegisteredPolicy, RegisteredRule, Replaced

PROGRAM = Path(__file__).with_name("judge_program.py")


class Judge:
    """One release's oslo.policy."""

    def __init__(self, python: Path, series: str, service: str = "keystone") -> None:
        self.series, self.service = series, service
        self._process = subprocess.Popen(
            [python, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def ask(self, **question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the judge of {self.series} ended with {self._process.wait()}"
        return json.loads(answer)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def parse(self, *values: object) -> list[Check]:
        """What the release understands; an AssertionError for what it refuses."""
        return [tree(answer) for answer in self.ask(ask="parse", values=values)]

    @cached_property
    def version(self) -> str:
        return self.ask(ask="version")

    def registered(self) -> RegisteredPolicy:
        """What the release of the service registers."""
        answer = self.ask(ask="describe", service=self.service)
        rules = {rule["name"]: registered_rule(rule) for rule in answer["rules"]}
        return RegisteredPolicy(self.service, self.series, "", rules, oslo_policy=self.version)

    def effective(self, file: str, **options: Any) -> dict[str, Check]:
        """The check of each rule that is in force with this policy file."""
        answer = self.ask(ask="effective", **{"service": self.service, "file": file, **options})
        assert "rules" in answer, answer
        return {name: tree(check) for name, check in answer["rules"].items()}

    def outcomes(self, file: str, cases: list[tuple[str, dict, dict]], **options: Any) -> list[bool | str]:
        """What happens to each (rule, target, credentials): let in, or not, or the name of an exception."""
        answer = self.ask(ask="enforce", **{"service": self.service, "file": file, "cases": cases, **options})
        assert "outcomes" in answer, answer
        return answer["outcomes"]


def registered_rule(data: dict[str, Any]) -> RegisteredRule:
    replaced = Replaced(data["replaced"]["name"], data["replaced"]["check"]) if data.get("replaced") else None
    return RegisteredRule(
        name=data["name"],
        check=data["check"],
        description=data.get("description", ""),
        scopes=tuple(data.get("scopes", ())),
        operations=tuple((method, path) for method, path in data.get("operations", ())),
        replaced=replaced,
        removal=data.get("removal", False),
    )


def tree(answer: list[Any]) -> Check:
    """The tree that the judge described."""
    match answer:
        case ["not", part]:
            return Not(tree(part))
        case ["and" | "or" as word, *parts]:
            return (And if word == "and" else Or)(tuple(tree(part) for part in parts))
        case ["single", kind, match]:
            return {"rule": Rule, "role": Role}.get(kind, lambda match: Atom(kind, match))(match)
    constants = {"always": Always(), "never": Never()}
    assert answer[0] in constants, f"refused: {answer}"
    return constants[answer[0]]
