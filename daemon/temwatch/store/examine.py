"""What is wrong with a database file, found without changing it."""

import sqlite3
from pathlib import Path

from temwatch.store import ledger


def examine_file(path: Path) -> list[str]:
    """Return what is wrong with a database file, in sentences; it is only read.

    A daemon may be running on it: WAL lets one read beside it.
    """
    faults: list[str] = []
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("BEGIN")
            verdict = connection.execute("PRAGMA quick_check(3)").fetchall()
            faults += [row[0] for row in verdict if row[0] != "ok"]
            kept, counted = ledger.kept(connection), ledger.recounted(connection)
            faults += [
                f"the ledger of {root} says {kept[root]}, counted are {counted[root]}"
                for root in kept
                if kept[root] != counted[root]
            ]
        finally:
            connection.close()
    except sqlite3.Error as error:
        faults.append(f"{path}: {error}")
    return faults
