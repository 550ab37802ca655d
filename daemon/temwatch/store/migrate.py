"""The schema changes only by a new numbered file; a newer schema than this program knows is refused."""

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from temwatch.errors import StoreRefused

APPLICATION_ID = 0x74656D77  # "temw"
_NAME = re.compile(r"(\d{4})_\w+\.sql")
_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY)


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema."""

    number: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """Return the shipped steps in order."""
    found = []
    for entry in resources.files("temwatch.store").joinpath("schema").iterdir():
        match = _NAME.fullmatch(entry.name)
        if match:
            found.append(Migration(int(match[1]), entry.name, entry.read_text("utf-8")))
    return in_order(found)


def in_order(steps: Iterable[Migration]) -> tuple[Migration, ...]:
    """Return steps by number.

    Raises
    ------
    ValueError
        When their numbers do not run 1..n: a database's version is the number of its last step.
    """
    ordered = tuple(sorted(steps, key=lambda step: step.number))
    if [step.number for step in ordered] != list(range(1, len(ordered) + 1)):
        raise ValueError(f"schema steps are not numbered 1..n: {[step.name for step in ordered]}")
    return ordered


def refuse_foreign(connection: sqlite3.Connection, steps: tuple[Migration, ...], *, where: str) -> None:
    """Read whose database this is, and of which schema; nothing is written.

    Raises
    ------
    StoreRefused
        When the file belongs to another program or to a newer temwatch.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (application, version, tables) != (0, 0, 0):
        raise StoreRefused(
            f"{where} is no temwatch database (application id {application:#x})",
            next_step="point [state] dir at another folder",
        )
    if version > len(steps):
        raise StoreRefused(
            f"{where} has schema {version}, this temwatch knows up to {len(steps)}",
            next_step="install the newer temwatch again, or restore a backup from before it",
        )


def migrate(connection: sqlite3.Connection, steps: tuple[Migration, ...], *, where: str) -> None:
    """Bring a database to the newest schema, each step in one transaction: whole, or not at all.

    Raises
    ------
    StoreRefused
        When the file belongs to another program or to a newer temwatch, or a step fails on what it holds.
    sqlite3.Error
        When the disk fails or is full.
    """
    refuse_foreign(connection, steps, where=where)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for step in steps[version:]:
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{step.sql}\n;PRAGMA application_id = {APPLICATION_ID};\n"
                f"PRAGMA user_version = {step.number};\nCOMMIT;"
            )
        except sqlite3.Error as error:
            # A script that fails half-way leaves its transaction open.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DISK:
                raise
            raise StoreRefused(
                f"{where} can't be brought to schema {step.number} by {step.name} ({error})",
                next_step="it still has its old schema: install the older temwatch again, and report this",
            ) from error
