"""The schema changes only by a new numbered file; a newer schema than this program knows is refused."""

import re
import sqlite3
from dataclasses import dataclass
from importlib import resources

from temwatch.errors import StoreRefused

APPLICATION_ID = 0x74656D77  # "temw"
_NAME = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema."""

    number: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """Return the shipped steps in order; their numbers run 1..n without gaps."""
    found = []
    for entry in resources.files("temwatch.store").joinpath("schema").iterdir():
        match = _NAME.fullmatch(entry.name)
        if match:
            found.append(Migration(int(match[1]), entry.name, entry.read_text("utf-8")))
    return tuple(sorted(found, key=lambda step: step.number))


def migrate(connection: sqlite3.Connection, steps: tuple[Migration, ...], *, where: str) -> None:
    """Bring a database to the newest schema, each step in one transaction.

    Raises
    ------
    StoreRefused
        When the file belongs to another program or to a newer temwatch.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application not in (0, APPLICATION_ID):
        raise StoreRefused(
            f"{where} is no temwatch database (application id {application:#x})",
            next_step="point [state] dir at another folder",
        )
    if version > len(steps):
        raise StoreRefused(
            f"{where} has schema {version}, this temwatch knows up to {len(steps)}",
            next_step="install the newer temwatch again, or restore the backup made before it",
        )
    for step in steps[version:]:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{step.sql}\nPRAGMA application_id = {APPLICATION_ID};\n"
            f"PRAGMA user_version = {step.number};\nCOMMIT;"
        )
