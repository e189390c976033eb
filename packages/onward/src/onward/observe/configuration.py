"""Reads a service's configuration files with the reader that the service uses: oslo.config."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oslo_config import cfg
from sqlalchemy import URL

from onward.catalog.service import Recipe
from onward.errors import UnreadableConfig
from onward.observe.database import database_url

_OLD_DATABASE_NAMES = [
    # oslo.db kept these for the configurations of its first years (oslo_db/options.py, database_opts).
    cfg.DeprecatedOpt("sql_connection", group="DEFAULT"),
    cfg.DeprecatedOpt("sql_connection", group="DATABASE"),
    cfg.DeprecatedOpt("connection", group="sql"),
]
_KEY_REPOSITORIES = {
    # Keystone's defaults: keystone/conf/fernet_tokens.py and keystone/conf/credential.py.
    "fernet_tokens": "/etc/keystone/fernet-keys/",
    "credential": "/etc/keystone/credential-keys/",
}


@dataclass(frozen=True)
class ServiceConfiguration:
    """What Onward needs of a service's configuration. The URL's password is in memory only."""

    files: tuple[Path, ...]
    database_url: URL = field(repr=False)
    connection: str = field(repr=False)
    """The URL as it is written, which releases have been at fault with."""
    key_repositories: dict[str, Path]
    """fernet_tokens and credential: the directories of the keys."""


def read_configuration(files: Sequence[Path], recipe: Recipe) -> ServiceConfiguration:
    """Read the files in this order; later ones win. Raises UnreadableConfig, which names the file and the line."""
    if not recipe.connections:
        raise _unreadable([str(file) for file in files], f"{recipe.service} has no database")
    for file in files:
        _must_be_readable(file)
    conf = cfg.ConfigOpts()
    group, name = recipe.connections[0]
    conf.register_opt(cfg.StrOpt(name, secret=True, deprecated_opts=_OLD_DATABASE_NAMES), group=group)
    for section, default in _KEY_REPOSITORIES.items():
        conf.register_opt(cfg.StrOpt("key_repository", default=default), group=section)
    listed = [str(file) for file in files]
    try:
        # Variables such as OS_DATABASE__CONNECTION are of the shell that Onward is typed into, not of the service;
        # releases run without them.
        conf([], project=recipe.service, default_config_files=listed, default_config_dirs=[], use_env=False)
    except cfg.Error as error:
        # The parser quotes the line it stumbled over, which may be the one with the password.
        raise _unreadable(listed, re.sub(r": '.*", "", str(error), flags=re.DOTALL)) from None
    connection = _value(conf, group, name, listed)
    keys = {section: Path(_value(conf, section, "key_repository", listed)) for section in _KEY_REPOSITORIES}
    if not connection:
        raise _unreadable(listed, f"[{group}] {name} is not set")
    try:
        url = database_url(connection)
    except ValueError as error:
        raise _unreadable(listed, f"[{group}] {name} {error}") from None
    return ServiceConfiguration(tuple(files), url, connection, keys)


def _value(conf: cfg.ConfigOpts, group: str, name: str, listed: list[str]) -> str:
    """An option with all the options filled in that it names. Raises UnreadableConfig."""
    try:
        return str(conf[group][name] or "")
    except (cfg.TemplateSubstitutionError, cfg.NoSuchOptError, cfg.NoSuchGroupError):
        # What oslo.config took for the name of an option is left out: it may be the end of a password.
        raise _unreadable(
            listed, f"[{group}] {name} has a $ that begins no option's name; a $ that is meant as such is written $$"
        ) from None


def _must_be_readable(file: Path) -> None:
    try:
        file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable([str(file)], str(error)) from None


def _unreadable(files: list[str], evidence: str) -> UnreadableConfig:
    return UnreadableConfig(
        f"The configuration cannot be used: {', '.join(files)}.",
        evidence=evidence,
        next_command="onward init --from-config FILE",
    )
