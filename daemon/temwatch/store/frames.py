"""Frames: one image in one state of its content. All inside the caller's transaction."""

import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from temwatch.clock import iso
from temwatch.wire.names import printable

_SELECT = """
SELECT fr.id, fr.frame_id, fr.section, fr.sections, fr.revision, fr.fingerprint, fr.state, fr.reason,
       fr.next_step, fr.ends, fr.accepted_at, fi.id AS file_id, fi.relpath, fi.size, ro.name AS root
FROM frame AS fr JOIN file AS fi ON fi.id = fr.file_id JOIN root AS ro ON ro.id = fi.root_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRow:
    """A frame as the store knows it."""

    pk: int
    frame_id: str
    file_id: int
    root: str
    relpath: bytes
    size_bytes: int
    section: int
    sections: int | None
    revision: int
    fingerprint: str
    state: str
    reason: str
    next_step: str
    ends: int
    accepted_at: str

    @property
    def path(self) -> str:
        """The path for people."""
        return printable(self.relpath)

    @property
    def z(self) -> int | None:
        """The section number; None for a file with one image, or where nobody has looked yet."""
        return self.section if self.sections is not None and self.sections > 1 else None


def frame_id(root: str, relpath: bytes, section: int, revision: int, fingerprint: str) -> str:
    """Return a frame's id: 20 hex digits of a digest of what identifies it, the same on every machine."""
    parts = (root.encode(), relpath, str(section).encode(), str(revision).encode(), fingerprint.encode())
    return hashlib.blake2b(b"\0".join(parts), digest_size=10).hexdigest()


def latest(connection: sqlite3.Connection, file_id: int, section: int) -> FrameRow | None:
    """Return the newest revision of a section, None where it is new."""
    rows = connection.execute(
        f"{_SELECT} WHERE fr.file_id = ? AND fr.section = ? ORDER BY fr.revision DESC LIMIT 1",
        (file_id, section),
    ).fetchall()
    return _row(rows[0]) if rows else None


def by_pk(connection: sqlite3.Connection, pk: int) -> FrameRow:
    """Return the frame of a primary key."""
    return _row(connection.execute(f"{_SELECT} WHERE fr.id = ?", (pk,)).fetchone())


def by_frame_id(connection: sqlite3.Connection, wanted: str) -> FrameRow | None:
    """Return the frame of an id, None where there is none."""
    row = connection.execute(f"{_SELECT} WHERE fr.frame_id = ?", (wanted,)).fetchone()
    return _row(row) if row else None


def is_newest(connection: sqlite3.Connection, frame: FrameRow) -> bool:
    """Whether no later content of the same section is known."""
    newest = latest(connection, frame.file_id, frame.section)
    return newest is not None and newest.pk == frame.pk


def in_state(
    connection: sqlite3.Connection, state: Literal["queued", "set_aside"], *, limit: int = 1000
) -> list[FrameRow]:
    """Return up to `limit` frames in a state, newest first."""
    # The state is spelt out, since SQLite uses an index with a condition for such a query only.
    where = {"queued": "fr.state = 'queued'", "set_aside": "fr.state = 'set_aside'"}[state]
    rows = connection.execute(f"{_SELECT} WHERE {where} ORDER BY fr.id DESC LIMIT ?", (limit,))
    return [_row(row) for row in rows]


def queued_of_file(
    connection: sqlite3.Connection, file_id: int, *, section: int | None = None, leased: bool = True
) -> list[FrameRow]:
    """Return the queued frames of a file, or of one section; no leased ones where `leased` is False."""
    of_section, values = ("", (file_id,)) if section is None else (" AND fr.section = ?", (file_id, section))
    not_leased = "" if leased else " AND j.state <> 'leased'"
    rows = connection.execute(
        f"{_SELECT} JOIN job AS j ON j.frame_pk = fr.id WHERE fr.file_id = ?{of_section}{not_leased}"
        " ORDER BY fr.id",
        values,
    )
    return [_row(row) for row in rows]


def insert(
    tx: sqlite3.Connection,
    *,
    file_id: int,
    section: int,
    sections: int | None,
    fingerprint: str,
    state: str,
    at: datetime,
) -> FrameRow:
    """Add the next revision of a section and return it."""
    file = tx.execute(
        "SELECT ro.name, fi.relpath FROM file AS fi JOIN root AS ro ON ro.id = fi.root_id WHERE fi.id = ?",
        (file_id,),
    ).fetchone()
    before = latest(tx, file_id, section)
    revision = before.revision + 1 if before else 1
    identity = frame_id(file["name"], file["relpath"], section, revision, fingerprint)
    pk = tx.execute(
        "INSERT INTO frame (frame_id, file_id, section, sections, revision, fingerprint, state, accepted_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (identity, file_id, section, sections, revision, fingerprint, state, iso(at)),
    ).fetchone()[0]
    return by_pk(tx, int(pk))


def end(
    tx: sqlite3.Connection, pk: int, state: str, *, at: datetime, reason: str = "", next_step: str = ""
) -> FrameRow:
    """Bring a frame to an end (done, set aside, gone) and return it as it is now."""
    tx.execute(
        "UPDATE frame SET state = ?, reason = ?, next_step = ?, ends = ends + 1, ended_at = ? WHERE id = ?",
        (state, reason, next_step, iso(at), pk),
    )
    return by_pk(tx, pk)


def reopen(tx: sqlite3.Connection, pk: int) -> None:
    """Queue a set-aside frame again."""
    tx.execute("UPDATE frame SET state = 'queued', reason = '', next_step = '' WHERE id = ?", (pk,))


def set_sections(tx: sqlite3.Connection, file_id: int, fingerprint: str, sections: int) -> None:
    """Write down how many images a file holds, on the frames of this content."""
    tx.execute(
        "UPDATE frame SET sections = ? WHERE file_id = ? AND fingerprint = ?",
        (sections, file_id, fingerprint),
    )


def _row(row: sqlite3.Row) -> FrameRow:
    return FrameRow(
        pk=row["id"],
        frame_id=row["frame_id"],
        file_id=row["file_id"],
        root=row["root"],
        relpath=row["relpath"],
        size_bytes=row["size"],
        section=row["section"],
        sections=row["sections"],
        revision=row["revision"],
        fingerprint=row["fingerprint"],
        state=row["state"],
        reason=row["reason"],
        next_step=row["next_step"],
        ends=row["ends"],
        accepted_at=row["accepted_at"],
    )
