"""Reports and what they were computed from. A report is never changed: another model adds another row."""

import sqlite3
import zlib
from dataclasses import dataclass, field
from datetime import datetime

from temwatch.clock import iso
from temwatch.store.outbox import pack

# The body of result r as it stands: as another recognizer named it since, where that changed anything.
STANDING_BODY = """COALESCE((SELECT s.body FROM rescored AS s WHERE s.result_id = r.id AND s.body IS NOT NULL
    ORDER BY s.id DESC LIMIT 1), r.body)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What a worker brings home, checked.

    Attributes
    ----------
    report_json : bytes
        The report, valid against `model.report.Report`.
    model_id, decision : str
    findings : int
    feature_set : str
    features : bytes
        float32, shape (findings, p), row after row.
    contours : bytes
        int32: n, n lengths, then (row, col) points one after the other.
    preview : bytes
        A JPEG for people.
    """

    report_json: bytes = field(repr=False)
    model_id: str
    decision: str
    findings: int
    feature_set: str
    features: bytes = field(repr=False)
    contours: bytes = field(repr=False)
    preview: bytes = field(repr=False)


def insert(tx: sqlite3.Connection, frame_pk: int, inspected: Inspected, *, at: datetime) -> int:
    """Add a result and its measurement and return the result's id."""
    result_id: int = tx.execute(
        "INSERT INTO result (frame_pk, model_id, decision, findings, body, created_at) VALUES (?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (
            frame_pk,
            inspected.model_id,
            inspected.decision,
            inspected.findings,
            pack(inspected.report_json),
            iso(at),
        ),
    ).fetchone()[0]
    tx.execute(
        "INSERT INTO measurement VALUES (?, ?, ?, ?, ?)",
        (
            result_id,
            inspected.feature_set,
            inspected.findings,
            inspected.features,
            zlib.compress(inspected.contours, 1),
        ),
    )
    return result_id


def newest(connection: sqlite3.Connection, frame_pk: int) -> bytes | None:
    """Return the JSON of a frame's newest report as it stands, None where it has none."""
    row = connection.execute(
        f"SELECT {STANDING_BODY} FROM result AS r WHERE r.frame_pk = ? ORDER BY r.id DESC LIMIT 1",  # noqa: S608
        (frame_pk,),
    ).fetchone()
    return zlib.decompress(row[0]) if row else None


def contours(connection: sqlite3.Connection, frame_pk: int) -> bytes | None:
    """Return the contours of a frame's findings as they were last measured, None where they never were.

    int32, little-endian: n, n lengths, then (row, col) points one after the other; in the findings' order.
    """
    row = connection.execute(
        "SELECT m.contours FROM measurement AS m JOIN result AS r ON r.id = m.result_id"
        " WHERE r.frame_pk = ? ORDER BY r.id DESC LIMIT 1",
        (frame_pk,),
    ).fetchone()
    return zlib.decompress(row[0]) if row else None


def of_model(connection: sqlite3.Connection, frame_pk: int, model_id: str) -> int | None:
    """Return the id of the result a model gave for a frame, None where it gave none."""
    row = connection.execute(
        "SELECT id FROM result WHERE frame_pk = ? AND model_id = ?", (frame_pk, model_id)
    ).fetchone()
    return int(row[0]) if row else None


def page(connection: sqlite3.Connection, *, before: int | None, limit: int) -> list[tuple[int, bytes]]:
    """Return (result id, report JSON) of up to `limit` results, newest first, below id `before`."""
    rows = connection.execute(
        f"SELECT r.id, {STANDING_BODY} FROM result AS r WHERE r.id < ? ORDER BY r.id DESC LIMIT ?",  # noqa: S608
        (before or (1 << 62), limit),
    )
    return [(row[0], zlib.decompress(row[1])) for row in rows]


def last_frame_at(connection: sqlite3.Connection) -> dict[str, str]:
    """Return, for each root, when its newest frame was accepted (only roots that have one)."""
    rows = connection.execute(
        "SELECT ro.name, l.newest_at FROM ledger AS l JOIN root AS ro ON ro.id = l.root_id"
        " WHERE l.newest_at IS NOT NULL"
    )
    return {row[0]: row[1] for row in rows}
