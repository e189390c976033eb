"""The real oslo.policy of one release as a judge: reads a question as one line of JSON, answers with one line of JSON.

Runs inside a release's own environment, from Python 3.6 on, and knows nothing of Onward.
"""

import copy
import json
import logging
import os
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from oslo_config import cfg  # noqa: E402
from oslo_policy import _checks, _parser, policy  # noqa: E402
from oslo_policy.version import version_info  # noqa: E402


def tree(check):
    """A check as nested lists."""
    if isinstance(check, _checks.TrueCheck):
        return ["always"]
    if isinstance(check, _checks.NotCheck):
        return ["not", tree(check.rule)]
    if isinstance(check, (_checks.AndCheck, _checks.OrCheck)):
        word = "and" if isinstance(check, _checks.AndCheck) else "or"
        return [word] + [tree(part) for part in check.rules]
    if isinstance(check, _checks.Check):
        return ["single", check.kind, check.match]
    # A FalseCheck. Until 4.6 a quoted word alone comes out as the word itself, which fails when it is evaluated.
    return ["never"]


def parse(value):
    """The tree of one check, or the name of the exception."""
    try:
        return tree(_parser.parse_rule(value))
    except Exception as error:
        return [type(error).__name__]


def enforcer(question):
    """An Enforcer with these rules registered and this policy file."""
    conf = cfg.ConfigOpts()
    directory = tempfile.mkdtemp(prefix="onward-judge-")
    path = os.path.join(directory, question.get("name", "policy.yaml"))
    with open(path, "w", encoding="utf-8") as file:
        file.write(question["file"])
    conf([], project="judge", default_config_files=[], default_config_dirs=[])
    found = policy.Enforcer(conf, policy_file=path)
    conf.set_override("policy_dirs", [], "oslo_policy")
    for option in ("enforce_new_defaults", "enforce_scope"):
        if question.get(option) is not None and hasattr(conf.oslo_policy, option):
            conf.set_override(option, question[option], "oslo_policy")
    found.suppress_deprecation_warnings = True
    # Until 3.6 the Enforcer changes the rules that it is given.
    found.register_defaults(copy.deepcopy(registered(question)))
    try:
        found.load_rules()
    finally:
        os.unlink(path)
        os.rmdir(directory)
        # Nobody touches the file from now on.
        found.load_rules = lambda force_reload=False: None
    return found


SERVICES = {}


def service_rules(name):
    """The rules that the service of this environment registers, found as oslo.policy's own tools find them."""
    if name not in SERVICES:
        from stevedore import named

        manager = named.NamedExtensionManager("oslo.policy.policies", names=[name], invoke_on_load=True)
        SERVICES[name] = [rule for extension in manager for rule in extension.obj]
    return SERVICES[name]


def contents(text):
    """What is in a policy file, or the name of the exception."""
    try:
        return {"rules": list(policy.Rules.load(text).keys()), "values": policy.parse_file_contents(text)}
    except Exception as error:
        return {"error": type(error).__name__}


def registered(question):
    """Rules of the service, or rules that the question brings along."""
    if "registered" not in question:
        return service_rules(question["service"])
    rules = []
    for rule in question["registered"]:
        old = rule.get("replaced")
        words = {"deprecated_reason": "test", "deprecated_since": "test"}
        if old:
            try:
                old = policy.DeprecatedRule(old["name"], old["check"], **words)
                words = {}
            except TypeError:  # before 3.4 the words belong to the new rule
                old = policy.DeprecatedRule(old["name"], old["check"])
        if rule.get("removal"):
            words = {"deprecated_for_removal": True, "deprecated_reason": "test", "deprecated_since": "test"}
        elif not old:
            words = {}
        rules.append(policy.RuleDefault(rule["name"], rule["check"], deprecated_rule=old or None, **words))
    return rules


def describe(name):
    """The registered rules of a service as data."""
    found = []
    for rule in service_rules(name):
        old = rule.deprecated_rule
        found.append(
            {
                "name": rule.name,
                "check": rule.check_str,
                "description": rule.description or "",
                "scopes": list(getattr(rule, "scope_types", None) or []),
                "operations": [
                    [method, each["path"]]
                    for each in getattr(rule, "operations", [])
                    for method in ([each["method"]] if not isinstance(each["method"], list) else each["method"])
                ],
                "replaced": {"name": old.name, "check": old.check_str} if old else None,
                "removal": bool(rule.deprecated_for_removal),
            }
        )
    return found


def outcome(found, rule, target, credentials):
    """True, False, or the name of the exception."""
    try:
        return bool(found.enforce(rule, target, json.loads(json.dumps(credentials))))
    except Exception as error:
        return type(error).__name__


def answer(question):
    """One question, one answer."""
    return ASKED[question["ask"]](question)


def effective(question):
    """The check of each rule that is in force, or why there is none."""
    try:
        found = enforcer(question)
    except Exception as error:
        return {"error": type(error).__name__ + ": " + str(error)}
    return {"rules": {str(name): tree(check) for name, check in found.rules.items()}}


def enforce(question):
    """What happens to each case, or why nothing does."""
    try:
        found = enforcer(question)
    except Exception as error:
        return {"error": type(error).__name__ + ": " + str(error)}
    return {"outcomes": [outcome(found, *case) for case in question["cases"]]}


ASKED = {
    "parse": lambda question: [parse(value) for value in question["values"]],
    "describe": lambda question: {"rules": describe(question["service"])},
    "contents": lambda question: [contents(text) for text in question["texts"]],
    "version": lambda question: version_info.release_string(),
    "effective": effective,
    "enforce": enforce,
}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()
