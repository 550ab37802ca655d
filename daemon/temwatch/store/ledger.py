"""Where every frame ever seen is, as the triggers keep it, and counted afresh to check them."""

import sqlite3
from dataclasses import replace

from temwatch.model.events import Ledger

_KEPT = """
SELECT r.name, l.seen, l.done, l.queued, l.held, l.set_aside, l.gone
FROM ledger AS l JOIN root AS r ON r.id = l.root_id
"""
_COUNTED = """
SELECT r.name, 'held' AS state, COUNT(*) AS n FROM file AS f JOIN root AS r ON r.id = f.root_id
WHERE f.held = 1 GROUP BY r.name
UNION ALL
SELECT r.name, fr.state, COUNT(*) AS n FROM frame AS fr JOIN file AS f ON f.id = fr.file_id
JOIN root AS r ON r.id = f.root_id GROUP BY r.name, fr.state
"""


def kept(connection: sqlite3.Connection) -> dict[str, Ledger]:
    """Return the ledger of every root as the triggers keep it."""
    return {
        name: Ledger(seen=seen, done=done, queued=queued, held=held, set_aside=set_aside, gone=gone)
        for name, seen, done, queued, held, set_aside, gone in connection.execute(_KEPT)
    }


def recounted(connection: sqlite3.Connection) -> dict[str, Ledger]:
    """Return the ledger of every root counted from the rows; slow, for checks."""
    counted = {row[0]: Ledger() for row in connection.execute("SELECT name FROM root")}
    for name, state, n in connection.execute(_COUNTED):
        counted[name] = replace(counted[name], seen=counted[name].seen + n, **{state: n})
    return counted
