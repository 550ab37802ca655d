"""Paths under the roots: which are held, which are known. All inside the caller's transaction."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from temwatch.model.sighting import Stamp

_UPSERT = """
INSERT INTO file (root_id, relpath, size, mtime_ns, ctime_ns, inode, held)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (root_id, relpath) DO UPDATE SET
    size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, inode = excluded.inode,
    held = excluded.held, held_reason = '', present = 1
RETURNING id
"""

_KNOWN = """
SELECT * FROM file
WHERE root_id = (SELECT id FROM root WHERE name = :root) AND relpath > COALESCE(:after, x'') AND present = 1
ORDER BY relpath LIMIT :limit
"""
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What a scanner is told about a path when it starts."""

    relpath: bytes
    stamp: Stamp
    held: bool


def root_id(connection: sqlite3.Connection, name: str) -> int:
    """Return the id of a root, made on first use."""
    row = connection.execute("SELECT id FROM root WHERE name = ?", (name,)).fetchone()
    if row is None:
        row = connection.execute("INSERT INTO root (name) VALUES (?) RETURNING id", (name,)).fetchone()
    return int(row[0])


def put(tx: sqlite3.Connection, root: int, relpath: bytes, stamp: Stamp, *, held: bool) -> int:
    """Write a path as it is now and return its id."""
    row = tx.execute(
        _UPSERT, (root, relpath, stamp.size, stamp.mtime_ns, stamp.ctime_ns, _signed(stamp.inode), int(held))
    ).fetchone()
    return int(row[0])


def hold(tx: sqlite3.Connection, root: int, relpath: bytes, reason: str) -> None:
    """Say why a noticed file still waits."""
    tx.execute(
        "UPDATE file SET held_reason = ? WHERE root_id = ? AND relpath = ? AND held = 1",
        (reason, root, relpath),
    )


def find(connection: sqlite3.Connection, root: int, relpath: bytes) -> sqlite3.Row | None:
    """Return the row of a path, None where it was never noticed."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM file WHERE root_id = ? AND relpath = ?", (root, relpath)
    ).fetchone()
    return row


def depart(tx: sqlite3.Connection, file_id: int) -> None:
    """Mark a path as no longer there."""
    tx.execute("UPDATE file SET present = 0, held = 0, held_reason = '' WHERE id = ?", (file_id,))


def known(connection: sqlite3.Connection, name: str) -> Iterator[KnownFile]:
    """Yield every path of a root that was there when last seen."""
    for row in _present(connection, name):
        stamp = Stamp(
            size=row["size"],
            mtime_ns=row["mtime_ns"],
            ctime_ns=row["ctime_ns"],
            inode=_unsigned(row["inode"]),
        )
        yield KnownFile(row["relpath"], stamp, bool(row["held"]))


def _present(connection: sqlite3.Connection, name: str) -> Iterator[sqlite3.Row]:
    """Yield in pages: a query left open would keep the log from being emptied, and would break at a rollback."""
    after = None
    while rows := connection.execute(_KNOWN, {"root": name, "after": after, "limit": _PAGE}).fetchall():
        yield from rows
        after = rows[-1]["relpath"]


def _signed(inode: int) -> int:
    # SQLite integers are signed; some file systems use the top bit of the inode number.
    return inode - (1 << 64) if inode >= 1 << 63 else inode


def _unsigned(inode: int) -> int:
    return inode + (1 << 64) if inode < 0 else inode
