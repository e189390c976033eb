"""What a release says of a rule, as comments of a policy file: what it is for, which API calls, what the default is."""

import textwrap

from onward.policy.edit import commented, rule_line
from onward.policy.registered import RegisteredRule

WIDTH = 78


def description(rule: RegisteredRule) -> list[str]:
    """What the rule protects, as comments; nothing for a rule that only others refer to."""
    lines: list[str] = []
    for paragraph in rule.description.split("\n\n"):
        lines += textwrap.wrap(" ".join(paragraph.split()), WIDTH)
    lines += [f"{method}  {path}" for method, path in rule.operations]
    if rule.scopes:
        lines.append(f"Intended scope(s): {', '.join(rule.scopes)}")
    return commented(lines)


def default(rule: RegisteredRule) -> str:
    """The default, as a comment that one can take away the sign from."""
    return f"#{rule_line(rule.name, rule.check)}"


def said(words: str, value: object) -> list[str]:
    """A note on what the file said, in one line however long it is."""
    shown = rule_line("", value).removeprefix('"": ')
    return [f"# {words}: {shown}"]
