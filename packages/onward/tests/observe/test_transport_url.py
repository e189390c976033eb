"""What a transport_url means is what oslo.messaging and kombu make of it."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.errors import UnreadableConfig
from onward.observe.memcached import address_of, memcached_of
from onward.observe.settings import Settings
from onward.observe.transport_url import Tls, transport_of, transports

WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@given(user=WORDS, password=WORDS, virtual_host=WORDS, port=st.none() | st.integers(1, 65535))
def test_whatever_is_in_a_password_it_is_read_as_it_was_meant_and_known_as_a_secret(
    user: str, password: str, virtual_host: str, port: int | None
) -> None:
    place = "10.0.0.1" if port is None else f"10.0.0.1:{port}"
    written = quote(password, safe="")
    found = transport_of(f"rabbit://{quote(user, safe='')}:{written}@{place}/{quote(virtual_host, safe='')}")
    (host,) = found.hosts
    assert (host.user, host.password, host.virtual_host) == (user, password, virtual_host)
    assert host.address == f"10.0.0.1:{port or 5672}"
    assert {password, written} <= set(found.secrets)
    assert repr(password) not in repr(found) or password in user + virtual_host + "rabbit10.0.0.1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rabbit://", []),
        ("rabbit:///cell1", []),
        ("rabbit://host/", [("host:5672", "guest", "/")]),
        ("rabbit://a:1@one,b:2@two:5673/cell1", [("one:5672", "a", "cell1"), ("two:5673", "b", "cell1")]),
        ("rabbit://a:1@[fd00::1]:5671//", [("[fd00::1]:5671", "a", "/")]),
    ],
)
def test_hosts_users_and_virtual_hosts(url: str, expected: list[tuple[str, str, str]]) -> None:
    found = transport_of(url)
    assert found.is_rabbitmq
    assert [(host.address, host.user, host.virtual_host) for host in found.hosts] == expected


@pytest.mark.parametrize("url", ["kafka://host", "amqp://host", "fake://", "none:///"])
def test_other_transports_are_no_rabbitmq(url: str) -> None:
    assert not transport_of(url).is_rabbitmq


@pytest.mark.parametrize("written", ["Gr8/Secret", "Gr8#Secret", "Gr8?Secret", "Gr8[Secret"])
def test_a_password_that_is_not_escaped_is_refused_and_not_shown_as_a_host(tmp_path: Path, written: str) -> None:
    with pytest.raises(UnreadableConfig) as refused:
        transports(settings(tmp_path, f"[DEFAULT]\ntransport_url = rabbit://nova:{written}@one:5672/\n"))
    assert "Gr8" not in f"{refused.value.what} {refused.value.evidence} {refused.value.next_command}"
    assert "%2F" in refused.value.next_command


def settings(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "service.conf"
    file.write_text(text)
    return Settings([file])


def test_tls_is_taken_from_the_url_or_from_the_file(tmp_path: Path) -> None:
    written = settings(
        tmp_path,
        "[DEFAULT]\ntransport_url = rabbit://a:1@one/\n"
        "[oslo_messaging_notifications]\ntransport_url = rabbit://a:1@two/?ssl=0\n"
        "[oslo_messaging_rabbit]\nssl = true\nssl_ca_file = /etc/ssl/ca.pem\n",
    )
    first, second = transports(written)
    assert first.hosts[0].tls == Tls("/etc/ssl/ca.pem")
    assert second.hosts[0].tls is None
    assert transports(settings(tmp_path, "[DEFAULT]\n")) == ()


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("10.0.0.1", "10.0.0.1:11211"),
        ("10.0.0.1:11212", "10.0.0.1:11212"),
        ("inet6:[fd00::1]:11211", "[fd00::1]:11211"),
        ("[fd00::1]", "[fd00::1]:11211"),
        ("unix:/run/memcached.sock", ""),
    ],
)
def test_servers_of_memcached_are_understood_as_the_libraries_write_them(written: str, address: str) -> None:
    assert address_of(written) == address


@pytest.mark.parametrize("before", ["", "memcache_"])
def test_a_cache_of_another_kind_names_no_memcached(tmp_path: Path, before: str) -> None:
    """oslo.cache has dropped the prefix in 2026.1, and reads either."""
    text = "[cache]\nbackend = {}\nmemcache_servers = one,two:11212\n"
    text += f"{before}socket_timeout = 3\n{before}username = x\n"
    assert memcached_of(settings(tmp_path, text.format("dogpile.cache.redis")), "nova") == {}
    found = memcached_of(settings(tmp_path, text.format("oslo_cache.memcache_pool")), "nova")
    assert {address: wish.seconds for address, wish in found.items()} == {"one:11211": 3.0, "two:11212": 3.0}
    assert all(wish.with_password for wish in found.values())
