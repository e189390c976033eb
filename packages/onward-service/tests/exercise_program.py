"""Run by interpreters of services' environments, from Python 3.9 on: listens to what is installed there, and is asked.

Prints what was heard and seen as JSON. Servers are not needed: SQLite answers, and where nobody listens is a loss.
"""

import json
import os
import socket
import sys
import tempfile
import threading

from onward_service.observation import Outcome
from onward_service.process import listening
from onward_service.wsgi import wrap

TOLD = {}


def application(environ, start_response):
    environ["keystone.token_info"] = {"token": {"roles": [{"name": "admin"}]}}
    environ["use"]()
    start_response("200 OK", [])
    return [b""]


def ask(path, use=lambda: None, method="GET", **environ):
    told = []
    given = {"PATH_INFO": path, "REQUEST_METHOD": method, "REMOTE_ADDR": "127.0.0.1", "SERVER_PORT": "80", "use": use}
    given.update(environ)
    body = b"".join(WRAPPED(given, lambda status, headers: told.append((status, sorted(headers)))))
    return told[0][0], told[0][1], body


def nobody():
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sql():
    import sqlalchemy

    engine = sqlalchemy.create_engine("sqlite://")

    def use():
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT 1"))

    return use


def lost_database():
    import sqlalchemy

    engine = sqlalchemy.create_engine(f"mysql+pymysql://user:secret-word@127.0.0.1:{nobody()}/lost")

    def use():
        try:
            engine.connect()
        except sqlalchemy.exc.SQLAlchemyError:
            return

    return use


def rpc():
    import oslo_messaging
    from oslo_config import cfg

    cfg.CONF([])
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, "fake://")
    target = oslo_messaging.Target(topic="conductor")
    make = getattr(oslo_messaging, "get_rpc_client", None) or oslo_messaging.RPCClient
    client = make(transport, target)

    def use():
        client.cast({}, "heard")
        try:
            client.prepare(timeout=0.1).call({}, "nobody_answers")
        except oslo_messaging.MessagingTimeout:
            return

    return use


def broker():
    import amqp

    port = nobody()

    def use():
        try:
            amqp.Connection(f"127.0.0.1:{port}", userid="guest", password="secret-word", connect_timeout=5).connect()
        except OSError:
            return

    return use


def neighbour():
    import keystoneauth1.exceptions
    import keystoneauth1.session

    url = f"http://127.0.0.1:{nobody()}/"

    def use():
        try:
            filters = {"service_type": "volumev3"}
            keystoneauth1.session.Session().get(url, authenticated=False, endpoint_filter=filters)
        except keystoneauth1.exceptions.ClientException:
            return

    return use


def same_bytes():
    """Whether /healthcheck is what oslo.middleware says here."""
    from oslo_middleware.healthcheck import Healthcheck
    from webob import Request

    for accept in ("text/plain", "text/html", "application/json", "image/png", "text/html;q=0.5, */*;q=0.1"):
        for method in ("GET", "HEAD"):
            for there in (True, False):
                os.close(os.open(FILE, os.O_CREAT)) if there else os.unlink(FILE)
                given = {"backends": "disable_by_file", "disable_by_file_path": FILE}
                request = Request.blank("/healthcheck", environ={"REQUEST_METHOD": method, "HTTP_ACCEPT": accept})
                response = request.get_response(Healthcheck.app_factory({}, **given))
                theirs = (response.status, sorted(response.headerlist), response.body)
                ours = ask("/healthcheck", method=method, HTTP_ACCEPT=accept)
                assert theirs == ours, (theirs, ours)
    return True


PARTS = {
    "sqlalchemy": (sql, lost_database),
    "oslo_messaging": (rpc,),
    "amqp": (broker,),
    "keystoneauth1": (neighbour,),
}

with tempfile.TemporaryDirectory() as directory:
    FILE = os.path.join(directory, "out")
    uses = []
    for name, makers in PARTS.items():
        try:
            __import__(name)
        except ImportError:
            continue
        uses += [maker() for maker in makers]
    WRAPPED = wrap(
        application,
        service="nova",
        detail_sources="127.0.0.0/8",
        healthcheck_path="/healthcheck",
        backends="disable_by_file",
        disable_by_file_path=FILE,
        state_file=os.path.join(directory, "state"),
    )
    collector, listeners = listening(None)
    for use in uses:
        ask("/servers", use)
    ask("/servers", lambda: collector.observe("cache:own", Outcome.LOST, 0.1, "Lost"))
    try:
        import oslo_middleware.healthcheck  # noqa: F401

        TOLD["same_bytes"] = same_bytes()
        from onward_service.oslo_backend import LastKnownHealthcheck
        from oslo_config import cfg

        TOLD["backend"] = LastKnownHealthcheck(cfg.CONF, {"onward_service": "nova"}).healthcheck(80).reason
    except ImportError:
        pass
    TOLD["checks"] = {name: check["status"] for name, check in json.loads(ask("/health")[2])["checks"].items()}
    TOLD["heard"], TOLD["deaf"], TOLD["threads"] = listeners.heard, listeners.deaf, threading.active_count()
    TOLD["secret"] = any(b"secret-word" in ask(path)[2] for path in ("/health", "/health/metrics"))
    TOLD["python"] = list(sys.version_info[:2])
print(json.dumps(TOLD))
