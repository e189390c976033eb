"""Lets in who has a role at a Keystone: the page asks it with the name and the password, and keeps neither."""

from dataclasses import dataclass

from keystoneauth1 import exceptions
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

ASK_SECONDS = 15.0
UNKNOWN = "Keystone does not know this name with this password."


class NotLetIn(Exception):
    """Nobody is let in; the text says why, and nothing that only Keystone should know."""


@dataclass(frozen=True)
class KeystoneLogin:
    """Which Keystone is asked, and for what."""

    url: str
    role: str
    project: str
    """Where they must have the role: of a role in any project anybody could be given one."""
    project_domain: str
    ca_file: str | None = None

    def let_in(self, name: str, password: str, domain: str) -> str:
        """The name under which somebody is known. Raises NotLetIn."""
        if not name or not password:
            raise NotLetIn(UNKNOWN)
        password_of_user = Password(
            auth_url=self.url,
            username=name,
            password=password,
            user_domain_name=domain,
            project_name=self.project,
            project_domain_name=self.project_domain,
        )
        session = Session(auth=password_of_user, timeout=ASK_SECONDS, verify=self.ca_file or True)
        try:
            access = password_of_user.get_access(session)
        except (exceptions.Unauthorized, exceptions.BadRequest):
            raise NotLetIn(UNKNOWN) from None
        except exceptions.ClientException:
            raise NotLetIn("Keystone does not answer. Try again, or look at it.") from None
        if self.role.lower() not in {str(each).lower() for each in access.role_names or ()}:
            raise NotLetIn(f"You lack the role {self.role} in the project {self.project}.")
        return f"{access.username}@{access.user_domain_name}"
