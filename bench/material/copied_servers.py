"""More servers than Nova builds in a reasonable time: copies of the records of those that it has built.

What Nova and Placement keep of a server is copied, row by row, in their databases; a copy has a UUID, a name and a
project of its own, and is on the same compute. What was done to its template (``instance_actions``) is not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pymysql

from onward.hosts.model_store import ModelStore

_TABLES: dict[str, dict[str, str]] = {
    "nova.instances": {"uuid": "c.copy", "project_id": "c.project", "display_name": "c.name", "hostname": "c.name"},
    "nova.instance_extra": {"instance_uuid": "c.copy"},
    "nova.instance_info_caches": {"instance_uuid": "c.copy"},
    "nova.instance_system_metadata": {"instance_uuid": "c.copy"},
    "nova.instance_id_mappings": {"uuid": "c.copy"},
    "nova.block_device_mapping": {"instance_uuid": "c.copy", "uuid": "UUID()"},
    "nova_api.instance_mappings": {"instance_uuid": "c.copy", "project_id": "c.project"},
    "nova_api.request_specs": {
        "instance_uuid": "c.copy",
        "spec": "REPLACE(REPLACE(t.spec, c.template, c.copy), c.former, c.project)",
    },
    "placement.consumers": {
        "uuid": "c.copy",
        "project_id": "(SELECT p.id FROM placement.projects p WHERE p.external_id = c.project)",
    },
    "placement.allocations": {"consumer_id": "c.copy"},
}
"""What is otherwise in a copy, by table; the first column is that by which a server is found."""


@dataclass(frozen=True)
class Copy:
    """A server that shall be there."""

    template: str
    """The UUID of one that is there."""
    project: str
    name: str


def copy_servers(store: ModelStore, unit: str, copies: Sequence[Copy]) -> None:
    """Make them, as the owner of the database server, which is a unit of the model."""
    with pymysql.connect(unix_socket=str(_socket(store, unit)), user="root", charset="utf8mb3") as connection:
        cursor = connection.cursor()
        cursor.execute(
            "CREATE TEMPORARY TABLE nova.copies (template CHAR(36) PRIMARY KEY, copy CHAR(36), project VARCHAR(255),"
            " name VARCHAR(255), former VARCHAR(255)) CHARACTER SET utf8mb3"
        )
        for batch in _each_template_once(copies):
            cursor.execute("DELETE FROM nova.copies")
            rows = [(each.template, str(uuid4()), each.project, each.name) for each in batch]
            cursor.executemany("INSERT INTO nova.copies (template, copy, project, name) VALUES (%s, %s, %s, %s)", rows)
            cursor.execute(
                "UPDATE nova.copies c JOIN nova.instances i ON i.uuid = c.template SET former = i.project_id"
            )
            cursor.execute(
                "INSERT IGNORE INTO placement.projects (created_at, external_id)"
                " SELECT DISTINCT UTC_TIMESTAMP(), project FROM nova.copies"
            )
            for table, otherwise in _TABLES.items():
                cursor.execute(_statement(cursor, table, otherwise))
            connection.commit()


def _each_template_once(copies: Sequence[Copy]) -> Iterator[list[Copy]]:
    """All copies, in batches in which no template comes twice."""
    left = list(copies)
    while left:
        batch = list({each.template: each for each in reversed(left)}.values())
        yield batch
        left = [each for each in left if each not in batch]


def _statement(cursor: pymysql.cursors.Cursor, table: str, otherwise: dict[str, str]) -> str:
    cursor.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE CONCAT(table_schema, '.', table_name) = %s AND extra NOT LIKE '%%auto_increment%%'",
        (table,),
    )
    columns = [str(name) for (name,) in cursor.fetchall()]
    values = [otherwise.get(column, f"t.`{column}`") for column in columns]
    names = ", ".join(f"`{column}`" for column in columns)
    key = next(iter(otherwise))
    return (  # Of names that stand above, and those of the tables' own columns.
        f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} FROM {table} t"  # noqa: S608
        f" JOIN nova.copies c ON c.template = t.`{key}`"
    )


def _socket(store: ModelStore, unit: str) -> Path:
    """Where the unit of the database server is talked to by its owner."""
    name = unit.replace("/", "-")
    return next(path for path in Path(store.record()["sockets"]).iterdir() if path.name.startswith(name))
