"""What another recognizer makes of earlier results. Both verdicts are kept; the newest naming of a result stands."""

import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from temwatch.clock import iso
from temwatch.model.training import VerdictChange
from temwatch.store.outbox import pack
from temwatch.store.results import STANDING_BODY
from temwatch.wire.names import printable

# The newest result of each frame that has measurements, and that this recognizer neither gave nor named yet.
_PENDING = f"""
SELECT r.id, r.frame_pk, m.feature_set, m.n, m.features, {STANDING_BODY} AS body
FROM result AS r JOIN measurement AS m ON m.result_id = r.id
WHERE r.id < :below AND m.n > 0
    AND r.id = (SELECT MAX(x.id) FROM result AS x WHERE x.frame_pk = r.frame_pk)
    AND COALESCE((SELECT s.model_id FROM rescored AS s WHERE s.result_id = r.id ORDER BY s.id DESC LIMIT 1),
        r.model_id) <> :model
ORDER BY r.id DESC LIMIT :limit
"""  # noqa: S608  our own text
# Frames in which a recognizer changed something, as it named them last.
_CHANGED = """
WHERE s.model_id = :model AND (s.renamed > 0 OR s.was <> s.decision)
    AND s.id = (SELECT MAX(y.id) FROM rescored AS y WHERE y.result_id = s.result_id AND y.model_id = :model)
"""
_CHANGES = f"""
SELECT f.frame_id, ro.name AS root, fi.relpath, s.was, s.decision, s.renamed, s.contradicts
FROM rescored AS s JOIN result AS r ON r.id = s.result_id JOIN frame AS f ON f.id = r.frame_pk
JOIN file AS fi ON fi.id = f.file_id JOIN root AS ro ON ro.id = fi.root_id
{_CHANGED} ORDER BY s.contradicts DESC, s.was <> s.decision DESC, s.renamed DESC, s.id LIMIT :limit
"""  # noqa: S608  our own text
_GROUPS = f"""
SELECT s.was, s.decision, COUNT(*) AS frames, SUM(s.renamed) AS renamed, SUM(s.contradicts) AS contradicts
FROM rescored AS s {_CHANGED} GROUP BY s.was, s.decision ORDER BY contradicts DESC, s.was <> s.decision DESC, frames DESC
"""  # noqa: S608  our own text
# A few frames of each group, with the report as it stood before that recognizer, and as it stands with it.
_PAIRS = f"""
WITH chosen AS (
    SELECT s.id, s.result_id, s.was, s.decision, s.body, ROW_NUMBER() OVER (
        PARTITION BY s.was, s.decision ORDER BY s.contradicts DESC, s.renamed DESC, s.id) AS place
    FROM rescored AS s {_CHANGED})
SELECT r.frame_pk, c.body AS after, COALESCE((SELECT x.body FROM rescored AS x
    WHERE x.result_id = r.id AND x.id < c.id AND x.body IS NOT NULL ORDER BY x.id DESC LIMIT 1), r.body) AS before
FROM chosen AS c JOIN result AS r ON r.id = c.result_id
WHERE c.place <= :frames ORDER BY c.was, c.decision, c.place
"""  # noqa: S608  our own text


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A result of before: its report as it stands (JSON) and the measurement behind it (float32, n rows)."""

    result_id: int
    frame_pk: int
    feature_set: str
    n: int
    features: bytes = field(repr=False)
    report_json: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """What another recognizer made of a result; `report_json` is None where it changed nothing."""

    result_id: int
    decision: str
    was: str
    renamed: int
    contradicts: int
    report_json: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGroup:
    """Frames whose verdict went the same way: how many, findings renamed in them, and renamed against a label."""

    before: str
    after: str
    frames: int
    renamed: int
    contradicts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPair:
    """A frame's report (JSON) before a recognizer named it anew, and after."""

    frame_pk: int
    before_json: bytes = field(repr=False)
    after_json: bytes = field(repr=False)


def pending(connection: sqlite3.Connection, model_id: str, *, below: int, limit: int) -> list[Earlier]:
    """Return results under number `below` that a recognizer has not named yet, newest first."""
    rows = connection.execute(_PENDING, {"model": model_id, "below": below, "limit": limit})
    return [
        Earlier(
            result_id=row["id"],
            frame_pk=row["frame_pk"],
            feature_set=row["feature_set"],
            n=row["n"],
            features=row["features"],
            report_json=zlib.decompress(row["body"]),
        )
        for row in rows
    ]


def count_pending(connection: sqlite3.Connection, model_id: str) -> int:
    """Return how many results a recognizer has not named yet."""
    row = connection.execute(
        f"SELECT COUNT(*) FROM ({_PENDING})",  # noqa: S608  our own text
        {"model": model_id, "below": 1 << 62, "limit": -1},
    ).fetchone()
    return int(row[0])


def insert(tx: sqlite3.Connection, model_id: str, renamings: Sequence[Renaming], *, at: datetime) -> None:
    """Write down what a recognizer made of results."""
    for one in renamings:
        tx.execute(
            "INSERT INTO rescored (result_id, model_id, decision, was, renamed, contradicts, body, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(one.result_id, model_id, one.decision, one.was, one.renamed, one.contradicts),
                pack(one.report_json) if one.report_json is not None else None,
                iso(at),
            ),
        )


def changes(connection: sqlite3.Connection, model_id: str, *, limit: int = 200) -> list[VerdictChange]:
    """Return frames in which a recognizer changed a class or the verdict, contradicted labels first."""
    rows = connection.execute(_CHANGES, {"model": model_id, "limit": limit})
    return [
        VerdictChange(
            frame_id=row["frame_id"],
            root=row["root"],
            path=printable(row["relpath"]),
            before=row["was"],
            after=row["decision"],
            renamed=row["renamed"],
            contradicts=row["contradicts"],
        )
        for row in rows
    ]


def groups(connection: sqlite3.Connection, model_id: str) -> list[ChangeGroup]:
    """Return what a recognizer changed, by how the verdict went; against labels first."""
    rows = connection.execute(_GROUPS, {"model": model_id})
    return [
        ChangeGroup(
            before=row["was"],
            after=row["decision"],
            frames=row["frames"],
            renamed=row["renamed"],
            contradicts=row["contradicts"],
        )
        for row in rows
    ]


def pairs(connection: sqlite3.Connection, model_id: str, *, frames: int) -> list[ReportPair]:
    """Return both reports of up to `frames` frames of each group, contradicted labels first."""
    rows = connection.execute(_PAIRS, {"model": model_id, "frames": frames})
    return [
        ReportPair(
            frame_pk=row["frame_pk"],
            before_json=zlib.decompress(row["before"]),
            after_json=zlib.decompress(row["after"]),
        )
        for row in rows
    ]
