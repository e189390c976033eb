"""A rehearsal on a copy of a live database: the source is only read, and nobody learns its password."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from installation import READER_PASSWORD, SERVICE_PASSWORD, Installation, reader_url
from mariadb_data import sql
from process_list import ProcessList
from rehearsing import Ended

from onward.hosts.mariadb import PrivateMariadb

pytestmark = [pytest.mark.environments, pytest.mark.mariadb, pytest.mark.timeout(900)]

TO = ("--from", "2025.2", "--to", "2026.1")
READS = re.compile(
    r"SELECT |SHOW |SET (?!GLOBAL|@@GLOBAL|PASSWORD|DEFAULT ROLE)|START TRANSACTION|SAVEPOINT |RELEASE |ROLLBACK|COMMIT"
    r"|UNLOCK TABLES|USE |$",
    re.IGNORECASE,
)
"""What a session may say that changes nothing but itself."""


@contextmanager
def general_log(server: PrivateMariadb) -> Iterator[list[tuple[str, str, str]]]:
    """Everything that the server is told meanwhile: user, command, argument. Filled on leaving."""
    said: list[tuple[str, str, str]] = []
    sql(server, "SET GLOBAL log_output = 'TABLE'", "TRUNCATE mysql.general_log", "SET GLOBAL general_log = ON")
    try:
        yield said
    finally:
        sql(server, "SET GLOBAL general_log = OFF")
        rows = sql(server, "SELECT user_host, command_type, argument FROM mysql.general_log")
        said += [(str(user), str(command), _text(argument)) for user, command, argument in rows]


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def writes(said: list[tuple[str, str, str]]) -> list[str]:
    """What was said that was more than reading; comments for servers of some version are looked into."""
    queries = [argument for user, command, argument in said if command == "Query" and "root" not in user]
    assert queries, "nothing was asked of the source"
    return [query for query in queries if not READS.match(re.sub(r"^/\*M?!\d+ ", "", query.strip()))]


def leaks(installation: Installation, password: str, ended: Ended, processes: ProcessList) -> list[str]:
    """Where a password can be read that should be nowhere, however it is quoted there."""
    texts = {"standard output": ended.out, "standard error": ended.err}
    texts["process list"] = b"\n".join(processes.lines).decode(errors="replace")
    for path in installation.operator.directories.state.rglob("*"):
        if path.is_file():
            texts[str(path)] = path.read_bytes().decode(errors="replace")
    words = password.split('"')
    return [place for place, text in texts.items() if any(word in text for word in (password, *words))]


def test_a_user_who_may_only_read_is_enough(installation_on_mariadb: Installation, server: PrivateMariadb) -> None:
    before = installation_on_mariadb.content()
    with general_log(server) as said, ProcessList() as processes:
        ended = installation_on_mariadb.operator.call(
            "rehearse",
            "--copy-of",
            reader_url(installation_on_mariadb.url),
            *TO,
            ONWARD_SOURCE_PASSWORD=READER_PASSWORD,
        )
    assert ended.status == 0, ended.out + ended.err
    assert ended.out.startswith("Nothing was lost")
    assert installation_on_mariadb.content() == before
    assert {user.split("[")[0] for user, command, _ in said if command == "Query"} >= {"reader"}
    assert writes(said) == []
    assert leaks(installation_on_mariadb, READER_PASSWORD, ended, processes) == []


def test_the_services_own_user_could_write_and_nothing_is_written(
    installation_on_mariadb: Installation, server: PrivateMariadb
) -> None:
    before = installation_on_mariadb.content()
    source = f"config:{installation_on_mariadb.configuration}"
    with general_log(server) as said, ProcessList() as processes:
        ended = installation_on_mariadb.operator.call("rehearse", "--copy-of", source, *TO)
    assert ended.status == 0, ended.out + ended.err
    assert installation_on_mariadb.content() == before
    assert writes(said) == []
    assert leaks(installation_on_mariadb, SERVICE_PASSWORD, ended, processes) == []


def test_killed_while_it_copies_it_leaves_no_password_and_says_what_it_needs_to_go_on(
    installation_on_mariadb: Installation,
) -> None:
    operator = installation_on_mariadb.operator
    words = ("rehearse", "--copy-of", reader_url(installation_on_mariadb.url), *TO)
    with ProcessList() as processes:
        killed = operator.call(*words, ONWARD_SOURCE_PASSWORD=READER_PASSWORD, ONWARD_CRASH_AT="copy.dump-begun")
    assert killed.status == -9, killed.out + killed.err
    assert leaks(installation_on_mariadb, READER_PASSWORD, killed, processes) == []
    run = operator.run().run_id
    # In another shell, in which nobody has set the password.
    without = operator.call("runs", "resume", run, ONWARD_SOURCE_PASSWORD="")
    assert without.status == 4, without.out + without.err
    assert "ONWARD_SOURCE_PASSWORD" in without.out
    ended = operator.call("runs", "resume", run, ONWARD_SOURCE_PASSWORD=READER_PASSWORD)
    assert ended.status == 0, ended.out + ended.err
    assert {step.status for step in operator.run().steps} == {"done"}


def test_a_source_that_does_not_let_us_read_is_refused_at_once(
    installation_on_mariadb: Installation, server: PrivateMariadb
) -> None:
    database = installation_on_mariadb.url.database
    sql(
        server,
        "CREATE OR REPLACE USER narrow@localhost IDENTIFIED BY 'narrow-secret'",
        f"GRANT SELECT ON `{database}`.alembic_version TO narrow@localhost",
    )
    source = reader_url(installation_on_mariadb.url).replace("reader@", "narrow@")
    ended = installation_on_mariadb.operator.call(
        "rehearse", "--copy-of", source, *TO, ONWARD_SOURCE_PASSWORD="narrow-secret"
    )
    assert ended.status == 4
    assert "OW305" in ended.err
    assert "missing tables: project, user" in " ".join(ended.err.split())
    refused = installation_on_mariadb.operator.call(
        "rehearse", "--copy-of", source, *TO, ONWARD_SOURCE_PASSWORD="another-secret"
    )
    assert refused.status == 4
    assert "OW301" in refused.err
    assert "Access denied for user 'narrow'" in " ".join(refused.err.split())
    assert "another-secret" not in refused.err
    assert not list((installation_on_mariadb.operator.directories.state / "runs").iterdir())
