"""Making, opening and checking the database file, before anybody works with it."""

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

from temwatch.errors import StoreRefused
from temwatch.store.folder import sync
from temwatch.store.migrate import Migration, migrate, refuse_foreign
from temwatch.store.trouble import StoreTrouble

# Checking a larger file would break the promise of a start within seconds; `temwatch doctor` checks it whole.
QUICK_CHECK_BYTES = 64 * 1024 * 1024
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA mmap_size = 0",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)


def wal_of(path: Path) -> Path:
    """Return where SQLite keeps the log of a database."""
    return path.with_name(f"{path.name}-wal")


def refuse_loss(path: Path) -> None:
    """Refuse to start afresh where a database was: it is gone or empty, and its labels with it.

    Raises
    ------
    StoreRefused
    """
    next_step = f"restore it from a backup; to start afresh move all that is in {path.parent} away"
    if path.exists() and path.stat().st_size == 0:
        raise StoreRefused(f"{path} is there but empty", next_step=next_step)
    if not path.exists() and (wal_of(path).exists() or (path.parent / "previews").exists()):
        raise StoreRefused(f"{path} is missing, but what belongs to it is there", next_step=next_step)


def create(path: Path, steps: tuple[Migration, ...]) -> None:
    """Make a new database aside and put it in place whole, so that an empty file always means a loss."""
    aside = path.with_name(f"{path.name}.new")
    for leftover in (aside, aside.with_name(f"{aside.name}-journal")):
        leftover.unlink(missing_ok=True)
    with closing(sqlite3.connect(aside, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        migrate(connection, steps, where=str(path))
    aside.chmod(0o600)
    aside.replace(path)
    sync(path.parent)


def opened(path: Path, steps: tuple[Migration, ...]) -> sqlite3.Connection:
    """Return the one read-write connection to an existing database, checked and of the newest schema.

    Raises
    ------
    StoreRefused
        When the file is not ours, is newer than this program, or a step of the schema fails on it.
    sqlite3.Error
        When it is damaged or the disk fails.
    """
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        connection.row_factory = sqlite3.Row
        # First of all: a file that is not ours is left as it is, byte for byte.
        refuse_foreign(connection, steps, where=str(path))
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise sqlite3.DatabaseError(f"its disk can't keep a write-ahead log, only {mode!r}")
        migrate(connection, steps, where=str(path))
        if path.stat().st_size <= QUICK_CHECK_BYTES:
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
    except BaseException:
        connection.close()
        raise
    return connection


def opened_again(path: Path, steps: tuple[Migration, ...]) -> sqlite3.Connection:
    """Open after the disk failed, and move the log into the file.

    A log whose fsync failed may be read back from memory without being on the disk, and a second fsync would
    say that all is well. Copying it into the file writes every page afresh.

    Raises
    ------
    StoreTrouble
        When a reader is in the way of that.
    """
    connection = opened(path, steps)
    try:
        if connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()[0]:
            raise StoreTrouble("the state disk failed, and a long question keeps its log from being saved")
    except BaseException:
        connection.close()
        raise
    return connection


def settled_epoch(connection: sqlite3.Connection, path: Path, *, log_lost: bool) -> str:
    """Return the name of this numbering of messages; a new one where numbers will be used again.

    That is so in a copy, a backup put back in place, and where the log was deleted after a crash.
    """
    kept = {row[0]: row[1] for row in connection.execute("SELECT key, value FROM meta")}
    home = _home(path)
    if log_lost or kept.get("home") != home:
        kept = {"epoch": str(uuid.uuid4()), "home": home}
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", kept.items())
        connection.execute("COMMIT")
    return str(kept["epoch"])


def _home(path: Path) -> str:
    # A copy has another inode, or lies on another machine.
    try:
        machine = Path("/etc/machine-id").read_text("ascii").strip()
    except OSError:
        machine = ""
    return f"{machine}:{path.stat().st_ino}"
