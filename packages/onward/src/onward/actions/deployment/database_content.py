"""What is in a database of a deployed service, and that nothing is."""

from collections.abc import Mapping

import pymysql
from sqlalchemy import URL, inspect

from onward.actions.deployment.model_database import ModelDatabase
from onward.engine.action import StepContext
from onward.errors import StepFailed
from onward.observe.database import read_only


def tables_of(url: URL) -> set[str]:
    """The tables that are there. Raises SQLAlchemyError."""
    engine = read_only(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def empty(context: StepContext, database: ModelDatabase, secrets: Mapping[str, str]) -> None:
    """The database, with nothing in it; who may use it stays as it is. Raises StepFailed."""
    name = database.database.replace("`", "")
    try:
        with (
            pymysql.connect(
                host=database.host, port=database.port, user=database.user, password=secrets[database.secret]
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
            cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb3")
    except pymysql.Error as error:
        raise StepFailed(
            f"{database.database} cannot be emptied.",
            evidence=str(error),
            next_command=f"onward runs resume {context.run_id}",
        ) from None
