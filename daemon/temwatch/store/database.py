"""One SQLite file, one read-write connection, one process.

WAL with ``synchronous=FULL``: with NORMAL a power cut takes back commits that were already published.
One writer only: SQLite before 3.51.3 can corrupt a WAL that two connections write (sqlite.org/wal.html).
"""

import fcntl
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from temwatch.errors import StoreFull, StoreRefused, TransientError
from temwatch.mounts import filesystem_of
from temwatch.store import ledger
from temwatch.store.migrate import migrate, migrations

Connection = sqlite3.Connection  # for those above this room, who do not speak SQL themselves
SQLITE_VERSION = sqlite3.sqlite_version_info
T = TypeVar("T")

FILE_NAME = "temwatch.sqlite"
BALLAST_BYTES = 4 * 1024 * 1024
# Checking a larger file would break the promise of a start within seconds; `temwatch doctor` checks it whole.
QUICK_CHECK_BYTES = 64 * 1024 * 1024
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA mmap_size = 0",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)


class StoreTrouble(TransientError):
    """The state disk failed in the middle of a transaction; whether it committed is unknown."""


class Database:
    """The state folder's database, held by a lock that only one daemon can have.

    Parameters
    ----------
    folder : Path
        The state folder. Made (mode 0700) where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self.epoch = ""
        self._lock_fd = -1
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Take the lock, open, check and migrate.

        Raises
        ------
        StoreRefused
            When another daemon holds the folder, it lies on a network file system, the file is damaged,
            empty, foreign, or of a newer schema.
        StoreFull
            When the disk has no room to open it.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreRefused(
                f"state folder {self.folder} can't be made ({error.strerror})",
                next_step="choose another [state] dir, or give this user the right to write there",
            ) from error
        self._refuse_network()
        self._lock()
        try:
            self._refuse_empty()
            self._connect()
            self._ballast()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection and give the lock back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one ``BEGIN IMMEDIATE`` … ``COMMIT``.

        Raises
        ------
        StoreFull
            Nothing was written, and the room kept in reserve has been given up so that work can end.
        StoreTrouble
            The disk failed; the connection was opened anew, state must be read again.
        """
        connection = self.connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(connection)
            raise self._meaning(error) from error
        except BaseException:
            self._roll_back(connection)
            raise

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Return the answer to a short question, on the daemon's own connection.

        Raises
        ------
        StoreTrouble
            The disk failed; the connection was opened anew.
        """
        try:
            return question(self.connection())
        except sqlite3.Error as error:
            raise self._meaning(error) from error

    def read(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows of one short query, on the daemon's own connection; errors as `ask`."""
        return self.ask(lambda connection: connection.execute(sql, values).fetchall())

    def reader(self) -> sqlite3.Connection:
        """Return a new read-only connection, for a thread that answers long queries. The caller closes it."""
        connection = sqlite3.connect(
            f"{self.path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False, isolation_level=None
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA query_only = ON")
        return connection

    def connection(self) -> sqlite3.Connection:
        """Return the daemon's connection, for short reads in the daemon's own thread."""
        if self._connection is None:
            self._connect()
        assert self._connection is not None
        return self._connection

    def _refuse_network(self) -> None:
        filesystem = filesystem_of(self.folder)
        if filesystem.is_network:
            raise StoreRefused(
                f"state folder {self.folder} lies on {filesystem.kind}, where SQLite's log can't be trusted",
                next_step="put [state] dir on a local disk",
            )

    def _lock(self) -> None:
        self._lock_fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._lock_fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._lock_fd)
            self._lock_fd = -1
            raise StoreRefused(
                f"another temwatch (process {holder or 'unknown'}) runs on state folder {self.folder}",
                next_step="stop it, or give this one another [state] dir",
            ) from error
        os.ftruncate(self._lock_fd, 0)
        os.pwrite(self._lock_fd, f"{os.getpid()}\n".encode(), 0)

    def _refuse_empty(self) -> None:
        # A database that was there and is empty now lost its labels; starting afresh would hide that.
        if self.path.exists() and self.path.stat().st_size == 0:
            raise StoreRefused(
                f"{self.path} is there but empty",
                next_step="restore it from a backup; to start afresh move it and its -wal away",
            )

    def _connect(self) -> None:
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            migrate(connection, migrations(), where=str(self.path))
            if self.path.stat().st_size <= QUICK_CHECK_BYTES:
                verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if verdict != "ok":
                    raise sqlite3.DatabaseError(verdict)
            os.chmod(self.path, 0o600)  # noqa: PTH101  the mode belongs to the path SQLite made
            connection.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (str(uuid.uuid4()),))
            self.epoch = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0]
        except sqlite3.DatabaseError as error:
            meaning = self._meaning(error)
            if isinstance(meaning, TransientError):
                raise meaning from error
            raise StoreRefused(
                f"{self.path} can't be used ({error})",
                next_step="restore it from a backup; it is left as it is, nothing was deleted",
            ) from error
        self._connection = connection

    def _ballast(self) -> None:
        """Keep some room, so that a full disk still lets the daemon finish what it has begun."""
        ballast = self.folder / "ballast"
        if not ballast.exists():
            try:
                with ballast.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
            except OSError:
                ballast.unlink(missing_ok=True)

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        # A full disk rolls back by itself; asking again would be an error.
        if connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error:
                self._drop_connection()

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _meaning(self, error: sqlite3.Error) -> Exception:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            (self.folder / "ballast").unlink(missing_ok=True)
            return StoreFull(
                f"state disk is full ({self.folder})",
                next_step="make room; the daemon goes on by itself",
            )
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            self._drop_connection()
            return StoreTrouble(
                f"state disk failed ({error}) in {self.folder}", next_step="look at the disk; see dmesg"
            )
        return error


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
