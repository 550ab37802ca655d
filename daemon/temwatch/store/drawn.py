"""Objects that people drew, waiting to be measured, and what came of it. All inside the caller's transaction."""

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from temwatch.model.finding import Rectangle
from temwatch.store import frames, labels, outbox
from temwatch.store.findings import rectangle_of
from temwatch.store.frames import FrameRow
from temwatch.wire import messages, topics

_WAITING = """
SELECT d.object_id, d.frame_pk, d.number, (SELECT rectangle FROM label WHERE object_id = d.object_id LIMIT 1) AS said
FROM drawn AS d WHERE d.state = 'waiting' ORDER BY d.object_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRow:
    """An object that waits to be measured."""

    object_id: int
    finding_id: str
    frame: FrameRow
    rectangle: Rectangle


def next_waiting(connection: sqlite3.Connection, *, but: Collection[int] = ()) -> DrawnRow | None:
    """Return the oldest object that waits, leaving out those of the numbers `but`; None where there is none."""
    for row in connection.execute(_WAITING):
        if row["object_id"] not in but:
            frame = frames.by_pk(connection, row["frame_pk"])
            return DrawnRow(
                object_id=row["object_id"],
                finding_id=f"{frame.frame_id}.d{row['number']}",
                frame=frame,
                rectangle=rectangle_of(json.loads(row["said"])),
            )
    return None


def measured(
    tx: sqlite3.Connection,
    object_id: int,
    *,
    finding_json: str,
    model_id: str,
    feature_set: str,
    features: bytes,
    at: datetime,
) -> None:
    """Write down what a worker measured, once, and say so."""
    changed = tx.execute(
        "UPDATE drawn SET state = 'measured', finding = ?, model_id = ?, feature_set = ?, features = ?"
        " WHERE object_id = ? AND state = 'waiting'",
        (finding_json, model_id, feature_set, features, object_id),
    ).rowcount
    if changed:
        _say(tx, object_id, at)


def not_measured(tx: sqlite3.Connection, object_id: int, *, reason: str, at: datetime) -> None:
    """Write down why an object can't be measured, and say so. Its label stands all the same."""
    changed = tx.execute(
        "UPDATE drawn SET state = 'not measured', reason = ? WHERE object_id = ? AND state = 'waiting'",
        (reason, object_id),
    ).rowcount
    if changed:
        _say(tx, object_id, at)


def _say(tx: sqlite3.Connection, object_id: int, at: datetime) -> None:
    label = labels.of_object(tx, object_id)
    if label is not None:
        outbox.append(
            tx,
            id=f"label-measured:{object_id}",
            topic=topics.LABEL,
            type="label.measured",
            at=at,
            body=messages.to_json(label),
        )
