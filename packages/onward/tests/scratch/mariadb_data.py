"""Small databases to copy, in a real MariaDB."""

from contextlib import closing

import pymysql

from onward.hosts.mariadb import PrivateMariadb


def sql(server: PrivateMariadb, *statements: str, user: str = "root", password: str = "") -> list[tuple[object, ...]]:
    with closing(
        pymysql.connect(unix_socket=str(server.socket), user=user, password=password, autocommit=True)
    ) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


def small_keystone(server: PrivateMariadb, database: str, rows: int = 50) -> None:
    """A database with Keystone's table names, rows in one of them, a trigger and text that tests encodings."""
    sql(server, f"DROP DATABASE IF EXISTS `{database}`", f"CREATE DATABASE `{database}`")
    for table in ("project", "role", "assignment", "credential", "endpoint"):
        sql(server, f"CREATE TABLE `{database}`.`{table}` (id VARCHAR(64) PRIMARY KEY)")
    sql(
        server,
        f"CREATE TABLE `{database}`.`user` (id VARCHAR(64) PRIMARY KEY, extra LONGTEXT CHARACTER SET utf8mb4)",
        f"USE `{database}`",
        f"INSERT INTO user SELECT MD5(seq), CONCAT('Zoë ☃ ', seq) FROM seq_1_to_{rows}",
        "CREATE TRIGGER touch BEFORE INSERT ON role FOR EACH ROW SET NEW.id = NEW.id",
        f"CREATE TABLE `{database}`.`alembic_version` (version_num VARCHAR(32) NOT NULL)",
        f"INSERT INTO `{database}`.`alembic_version` VALUES ('29e87d24a316'), ('e25ffa003242')",
    )


def checksum(server: PrivateMariadb, database: str) -> list[tuple[object, ...]]:
    tables = [str(row[0]) for row in sql(server, f"SHOW TABLES FROM `{database}`")]
    return [
        row[1:] for row in sql(server, "CHECKSUM TABLE " + ", ".join(f"`{database}`.`{table}`" for table in tables))
    ]
