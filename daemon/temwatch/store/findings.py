"""What is known of a finding: where it lies, what the machine said of it, its features. Drawn ones too."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from temwatch.errors import PermanentError
from temwatch.model.finding import Rectangle
from temwatch.model.label import Predicted
from temwatch.store import frames, results
from temwatch.store.frames import FrameRow

_MEASURED = """
SELECT m.feature_set, m.features FROM result AS r JOIN measurement AS m ON m.result_id = r.id
WHERE r.frame_pk = ? AND m.n = ? ORDER BY r.id DESC LIMIT 1
"""
_DRAWN = """
SELECT l.rectangle, l.sha256, d.feature_set, d.features FROM drawn AS d
JOIN label AS l ON l.object_id = d.object_id WHERE d.frame_pk = ? AND d.number = ? ORDER BY l.id LIMIT 1
"""


class FindingUnknown(PermanentError):
    """No such finding is in the newest report of its frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A finding as a label needs it.

    Attributes
    ----------
    frame : FrameRow
    sha256 : str
        Of the frame's bytes, as its report gives it.
    predicted : Predicted or None
        None for what a person drew.
    feature_set : str or None
    features : bytes or None
        One row of float32; None for a drawn object that is not measured.
    """

    finding_id: str
    frame: FrameRow
    sha256: str
    rectangle: Rectangle
    predicted: Predicted | None
    feature_set: str | None
    features: bytes | None = field(repr=False)
    drawn: bool


def look_up(connection: sqlite3.Connection, finding_ids: Iterable[str]) -> dict[str, Facts]:
    """Return the facts of findings, as of the newest report of each frame.

    Raises
    ------
    FindingUnknown
        For the first that does not exist.
    """
    by_frame: dict[str, list[str]] = {}
    for finding_id in finding_ids:
        by_frame.setdefault(finding_id.rpartition(".")[0], []).append(finding_id)
    found: dict[str, Facts] = {}
    for frame_id, wanted in by_frame.items():
        frame = frames.by_frame_id(connection, frame_id)
        if frame is None:
            raise _unknown(wanted[0])
        report: dict[str, Any] | None = None
        for finding_id in wanted:
            number = finding_id.rpartition(".")[2]
            if number.startswith("d"):
                found[finding_id] = _drawn(connection, frame, finding_id, number[1:])
                continue
            if report is None:
                report = newest_report(connection, frame.pk)
            found[finding_id] = _found(connection, frame, report, finding_id, number)
    return found


def newest_report(connection: sqlite3.Connection, frame_pk: int) -> dict[str, Any]:
    """Return a frame's newest report, as it stands, as parsed JSON; empty where it has none."""
    body = results.newest(connection, frame_pk)
    return json.loads(body) if body else {}


def rectangle_of(said: Mapping[str, float]) -> Rectangle:
    """Return the rectangle that JSON spells."""
    return Rectangle(**{name: float(said[name]) for name in _SIDES})


_SIDES = ("row", "col", "length_px", "width_px", "angle_deg")


def _found(
    connection: sqlite3.Connection, frame: FrameRow, report: Mapping[str, Any], finding_id: str, number: str
) -> Facts:
    findings = report.get("findings", ())
    if not number.isascii() or not number.isdigit() or int(number) >= len(findings):
        raise _unknown(finding_id)
    finding = findings[int(number)]
    if finding["finding_id"] != finding_id:
        raise _unknown(finding_id)
    feature_set, row = _row_of(connection, frame.pk, int(number), len(findings))
    return Facts(
        finding_id=finding_id,
        frame=frame,
        sha256=report["sha256"],
        rectangle=rectangle_of(finding["rectangle"]),
        predicted=Predicted(
            class_=finding["class"], probability=finding["probability"], model_id=report["model"]["id"]
        ),
        feature_set=feature_set,
        features=row,
        drawn=False,
    )


def _row_of(
    connection: sqlite3.Connection, frame_pk: int, number: int, count: int
) -> tuple[str | None, bytes | None]:
    measured = connection.execute(_MEASURED, (frame_pk, count)).fetchone()
    if measured is None or not measured["features"]:
        return None, None
    row_bytes = len(measured["features"]) // count
    return measured["feature_set"], measured["features"][number * row_bytes : (number + 1) * row_bytes]


def _drawn(connection: sqlite3.Connection, frame: FrameRow, finding_id: str, number: str) -> Facts:
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise _unknown(finding_id)
    row = connection.execute(_DRAWN, (frame.pk, int(number))).fetchone()
    if row is None or f"{frame.frame_id}.d{int(number)}" != finding_id:
        raise _unknown(finding_id)
    return Facts(
        finding_id=finding_id,
        frame=frame,
        sha256=row["sha256"],
        rectangle=rectangle_of(json.loads(row["rectangle"])),
        predicted=None,
        feature_set=row["feature_set"],
        features=row["features"],
        drawn=True,
    )


def _unknown(finding_id: str) -> FindingUnknown:
    return FindingUnknown(
        f"no finding {finding_id[:80]!r}", next_step="take its id from a report (`temwatch listen`)"
    )
