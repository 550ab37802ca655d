"""What reviewing reads: the newest findings with their features, blind opinions, predictions and what became of them."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.model.label import Label
from temwatch.model.review import Opinion
from temwatch.store import labels, results
from temwatch.wire.names import printable

# Newest results first; of frames that were overwritten or came back only the last revision.
_NEWEST = """
SELECT r.id, r.frame_pk, r.findings, fr.frame_id, fi.relpath, ro.name AS root
FROM result AS r JOIN frame AS fr ON fr.id = r.frame_pk JOIN file AS fi ON fi.id = fr.file_id
JOIN root AS ro ON ro.id = fi.root_id
WHERE r.findings > 0 AND NOT EXISTS (
    SELECT 1 FROM frame AS n WHERE n.file_id = fr.file_id AND n.section = fr.section
    AND n.revision > fr.revision AND n.state = 'done')
ORDER BY r.id DESC LIMIT ?
"""
_MEASURED = "SELECT feature_set, features FROM measurement WHERE result_id = ? AND n = ?"
_OPINIONS = """
SELECT l.*, COALESCE(o.finding_id, l.finding_id) AS today FROM label AS l JOIN labelled AS o ON o.id = l.object_id
WHERE l.blind = 1 AND l.act <> 'undo' AND NOT EXISTS (SELECT 1 FROM label WHERE undoes = l.id) ORDER BY l.id
"""
_OUTCOMES = """
SELECT f.id, f.object_id, f.finding_id AS today, f.at, f.predicted, f.model_id, s.class, s.name, f.blind
FROM labelled AS o JOIN label AS s ON s.id = o.label_id
JOIN label AS f ON f.id = (SELECT MIN(id) FROM label WHERE object_id = o.id)
WHERE s.state <> 'doubtful' AND f.predicted IS NOT NULL ORDER BY f.id
"""
_DOUBTFUL = """
SELECT o.finding_id FROM labelled AS o JOIN label AS l ON l.id = o.label_id
WHERE l.state = 'doubtful' AND o.finding_id IS NOT NULL ORDER BY l.id LIMIT ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The findings of one frame, as its newest report has them.

    Attributes
    ----------
    findings : list of dict
        As JSON.
    features : ndarray of float32, shape (n, p)
    feature_set : str
        Which features these are.
    mark : int
        Of the report's text: another one says something else.
    """

    frame_id: str
    root: str
    path: str
    findings: list[dict[str, Any]] = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)
    feature_set: str
    mark: int


def newest(
    connection: sqlite3.Connection, *, findings: int, frames: int, known: Mapping[int, Shown]
) -> dict[int, Shown]:
    """Return the newest results by their id, newest first: no more than `frames`, nor many more than `findings`.

    Parameters
    ----------
    findings, frames : int
    known : mapping of int to Shown
        Results read before; those that still say the same are not taken apart again.
    """
    found: dict[int, Shown] = {}
    seen: set[int] = set()
    count = 0
    for row in connection.execute(_NEWEST, (frames,)):
        if row["frame_pk"] in seen:
            continue
        seen.add(row["frame_pk"])
        shown = _read(connection, row, known.get(row["id"]))
        if shown is None:
            continue
        found[row["id"]] = shown
        count += len(shown.findings)
        if count >= findings:
            break
    return found


def labelled(connection: sqlite3.Connection) -> dict[str, tuple[int, str]]:
    """Return of every finding on which a label stands its revision and class."""
    rows = connection.execute(
        "SELECT o.finding_id, o.revision, l.class FROM labelled AS o JOIN label AS l ON l.id = o.label_id"
        " WHERE o.finding_id IS NOT NULL"
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def taken_back(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the revision of every finding whose labels were all taken back: the next one is said on top of it."""
    rows = connection.execute(
        "SELECT finding_id, revision FROM labelled WHERE label_id IS NULL AND finding_id IS NOT NULL"
    )
    return {row[0]: row[1] for row in rows}


def standing_count(connection: sqlite3.Connection) -> int:
    """Return on how many objects a label stands."""
    return int(connection.execute("SELECT COUNT(*) FROM labelled WHERE label_id IS NOT NULL").fetchone()[0])


def blind_opinions(connection: sqlite3.Connection) -> list[Opinion]:
    """Return every blind label that was not taken back, in order."""
    return [_opinion(row) for row in connection.execute(_OPINIONS)]


def outcomes(connection: sqlite3.Connection) -> list[Opinion]:
    """Return of every object what stands now and what was predicted before its first label, in the order of that one."""
    return [_opinion(row) for row in connection.execute(_OUTCOMES)]


def given_by(connection: sqlite3.Connection, name: str) -> list[int]:
    """Return the numbers of all labels of a person, ascending."""
    rows = connection.execute("SELECT id FROM label WHERE name = ? AND act <> 'undo' ORDER BY id", (name,))
    return [int(row[0]) for row in rows]


def doubtful(connection: sqlite3.Connection, *, limit: int) -> list[Label]:
    """Return labels that stand though whoever gave them was not sure."""
    found = [labels.standing(connection, row[0]) for row in connection.execute(_DOUBTFUL, (limit,))]
    return [label for label in found if label is not None]


def _read(connection: sqlite3.Connection, row: sqlite3.Row, known: Shown | None) -> Shown | None:
    body = results.newest(connection, row["frame_pk"])
    if known is not None and known.mark == hash(body):
        return known
    measured = connection.execute(_MEASURED, (row["id"], row["findings"])).fetchone()
    findings = json.loads(body)["findings"] if body else []
    if not findings or measured is None or len(findings) != row["findings"] or not measured["features"]:
        return None
    return Shown(
        frame_id=row["frame_id"],
        root=row["root"],
        path=printable(row["relpath"]),
        findings=findings,
        features=np.frombuffer(measured["features"], "<f4").reshape(len(findings), -1),
        feature_set=measured["feature_set"],
        mark=hash(body),
    )


def _opinion(row: sqlite3.Row) -> Opinion:
    return Opinion(
        label_id=row["id"],
        object_id=row["object_id"],
        finding_id=row["today"],
        class_=row["class"],
        by=row["name"],
        at=row["at"],
        blind=bool(row["blind"]),
        predicted=row["predicted"],
        model_id=row["model_id"],
    )
