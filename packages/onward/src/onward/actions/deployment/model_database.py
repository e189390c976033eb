"""A database of a deployed service, as plans name it."""

from collections.abc import Mapping

from sqlalchemy import URL

from onward.plan.step import Frozen


class ModelDatabase(Frozen):
    """A database, and as whom it is read; ``secret`` names the password that the model keeps."""

    database: str
    user: str
    secret: str
    host: str
    port: int

    def url(self, secrets: Mapping[str, str]) -> URL:
        """Where it is, with the password."""
        return URL.create("mysql+pymysql", self.user, secrets[self.secret], self.host, self.port, self.database)
