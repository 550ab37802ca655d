"""Labels are given and taken back here: statement, standing and message in the caller's one transaction."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from temwatch.clock import iso
from temwatch.errors import PermanentError
from temwatch.model.caller import Caller
from temwatch.model.finding import Rectangle
from temwatch.model.label import Label, Undo, state_of
from temwatch.store import labels, outbox, statements
from temwatch.store.findings import Facts
from temwatch.store.frames import FrameRow
from temwatch.wire import messages, topics

_SAID_BETWEEN = """
SELECT l.id FROM label AS l WHERE l.name = ? AND l.at >= ? AND l.at < ? AND l.act <> 'undo'
AND NOT EXISTS (SELECT 1 FROM label WHERE undoes = l.id) ORDER BY l.id DESC
"""


class LabelConflict(PermanentError):
    """Somebody else was quicker; `current` is the label that stands now (None: none does)."""

    def __init__(self, message: str, current: Label | None, *, next_step: str) -> None:
        super().__init__(message, next_step=next_step)
        self.current = current


class LabelUnknown(PermanentError):
    """No label has this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a person says of a finding.

    Attributes
    ----------
    class_ : str
    doubtful : bool
        They are not sure.
    expect_revision : int or None
        How many changes to the finding's label they know of; None: whatever stands, it is changed.
    note : str
    blind : bool
        They were not shown what the machine says. Where a label stands already, a blind one is only compared with it.
    """

    class_: str
    doubtful: bool = False
    expect_revision: int | None = None
    note: str = ""
    blind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """What came, or would come, of labelling many findings alike.

    Attributes
    ----------
    would_change : int
    same : int
        Findings on which this very class stands already.
    conflicts : sequence of Label
        Labels of another class that somebody else gave; they are left as they are.
    labels : sequence of Label
        The new ones; empty in a dry run.
    """

    would_change: int
    same: int
    conflicts: Sequence[Label]
    labels: Sequence[Label]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverted:
    """What of a person's labels was, or would be, taken back.

    Attributes
    ----------
    would_undo : int
        All that are there to take back.
    label_ids : sequence of int
        Those of this order: the newest, as many as one order may take back.
    labels : sequence of Label
        What stands on their findings now; empty in a dry run.
    """

    would_undo: int
    label_ids: Sequence[int]
    labels: Sequence[Label]


def set_label(
    tx: sqlite3.Connection, facts: Facts, said: Statement, caller: Caller, *, at: datetime
) -> Label:
    """Write a label down and return it.

    Raises
    ------
    LabelConflict
        The finding's label is not of the revision that the caller knows.
    """
    known = statements.object_of(tx, facts)
    check = said.blind and known is not None and known.label_id is not None
    if not said.blind:
        _refuse_other_revision(tx, known, said.expect_revision, facts.finding_id)
    there = known or statements.new_object(tx, facts)
    number = statements.insert(
        tx,
        facts,
        caller,
        at,
        object_id=there.id,
        act="check" if check else "set",
        revision=there.revision if check else there.revision + 1,
        previous_id=None if check else there.label_id,
        **{
            "class": said.class_,
            "state": state_of(
                said.class_, facts.predicted.class_ if facts.predicted else None, doubtful=said.doubtful
            ),
            "note": said.note,
            "blind": said.blind,
        },
    )
    if not check:
        statements.stand(tx, there, number)
    label = labels.one(tx, number)
    assert label is not None
    return _said(tx, label, number, "label.checked" if check else "label.set", at)


def undo(tx: sqlite3.Connection, label_id: int, caller: Caller, *, at: datetime) -> Label:
    """Take a label back and return the one that stands on its finding now (`class_` None: none).

    Raises
    ------
    LabelUnknown
    LabelConflict
        It was taken back before.
    """
    row = tx.execute("SELECT * FROM label WHERE id = ? AND act <> 'undo'", (label_id,)).fetchone()
    label = labels.one(tx, label_id)
    if row is None or label is None:
        raise LabelUnknown(f"no label {label_id}", next_step="see `temwatch label --history FINDING`")
    if label.undo is not None:
        raise LabelConflict(
            f"label {label_id} was taken back by {label.undo.by} on {label.undo.at}",
            labels.of_object(tx, row["object_id"]),
            next_step="nothing",
        )
    there = statements.object_by_id(tx, row["object_id"])
    number = tx.execute(
        statements.INSERT,
        {
            **dict(row),
            "act": "undo",
            "class": None,
            "state": "predicted",
            "undoes": label_id,
            "previous_id": there.label_id,
            "revision": there.revision + (row["act"] == "set"),
            "note": "",
            **statements.by(caller, at),
        },
    ).fetchone()[0]
    if row["act"] == "set":
        statements.stand(tx, there, statements.newest_not_undone(tx, there.id))
    taken = Undo(id=number, label_id=label_id, by=caller.name, known=caller.known, at=iso(at))
    now = labels.of_object(tx, there.id)
    left = (
        replace(now, undo=taken)
        if now
        else _nothing(label, statements.object_by_id(tx, there.id).revision, taken)
    )
    return _said(tx, left, number, "label.undone", at)


def bulk(
    tx: sqlite3.Connection,
    facts: Sequence[Facts],
    class_: str,
    caller: Caller,
    *,
    at: datetime,
    dry_run: bool,
) -> Bulk:
    """Call many findings alike; what somebody else calls otherwise is left, and named."""
    to_change, same, conflicts = [], 0, []
    for one in facts:
        there = statements.object_of(tx, one)
        stands = labels.of_object(tx, there.id) if there else None
        if stands is None or (stands.by == caller.name and stands.class_ != class_):
            to_change.append(one)
        elif stands.class_ == class_:
            same += 1
        else:
            conflicts.append(stands)
    said = Statement(class_=class_)
    new = [] if dry_run else [set_label(tx, one, said, caller, at=at) for one in to_change]
    return Bulk(would_change=len(to_change), same=same, conflicts=conflicts, labels=new)


def revert(
    tx: sqlite3.Connection,
    name: str,
    caller: Caller,
    *,
    since: str,
    until: str,
    at: datetime,
    limit: int,
    dry_run: bool,
) -> Reverted:
    """Take back what a person said between two moments, the newest first, up to `limit` labels.

    Parameters
    ----------
    name : str
        Whose labels.
    since, until : str
        ISO-8601 in UTC, as labels have it; from `since` on, before `until`.
    """
    found = [row[0] for row in tx.execute(_SAID_BETWEEN, (name, since, until))]
    chosen = found[:limit]
    left = [] if dry_run else [undo(tx, number, caller, at=at) for number in chosen]
    return Reverted(would_undo=len(found), label_ids=chosen, labels=left)


def draw(
    tx: sqlite3.Connection,
    frame: FrameRow,
    sha256: str,
    rectangle: Rectangle,
    said: Statement,
    caller: Caller,
    *,
    at: datetime,
) -> Label:
    """Write down an object that the machine missed, to be measured, and return its label."""
    number = tx.execute(
        "SELECT COALESCE(MAX(number), 0) + 1 FROM drawn WHERE frame_pk = ?", (frame.pk,)
    ).fetchone()[0]
    facts = Facts(
        finding_id=f"{frame.frame_id}.d{number}",
        frame=frame,
        sha256=sha256,
        rectangle=rectangle,
        predicted=None,
        feature_set=None,
        features=None,
        drawn=True,
    )
    there = statements.new_object(tx, facts)
    tx.execute(
        "INSERT INTO drawn (object_id, number, frame_pk, state) VALUES (?, ?, ?, 'waiting')",
        (there.id, number, frame.pk),
    )
    return set_label(tx, facts, said, caller, at=at)


# --- inside a transaction --------------------------------------------------------------------------------------


def _refuse_other_revision(
    tx: sqlite3.Connection, there: statements.LabelledObject | None, expected: int | None, finding_id: str
) -> None:
    revision = there.revision if there else 0
    if expected is None or expected == revision:
        return
    stands = labels.of_object(tx, there.id) if there else None
    if stands is None:
        what = "its label was taken back" if there else "it has no label"
    else:
        what = f"{stands.by} called it {stands.class_} on {stands.at}"
    raise LabelConflict(
        f"{finding_id} is at revision {revision}, not {expected}: {what}",
        stands,
        next_step=f"look at it, then say it again with revision {revision}",
    )


def _nothing(last: Label, revision: int, taken: Undo) -> Label:
    """Return what is said of a finding on which no label stands any more."""
    return replace(
        last,
        label_id=None,
        class_=None,
        state="predicted",
        revision=revision,
        by=None,
        known=None,
        at=None,
        note="",
        previous=None,
        blind=False,
        undone=False,
        stands=False,
        undo=taken,
    )


def _said(tx: sqlite3.Connection, label: Label, number: int, type_: str, at: datetime) -> Label:
    outbox.append(
        tx, id=f"label:{number}", topic=topics.LABEL, type=type_, at=at, body=messages.to_json(label)
    )
    return label
