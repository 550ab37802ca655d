"""Labels follow their objects when a frame is segmented anew: by overlap of rectangles, one to one.

The rule: a labelled object goes to the finding whose rectangle overlaps its own by at least half (intersection over
union, `vision.overlap.SAME_OBJECT`), each finding taking one object at most, so that the total overlap is greatest. An
object without such a finding keeps its label and is offered for a new look. What a person drew stays where it was drawn.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from temwatch.clock import iso
from temwatch.model.finding import Rectangle
from temwatch.store import labels, outbox
from temwatch.store.findings import newest_report, rectangle_of
from temwatch.store.frames import FrameRow
from temwatch.wire import messages, topics

# Of every content that is this frame's: the same file, section and fingerprint, in whichever revision. Only the frames
# that carry labels are asked for, which are few.
_OBJECTS = """
SELECT o.id, o.finding_id, o.label_id, d.number AS drawn_number,
       (SELECT rectangle FROM label WHERE object_id = o.id AND act = 'set' ORDER BY id DESC LIMIT 1) AS rectangle
FROM frame AS fr CROSS JOIN labelled AS o ON o.frame_pk = fr.id LEFT JOIN drawn AS d ON d.object_id = o.id
WHERE fr.file_id = ? AND fr.section = ? AND fr.fingerprint = ? ORDER BY o.id
"""


@dataclass(frozen=True, slots=True)
class _Labelled:
    id: int
    finding_id: str | None
    label_id: int | None
    rectangle: Rectangle
    drawn: bool


def follow(tx: sqlite3.Connection, frame: FrameRow, *, at: datetime) -> None:
    """Move the labels of a frame's content to the findings of its newest report, and say so."""
    rows = tx.execute(_OBJECTS, (frame.file_id, frame.section, frame.fingerprint)).fetchall()
    if not rows:
        return
    # Imported when there is something to compare: it brings OpenCV and scipy into the daemon's process.
    from temwatch.vision.overlap import partners

    there = [
        _Labelled(
            row["id"],
            row["finding_id"],
            row["label_id"],
            rectangle_of(json.loads(row["rectangle"])),
            row["drawn_number"] is not None,
        )
        for row in rows
    ]
    findings = newest_report(tx, frame.pk).get("findings", [])
    ids = [str(finding["finding_id"]) for finding in findings]
    pairs = partners(
        [one.rectangle for one in there], [rectangle_of(finding["rectangle"]) for finding in findings]
    )
    goes = {pair.first: (ids[pair.second], pair.overlap) for pair in pairs}
    _move(tx, frame, there, goes, at)


def _move(
    tx: sqlite3.Connection,
    frame: FrameRow,
    there: Sequence[_Labelled],
    goes: dict[int, tuple[str, float]],
    at: datetime,
) -> None:
    moved = []
    for index, one in enumerate(there):
        to, overlap = goes.get(index, (None, 0.0))
        if to == one.finding_id or (to is None and one.drawn):
            tx.execute("UPDATE labelled SET frame_pk = ? WHERE id = ?", (frame.pk, one.id))
        else:
            moved.append((one, to, overlap))
    # All let go before any takes hold: two objects may change places.
    for one, _, _ in moved:
        tx.execute("UPDATE labelled SET finding_id = NULL WHERE id = ?", (one.id,))
    for one, to, overlap in moved:
        look = to is None and one.label_id is not None
        tx.execute(
            "UPDATE labelled SET finding_id = ?, frame_pk = ?, look = ? WHERE id = ?",
            (to, frame.pk, look, one.id),
        )
        _write_down(tx, frame, one, to, overlap, at)


def _write_down(
    tx: sqlite3.Connection, frame: FrameRow, one: _Labelled, to: str | None, overlap: float, at: datetime
) -> None:
    number = tx.execute(
        "INSERT INTO label_move (object_id, from_finding, to_finding, frame_pk, overlap, at)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (one.id, one.finding_id, to, frame.pk, overlap, iso(at)),
    ).fetchone()[0]
    label = labels.of_object(tx, one.id)
    if label is not None:
        outbox.append(
            tx,
            id=f"label-move:{number}",
            topic=topics.LABEL,
            type="label.moved",
            at=at,
            body=messages.to_json(label),
        )
