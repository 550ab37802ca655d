"""Frames waiting for a worker. A claim is a lease, never a removal. All inside the caller's transaction.

Job numbers are never used twice. Due times are monotonic seconds of this machine's boot; a start voids them all (`release_all`), so a jump of the
wall clock or a reboot can't strand a job.
"""

import sqlite3
from dataclasses import dataclass

_LEASE = """
UPDATE job SET state = 'leased', attempt = attempt + 1, lease_owner = :owner, due_s = :until
WHERE id = (SELECT id FROM job WHERE state = 'ready' ORDER BY rank DESC, id LIMIT 1)
RETURNING *
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as the store knows it; `attempt` fences."""

    job_id: int
    frame_pk: int
    rank: int
    attempt: int
    failures: int
    crashes: int
    share_troubles: int


def add(tx: sqlite3.Connection, frame_pk: int, *, rank: int) -> None:
    """Queue a frame."""
    tx.execute("INSERT INTO job (frame_pk, state, rank) VALUES (?, 'ready', ?)", (frame_pk, rank))


def next_rank(connection: sqlite3.Connection) -> int:
    """Return a rank above every one in the queue."""
    return int(connection.execute("SELECT COALESCE(MAX(rank), 0) + 1 FROM job").fetchone()[0])


def lease(tx: sqlite3.Connection, *, owner: str, until_s: float) -> JobRow | None:
    """Claim the newest ready job until `until_s`; None where nothing is ready."""
    row = tx.execute(_LEASE, {"owner": owner, "until": until_s}).fetchone()
    return _row(row) if row else None


def held_by(connection: sqlite3.Connection, job_id: int, attempt: int, owner: str) -> JobRow | None:
    """Return the job if this owner's lease of this attempt is still in force, else None."""
    row = connection.execute(
        "SELECT * FROM job WHERE id = ? AND attempt = ? AND lease_owner = ? AND state = 'leased'",
        (job_id, attempt, owner),
    ).fetchone()
    return _row(row) if row else None


def wait(tx: sqlite3.Connection, job: JobRow, *, until_s: float, error: str) -> None:
    """Put a leased job back, to be ready at `until_s`, with the counters of `job` as they are given."""
    tx.execute(
        "UPDATE job SET state = 'waiting', lease_owner = NULL, due_s = ?, last_error = ?,"
        " failures = ?, crashes = ?, share_troubles = ? WHERE id = ?",
        (until_s, error, job.failures, job.crashes, job.share_troubles, job.job_id),
    )


def wake(tx: sqlite3.Connection, *, now_s: float) -> int:
    """Make ready what is due: waits that ended and leases that ran out. Returns how many."""
    return tx.execute(
        "UPDATE job SET state = 'ready', lease_owner = NULL WHERE state IN ('waiting', 'leased') AND due_s <= ?",
        (now_s,),
    ).rowcount


def next_due_s(connection: sqlite3.Connection) -> float | None:
    """Return when the next wait or lease ends; None where there is none."""
    row = connection.execute("SELECT MIN(due_s) FROM job WHERE state IN ('waiting', 'leased')").fetchone()
    return None if row[0] is None else float(row[0])


def release_all(tx: sqlite3.Connection) -> None:
    """Make every job ready: at a start nobody else is alive to hold one (the folder's lock is ours)."""
    tx.execute("UPDATE job SET state = 'ready', lease_owner = NULL, due_s = 0 WHERE state <> 'ready'")


def remove(tx: sqlite3.Connection, frame_pk: int) -> None:
    """Take the job of a frame that ended out of the queue."""
    tx.execute("DELETE FROM job WHERE frame_pk = ?", (frame_pk,))


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many jobs are in each state."""
    return {row[0]: row[1] for row in connection.execute("SELECT state, COUNT(*) FROM job GROUP BY state")}


def _row(row: sqlite3.Row) -> JobRow:
    return JobRow(
        job_id=row["id"],
        frame_pk=row["frame_pk"],
        rank=row["rank"],
        attempt=row["attempt"],
        failures=row["failures"],
        crashes=row["crashes"],
        share_troubles=row["share_troubles"],
    )
