"""Labels as they stand, their history, and what training needs of them. Reading only; `labelling` writes."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from temwatch.model.caller import Known
from temwatch.model.label import Label, Predicted, Previous, Undo
from temwatch.store.findings import rectangle_of
from temwatch.wire.names import printable

_SELECT = """
SELECT l.*, o.finding_id AS today, o.label_id AS standing, o.revision AS newest_revision, o.drawn,
       d.state AS measured, d.reason AS why_not, fr.frame_id, fi.relpath, ro.name AS root,
       u.id AS undo_id, u.name AS undo_name, u.known AS undo_known, u.at AS undo_at,
       p.class AS previous_class, p.state AS previous_state, p.name AS previous_name, p.at AS previous_at
FROM label AS l JOIN labelled AS o ON o.id = l.object_id LEFT JOIN drawn AS d ON d.object_id = o.id
JOIN frame AS fr ON fr.id = CASE WHEN o.finding_id IS NULL THEN l.frame_pk ELSE o.frame_pk END
JOIN file AS fi ON fi.id = fr.file_id JOIN root AS ro ON ro.id = fi.root_id
LEFT JOIN label AS u ON u.undoes = l.id LEFT JOIN label AS p ON p.id = l.previous_id
"""
_ONE = " ".join((_SELECT, "WHERE l.id = ? AND l.act <> 'undo'"))
_ON_FINDING = " ".join((_SELECT, "WHERE l.id = (SELECT label_id FROM labelled WHERE finding_id = ?)"))
_ON_OBJECT = " ".join((_SELECT, "WHERE l.id = (SELECT label_id FROM labelled WHERE id = ?)"))
_EVER = " ".join((_SELECT, "WHERE l.object_id = ? AND l.act <> 'undo' ORDER BY l.id"))
_IN_FRAME = " ".join(
    (
        _SELECT,
        "WHERE l.id IN (SELECT label_id FROM labelled WHERE frame_pk = ? AND finding_id IS NOT NULL)",
        "ORDER BY o.finding_id",
    )
)
_LOST = " ".join(
    (_SELECT, "WHERE l.id IN (SELECT label_id FROM labelled WHERE look = 1 ORDER BY id LIMIT ?)")
)
_PAGE = " ".join((_SELECT, "WHERE l.id > ? AND l.act <> 'undo' ORDER BY l.id LIMIT ?"))
_TRAINING = """
SELECT l.id, COALESCE(o.finding_id, l.finding_id) AS finding_id, l.fingerprint, l.sha256, ro.name AS root,
       fi.relpath, fr.section, l.class, l.name, l.known, l.at, l.predicted, l.model_id,
       COALESCE(l.feature_set, d.feature_set) AS feature_set, COALESCE(l.features, d.features) AS features
FROM labelled AS o JOIN label AS l ON l.id = o.label_id LEFT JOIN drawn AS d ON d.object_id = o.id
JOIN frame AS fr ON fr.id = l.frame_pk JOIN file AS fi ON fi.id = fr.file_id
JOIN root AS ro ON ro.id = fi.root_id
WHERE l.state <> 'doubtful' AND COALESCE(l.features, d.features) IS NOT NULL ORDER BY l.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingLabel:
    """A standing label that a recognizer can learn from: not doubtful, and its object is measured.

    Attributes
    ----------
    label_id : int
    finding_id : str
        Today's; the one it was said of where its object lost its finding.
    fingerprint, sha256 : str
        Of the frame's content: rows of one fingerprint and section belong to one image.
    root, path : str
    section : int
        Of the image within its file, from 0.
    class_ : str
        ``"artefact"`` where the finding was rejected.
    features : ndarray of float32, shape (p,)
    feature_set : str
        Which features these are; rows of different sets do not mix.
    by : str
    known : {'key', 'declared'}
    at : str
        ISO-8601, UTC.
    predicted : str or None
        The machine's class before the label; None for drawn objects.
    model_id : str or None
        The model that predicted it.
    """

    label_id: int
    finding_id: str
    fingerprint: str
    sha256: str
    root: str
    path: str
    section: int
    class_: str
    features: NDArray[np.float32] = field(repr=False)
    feature_set: str
    by: str
    known: Known
    at: str
    predicted: str | None
    model_id: str | None


def for_training(connection: sqlite3.Connection) -> list[TrainingLabel]:
    """Return all standing labels usable for training, the oldest first; one a labelled object."""
    return [
        TrainingLabel(
            label_id=row["id"],
            finding_id=row["finding_id"],
            fingerprint=row["fingerprint"],
            sha256=row["sha256"],
            root=row["root"],
            path=printable(row["relpath"]),
            section=row["section"],
            class_=row["class"],
            features=np.frombuffer(row["features"], "<f4"),
            feature_set=row["feature_set"],
            by=row["name"],
            known=row["known"],
            at=row["at"],
            predicted=row["predicted"],
            model_id=row["model_id"],
        )
        for row in connection.execute(_TRAINING)
    ]


def newest_id(connection: sqlite3.Connection) -> int:
    """Return the number of the newest statement (label, second opinion or undo); 0 where there is none."""
    return int(connection.execute("SELECT COALESCE(MAX(id), 0) FROM label").fetchone()[0])


def added_since(connection: sqlite3.Connection, label_id: int) -> int:
    """Return how many labels were given, corrected or taken back after statement `label_id`."""
    row = connection.execute(
        "SELECT COUNT(*) FROM label WHERE id > ? AND act IN ('set', 'undo')", (label_id,)
    ).fetchone()
    return int(row[0])


def one(connection: sqlite3.Connection, label_id: int) -> Label | None:
    """Return a label by its number; None where that is none."""
    row = connection.execute(_ONE, (label_id,)).fetchone()
    return _label(row) if row else None


def standing(connection: sqlite3.Connection, finding_id: str) -> Label | None:
    """Return the label that stands on a finding, None where none does."""
    row = connection.execute(_ON_FINDING, (finding_id,)).fetchone()
    return _as_current(row) if row else None


def of_object(connection: sqlite3.Connection, object_id: int) -> Label | None:
    """Return the label that stands on a labelled object, None where none does."""
    row = connection.execute(_ON_OBJECT, (object_id,)).fetchone()
    return _as_current(row) if row else None


def history(connection: sqlite3.Connection, object_id: int) -> list[Label]:
    """Return every label ever given to an object, oldest first."""
    rows = connection.execute(_EVER, (object_id,))
    return [_label(row) for row in rows]


def of_frame(connection: sqlite3.Connection, frame_pk: int) -> list[Label]:
    """Return the standing labels of a frame's findings and drawn objects, by finding."""
    rows = connection.execute(
        _IN_FRAME,
        (frame_pk,),
    )
    return [_as_current(row) for row in rows]


def to_look_at(connection: sqlite3.Connection, *, limit: int) -> list[Label]:
    """Return standing labels whose object lost its finding when its frame was segmented anew."""
    rows = connection.execute(
        _LOST,
        (limit,),
    )
    return [_as_current(row) for row in rows]


def page(connection: sqlite3.Connection, *, after: int, limit: int) -> Sequence[Label]:
    """Return up to `limit` labels with a number above `after`, in order; those taken back too."""
    rows = connection.execute(_PAGE, (after, limit))
    return [_label(row) for row in rows]


def of_command(connection: sqlite3.Connection, label_ids: Sequence[int]) -> list[Label]:
    """Return labels by their numbers, in that order."""
    return [label for number in label_ids if (label := one(connection, number)) is not None]


def object_of(connection: sqlite3.Connection, finding_id: str, frame_pk: int) -> int | None:
    """Return the labelled object that a finding shows, None where nobody labelled it.

    A finding of an earlier revision of the same content shows the object that has moved on from it.
    """
    row = connection.execute("SELECT id FROM labelled WHERE finding_id = ?", (finding_id,)).fetchone()
    if row is None:
        row = connection.execute(
            "SELECT object_id FROM label_move WHERE from_finding = ? AND frame_pk <> ? ORDER BY id DESC LIMIT 1",
            (finding_id, frame_pk),
        ).fetchone()
    return int(row[0]) if row else None


def _as_current(row: sqlite3.Row) -> Label:
    """Return a standing label with the revision that its finding has now."""
    return _label(row, revision=row["newest_revision"])


def _label(row: sqlite3.Row, *, revision: int | None = None) -> Label:
    return Label(
        label_id=row["id"],
        finding_id=row["today"] or row["finding_id"],
        said_of=row["finding_id"],
        frame_id=row["frame_id"],
        root=row["root"],
        path=printable(row["relpath"]),
        class_=row["class"],
        state=row["state"],
        revision=row["revision"] if revision is None else revision,
        by=row["name"],
        known=row["known"],
        at=row["at"],
        note=row["note"],
        predicted=_predicted(row),
        previous=_previous(row),
        blind=bool(row["blind"]),
        undone=row["undo_id"] is not None,
        stands=row["standing"] == row["id"],
        drawn=bool(row["drawn"]),
        measured=row["measured"] or ("measured" if row["features"] is not None else "not measured"),
        why_not_measured=row["why_not"] or "",
        rectangle=rectangle_of(json.loads(row["rectangle"])),
        undo=_undo(row),
    )


def _predicted(row: sqlite3.Row) -> Predicted | None:
    if row["predicted"] is None:
        return None
    return Predicted(
        class_=row["predicted"], probability=json.loads(row["probability"]), model_id=row["model_id"]
    )


def _previous(row: sqlite3.Row) -> Previous | None:
    if row["previous_id"] is None:
        return None
    return Previous(
        label_id=row["previous_id"],
        class_=row["previous_class"],
        state=row["previous_state"],
        by=row["previous_name"],
        at=row["previous_at"],
    )


def _undo(row: sqlite3.Row) -> Undo | None:
    if row["undo_id"] is None:
        return None
    return Undo(
        id=row["undo_id"],
        label_id=row["id"],
        by=row["undo_name"],
        known=row["undo_known"],
        at=row["undo_at"],
    )
