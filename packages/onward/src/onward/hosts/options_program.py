"""Says which configuration options a release of a service knows, with that release's own code.

Started by ``hosts/options.py`` as ``PYTHON -I options_program.py`` with the interpreter of the service's environment,
which knows nothing of Onward: this file stands alone and is valid for Python 3.6 to 3.13. It reads one JSON object from
standard input and writes one to standard output. What the service prints goes to standard error. No configuration file
is read.

In:   {"namespaces": [name]}, of the entry-point group oslo.config.opts
Out:  {"options": [{"group", "name", "namespace", "formerly": [[group, name]], "kind": {...}, "secret", "mutable",
       "removal", "reason", "since", "default"}], "silent": {namespace: reason}}; silent are namespaces that could not be
       listed
"""

import json
import os
import sys

NUMBERS = ("Integer", "Float", "Port")
PLAIN = ("String", "MultiString")
OF_AUTH = ("auth_type", "auth_section", "auth_plugin", "auth_url")
PLUGINS = "keystoneauth1.plugin"
"""The namespace of options that no package lists: keystonemiddleware and others register those of the plug-in that
auth_type names when they read it (keystoneauth1/loading/conf.py, load_from_conf_options)."""


def points(group):
    """What the packages of this environment have registered in a group, by name."""
    try:
        from importlib.metadata import distributions
    except ImportError:  # Python 3.6 and 3.7
        import pkg_resources

        return {found.name: found for found in pkg_resources.iter_entry_points(group)}
    return {
        found.name: found
        for distribution in distributions()
        for found in distribution.entry_points
        if found.group == group
    }


def listed(namespaces):
    """All options of the namespaces by group and name, and the namespaces that could not be listed."""
    known, options, silent = points("oslo.config.opts"), {}, {}
    own_defaults(namespaces)
    for namespace in namespaces:
        try:
            found = known[namespace].load()()
            for owner, members in found:
                group = str(getattr(owner, "name", owner) or "DEFAULT")
                for option in members:
                    options.setdefault((group, option.dest), as_data(group, option, namespace))
        except Exception as error:
            missing = namespace not in known
            silent[namespace] = "it is not registered" if missing else "%s: %s" % (type(error).__name__, error)
    return options, silent


def own_defaults(namespaces):
    """Have the service give its own defaults to options of libraries, as it does when it starts.

    https://docs.openstack.org/oslo.config/latest/cli/generator.html, Modifying Defaults from Other Namespaces.
    """
    for namespace, found in points("oslo.config.opts.defaults").items():
        if namespace in namespaces:
            try:
                found.load()()
            except Exception as error:
                print("no defaults of %s: %s" % (namespace, error), file=sys.stderr)


def of_auth_plugins(options):
    """The options of all plug-ins of keystoneauth, for the groups that may name one."""
    try:
        from keystoneauth1 import loading

        members = [
            option
            for loader in loading.get_available_plugin_loaders().values()
            for option in loading.get_auth_plugin_conf_options(loader)
        ]
        members += loading.get_auth_common_conf_options()
    except Exception:
        return {}
    found = {}
    for group in {group for group, name in options if name in OF_AUTH}:
        for option in members:
            if (group, option.dest) not in options:
                found.setdefault((group, option.dest), as_data(group, option, PLUGINS))
    return found


def as_data(group, option, namespace):
    return {
        "group": group,
        "name": option.dest,
        "namespace": namespace,
        "formerly": [
            [str(old.group or group), (old.name or option.name).replace("-", "_")]
            for old in option.deprecated_opts or ()
        ],
        "kind": kind(option.type),
        "secret": bool(option.secret),
        "mutable": bool(getattr(option, "mutable", False)),
        "removal": bool(option.deprecated_for_removal),
        "reason": " ".join((getattr(option, "deprecated_reason", None) or "").split()),
        "since": str(getattr(option, "deprecated_since", None) or ""),
        "default": plain(option),
    }


def plain(option):
    """The default, where it is a plain value and no secret."""
    value = None if option.secret else option.default
    return value if isinstance(value, (bool, int, float, str)) else None


def kind(value):
    """What values the option takes, as far as that can be said in data: of other kinds only the name."""
    name = type(value).__name__
    standard = type(value).__module__ == "oslo_config.types"
    if not standard:
        return {"name": "Integer" if value is int else "other"}
    told = {"name": name}
    if name in NUMBERS:
        told.update(min=value.min, max=value.max)
    if name in NUMBERS + PLAIN:
        choices = getattr(value, "choices", None)
        told["choices"] = None if choices is None else list(choices)
    if name in PLAIN:
        told["quotes"] = bool(value.quotes)
        told["ignore_case"] = bool(getattr(value, "ignore_case", False))
        told["max_length"] = getattr(value, "max_length", 0) or 0
        pattern = getattr(value, "regex", None)
        told["regex"], told["flags"] = (pattern.pattern, pattern.flags) if pattern else (None, 0)
    if name == "List":
        told.update(item=kind(value.item_type), bounds=bool(value.bounds))
    return told


def main():
    answer_to = os.dup(1)
    os.dup2(2, 1)
    request = json.loads(sys.stdin.read())
    # No service may take its own arguments from this process.
    sys.argv[1:] = []
    options, silent = listed(request["namespaces"])
    options.update(of_auth_plugins(options))
    answer = {"options": [options[key] for key in sorted(options)], "silent": silent}
    with os.fdopen(answer_to, "w") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
