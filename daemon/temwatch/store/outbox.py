"""What was committed and goes out, numbered. The only source of every published message."""

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from temwatch.clock import iso
from temwatch.wire.topics import topic_class

_APPEND = """
INSERT INTO outbox (id, topic, topic_class, prev, type, at, body, result_id)
VALUES (:id, :topic, :class, COALESCE((SELECT seq FROM topic_head WHERE topic_class = :class), 0),
        :type, :at, :body, :result_id)
RETURNING seq
"""
_PAGE = """
SELECT o.seq, o.prev, o.id, o.topic, o.type, o.at, COALESCE(o.body, r.body) AS body
FROM outbox AS o LEFT JOIN result AS r ON r.id = o.result_id
WHERE o.seq > :since AND o.topic >= :topic AND o.topic < :beyond {of_class} ORDER BY o.seq LIMIT :limit
"""
_PAGE_ALL = _PAGE.format(of_class="")
_PAGE_OF_CLASS = _PAGE.format(of_class="AND o.topic_class = :class")
# From the first that has to stay on, all stay: no gap may come between those that can be replayed.
_PRUNE = """
DELETE FROM outbox WHERE seq IN (
    WITH newest AS (SELECT MAX(seq) AS seq FROM outbox),
         oldest AS (SELECT seq, at FROM outbox ORDER BY seq LIMIT :at_most)
    SELECT seq FROM oldest WHERE seq < (SELECT seq FROM newest) AND seq < COALESCE(
        (SELECT MIN(seq) FROM oldest WHERE at >= :before AND seq > (SELECT seq FROM newest) - :keep_rows),
        (SELECT seq FROM newest))
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One stored message; `body` is JSON, still compressed (`json_body` opens it)."""

    seq: int
    prev: int
    id: str
    topic: str
    type: str
    at: str
    packed: bytes

    @property
    def json_body(self) -> bytes:
        """The JSON body."""
        return zlib.decompress(self.packed)


def pack(json_body: bytes) -> bytes:
    """Return a JSON body as it is stored."""
    return zlib.compress(json_body, 1)


def append(
    tx: sqlite3.Connection,
    *,
    id: str,  # noqa: A002  the wire's name of it
    topic: str,
    type: str,  # noqa: A002  the wire's name of it
    at: datetime,
    body: bytes | None = None,
    result_id: int | None = None,
) -> int:
    """Add a message inside the caller's transaction and return its seq.

    Either `body` (JSON) or `result_id` (the body is that result's report) is given. `id` is unique for ever:
    the same fact can't be written twice.
    """
    values = {
        "id": id,
        "topic": topic,
        "class": topic_class(topic),
        "type": type,
        "at": iso(at),
        "body": None if body is None else pack(body),
        "result_id": result_id,
    }
    seq: int = tx.execute(_APPEND, values).fetchone()[0]
    tx.execute(
        "INSERT INTO topic_head VALUES (?, ?) ON CONFLICT (topic_class) DO UPDATE SET seq = excluded.seq",
        (values["class"], seq),
    )
    return seq


def page(connection: sqlite3.Connection, *, since: int, limit: int, topic: str = "") -> Sequence[Message]:
    """Return up to `limit` messages with seq > `since`, oldest first, whose topic starts with `topic`."""
    values = {
        "since": since,
        "topic": topic,
        "beyond": topic + "\U0010ffff",
        "class": topic_class(topic),
        "limit": limit,
    }
    # A rare class must not be looked for among a million messages of others.
    query = _PAGE_OF_CLASS if topic.startswith(topic_class(topic)) else _PAGE_ALL
    rows: Iterable[sqlite3.Row] = connection.execute(query, values)
    return [
        Message(
            seq=r["seq"],
            prev=r["prev"],
            id=r["id"],
            topic=r["topic"],
            type=r["type"],
            at=r["at"],
            packed=r["body"],
        )
        for r in rows
    ]


def head(connection: sqlite3.Connection) -> int:
    """Return the newest seq, 0 where nothing was ever published."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return int(row[0]) if row else 0


def heads(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the newest seq of each topic class."""
    return {row[0]: row[1] for row in connection.execute("SELECT topic_class, seq FROM topic_head")}


def oldest(connection: sqlite3.Connection) -> int:
    """Return the oldest seq that can still be replayed; 0 where there is none."""
    row = connection.execute("SELECT MIN(seq) FROM outbox").fetchone()
    return int(row[0] or 0)


def prune(
    tx: sqlite3.Connection,
    *,
    now: datetime,
    keep_days: float,
    keep_rows: int | None = None,
    at_most: int = 500,
) -> int:
    """Delete the oldest messages, up to `at_most`, and return how many.

    A message goes when it is older than `keep_days`, or when `keep_rows` newer ones are there. What goes is
    always the oldest without a gap, so that everything from `oldest` on can be replayed. Results stay. The newest
    message always stays, so that a subscriber can tell where the stream is.
    """
    values = {
        "before": iso(now - timedelta(days=keep_days)),
        "keep_rows": (1 << 62) if keep_rows is None else keep_rows,
        "at_most": at_most,
    }
    return tx.execute(_PRUNE, values).rowcount
