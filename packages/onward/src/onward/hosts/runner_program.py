"""Runs the commands of one release of one service, with its code imported ahead.

Started by ``hosts/runner.py`` as ``PYTHON -u -I runner_program.py REPORT MODULE...`` with the interpreter of the
service's environment, which knows nothing of Onward: this file stands alone and is valid for Python 3.6 to 3.13.
It reads one JSON object a line from standard input and writes one a line to the descriptor REPORT. Standard output
and standard error are its log, so that code which prints while it is imported disturbs nobody; where REPORT is 1,
standard error alone is.

In:   {"id": 1, "do": "run", "module", "function", "argv", "environment", "log",
       "register", "defaults": [[group, option, value]]}
      {"id": 2, "do": "serve", "module", "attribute", "call", "argv", "environment", "log", "workers"}
      {"id": 3, "do": "stop", "job": 2, "signal": 15}
Out:  {"event": "ready", "seconds", "resident_bytes", "skipped": {module: reason}}
      {"event": "started", "id", "pids", "port"}
      {"event": "ended", "id", "exit_status", "seconds"}; a negative status is the signal that ended it

Each command and each worker of an API is a fresh fork of this process, in a process group of its own. This process
waits for input and for the end of any child, never for a certain one, and has no threads, so that forking is safe.
When standard input ends, because Onward closed it or died, all children are killed. Should this process be killed,
the kernel kills them.
"""

import ctypes
import gc
import importlib
import json
import logging
import os
import random
import select
import signal
import socket
import sys
import time
import traceback
from socketserver import BaseServer
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

PR_SET_PDEATHSIG = 1
KILL_AFTER_SECONDS = 5.0
WATCH_SECONDS = 0.25
CLIENT_SECONDS = 60
BACKLOG = 128

prctl = ctypes.CDLL(None, use_errno=True).prctl


class Job:
    """A command, or an API with its workers."""

    def __init__(self, number):
        self.number = number
        self.pids = set()
        self.began = time.monotonic()
        self.exit_status = None
        self.kill_at = None

    def signal(self, number):
        for pid in self.pids:
            try:
                os.killpg(pid, number)
            except (ProcessLookupError, PermissionError):
                pass  # It has ended, and its end is about to be read.


class Runner:
    """The parent: reads requests, forks children, reports their ends."""

    def __init__(self, report):
        self.report = report
        self.jobs = {}
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(wake_write, False)
        self.private = (report, self.wake_read, wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write)

    def say(self, **message):
        data = json.dumps(message).encode("utf-8") + b"\n"
        while data:
            data = data[os.write(self.report, data) :]

    def work(self):
        """Serve requests until standard input ends."""
        pending = b""
        while True:
            readable, _, _ = select.select([0, self.wake_read], [], [], self.patience())
            if self.wake_read in readable:
                try:
                    os.read(self.wake_read, 4096)
                except BlockingIOError:
                    pass
            self.reap()
            self.kill_the_late()
            if 0 in readable:
                data = os.read(0, 65536)
                if not data:
                    return
                lines = (pending + data).split(b"\n")
                pending = lines.pop()
                for line in lines:
                    self.obey(json.loads(line.decode("utf-8")))

    def patience(self):
        """Seconds until the next child must be killed; None: there is none."""
        times = [job.kill_at for job in self.jobs.values() if job.kill_at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def kill_the_late(self):
        for job in self.jobs.values():
            if job.kill_at is not None and job.kill_at <= time.monotonic():
                job.signal(signal.SIGKILL)
                job.kill_at = None

    def reap(self):
        """Report every job of which the last process has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for job in list(self.jobs.values()):
                if pid in job.pids:
                    self.ended(job, pid, os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status))

    def ended(self, job, pid, exit_status):
        job.pids.remove(pid)
        if job.exit_status is None:
            job.exit_status = exit_status
            job.signal(signal.SIGTERM)  # One worker of an API has gone: the others are of no use.
        if not job.pids:
            del self.jobs[job.number]
            self.say(
                event="ended", id=job.number, exit_status=job.exit_status, seconds=round(time.monotonic() - job.began, 4)
            )

    def obey(self, request):
        if request["do"] == "stop":
            job = self.jobs.get(request["job"])
            if job is not None:
                job.signal(request["signal"])
                job.kill_at = time.monotonic() + KILL_AFTER_SECONDS
            return
        job = self.jobs[request["id"]] = Job(request["id"])
        if request["do"] == "run":
            self.fork(job, request, lambda: run(request))
            self.say(event="started", id=job.number, pids=sorted(job.pids), port=None)
            return
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(BACKLOG)
            for _ in range(request["workers"]):
                self.fork(job, request, lambda: serve(request, listener))
            self.say(event="started", id=job.number, pids=sorted(job.pids), port=listener.getsockname()[1])

    def fork(self, job, request, work):
        """Start a child of the job that does the work and ends with the exit status that the work returns."""
        parent = os.getpid()
        pid = os.fork()
        if pid:
            try:
                os.setpgid(pid, pid)  # Here too: the group must be there before anything is sent to it.
            except (PermissionError, ProcessLookupError):
                pass
            job.pids.add(pid)
            return
        exit_status = 1
        try:
            os.setpgid(0, 0)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)  # It died before the kernel was told what to do then.
            prepare_child(self.private, request)
            exit_status = finished(work)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(exit_status)


def prepare_child(private, request):
    """Give a new child the signals, files, variables and arguments of a freshly started program."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for descriptor in (null, log) + private:
        os.close(descriptor)
    os.environ.update(request["environment"])
    sys.argv[:] = request["argv"]
    random.seed()  # Python before 3.7 leaves all children with the same sequence.


def finished(work):
    """Do the work; the exit status as the interpreter would set it."""
    try:
        status = work()
    except SystemExit as leaving:
        status = leaving.code
    except BaseException:
        traceback.print_exc()
        status = 1
    if status is None:
        status = 0
    if not isinstance(status, int):
        print(status, file=sys.stderr)
        status = 1
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    return status & 0xFF


def found(module, attribute):
    return getattr(importlib.import_module(module), attribute)


def run(request):
    """A command: what a console script does. The defaults are for options that it uses before it reads its files."""
    main = found(request["module"], request["function"])
    if request["defaults"]:
        found(*request["register"].split(":"))()
        for group, option, value in request["defaults"]:
            found("oslo_config.cfg", "CONF").set_default(option, value, group=group)
    return main()


def serve(request, listener):
    """A worker of an API. It loads the application itself: no connection of a pool is shared between workers."""
    application = found(request["module"], request["attribute"])
    if request["call"]:
        application = application()
    server = Server(listener)
    server.set_app(application)
    server.serve_forever()


class Server(WSGIServer):
    """The standard library's server on a socket that all workers accept from.

    It answers with HTTP/1.0, which closes each connection: a worker handles one request at a time, and would
    otherwise wait for a client that keeps its connection for later.
    """

    def __init__(self, listener):
        BaseServer.__init__(self, listener.getsockname(), RequestHandler)
        # Another worker may be faster; waiting for the connection in accept() would then be for ever.
        listener.setblocking(False)
        self.socket = listener
        self.server_name, self.server_port = listener.getsockname()
        self.setup_environ()

    def get_request(self):
        connection, address = self.socket.accept()
        connection.setblocking(True)
        return connection, address


class RequestHandler(WSGIRequestHandler):
    """The standard library's, which neither a silent client nor an unread request can spoil."""

    timeout = CLIENT_SECONDS

    def finish(self):
        super().finish()
        # Closing a connection with something unread resets it, and the answer could be lost on its way.
        self.connection.setblocking(False)
        try:
            while self.connection.recv(65536):
                pass
        except OSError:
            pass


def watch_owner(*_):
    """While importing, nobody reads standard input: look now and then whether its other end is still there."""
    poll = select.poll()
    poll.register(0, 0)
    if any(event & select.POLLHUP for _, event in poll.poll(0)):
        os._exit(0)


def warm(modules):
    """Import the modules; those that cannot be imported, with the reason."""
    skipped = {}
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            skipped[name] = "{}: {}".format(type(error).__name__, error)
            if not isinstance(error, ImportError):
                traceback.print_exc()
    gc.collect()
    if hasattr(gc, "freeze"):  # Since 3.7: what is imported is neither searched nor copied by the children's collector.
        gc.freeze()
    return skipped


def resident_bytes():
    """Memory that this process really holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main():
    report, modules = int(sys.argv[1]), sys.argv[2:]
    if report == 1:
        # In a container there is no other descriptor that leads out. What is printed goes where errors go.
        report = os.dup(1)
        os.dup2(2, 1)
    del sys.argv[1:]  # Modules look at it while they are imported.
    began = time.monotonic()
    signal.signal(signal.SIGALRM, watch_owner)
    signal.setitimer(signal.ITIMER_REAL, WATCH_SECONDS, WATCH_SECONDS)
    skipped = warm(modules)
    signal.setitimer(signal.ITIMER_REAL, 0)
    runner = Runner(report)
    runner.say(
        event="ready", seconds=round(time.monotonic() - began, 3), resident_bytes=resident_bytes(), skipped=skipped
    )
    try:
        runner.work()
    finally:
        for job in runner.jobs.values():
            job.signal(signal.SIGKILL)


if __name__ == "__main__":
    main()
