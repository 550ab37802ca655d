"""The rows behind labels: a labelled object, a statement about it, and which statement stands. Inside a transaction."""

import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime

from temwatch.clock import iso
from temwatch.model.caller import Caller
from temwatch.store import labels
from temwatch.store.findings import Facts

INSERT = """
INSERT INTO label (object_id, act, revision, finding_id, frame_pk, class, state, undoes, previous_id, name, known, key,
                   at, note, blind, cmd_id, predicted, probability, model_id, rectangle, fingerprint, sha256,
                   feature_set, features)
VALUES (:object_id, :act, :revision, :finding_id, :frame_pk, :class, :state, :undoes, :previous_id, :name, :known, :key,
        :at, :note, :blind, :cmd_id, :predicted, :probability, :model_id, :rectangle, :fingerprint, :sha256,
        :feature_set, :features)
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class LabelledObject:
    """An object somebody labelled; `label_id` is the label that stands, None where all were taken back."""

    id: int
    revision: int
    label_id: int | None


def object_of(tx: sqlite3.Connection, facts: Facts) -> LabelledObject | None:
    """Return the object a finding shows, None where nobody labelled it."""
    number = labels.object_of(tx, facts.finding_id, facts.frame.pk)
    return None if number is None else object_by_id(tx, number)


def object_by_id(tx: sqlite3.Connection, number: int) -> LabelledObject:
    """Return an object by its number."""
    row = tx.execute("SELECT id, revision, label_id FROM labelled WHERE id = ?", (number,)).fetchone()
    return LabelledObject(row["id"], row["revision"], row["label_id"])


def new_object(tx: sqlite3.Connection, facts: Facts) -> LabelledObject:
    """Return the object a finding shows, making it where nobody labelled it."""
    known = object_of(tx, facts)
    if known is not None:
        return known
    number = tx.execute(
        "INSERT INTO labelled (finding_id, frame_pk, revision, drawn) VALUES (?, ?, 0, ?) RETURNING id",
        (facts.finding_id, facts.frame.pk, facts.drawn),
    ).fetchone()[0]
    return LabelledObject(number, 0, None)


def insert(tx: sqlite3.Connection, facts: Facts, caller: Caller, at: datetime, **said: object) -> int:
    """Add a statement of a finding and return its number; `said` are the columns that `facts` does not give."""
    predicted = facts.predicted
    values = {
        "finding_id": facts.finding_id,
        "frame_pk": facts.frame.pk,
        "undoes": None,
        "predicted": predicted.class_ if predicted else None,
        "probability": json.dumps(dict(predicted.probability)) if predicted else None,
        "model_id": predicted.model_id if predicted else None,
        "rectangle": json.dumps(asdict(facts.rectangle)),
        "fingerprint": facts.frame.fingerprint,
        "sha256": facts.sha256,
        # What a worker measured of a drawn object is kept once, in `drawn`.
        "feature_set": None if facts.drawn else facts.feature_set,
        "features": None if facts.drawn else facts.features,
    }
    return int(tx.execute(INSERT, {**values, **by(caller, at), **said}).fetchone()[0])


def by(caller: Caller, at: datetime) -> dict[str, str]:
    """Return the columns that say who, by which order, and when."""
    return {
        "name": caller.name,
        "known": caller.known,
        "key": caller.key,
        "cmd_id": caller.cmd_id,
        "at": iso(at),
    }


def stand(tx: sqlite3.Connection, there: LabelledObject, label_id: int | None) -> None:
    """Let a label stand on an object (None: none), which changes its revision; nobody need look at it now."""
    tx.execute(
        "UPDATE labelled SET label_id = ?, revision = ?, look = 0 WHERE id = ?",
        (label_id, there.revision + 1, there.id),
    )


def newest_not_undone(tx: sqlite3.Connection, object_id: int) -> int | None:
    """Return the newest label of an object that was not taken back, None where there is none."""
    row = tx.execute(
        "SELECT MAX(id) FROM label AS l WHERE object_id = ? AND act = 'set'"
        " AND NOT EXISTS (SELECT 1 FROM label WHERE undoes = l.id)",
        (object_id,),
    ).fetchone()
    return None if row[0] is None else int(row[0])
