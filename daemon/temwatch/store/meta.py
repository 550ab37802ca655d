"""Single facts about the store, by name."""

import sqlite3


def get(connection: sqlite3.Connection, key: str) -> str | None:
    """Return a fact, None where it was never said."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else None


def put(tx: sqlite3.Connection, key: str, value: str) -> None:
    """Say a fact; it takes the place of what was said before."""
    tx.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
    )
