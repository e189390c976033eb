"""Logs in as users, application credentials, trustees and holders of EC2 keys, and keeps what each was given."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from onward.observe.identity import (
    Administrator,
    Answer,
    IdentityApi,
    Json,
    Scope,
    by_application_credential,
    by_id,
    side_by_side,
)
from onward.observe.identity_listings import comparable

Way = Literal["password", "application credential", "trust", "EC2 key"]

# What differs between two logins of one user.
_EACH_TIME_NEW = ("audit_ids", "issued_at", "expires_at")


@dataclass(frozen=True)
class Login:
    """A way in, or one that must stay shut. Secrets are known by name only."""

    name: str
    """Of whoever logs in, for people: user-0001."""
    way: Way
    who: str
    """Identifier of the user or application credential; of an EC2 credential its public access key."""
    secret: str
    """Name of the secret."""
    allowed: bool
    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    trust_id: str | None = None

    @property
    def label(self) -> str:
        """Unique among the logins of a cloud."""
        return f"{self.name} by {self.way}{'' if self.allowed else ', shut'} on {self.scope_name}"

    @property
    def scope_name(self) -> str:
        """What the token would be for."""
        return self.trust_id or self.project_id or self.domain_id or ("system" if self.system else "nothing")

    def as_data(self) -> Json:
        """For keeping."""
        return asdict(self)


@dataclass(frozen=True)
class LoggedIn:
    """What a login led to."""

    login: Login
    status: int
    token: Json
    """What the token says of itself; empty when there is none."""
    value: str | None
    """The token: a secret."""

    def shown(self) -> Json:
        """What a later login of the same user must show again."""
        token = {name: part for name, part in self.token.items() if name not in _EACH_TIME_NEW}
        return {"status": self.status, **comparable(token)}


def log_in_all(
    api: IdentityApi, administrator: Administrator, logins: Sequence[Login], secret: Callable[[str], str]
) -> list[LoggedIn]:
    """Try every login, in their order. Holders of EC2 keys need a service's help: the administrator's."""
    return side_by_side(lambda login: _attempt(api, administrator, login, secret(login.secret)), logins)


def validate_all(api: IdentityApi, administrator: Administrator, values: Sequence[str]) -> list[Json]:
    """What each token is worth: its ``status``, and what it says of itself."""

    def worth(value: str) -> Json:
        answer = api.validate(value, administrator.quick)
        return {"status": answer.status, **_token(answer)}

    return side_by_side(worth, values)


def _attempt(api: IdentityApi, administrator: Administrator, login: Login, secret: str) -> LoggedIn:
    if login.way == "EC2 key":
        answer = api.request(
            "POST", "/ec2tokens", token=administrator.quick, json={"credentials": _signed(login.who, secret)}
        )
    elif login.way == "application credential":
        answer = api.log_in(by_application_credential(login.who, secret))
    else:
        scope = Scope(login.project_id, login.domain_id, login.system, login.trust_id)
        answer = api.log_in(by_id(login.who, secret), scope)
    return LoggedIn(login, answer.status, _token(answer), answer.token)


def _token(answer: Answer) -> Json:
    token: Any = answer.body.get("token") if answer.ok else None
    shown = dict(token or {})
    shown.pop("catalog", None)  # /v3/ec2tokens cannot leave it out; services and endpoints are compared by themselves.
    return comparable(shown)  # type: ignore[no-any-return]


def _signed(access: str, secret: str) -> Json:
    """A request as an EC2 client would sign it by version 0, the shortest (keystoneclient/contrib/ec2/utils.py)."""
    action = "DescribeInstances"
    signature = hmac.digest(secret.encode(), action.encode(), hashlib.sha1)
    return {
        "access": access,
        "signature": base64.b64encode(signature).decode(),
        "params": {"SignatureVersion": "0", "Action": action, "Timestamp": ""},
    }
