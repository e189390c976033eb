"""What APIs run under: uWSGI in the service's own environment, or Debian's Apache with mod_wsgi."""

from collections.abc import Mapping

from onward.catalog.charm import Charm, CharmOption, Program

WSGI_SERVER = "wsgi-server"
"""The option by which a bundle chooses; every charm with an API has it."""
DIRECTIVES = "apache-directives"
UWSGI, APACHE = "uwsgi", "apache"
APACHE_PROGRAM = "apache2"
MOD_WSGI = "/usr/lib/apache2/modules/mod_wsgi.so-3.*"
"""As Debian names it, with the version of Python that it was built for."""
SETPRIV = "setpriv"

APACHE_PROGRAMS = (
    Program(command=APACHE_PROGRAM, package="apache2-bin"),
    Program(command=MOD_WSGI, package="libapache2-mod-wsgi-py3"),
    Program(command=SETPRIV, package="util-linux"),
)
"""What has to be on the machine where Apache was chosen. ``apache2-bin`` starts nothing by itself."""

_OPTIONS: Mapping[str, CharmOption] = {
    WSGI_SERVER: CharmOption(
        type="string",
        default=UWSGI,
        choices=(UWSGI, APACHE),
        description="what its API runs under: uWSGI, or Apache with mod_wsgi, as Debian has them",
    ),
    DIRECTIVES: CharmOption(
        type="string",
        default="",
        description="what else stands in Apache's configuration, for modules such as mod_auth_mellon; no secrets",
    ),
}


def with_wsgi_options(charm: Charm) -> Charm:
    """The charm with the options that every API has; itself where it has none."""
    if not any(process.wsgi for process in charm.processes):
        return charm
    return charm.model_copy(update={"options": {**charm.options, **_OPTIONS}})
