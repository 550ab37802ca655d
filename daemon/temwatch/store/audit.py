"""Who ordered what, how that is known, and what came of it. Rows are only ever added."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from temwatch.clock import iso
from temwatch.errors import PermanentError
from temwatch.model.caller import Caller, Known, Role

DONE = "done"
_LONGEST_ARGS = 4000  # characters; what is longer is told by its digest
_LONGEST_REPLY = 16_384
_NOTE = """
INSERT INTO audit (at, name, known, key, role, cmd, cmd_id, request_sha256, args, outcome, reply)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_COLUMNS = "id, at, name, known, key, role, cmd, cmd_id, request_sha256, args, outcome"


class CommandIdUsed(PermanentError):
    """A command came under the id of another one, or of somebody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One row: an order and what came of it (`outcome` None: begun, and not known to have ended)."""

    id: int
    at: str
    name: str
    known: Known
    key: str
    role: Role
    cmd: str
    cmd_id: str
    request_sha256: str
    args: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of the same order sent before; `reply` is None where it was not kept."""

    outcome: str | None
    reply: bytes | None


def earlier(connection: sqlite3.Connection, caller: Caller) -> Earlier | None:
    """Return what came of this very order when it was sent before; None where it was not.

    Raises
    ------
    CommandIdUsed
        Where its id belongs to another order, or to somebody else's.
    """
    row = connection.execute(
        "SELECT name, known, key, request_sha256, outcome, reply FROM audit WHERE cmd_id = ?",
        (caller.cmd_id,),
    ).fetchone()
    if row is None:
        return None
    if tuple(row)[:4] != (caller.name, caller.known, caller.key, caller.request_sha256):
        raise CommandIdUsed(
            f"{caller.cmd}: the id {caller.cmd_id!r} belongs to another order",
            next_step="send it under a new cmd_id",
        )
    return Earlier(row["outcome"], row["reply"])


def note(
    tx: sqlite3.Connection,
    caller: Caller,
    args: Mapping[str, Any],
    *,
    at: datetime,
    outcome: str | None = None,
    reply: bytes | None = None,
) -> None:
    """Write down an order inside the caller's transaction, where it was not written down before.

    Parameters
    ----------
    outcome : str, optional
        `DONE`, or the code of a refusal; None for an order that is about to be carried out.
    reply : bytes, optional
        JSON, for the same order sent again.

    Raises
    ------
    CommandIdUsed
    """
    if earlier(tx, caller) is not None:
        if outcome is not None:
            settle(tx, caller.cmd_id, outcome, reply)
        return
    said = json.dumps(dict(args), sort_keys=True, ensure_ascii=False)
    values = (
        iso(at),
        *(
            caller.name,
            caller.known,
            caller.key,
            caller.role,
            caller.cmd,
            caller.cmd_id,
            caller.request_sha256,
        ),
        said if len(said) <= _LONGEST_ARGS else None,
        *(outcome, _kept(reply)),
    )
    tx.execute(_NOTE, values)


def settle(tx: sqlite3.Connection, cmd_id: str, outcome: str, reply: bytes | None = None) -> None:
    """Write down what came of an order; a first outcome stays."""
    tx.execute(
        "UPDATE audit SET outcome = ?, reply = ? WHERE cmd_id = ? AND outcome IS NULL",
        (outcome, _kept(reply), cmd_id),
    )


def page(connection: sqlite3.Connection, *, before: int | None = None, limit: int = 200) -> Sequence[Order]:
    """Return orders with an id below `before`, newest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?",  # noqa: S608  our own names
        ((1 << 62) if before is None else before, limit),
    )
    return [Order(**{field.name: row[field.name] for field in fields(Order)}) for row in rows]


def _kept(reply: bytes | None) -> bytes | None:
    return reply if reply is not None and len(reply) <= _LONGEST_REPLY else None
