"""What may be wrong with a URL of the catalogue: how each fault is made with a real server, and what is said of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from web_servers import Authority, self_signed, unused_url, web_server

Made = Callable[[Authority], AbstractContextManager[str]]


@dataclass(frozen=True)
class Fault:
    """Something wrong with one URL."""

    name: str
    made: Made
    """The URL, of a server that lasts as long as the context. It may use the authority that is trusted."""
    found: Mapping[str, tuple[str, str]]
    """All findings by name: the result, and words of what is said."""
    interface: str = "public"
    region: str = "RegionOne"


def certified(**described: Any) -> Made:
    """A server with such a certificate of the authority that is trusted."""
    return lambda root: web_server(certificate=root.certificate(uuid4().hex, **described))


def answering(**described: Any) -> Made:
    """A server without a certificate."""
    return lambda _root: web_server(**described)


def stranger(root: Authority) -> AbstractContextManager[str]:
    other = Authority(root.directory.with_name("stranger"), "Somebody Else")
    return web_server(certificate=other.chained(other.certificate("stranger", days=400)))


def own(root: Authority) -> AbstractContextManager[str]:
    return web_server(certificate=self_signed(root.directory))


def chainless(root: Authority) -> AbstractContextManager[str]:
    issuing = Authority(root.directory, "Example Issuing CA", above=root)
    return web_server(certificate=issuing.certificate("chainless", days=400))


def expired_above(root: Authority) -> AbstractContextManager[str]:
    issuing = Authority(root.directory, "Example Old CA", above=root, days=-5)
    return web_server(certificate=issuing.chained(issuing.certificate("below", days=400)))


@contextmanager
def plain(_root: Authority) -> Iterator[str]:
    with web_server() as url:
        yield url.replace("http:", "https:")


@contextmanager
def encrypted(root: Authority) -> Iterator[str]:
    with web_server(certificate=root.certificate("encrypted", days=400)) as url:
        yield url.replace("https:", "http:")


@contextmanager
def elsewhere(root: Authority) -> Iterator[str]:
    with (
        web_server(certificate=root.certificate("elsewhere", days=400)) as there,
        web_server(302, location=f"{there}/") as url,
    ):
        yield url


def gone(_root: Authority) -> AbstractContextManager[str]:
    return nullcontext(unused_url())


NOT_ACCEPTED = ("fail", "its certificate is not accepted")
FAULTS = (
    Fault(
        "A certificate has expired",
        certified(days=-2),
        {"endpoint": NOT_ACCEPTED, "certificate": ("fail", "not trusted: it expired 2 days ago, on ")},
    ),
    Fault(
        "A certificate above it in the chain has expired",
        expired_above,
        {"endpoint": NOT_ACCEPTED, "certificate": ("fail", "not trusted: one above it in its chain has expired")},
    ),
    Fault(
        "A certificate is not valid yet",
        certified(begins=3.1, days=400),
        {"endpoint": NOT_ACCEPTED, "certificate": ("fail", " on, in 3 days")},
    ),
    Fault("A certificate expires in 22 hours", certified(days=0.9), {"certificate": ("fail", "expires in 22 hours")}),
    Fault("A certificate expires in 10 days", certified(days=10.1), {"certificate": ("warn", "it expires in 10 days")}),
    Fault(
        "A certificate is for another host",
        certified(days=400, host="controller7.example.com"),
        {"endpoint": NOT_ACCEPTED, "certificate": ("fail", "not trusted: it is for controller7.example.com, and not")},
    ),
    Fault(
        "A certificate is of an authority that nobody here knows",
        stranger,
        {"endpoint": NOT_ACCEPTED, "certificate": ("fail", "not trusted: the root of its chain is not trusted here")},
    ),
    Fault(
        "A certificate has signed itself",
        own,
        {"endpoint": NOT_ACCEPTED, "certificate": ("fail", "not trusted: it has signed itself")},
    ),
    Fault(
        "A server does not send the intermediate certificate",
        chainless,
        {
            "endpoint": NOT_ACCEPTED,
            "certificate": ("fail", "Example Issuing CA issued it, who is neither trusted here"),
        },
    ),
    Fault(
        "A server speaks plain HTTP where https is listed",
        plain,
        {"endpoint": ("fail", "it speaks plain HTTP, and the catalogue says https")},
    ),
    Fault(
        "A server speaks TLS where http is listed",
        encrypted,
        {"endpoint": ("fail", "it speaks TLS, and the catalogue says http")},
    ),
    Fault("Nobody listens", gone, {"endpoint": ("fail", "nobody listens there")}),
    Fault("Nobody listens in the second region", gone, {"endpoint": ("fail", "nobody")}, region="RegionTwo"),
    Fault("A server is stopped (SIGSTOP)", answering(stopped=True), {"endpoint": ("fail", "no answer came in time")}),
    Fault(
        "A server of another network gives no answer",
        answering(stopped=True),
        {"endpoint": ("could-not-tell", "no answer came in time")},
        interface="internal",
    ),
    Fault(
        "A name that DNS does not know",
        lambda _root: nullcontext("http://nowhere.invalid:9999/"),
        {"endpoint": ("fail", "its name is not known here")},
    ),
    Fault("A server answers with 503", answering(status=503), {"endpoint": ("fail", "answers with 503")}),
    Fault("A server redirects to another one", elsewhere, {"endpoint": ("warn", "sends everybody on to https://")}),
    Fault(
        "A server redirects to itself for ever",
        answering(status=301, location="SELF/"),
        {"endpoint": ("fail", "OpenStack's clients never get to an answer (31 times; at last to ")},
    ),
    Fault(
        "A server redirects to a path without naming a host",
        answering(status=301, location="/v2/"),
        {"endpoint": ("fail", "OpenStack's clients never get to an answer")},
    ),
    Fault(
        "A server's clock is 40 s behind", answering(clock_seconds=-40), {"clock": ("fail", "s behind this machine's")}
    ),
    Fault("A server's clock is 40 s ahead", answering(clock_seconds=40), {"clock": ("fail", "s ahead of this")}),
    Fault(
        "A server's clock is 12 s behind", answering(clock_seconds=-12), {"clock": ("warn", "s behind this machine's")}
    ),
)
SKEWS = {
    "A server's clock is 40 s behind": 40,
    "A server's clock is 40 s ahead": 40,
    "A server's clock is 12 s behind": 12,
}
UNFILLED = "A URL has a template that Keystone cannot fill"
TEMPLATE = "http://$(compute_host)s:8774/v2.1"
"""Which the API accepts."""
