"""An API under Apache with mod_wsgi: its files, and how Apache is started. Pure.

https://modwsgi.readthedocs.io/en/master/user-guides/configuration-guidelines.html and
https://httpd.apache.org/docs/2.4/mod/directives.html describe the directives.
"""

from pathlib import PurePath

from onward.catalog.charm import Uwsgi
from onward.catalog.load import in_force
from onward.catalog.wsgi import APACHE, APACHE_PROGRAM, DIRECTIVES, MOD_WSGI, SETPRIV, WSGI_SERVER
from onward.errors import BundleInvalid
from onward.model.deployment import UnitFile, name_in_paths
from onward.plan.deployment import health
from onward.plan.deployment.static_files import apache_lines
from onward.plan.deployment.words import Words

GRACEFUL_SECONDS = 25
"""How long calls that are being answered may go on when the unit stops; the process has some more seconds."""
STOP_SIGNAL = "WINCH"
"""To Apache it means: no new calls, and end when the last one is answered."""
_CALLS = 64
"""Calls that one unit takes at a time; those beyond the workers wait for one."""
_WORKER = "www-data"
_AS_ROOT = (
    f"--reuid={_WORKER}",
    f"--regid={_WORKER}",
    "--clear-groups",
    "--securebits=+no_setuid_fixup",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)
"""Apache serves nothing as root, and files with secrets are their owner's alone. So where root deploys, it runs as
another user with one of root's rights, that to files, and none of the others. Without the securebit ``access()`` would
say that a key repository cannot be read, though it can."""
_START = (
    'for each in /proc/[0-9]*; do if [ "$each/exe" -ef "$0" ] && grep -qsxzF -- "$1" "$each/cmdline"; '
    'then kill -KILL "${each#/proc/}"; fi; done; exec %s"$0" -DFOREGROUND -f "$1"'
)
"""Children of an Apache that was killed keep its port and go on serving: they are of this file, and end first."""


def chosen(words: Words, unit: str) -> bool:
    """Whether the unit's API runs under Apache. Raises BundleInvalid for directives that nobody would read."""
    options = words.options(unit)
    if options.get(DIRECTIVES) and options[WSGI_SERVER] != APACHE:
        raise BundleInvalid(
            f"{unit} has directives for Apache, and does not run under it.",
            evidence=f"applications.{words.application}.options.{DIRECTIVES}: only with {WSGI_SERVER}: {APACHE}",
        )
    return options.get(WSGI_SERVER) == APACHE


def apache_files(words: Words, unit: str, name: str, wsgi: Uwsgi) -> tuple[UnitFile, ...]:
    """The files of a process: Apache's own, and the script that has the application."""
    return (
        UnitFile(path=f"etc/{name}.apache.conf", text=_configuration(words, unit, name, wsgi)),
        UnitFile(path=f"etc/{name}.wsgi", text=_script(words, unit, name, wsgi)),
    )


def apache_argv(words: Words, unit: str, name: str) -> tuple[str, ...]:
    """How the process is started."""
    site = words.site
    prefix = " ".join((site.place(unit).programs[SETPRIV], *_AS_ROOT, "")) if site.place(unit).user == "root" else ""
    configuration = site.unit_directory(unit) / "etc" / f"{name}.apache.conf"
    return ("/bin/sh", "-c", _START % prefix, site.place(unit).programs[APACHE_PROGRAM], str(configuration))


def _script(words: Words, unit: str, name: str, wsgi: Uwsgi) -> str:
    if wsgi.paste:
        path = words.fill(wsgi.paste, unit)
        return f"from paste.deploy import loadapp\n\napplication = loadapp({f'config:{path}'!r})\n"
    (application,) = in_force(wsgi.applications, words.site.series[words.application])
    arguments = [name, *(words.fill(word, unit) for word in wsgi.arguments)]
    made = f"application = {application.attribute}()" if application.call else ""
    named = "" if application.attribute == "application" else " as application"
    imported = application.attribute if application.call else f"{application.attribute}{named}"
    lines = [
        "import sys",
        "",
        # The code looks for its options there, as it would in a program of its own.
        f"sys.argv = {arguments!r}",
        "",
        f"from {application.module} import {imported}",
    ]
    if health.chosen(words, unit):
        lines[1:1] = [f"\nsys.path.insert(0, {health.code_directory(words, unit)!r})"]
        options = ", ".join(f"{name}={value!r}" for name, value in health.wrapping(words, unit).items())
        made = "\n".join(
            [
                *([made] if made else []),
                "",
                "from onward_service.wsgi import wrap",
                "",
                f"application = wrap(application, {options})",
            ]
        )
    return "\n".join([*lines, *(["", made] if made else [])]) + "\n"


def _configuration(words: Words, unit: str, name: str, wsgi: Uwsgi) -> str:
    site, directory = words.site, words.site.unit_directory(unit)
    modules = PurePath(site.place(unit).programs[MOD_WSGI]).parent
    sockets = site.place(unit).sockets / f"{name_in_paths(unit)}.{name}"
    options = words.options(unit)
    static = apache_lines(words, unit, wsgi, modules)
    return f"""\
ServerRoot "{directory}"
ServerName {site.addresses[unit]}
Listen {site.addresses[unit]}:{words.charm.ports[wsgi.port]}
PidFile "{directory}/run/{name}.pid"
DefaultRuntimeDir "{directory}/run"
Mutex "file:{directory}/run" default
GracefulShutdownTimeout {GRACEFUL_SECONDS}

LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {site.place(unit).programs[MOD_WSGI]}

StartServers 1
ServerLimit 1
ThreadsPerChild {_CALLS}
MaxRequestWorkers {_CALLS}
MinSpareThreads 1
MaxSpareThreads {_CALLS}
KeepAlive Off
LimitRequestBody 0
LimitRequestFieldSize 65535
LimitRequestLine 65535
AllowEncodedSlashes NoDecode
ServerTokens Prod
TraceEnable Off

ErrorLog /dev/stderr
LogFormat "%h %t \\"%r\\" %>s %b %Dus" calls
CustomLog /dev/stdout calls

WSGIRestrictEmbedded On
WSGISocketPrefix "{sockets}"
WSGIAcceptMutex pthread
WSGIDaemonProcess {name} processes={options.get("workers", 1)} threads=1 umask=0077 home="{directory}" \\
    python-home="{site.place(unit).environments[words.application]}" lang=C.UTF-8 locale=C.UTF-8
WSGIScriptAlias / "{directory}/etc/{name}.wsgi" process-group={name} application-group=%{{GLOBAL}}
WSGIScriptReloading Off
WSGIPassAuthorization On
WSGIChunkedRequest On
<Directory "{directory}/etc">
    Require all granted
</Directory>
{static}{options[DIRECTIVES]}
"""
