"""How somebody logs in at Keystone by password: https://docs.openstack.org/api-ref/identity/v3/#password-authentication."""

from typing import Any


def password_login(user: str, password: str, project: str) -> dict[str, Any]:
    """The body that asks for a token of a project, with names of the default domain."""
    domain = {"id": "default"}
    who = {"name": user, "domain": domain, "password": password}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": who}},
            "scope": {"project": {"name": project, "domain": domain}},
        }
    }
