"""Says what policy a release of a service has, with that release's own code.

Started by ``hosts/policies.py`` as ``PYTHON -I policy_program.py`` with the interpreter of the service's environment,
which knows nothing of Onward: this file stands alone and is valid for Python 3.6 to 3.13. It reads one JSON object from
standard input and writes one to standard output. What the service prints goes to standard error.

In:   {"do": "registered", "namespace", "enforcer", "service", "series", "version"}
      {"do": "in force", "namespace", "enforcer", "configuration": [file], "search": [directory] or null,
       "cases": [{"credentials": {}, "target": {}}]}
Out:  {"registered": ...} in the shape of onward.policy.registered.RegisteredPolicy, or
      {"in_force": {"rules": {name: {"check", "in_files", "verdicts": "adse...", "error"}}, "files", "policy_file",
       "directories", "enforce_new_defaults", "enforce_scope", "warnings"}}, or
      {"failed": {"stage": "import" or "load", "error"}}

A verdict is one letter for each case: a allowed, d denied, s denied because the token has another scope than the rule
asks for, e the check failed, which the service would answer with an error. Nothing is asked over a network.
"""

import json
import logging
import os
import re
import shutil
import sys
import tempfile
import warnings

REMOTE = ("http", "https")
MOST_WARNINGS = 1000
NOT_ITS_OWN = ("rule", "role")


class Failed(Exception):
    """The release could not do what it was asked for."""

    def __init__(self, stage, error):
        super().__init__(error)
        self.stage = stage
        self.error = "%s: %s" % (type(error).__name__, error)


class RemoteCheck(Exception):
    """A check that would ask another server."""


class Collector(logging.Handler):
    """Keeps what the release logs as a warning or worse."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.add(record.getMessage())

    def add(self, line):
        if line not in self.lines and len(self.lines) < MOST_WARNINGS:
            self.lines.append(line)


def entry_point(group, name):
    """What a package of this environment has registered under a name; None where there is nothing."""
    try:
        from importlib.metadata import distributions
    except ImportError:  # Python 3.6 and 3.7
        import pkg_resources

        found = list(pkg_resources.iter_entry_points(group, name))
        return found[0] if found else None
    for distribution in distributions():
        for found in distribution.entry_points:
            if found.group == group and found.name == name:
                return found
    return None


def package_version(name):
    try:
        from importlib.metadata import version
    except ImportError:
        import pkg_resources

        return pkg_resources.get_distribution(name).version
    return version(name)


def read_only(files, search):
    """Have oslo.config read these files, whichever the service's own code would look for.

    A relative path is looked for beside them, and then in the directories ``search``; None: in /etc, as the service does.

    The functions behind the entry points are made for oslo.policy's tools: some read the arguments of the process, some
    the usual files, some none at all.
    """
    from oslo_config import cfg

    original, directories = cfg.ConfigOpts.__call__, cfg._get_config_dirs

    def call(self, args=None, project=None, prog=None, version=None, usage=None, *rest, **named):
        return original(
            self,
            [],
            project=project,
            prog=prog,
            version=version,
            usage=usage,
            default_config_files=list(files),
            default_config_dirs=[],
        )

    def searched(project=None):
        if search is not None:
            return list(search)
        # The home directory of whoever runs Onward is not that of the service's user.
        return [each for each in directories(project) if each.startswith("/etc")]

    cfg.ConfigOpts.__call__ = call
    cfg._get_config_dirs = searched


def no_network():
    """Have the checks that ask another server fail instead."""
    try:
        from oslo_policy import _external as module
    except ImportError:
        from oslo_policy import _checks as module

    def refuse(self, *_arguments):
        raise RemoteCheck("it asks another server: %s:%s" % (self.kind, self.match))

    for name in ("HttpCheck", "HttpsCheck"):
        if hasattr(module, name):
            getattr(module, name).__call__ = refuse


def load(request, files, search):
    """The enforcer of the release, as it is after it has read its files. Raises Failed."""
    try:
        read_only(files, search)
        no_network()
        from oslo_config import cfg
        from oslo_policy import policy

        found = entry_point("oslo.policy.enforcer", request["enforcer"])
        make = found.load() if found is not None else None
    except Exception as error:
        raise Failed("import", error)
    try:
        cfg.CONF([], project=request["namespace"])
        if make is None:
            enforcer = policy.Enforcer(cfg.CONF)
            enforcer.register_defaults(listed(request))
        else:
            enforcer = make()
            # Heat's is an object of its own around it.
            enforcer = enforcer if isinstance(enforcer, policy.Enforcer) else enforcer.enforcer
        enforcer.load_rules()
    except Failed:
        raise
    except Exception as error:
        raise Failed("load", error)
    return enforcer


def listed(request):
    """The rules that the release lists for oslo.policy's tools."""
    try:
        found = entry_point("oslo.policy.policies", request["namespace"])
        return list(found.load()()) if found is not None else []
    except Exception as error:
        raise Failed("import", error)


def option(enforcer, name, otherwise):
    """The value of an option of [oslo_policy]; options come and go with oslo.policy's versions."""
    from oslo_config import cfg

    try:
        return enforcer.conf.oslo_policy[name]
    except (KeyError, cfg.NoSuchOptError):
        return otherwise


def registered(request):
    """All registered rules, and the defaults with which the release enforces them."""
    from oslo_policy import _checks

    directory = tempfile.mkdtemp(prefix="onward-policy-")
    try:
        # An old file alone beside the configuration: whether it is read shows what this release does with one.
        for name, content in (("service.conf", "[DEFAULT]\n"), ("policy.json", "{}\n")):
            with open(os.path.join(directory, name), "w") as file:
                file.write(content)
        enforcer = load(request, [os.path.join(directory, "service.conf")], [])
    finally:
        shutil.rmtree(directory)
    rules = {rule.name: rule for rule in listed(request)}
    rules.update(enforcer.registered_rules)
    kinds = set(_checks.registered_checks)
    if hasattr(_checks, "get_extensions"):
        kinds.update(_checks.get_extensions())
    default_file = option(enforcer, "policy_file", "policy.json")
    return {
        "service": request["service"],
        "series": request["series"],
        "version": request["version"],
        "rules": {name: as_data(rule) for name, rule in sorted(rules.items())},
        "oslo_policy": package_version("oslo.policy"),
        # Before there was such an option, the old default always counted as well.
        "enforce_new_defaults": bool(option(enforcer, "enforce_new_defaults", False)),
        # Since oslo.policy 6 scopes are always enforced, and the option is gone.
        "enforce_scope": bool(option(enforcer, "enforce_scope", True)),
        "custom_checks": sorted(kind for kind in kinds if kind is not None and kind not in NOT_ITS_OWN),
        "policy_file": default_file,
        "policy_directories": list(option(enforcer, "policy_dirs", [])),
        "reads_json_instead": default_file != "policy.json" and bool(enforcer.policy_path),
    }


def as_data(rule):
    old = getattr(rule, "deprecated_rule", None)
    removal = bool(getattr(rule, "deprecated_for_removal", False))
    reason, since = getattr(rule, "deprecated_reason", None), getattr(rule, "deprecated_since", None)
    return {
        "name": rule.name,
        "check": text(rule),
        "description": rule.description or "",
        "scopes": list(getattr(rule, "scope_types", None) or []),
        "operations": operations(rule),
        "replaced": old
        and {
            "name": old.name,
            "check": text(old),
            # Until oslo.policy 3.4 they stood at the new rule.
            "reason": getattr(old, "deprecated_reason", None) or reason or "",
            "since": getattr(old, "deprecated_since", None) or since or "",
        },
        "removal": removal,
        "removal_reason": (removal and reason) or "",
        "removal_since": (removal and since) or "",
    }


def text(rule):
    """The check as it was written."""
    return rule.check_str if isinstance(rule.check_str, str) else str(rule.check)


def operations(rule):
    """Method and path of each API call; some rules name several methods for one path."""
    found = []
    for each in getattr(rule, "operations", None) or []:
        methods = each["method"]
        for method in methods if isinstance(methods, (list, tuple)) else [methods]:
            found.append([method, each["path"]])
    return found


def in_force(request, collector):
    """What each rule says after the files were read, and what it answers in each case."""
    from oslo_policy import policy

    enforcer = load(request, request["configuration"], request["search"])
    in_files = set(getattr(enforcer, "file_rules", {}))
    rules = {
        name: {"check": str(check), "in_files": name in in_files, "verdicts": "", "error": ""}
        for name, check in sorted(enforcer.rules.items())
    }
    answer = {
        "rules": rules,
        # What it has read, in this order. There is no other way to learn it.
        "files": list(getattr(enforcer, "_file_cache", {})),
        "policy_file": enforcer.policy_file or "",
        "directories": found_directories(enforcer),
        "enforce_new_defaults": bool(option(enforcer, "enforce_new_defaults", False)),
        "enforce_scope": bool(option(enforcer, "enforce_scope", True)),
        "warnings": list(collector.lines),
    }
    # Every question would look whether the files have changed, and warn again.
    enforcer.load_rules = lambda *_, **__: None
    logging.disable(logging.CRITICAL)
    for case in request["cases"]:
        credentials, target = as_the_service(policy, enforcer, case), case["target"]
        target = dict(target, enforce_new_defaults=answer["enforce_new_defaults"])
        for name, rule in rules.items():
            letter, error = verdict(policy, enforcer, name, target, credentials)
            rule["verdicts"] += letter
            rule["error"] = rule["error"] or error
    return answer


def as_the_service(policy, enforcer, case):
    """The credentials with is_admin, which the services set by asking their policy for it."""
    credentials = dict(case["credentials"])
    if "context_is_admin" in enforcer.rules:
        letter, _ = verdict(policy, enforcer, "context_is_admin", credentials, credentials)
        credentials["is_admin"] = letter == "a"
    return credentials


def verdict(policy, enforcer, name, target, credentials):
    """One letter, and what went wrong."""
    try:
        # Some services have an enforce() of their own with other arguments.
        policy.Enforcer.enforce(enforcer, name, dict(target), dict(credentials), do_raise=True)
    except policy.PolicyNotAuthorized:
        return "d", ""
    except getattr(policy, "InvalidScope", policy.PolicyNotAuthorized):
        return "s", ""
    except Exception as error:
        # What inspects a function inside of oslo.policy turns the one into another.
        if isinstance(error, RecursionError) or isinstance(error.__cause__ or error.__context__, RecursionError):
            return "e", "it goes round in a circle"
        return "e", re.sub(r"\s+", " ", "%s: %s" % (type(error).__name__, error)).strip()[:300]
    return "a", ""


def found_directories(enforcer):
    """The directories of further overrides that are there."""
    found = (enforcer.conf.find_file(each) for each in option(enforcer, "policy_dirs", []))
    return [each for each in found if each]


def main():
    answer_to = os.dup(1)
    os.dup2(2, 1)
    request = json.loads(sys.stdin.read())
    collector = Collector()
    logging.getLogger().addHandler(collector)
    # No service may take its own arguments from this process.
    sys.argv[1:] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", message="Policy ")
        warnings.showwarning = lambda message, *_, **__: collector.add(str(message))
        try:
            if request["do"] == "registered":
                answer = {"registered": registered(request)}
            else:
                answer = {"in_force": in_force(request, collector)}
        except Failed as failed:
            answer = {"failed": {"stage": failed.stage, "error": failed.error, "warnings": collector.lines}}
    with os.fdopen(answer_to, "w") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
