"""Recognizers learned here: attempts, promotions, freezes, and which is in use. The newest row counts."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from temwatch.clock import iso
from temwatch.errors import PermanentError
from temwatch.model.training import (
    Attempt,
    AttemptState,
    ModelFrozen,
    ModelPromoted,
    Outlook,
    RecallChange,
    Why,
)
from temwatch.store import outbox
from temwatch.wire import messages, topics


class AttemptRunning(PermanentError):
    """One attempt at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """A recognizer learned here.

    Attributes
    ----------
    training : mapping
        JSON: recipe, atlas digest, rows, settings, versions.
    """

    model_id: str
    made_at: str
    parent_id: str
    training: Mapping[str, Any]


def begin(
    tx: sqlite3.Connection, *, why: Why, asked_by: str, newest_label: int, labels: int, at: datetime
) -> int:
    """Write down that an attempt begins, and return its number.

    Raises
    ------
    AttemptRunning
    """
    running = tx.execute("SELECT id FROM attempt WHERE state = 'running'").fetchone()
    if running:
        raise AttemptRunning(
            f"attempt {running[0]} is under way", next_step="wait for its end, or `temwatch retrain --cancel`"
        )
    row = tx.execute(
        "INSERT INTO attempt (begun_at, why, asked_by, newest_label, labels, state)"
        " VALUES (?, ?, ?, ?, ?, 'running') RETURNING id",
        (iso(at), why, asked_by, newest_label, labels),
    ).fetchone()
    return int(row[0])


def end(
    tx: sqlite3.Connection,
    attempt: int,
    state: AttemptState,
    sentence: str,
    *,
    at: datetime,
    model_id: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Attempt:
    """Write down how an attempt ended, and publish it. The first end stays."""
    ending = tx.execute(
        "UPDATE attempt SET state = ?, sentence = ?, ended_at = ?, model_id = ?, facts = ?"
        " WHERE id = ? AND state = 'running'",
        (state, sentence, iso(at), model_id, json.dumps(facts) if facts else None, attempt),
    )
    ended = one_attempt(tx, attempt)
    assert ended is not None
    if ending.rowcount:
        _publish(tx, f"attempt:{attempt}", "model.learned", ended, at)
    return ended


def interrupt(tx: sqlite3.Connection, *, at: datetime) -> list[Attempt]:
    """End attempts that an earlier run of the daemon left; return them."""
    left = [row[0] for row in tx.execute("SELECT id FROM attempt WHERE state = 'running'")]
    return [end(tx, number, "interrupted", "the daemon ended meanwhile", at=at) for number in left]


def keep(
    tx: sqlite3.Connection,
    model_id: str,
    *,
    parent_id: str,
    training: Mapping[str, Any],
    label_ids: Iterable[int],
    at: datetime,
) -> None:
    """Add a recognizer and the labels it learned from; one that is known already stays as it is."""
    known = tx.execute("SELECT 1 FROM model WHERE model_id = ?", (model_id,)).fetchone()
    if known:
        return
    tx.execute(
        "INSERT INTO model VALUES (?, ?, ?, ?)",
        (model_id, iso(at), parent_id, json.dumps(training, sort_keys=True)),
    )
    tx.executemany("INSERT INTO model_label VALUES (?, ?)", ((model_id, label) for label in label_ids))


def promote(
    tx: sqlite3.Connection,
    model_id: str,
    *,
    before_id: str,
    by: str,
    known: Literal["gate", "key", "declared"],
    why: Literal["gate", "order", "rollback"],
    sentence: str,
    at: datetime,
) -> ModelPromoted:
    """Make a recognizer the one in use, and publish it."""
    number = tx.execute(
        "INSERT INTO promotion (at, model_id, before_id, by, known, why, sentence)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (iso(at), model_id, before_id, by, known, why, sentence),
    ).fetchone()[0]
    event = ModelPromoted(model_id=model_id, before_id=before_id, by=by, why=why, sentence=sentence)
    _publish(tx, f"promotion:{number}", "model.promoted", event, at)
    return event


def freeze(
    tx: sqlite3.Connection, model_id: str, *, frozen: bool, reason: str, by: str, at: datetime
) -> ModelFrozen:
    """Pin the recognizer in use, or let go of it, and publish that."""
    number = tx.execute(
        "INSERT INTO freeze (at, by, frozen, reason) VALUES (?, ?, ?, ?) RETURNING id",
        (iso(at), by, frozen, reason),
    ).fetchone()[0]
    event = ModelFrozen(model_id=model_id, frozen=frozen, reason=reason, by=by)
    _publish(tx, f"freeze:{number}", "model.frozen", event, at)
    return event


def in_use(connection: sqlite3.Connection) -> str | None:
    """Return the recognizer promoted last; None where none ever was."""
    row = connection.execute("SELECT model_id FROM promotion ORDER BY id DESC LIMIT 1").fetchone()
    return str(row[0]) if row else None


def promotions(connection: sqlite3.Connection, *, limit: int = 50) -> list[dict[str, Any]]:
    """Return promotions, newest first."""
    rows = connection.execute(
        "SELECT at, model_id, before_id, by, known, why, sentence FROM promotion ORDER BY id DESC LIMIT ?",
        (limit,),
    )
    return [dict(row) for row in rows]


def rollback_target(connection: sqlite3.Connection) -> str | None:
    """Return what was in use before the promotion that brought the present one; None where there was none.

    Rolling back twice goes two promotions back: rollbacks themselves are stepped over.
    """
    stack: list[str] = []
    for row in connection.execute("SELECT model_id, before_id, why FROM promotion ORDER BY id"):
        if row["why"] == "rollback" and stack:
            stack.pop()
        else:
            stack.append(row["before_id"])
    return stack[-1] if stack else None


def frozen(connection: sqlite3.Connection) -> str | None:
    """Return why the recognizer in use is pinned; None where it is not."""
    row = connection.execute("SELECT frozen, reason FROM freeze ORDER BY id DESC LIMIT 1").fetchone()
    return str(row["reason"]) if row and row["frozen"] else None


def one_model(connection: sqlite3.Connection, model_id: str) -> ModelRow | None:
    """Return a recognizer learned here by its id; None where it is not one."""
    row = connection.execute("SELECT * FROM model WHERE model_id = ?", (model_id,)).fetchone()
    return _model(row) if row else None


def models(connection: sqlite3.Connection, *, limit: int = 200) -> list[ModelRow]:
    """Return recognizers learned here, newest first."""
    rows = connection.execute("SELECT * FROM model ORDER BY made_at DESC, model_id LIMIT ?", (limit,))
    return [_model(row) for row in rows]


def starting_with(connection: sqlite3.Connection, prefix: str) -> list[str]:
    """Return the ids of recognizers learned here that begin so, three at most."""
    rows = connection.execute(
        "SELECT model_id FROM model WHERE model_id >= ? AND model_id < ? ORDER BY model_id LIMIT 3",
        (prefix, prefix + "\x7f"),
    )
    return [row[0] for row in rows]


def labels_of(connection: sqlite3.Connection, model_id: str) -> frozenset[int]:
    """Return the labels a recognizer learned from."""
    rows = connection.execute("SELECT label_id FROM model_label WHERE model_id = ?", (model_id,))
    return frozenset(row[0] for row in rows)


def objects_of(connection: sqlite3.Connection, model_id: str) -> frozenset[str]:
    """Return the findings, by today's names, whose labels a recognizer learned from."""
    rows = connection.execute(
        "SELECT DISTINCT o.finding_id FROM model_label AS m JOIN label AS l ON l.id = m.label_id"
        " JOIN labelled AS o ON o.id = l.object_id WHERE m.model_id = ? AND o.finding_id IS NOT NULL",
        (model_id,),
    )
    return frozenset(row[0] for row in rows)


def learned_from(connection: sqlite3.Connection, label_id: int) -> list[str]:
    """Return the recognizers that learned from a label."""
    rows = connection.execute(
        "SELECT model_id FROM model_label WHERE label_id = ? ORDER BY model_id", (label_id,)
    )
    return [row[0] for row in rows]


def one_attempt(connection: sqlite3.Connection, attempt: int) -> Attempt | None:
    """Return an attempt by its number; None where there is none."""
    row = connection.execute("SELECT * FROM attempt WHERE id = ?", (attempt,)).fetchone()
    return _attempt(row) if row else None


def attempts(connection: sqlite3.Connection, *, limit: int = 50) -> Sequence[Attempt]:
    """Return attempts, newest first."""
    rows = connection.execute("SELECT * FROM attempt ORDER BY id DESC LIMIT ?", (limit,))
    return [_attempt(row) for row in rows]


def newest_attempt(connection: sqlite3.Connection) -> Attempt | None:
    """Return the newest attempt that ran to its end, whatever the gate said; None where none has."""
    row = connection.execute(
        "SELECT * FROM attempt WHERE state IN ('passed', 'refused', 'failed') ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return _attempt(row) if row else None


def _publish(tx: sqlite3.Connection, name: str, type_: str, event: Any, at: datetime) -> None:
    outbox.append(tx, id=name, topic=topics.MODEL, type=type_, at=at, body=messages.to_json(event))


def _model(row: sqlite3.Row) -> ModelRow:
    return ModelRow(
        model_id=row["model_id"],
        made_at=row["made_at"],
        parent_id=row["parent_id"],
        training=json.loads(row["training"]),
    )


def _attempt(row: sqlite3.Row) -> Attempt:
    facts = json.loads(row["facts"]) if row["facts"] else {}
    mean = facts.get("mean_recall")
    return Attempt(
        attempt=row["id"],
        state=row["state"],
        why=row["why"],
        asked_by=row["asked_by"],
        begun_at=row["begun_at"],
        ended_at=row["ended_at"],
        labels=row["labels"],
        newest_label=row["newest_label"],
        sentence=row["sentence"],
        model_id=row["model_id"],
        recall={name: RecallChange(**one) for name, one in facts.get("recall", {}).items()},
        mean_recall=(mean[0], mean[1]) if mean else None,
        disputed=tuple(facts.get("disputed", ())),
        advice=tuple(Outlook(**one) for one in facts.get("advice", ())),
        took_s=facts.get("took_s"),
    )
