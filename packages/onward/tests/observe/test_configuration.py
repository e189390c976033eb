"""A service's configuration is read as the service reads it, and whatever is wrong with it, no password is shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL

from onward.catalog.load import recipe
from onward.errors import UnreadableConfig
from onward.observe.configuration import ServiceConfiguration, read_configuration

KEYSTONE = recipe("keystone")
URL_TEXT = "mysql+pymysql://keystone:Gr8Secret@db/keystone"


def written(directory: Path, *texts: str) -> list[Path]:
    """Files with these contents, in this order."""
    files = [directory / f"{number}.conf" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    return files


def read(directory: Path, *texts: str) -> ServiceConfiguration:
    return read_configuration(written(directory, *texts), KEYSTONE)


def refusal(directory: Path, *texts: str) -> UnreadableConfig:
    with pytest.raises(UnreadableConfig) as refused:
        read(directory, *texts)
    assert refused.value.exit_status == 4
    return refused.value


def test_one_file_is_enough_and_what_it_leaves_out_is_keystones_default(tmp_path: Path) -> None:
    found = read(tmp_path, f"[database]\nconnection = {URL_TEXT}\n")
    assert found.files == (tmp_path / "0.conf",)
    assert (found.database_url.username, found.database_url.host) == ("keystone", "db")
    assert found.database_url.password == "Gr8Secret"
    assert "Gr8Secret" not in repr(found)
    assert found.key_repositories == {
        "fernet_tokens": Path("/etc/keystone/fernet-keys/"),
        "credential": Path("/etc/keystone/credential-keys/"),
    }


def test_of_several_files_the_later_one_wins_option_by_option(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "[database]\nconnection = mysql://a@first/k\n[fernet_tokens]\nkey_repository = /keys/first\n",
        f"[database]\nconnection = {URL_TEXT}\n[credential]\nkey_repository = /keys/credential\n",
        "[database]\nmax_pool_size = 5\n",
    )
    assert found.database_url.host == "db"
    assert found.key_repositories == {"fernet_tokens": Path("/keys/first"), "credential": Path("/keys/credential")}


def test_the_last_of_two_lines_in_one_section_counts(tmp_path: Path) -> None:
    assert read(tmp_path, f"[database]\nconnection = sqlite:///old\nconnection = {URL_TEXT}\n").connection == URL_TEXT


@pytest.mark.parametrize(
    ("section", "name"), [("DEFAULT", "sql_connection"), ("DATABASE", "sql_connection"), ("sql", "connection")]
)
def test_names_that_the_option_had_before_are_understood(tmp_path: Path, section: str, name: str) -> None:
    assert read(tmp_path, f"[{section}]\n{name} = {URL_TEXT}\n").connection == URL_TEXT


def test_the_name_of_today_counts_more_than_an_older_one(tmp_path: Path) -> None:
    text = f"[DEFAULT]\nsql_connection = sqlite:///old\n[database]\nconnection = {URL_TEXT}\n"
    assert read(tmp_path, text).connection == URL_TEXT


def test_options_that_name_other_options_are_filled_in(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        f"[database]\nconnection = {URL_TEXT}\n[fernet_tokens]\nkey_repository = /srv/keys/fernet\n"
        "[credential]\nkey_repository = ${fernet_tokens.key_repository}-credential\n",
    )
    assert found.key_repositories["credential"] == Path("/srv/keys/fernet-credential")


def test_the_environment_of_the_shell_is_not_the_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Releases are run without these variables, so that what is looked at must not come from them either."""
    monkeypatch.setenv("OS_DATABASE__CONNECTION", "mysql+pymysql://keystone@elsewhere/keystone")
    assert read(tmp_path, f"[database]\nconnection = {URL_TEXT}\n").database_url.host == "db"


passwords = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc", "Z"]), min_size=1
)


@given(
    passwords | st.sampled_from(["100%", "pa$$word", "$HOME", "a\\$b", "p@ss:w/rd", "#;'\"", "%(x)s", "${a.b}", "Zoë☃"])
)
def test_any_password_is_read_back_when_it_is_written_as_a_url_and_for_oslo_config(
    tmp_path_factory: pytest.TempPathFactory, password: str
) -> None:
    url = URL.create("mysql+pymysql", "keystone", password, "db", 3306, "keystone").render_as_string(
        hide_password=False
    )
    found = read(tmp_path_factory.mktemp("conf"), f"[database]\nconnection = {url.replace('$', '$$')}\n")
    assert found.database_url.password == password
    assert found.connection == url


def test_a_dollar_may_be_written_as_older_releases_had_it(tmp_path: Path) -> None:
    found = read(tmp_path, "[database]\nconnection = mysql+pymysql://keystone:Gr8\\$Secret@db/keystone\n")
    assert found.database_url.password == "Gr8$Secret"


@pytest.mark.parametrize("query", ["password=Gr8Secret", "passwd=Gr8Secret&charset=utf8mb4"])
def test_a_password_among_the_options_of_the_driver_is_a_password(tmp_path: Path, query: str) -> None:
    found = read(tmp_path, f"[database]\nconnection = mysql+pymysql://keystone@db/keystone?{query}\n")
    assert found.database_url.password == "Gr8Secret"
    assert not {"password", "passwd"} & set(found.database_url.query)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "[database] connection is not set"),
        ("[database]\nconnection =\n", "[database] connection is not set"),
        ("[database]\n", "[database] connection is not set"),
        ("[database\nconnection = {url}\n", "0.conf:1"),
        ("[database]\nconnection {url}\n", "is not set"),
        ("[database]\n    connection = {url}\n", "0.conf:2"),
        ("connection = {url}\n", "0.conf:1"),
        ("[database]\nconnection = Gr8Secret\n", "is not a database URL"),
        ("[database]\nconnection = mysql+pymysql://keystone:Gr8Secret@db:port/keystone\n", "is not a database URL"),
        ("[database]\nconnection = mysql+pymysql://keystone:12$Gr8Secret@db/keystone\n", "$$"),
        ("[database]\nconnection = mysql+pymysql://keystone:12${{Gr8Secret}}@db/keystone\n", "$$"),
        ("[database]\nconnection = mysql+pymysql://keystone:12${{Gr8Secret.x}}@db/keystone\n", "$$"),
        ("[database]\nconnection = mysql+pymysql://keystone:12$database@db/keystone\n", "$$"),
        ("[database]\nconnection = mysql+pymysql://keystone:12@Gr8Secret@db/keystone\n", "%40"),
        ("[database]\nconnection = mysql+pymysql://keystone:12@Gr8/Secret@db/keystone\n", "%40"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_without_the_password(tmp_path: Path, text: str, said: str) -> None:
    error = refusal(tmp_path, text.format(url=URL_TEXT))
    shown = " ".join(map(str, error.as_data().values()))
    assert said in error.evidence
    assert str(tmp_path / "0.conf") in error.what
    assert "Gr8" not in shown
    assert "Secret" not in shown


def test_every_file_is_named_and_the_one_that_is_wrong_is_told(tmp_path: Path) -> None:
    error = refusal(tmp_path, f"[database]\nconnection = {URL_TEXT}\n", "[database\n")
    assert f"{tmp_path / '1.conf'}:1" in error.evidence


def test_files_that_are_missing_or_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "binary.conf").write_bytes(b"\x00\xff\xfe")
    for file, said in (
        (tmp_path / "missing.conf", "No such file"),
        (tmp_path, "directory"),
        (tmp_path / "binary.conf", "decode"),
    ):
        with pytest.raises(UnreadableConfig) as refused:
            read_configuration([file], KEYSTONE)
        assert said in refused.value.evidence
        assert str(file) in refused.value.what
