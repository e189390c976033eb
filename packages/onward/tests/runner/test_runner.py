"""A warm runner runs commands side by side, keeps what they say, and leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onward.catalog.service import Application, Command
from onward.errors import RunnerDied, ServiceDidNotStart
from onward.hosts.interpreters import Interpreter
from onward.hosts.runner import Runner, warm_runner

MODULE = '''
import os, sys, time
print("printed while it is imported")

def show():
    print(sys.argv, os.environ.get("SECRET"))
    print("to standard error", file=sys.stderr)

def leave(): sys.exit(int(sys.argv[-1]))
def complain(): sys.exit("a complaint")
def answer(): return 7
def fail(): raise RuntimeError("it broke")
def hang():
    print(os.getpid(), flush=True)
    while True: time.sleep(60)
def meet():
    """Ends only when the other one, named last, has begun too."""
    mine, other = sys.argv[-2:]
    open(mine, "w").close()
    while not os.path.exists(other): time.sleep(0.01)
def environment(): print(sorted(os.environ), sys.path)

def application(environ, start_response):
    if environ["PATH_INFO"] == "/broken": raise RuntimeError("a broken request")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%s %s" % (os.getpid(), sys.argv)).encode()]
def make(): return application
def refuse(): sys.exit("no such setting")
'''


def command(function: str, *argv: str) -> Command:
    return Command(name=function, module="subject", function=function, argv=("subject", *argv), source="this test")


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def environment_with_subject(directory: Path, interpreter: Path) -> Path:
    """An empty environment that has the module above; its interpreter."""
    subprocess.run([interpreter, "-m", "venv", "--without-pip", directory / "environment"], check=True)
    packages = next((directory / "environment" / "lib").glob("python*/site-packages"))
    (packages / "subject.py").write_text(MODULE)
    return directory / "environment" / "bin" / "python"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment_with_subject(tmp_path_factory.mktemp("subject"), Path(sys.executable))


@pytest.fixture
def runner(python: Path, tmp_path: Path) -> Iterator[Runner]:
    with warm_runner(python, ["subject", "no_such_module"], tmp_path / "runner.log") as found:
        yield found


def test_a_module_that_prints_or_is_missing_disturbs_nobody(runner: Runner, tmp_path: Path) -> None:
    assert "printed while it is imported" in (tmp_path / "runner.log").read_text()
    assert list(runner.skipped_modules) == ["no_such_module"]
    assert runner.resident_bytes > 1_000_000


def test_a_command_sees_its_arguments_and_variables_and_its_output_is_kept(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "show.log"
    outcome = runner.run(
        command("show", "{user}", "--flag"),
        configuration=[Path("/etc/a.conf"), Path("/etc/b.conf")],
        log=log,
        environment={"SECRET": "in the environment"},
        extra_argv=["more"],
    )
    assert outcome.exit_status == 0
    first, second = outcome.output().splitlines()
    assert first.startswith("['subject', '--config-file', '/etc/a.conf', '--config-file', '/etc/b.conf', '")
    assert first.endswith("'--flag', 'more'] in the environment")
    assert second == "to standard error"
    assert log.stat().st_mode & 0o777 == 0o600

    again = runner.run(command("complain"), configuration=[], log=log)
    assert again.exit_status == 1
    assert again.output() == "a complaint\n"  # and nothing of the command before it


@pytest.mark.parametrize(
    ("what", "exit_status"), [("answer", 7), ("fail", 1), ("complain", 1), ("leave", 255), ("no_such_function", 1)]
)
def test_exit_statuses_are_those_of_the_command_itself(
    runner: Runner, tmp_path: Path, what: str, exit_status: int
) -> None:
    outcome = runner.run(command(what, "255"), configuration=[], log=tmp_path / "log")
    assert outcome.exit_status == exit_status
    if what == "fail":
        assert outcome.tail(1) == "RuntimeError: it broke"


def test_commands_run_side_by_side(runner: Runner, tmp_path: Path) -> None:
    one, other = str(tmp_path / "one"), str(tmp_path / "other")

    def meet(mine: str, theirs: str) -> int:
        return runner.run(command("meet", mine, theirs), configuration=[], log=tmp_path / "log").exit_status

    with ThreadPoolExecutor(2) as pool:
        ended = [pool.submit(meet, one, other), pool.submit(meet, other, one)]
        assert [future.result(30) for future in ended] == [0, 0]


def test_a_command_that_takes_too_long_is_killed_and_the_runner_goes_on(runner: Runner, tmp_path: Path) -> None:
    log = tmp_path / "log"
    outcome = runner.run(command("hang"), configuration=[], log=log, timeout_seconds=0.5)
    assert outcome.exit_status == -signal.SIGKILL
    assert not exists(int(outcome.output()))
    assert runner.run(command("answer"), configuration=[], log=log).exit_status == 7


def test_a_command_does_not_see_onwards_own_modules_nor_the_operators_credentials(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "the operator's")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    with warm_runner(python, [], tmp_path / "runner.log") as runner:
        seen = runner.run(command("environment"), configuration=[], log=tmp_path / "log").output()
    assert "PATH" in seen
    for name in ("OS_PASSWORD", "PYTHONPATH", "VIRTUAL_ENV", "onward/hosts", "/somewhere"):
        assert name not in seen


def start_hanging(runner: Runner, log: Path, pool: ThreadPoolExecutor) -> int:
    """The process id of a command that never ends."""
    pool.submit(runner.run, command("hang"), configuration=[], log=log)
    assert eventually(lambda: log.exists() and log.read_text().endswith("\n"))
    return int(log.read_text().split()[-1])


def test_when_the_runner_is_killed_its_command_dies_and_the_caller_is_told(runner: Runner, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        log = tmp_path / "log"
        future = pool.submit(runner.run, command("hang"), configuration=[], log=log)
        assert eventually(lambda: log.exists() and log.read_text().endswith("\n"))
        os.kill(runner.pid, signal.SIGKILL)
        with pytest.raises(RunnerDied, match="-9"):
            future.result(30)
    assert eventually(lambda: not exists(int(log.read_text())))
    assert not runner.alive()
    with pytest.raises(RunnerDied):
        runner.run(command("answer"), configuration=[], log=tmp_path / "log")


OWNER = """
import sys, threading, time
from pathlib import Path
from onward.catalog.service import Command
from onward.hosts.runner import warm_runner
python, log = map(Path, sys.argv[1:])
with warm_runner(python, ["subject"], log.with_name("runner.log")) as runner:
    hang = Command(name="hang", module="subject", function="hang", argv=("hang",), source="this test")
    threading.Thread(target=runner.run, args=(hang,), kwargs={"configuration": [], "log": log}, daemon=True).start()
    print(runner.pid, flush=True)
    time.sleep(600)
"""


def test_when_onward_is_killed_runner_and_command_die(python: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    owner = subprocess.Popen([sys.executable, "-c", OWNER, python, log], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout as output:
        runner = int(output.readline())
        assert eventually(lambda: log.exists() and log.read_text().endswith("\n"))
        child = int(log.read_text())
        assert exists(runner)
        assert exists(child)
        owner.kill()
        owner.wait()
    assert eventually(lambda: not exists(runner))
    assert eventually(lambda: not exists(child))


def test_when_onward_is_killed_during_the_imports_the_runner_dies_as_well(tmp_path: Path, python: Path) -> None:
    packages = next(python.parent.parent.glob("lib/python*/site-packages"))
    (packages / "slow_subject.py").write_text(
        f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write('%d\\n' % os.getpid())\n"
        "for _ in range(3000): time.sleep(0.02)\n"
    )
    code = OWNER.replace('["subject"]', '["slow_subject"]')
    owner = subprocess.Popen([sys.executable, "-c", code, python, tmp_path / "log"])
    written = tmp_path / "pid"
    assert eventually(lambda: written.exists() and written.read_text().endswith("\n"))
    owner.kill()
    owner.wait()
    assert eventually(lambda: not exists(int(written.read_text())))


def test_closing_a_runner_ends_its_commands(python: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with warm_runner(python, ["subject"], tmp_path / "runner.log") as runner:
            child = start_hanging(runner, tmp_path / "log", pool)
        assert not exists(runner.pid)
        assert eventually(lambda: not exists(child))


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(RunnerDied, match="no-such-python"),
        warm_runner(tmp_path / "no-such-python", [], tmp_path / "log"),
    ):
        pass


@pytest.mark.parametrize(("attribute", "call"), [("application", False), ("make", True)])
def test_an_api_is_served_by_several_workers_until_it_is_stopped(
    runner: Runner, tmp_path: Path, attribute: str, call: bool
) -> None:
    import requests

    application = Application(module="subject", attribute=attribute, call=call)
    log = tmp_path / "api.log"
    with runner.serve(application, configuration=[Path("/etc/a.conf")], log=log, name="subject-api") as api:
        session = requests.Session()
        session.trust_env = False
        answers = [session.get(api.url + "/", timeout=10).text for _ in range(20)]
        assert "['subject-api', '--config-file', '/etc/a.conf']" in answers[0]
        assert {int(answer.split()[0]) for answer in answers} <= set(api.pids)
        assert len(api.pids) == 2
        # A request with a body that the application never reads is answered too.
        assert session.post(api.url + "/", data=b"x" * 300_000, timeout=10).status_code == 200
        assert session.get(api.url + "/broken", timeout=10).status_code == 500
        assert session.get(api.url + "/", timeout=10).status_code == 200
    assert not any(exists(pid) for pid in api.pids)
    assert "a broken request" in log.read_text()
    with pytest.raises(requests.ConnectionError):
        session.get(api.url + "/", timeout=2)


def test_an_api_that_ends_instead_of_answering_says_why(runner: Runner, tmp_path: Path) -> None:
    application = Application(module="subject", attribute="refuse", call=True)
    with (
        pytest.raises(ServiceDidNotStart) as raised,
        runner.serve(application, configuration=[], log=tmp_path / "log"),
    ):
        pass
    assert "no such setting" in raised.value.evidence


def test_an_api_that_only_fails_has_not_started(runner: Runner, tmp_path: Path) -> None:
    application = Application(module="subject", attribute="application", call=False)
    serving = runner.serve(
        application, configuration=[], log=tmp_path / "log", health_path="/broken", timeout_seconds=0.5
    )
    with pytest.raises(ServiceDidNotStart, match="did not answer"), serving:
        pass


@pytest.mark.parametrize("minor", ["3.6", "3.7", "3.8", "3.9", "3.10", "3.12", "3.13"])
def test_the_runner_runs_on_the_interpreters_of_all_series(
    interpreters: tuple[Interpreter, ...], minor: str, tmp_path: Path
) -> None:
    found = [interpreter for interpreter in interpreters if interpreter.minor == minor]
    if not found:
        pytest.skip(f"there is no Python {minor} on this machine")
    python = environment_with_subject(tmp_path, found[0].path)
    with warm_runner(python, ["subject"], tmp_path / "runner.log") as runner:
        assert runner.run(command("answer"), configuration=[], log=tmp_path / "log").exit_status == 7
        outcome = runner.run(command("hang"), configuration=[], log=tmp_path / "log", timeout_seconds=0.2)
        assert outcome.exit_status == -signal.SIGKILL
        application = Application(module="subject", attribute="make", call=True)
        with runner.serve(application, configuration=[], log=tmp_path / "api.log") as api:
            assert all(exists(pid) for pid in api.pids)
        assert not any(exists(pid) for pid in api.pids)
