"""Counts the rows that a release's online data migrations would move. Only reads."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from onward.catalog.online_migrations import OnlineMigration
from onward.model.online_migrations import Left


def count_left(engine: Engine, functions: Iterable[OnlineMigration], place: str = "") -> Iterator[Left]:
    """What each function would find in this database; what cannot be counted is a ``failure``."""
    for function in functions:
        rows, failure = 0, ""
        query = function.query(engine.dialect.name)
        if query is None:
            failure = f"on {engine.dialect.name} they cannot be counted without moving them"
        else:
            try:
                with engine.connect() as connection:
                    rows = int(connection.execute(text(query)).scalar() or 0)
            except SQLAlchemyError as error:
                original = getattr(error, "orig", None) or error
                failure = f"{type(original).__name__}: {original}"
        yield Left(function.name, function.what, place, rows, failure, function.may_stay)
