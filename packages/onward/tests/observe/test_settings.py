"""Options of a service's configuration files, read as the service reads them."""

from pathlib import Path

import pytest

from onward.errors import UnreadableConfig
from onward.observe.settings import Settings


def settings(directory: Path, *texts: str) -> Settings:
    files = []
    for number, text in enumerate(texts):
        files.append(directory / f"{number}.conf")
        files[-1].write_text(text)
    return Settings(files)


def test_later_files_win_and_what_nobody_sets_is_none(tmp_path: Path) -> None:
    found = settings(tmp_path, "[cache]\nmemcache_servers = a:1, b:2\nenabled = true\n", "[cache]\nenabled = false\n")
    assert found.listed("cache", "memcache_servers") == ("a:1", "b:2")
    assert found.text("cache", "enabled") == "false"
    assert found.text("cache", "backend") is None
    assert found.listed("cache", "backend") == ()
    assert found.groups() == ("cache",)
    assert found.options("cache") == ("enabled", "memcache_servers")


def test_references_are_followed_where_a_file_sets_them(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "[DEFAULT]\nmy_ip = 10.0.0.1\ntransport_url = rabbit://u:p$$w@$my_ip:5672/\nhost = ${other.name}.$unknown\n"
        "circle = $circle\n[other]\nname = db\n",
    )
    assert found.text("DEFAULT", "transport_url") == "rabbit://u:p$w@10.0.0.1:5672/"
    assert found.text("DEFAULT", "host") == "db.$unknown"
    assert found.text("DEFAULT", "circle") == "$circle"


def test_an_older_name_is_taken_where_the_newer_is_not_set(tmp_path: Path) -> None:
    found = settings(tmp_path, "[DEFAULT]\nsql_connection = old\n[database]\n")
    older = (("DEFAULT", "sql_connection"),)
    assert found.text("database", "connection", formerly=older) == "old"
    newer = settings(tmp_path, "[DEFAULT]\nsql_connection = old\n[database]\nconnection = new\n")
    assert newer.text("database", "connection", formerly=older) == "new"


@pytest.mark.parametrize(
    "text", ["[database\n", "connection = mysql://u:Gr8Secret@h/d\n", "[a]\nmysql Gr8Secret\n", "\x00"]
)
def test_what_does_not_parse_is_refused_and_not_quoted(tmp_path: Path, text: str) -> None:
    if text == "\x00":
        (tmp_path / "0.conf").write_bytes(b"\xff\xfe")
        with pytest.raises(UnreadableConfig):
            Settings([tmp_path / "0.conf"])
        return
    with pytest.raises(UnreadableConfig) as refused:
        settings(tmp_path, text)
    assert "0.conf" in refused.value.what
    assert "Gr8Secret" not in str(refused.value.as_data())
