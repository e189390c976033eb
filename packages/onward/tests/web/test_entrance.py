"""Who may see the page, and what everybody else learns: nothing."""

import os
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from served import Person, Served

from onward.errors import PageNotServed
from onward.hosts.state import Directories
from onward.web.application import application
from onward.web.journal import Listening
from onward.web.server import Server, Wish
from onward.web.sessions import ATTEMPT_SECONDS, ATTEMPTS, Attempts, Sessions
from onward.web.site import Site

PATHS = (
    "/", "/part", "/models/demo", "/models/demo/cause", "/runs", "/runs/run-1", "/runs/run-1/report", "/journal",
    "/events", "/plans", "/plans/plan.json", "/checks", "/policy", "/commands/check-1", "/nowhere", "/loginx",
)  # fmt: skip
FORMS = (
    "/runs/run-1/pause",
    "/runs/run-1/cancel",
    "/runs/run-1/resume",
    "/plans/plan.json/start",
    "/checks",
    "/policy",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_sees_the_same_whatever_there_is(stranger: Person, path: str) -> None:
    seen = stranger.get(path)
    assert (seen.status_code, seen.headers["location"], seen.text) == (303, "/login", "")
    assert stranger.get(path, accept="text/event-stream").status_code == 401


@pytest.mark.parametrize("path", [*FORMS, "/logout", "/nowhere"])
def test_a_stranger_does_nothing(stranger: Person, path: str) -> None:
    answer = stranger.post(path, {"proof": "0" * 64})
    assert (answer.status_code, answer.text) == (401, "Log in first.\n")


def test_the_token_is_in_a_private_file_and_nowhere_else(served: Served) -> None:
    file = served.token_file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    words = Path(f"/proc/{served.pid}/cmdline").read_bytes()
    assert served.token.encode() not in words
    # It is no terminal that it writes to.
    assert served.token not in served.log.read_text()
    assert str(file) in served.log.read_text()


def test_a_session_is_kept_as_a_digest(served: Served, person: Person) -> None:
    kept = served.token_file.with_name("sessions.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    secret = person.secret
    assert secret
    assert secret not in kept.read_text()


def test_a_cookie_is_for_this_page_alone(served: Served) -> None:
    person = Person(served)
    answer = person.send("/login", "/login", token=served.token)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert f"onward-{served.port}=" in cookie


@pytest.mark.parametrize("path", ["/", "/login", "/static/page.js", "/nowhere"])
def test_every_answer_tells_browsers_what_to_refuse(person: Person, path: str) -> None:
    headers = person.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/", "/runs", "/plans", "/checks", "/policy", "/journal", "/nowhere"])
def test_no_page_has_script_or_style_of_its_own(person: Person, path: str) -> None:
    text = person.get(path).text
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    assert text.count("<script") == text.count("<script src=")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "evil.example:8765", "127.0.0.2"])
def test_a_name_that_is_not_its_own_gets_nothing(person: Person, host: str) -> None:
    for path in ("/", "/login", "/static/page.js"):
        assert person.get(path, host=host, cookie=person.cookie).status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1", "[::1]:1"])
def test_a_forwarded_port_is_still_this_machine(person: Person, host: str) -> None:
    assert person.get("/", host=host, cookie=person.cookie).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://["},
    ],
)
def test_a_form_of_another_page_is_refused(person: Person, headers: dict[str, str]) -> None:
    form = {"proof": person.proof("/checks")}
    assert person.post("/logout", form, **headers).status_code == 403
    assert person.get("/").status_code == 200


@pytest.mark.parametrize("path", [*FORMS, "/logout"])
@pytest.mark.parametrize("proof", ["", "0" * 64, "\ud800"])
def test_a_form_without_its_proof_is_refused(person: Person, path: str, proof: str) -> None:
    form = f"proof={proof}".encode("utf-8", "surrogatepass")
    assert person.post(path, form).status_code in (400, 403)
    assert person.get("/").status_code == 200


def test_the_proof_of_one_is_none_for_another(served: Served, person: Person) -> None:
    other = Person(served).log_in()
    assert other.post("/logout", {"proof": person.proof("/checks")}).status_code == 403


def test_a_form_is_small_and_a_form(person: Person) -> None:
    proof = person.proof("/checks")
    assert person.post("/logout", f"proof={proof}&more={'x' * 70_000}".encode()).status_code == 413
    assert person.post("/logout", "&".join(f"a{n}=1" for n in range(60)).encode()).status_code == 400
    assert person.post("/logout", b"{}", **{"content-type": "application/json"}).status_code == 415
    assert person.session.put(f"{person._served.url}/logout", timeout=60).status_code == 405


def test_whoever_has_logged_out_is_out(served: Served, person: Person) -> None:
    secret = person.secret
    assert person.send("/checks", "/logout").status_code == 303
    again = Person(served)
    again.session.cookies.set(f"onward-{served.port}", secret)
    assert again.get("/").status_code == 303


def test_who_is_logged_in_stays_so_over_a_restart_and_the_old_token_does_not(own: Served) -> None:
    person, before = Person(own.begin()).log_in(), own.token
    assert own.end() == 0
    own.begin()
    assert person.get("/").status_code == 200
    assert own.token != before
    # The old token is a wrong one, and nobody tries wrong ones for long.
    stranger = Person(own)
    statuses = [stranger.send("/login", "/login", token=before).status_code for _ in range(ATTEMPTS + 1)]
    assert statuses == [403] * ATTEMPTS + [429]
    assert stranger.send("/login", "/login", token=own.token).status_code == 429


def test_after_a_minute_they_may_try_again() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    for _ in range(ATTEMPTS):
        assert not attempts.too_many()
        attempts.failed()
    assert attempts.too_many()
    now[0] = ATTEMPT_SECONDS + 1
    assert not attempts.too_many()


def test_a_session_ends_by_itself(tmp_path: Path) -> None:
    now = [1000.0]
    sessions = Sessions(tmp_path / "sessions.json", lambda: now[0])
    secret = sessions.begin("operator", 60)
    assert Sessions(tmp_path / "sessions.json", lambda: now[0]).find(secret) is not None
    now[0] += 61
    assert sessions.find(secret) is None
    assert sessions.find("") is None


@given(content=st.binary(max_size=60) | st.just(b'{"a": 1}') | st.just(b'{"a": {"name": "x", "until": null}}'))
def test_a_broken_file_of_sessions_lets_nobody_in(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("sessions") / "sessions.json"
    file.write_bytes(content)
    assert Sessions(file).find("a") is None


def test_passwords_do_not_go_over_a_network_in_the_clear(directories: Directories, tmp_path: Path) -> None:
    with pytest.raises(PageNotServed, match="in the clear") as refused:
        Server(directories, Wish("0.0.0.0", 0, (), tmp_path, tmp_path))  # noqa: S104 - that it is refused
    assert refused.value.exit_status == 4
    with pytest.raises(PageNotServed, match="by another name"):
        Server(directories, Wish("::", 0, (), tmp_path, tmp_path, certificate=tmp_path))
    assert not (directories.state / "web").exists()


def test_a_port_that_is_taken_is_said_and_its_token_left_alone(
    served: Served, session_directories: Directories
) -> None:
    before = served.token
    with pytest.raises(PageNotServed, match=str(served.port)):
        Server(served.directories, Wish("127.0.0.1", served.port, (), served.home, served.home))
    assert served.token == before


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    [
        "..",
        "../../etc/passwd",
        "%00",
        "%2e%2e%2f",
        "' OR 1=1 --",
        "{{7*7}}",
        "<script>alert(1)</script>",
        "\x00",
        "a" * 3000,
    ]
)
PLACES = st.sampled_from(["runs", "models", "plans", "commands", "static", "journal", "events", "policy", "checks"])


@given(place=PLACES, word=WORDS, last=st.sampled_from(["", "/part", "/report", "/timings", "/cause", "/policy"]))
@settings(max_examples=40)
def test_whatever_is_asked_for_nothing_breaks(served: Served, place: str, word: str, last: str) -> None:
    known = _known(served)
    path = f"/{place}/{requests.utils.quote(word, safe='')}{last}"  # type: ignore[attr-defined]
    if path.rstrip("/") == "/events":
        return
    seen = known.get(path)
    assert seen.status_code < 500, seen.text[:500]
    assert "Traceback" not in seen.text
    assert "<script>alert" not in seen.text
    stranger = Person(served).get(path)
    # What they are sent to log in for tells nothing; files of the page that there are not tell as much.
    public = (stranger.request.path_url or "").startswith(("/static/", "/login"))
    assert public or (stranger.status_code, stranger.text) == (303, "")


@given(
    path=st.sampled_from([*FORMS, "/login"]),
    form=st.dictionaries(
        st.sampled_from(["model", "target", "waive", "service", "source", "file", "named", "digest", "token", "name"]),
        WORDS,
    ),
)
@settings(max_examples=25)
def test_whatever_is_sent_nothing_breaks(served: Served, path: str, form: dict[str, str]) -> None:
    known = _known(served)
    if path in ("/plans", "/checks", "/policy"):
        # What is understood begins a command; that is tested elsewhere.
        form = {**form, "target": "no-such-series", "waive": ""}
    answer = known.post(path, {**form, "proof": known.proof("/checks")})
    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert "Traceback" not in answer.text
    assert "<script>alert" not in answer.text


@given(sent=st.binary(max_size=200) | st.just(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n" + b"a: b\r\n" * 20_000))
@settings(max_examples=25)
def test_whatever_comes_over_the_wire_the_next_one_is_served(served: Served, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as wire:
        with suppress(ConnectionError):
            wire.sendall(sent)
            wire.shutdown(socket.SHUT_WR)
        answer = b""
        with suppress(ConnectionError):
            while part := wire.recv(65536):
                answer += part
    assert not answer or answer.split()[1] in (b"400", b"401", b"303", b"405", b"421", b"431")
    assert Person(served).get("/login").status_code == 200


_KNOWN: dict[int, Person] = {}


def _known(served: Served) -> Person:
    """Logged in once for many examples."""
    return _KNOWN.setdefault(served.port, Person(served).log_in()) if served.port not in _KNOWN else _KNOWN[served.port]


def test_a_site_does_not_show_its_token(directories: Directories, tmp_path: Path) -> None:
    site = Site(directories, tmp_path, tmp_path, Sessions(tmp_path / "s"), "cookie", "the-token")
    application(site, frozenset(), Listening())
    assert "the-token" not in repr(site)


def test_the_time_of_a_session_is_bounded(served: Served, person: Person) -> None:
    told = served.token_file.with_name("sessions.json").read_text()
    assert person.get("/").status_code == 200
    assert '"until": ' in told
    assert all(float(part.split("}")[0]) < time.time() + 13 * 3600 for part in told.split('"until": ')[1:])
    assert os.access(served.token_file, os.R_OK)
