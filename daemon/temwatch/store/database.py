"""One SQLite file, one read-write connection, one process.

WAL with ``synchronous=FULL``: with NORMAL a power cut takes back commits that were already published.
One writer only: SQLite before 3.51.3 can corrupt a WAL that two connections write (sqlite.org/wal.html).
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from temwatch.errors import StoreFull, StoreRefused
from temwatch.store import folder as state_folder
from temwatch.store import opening, trouble
from temwatch.store.examine import examine_file as examine_file
from temwatch.store.folder import BALLAST_BYTES, Hold
from temwatch.store.migrate import Migration, migrations
from temwatch.store.trouble import StoreTrouble as StoreTrouble

Connection = sqlite3.Connection  # for those above this room, who do not speak SQL themselves
SQLITE_VERSION = sqlite3.sqlite_version_info
T = TypeVar("T")

FILE_NAME = "temwatch.sqlite"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a passive checkpoint did: pages in the log, and how many of them are in the file now."""

    log_pages: int
    moved_pages: int


class Database:
    """The state folder's database, held by a lock that only one daemon can have.

    Parameters
    ----------
    folder : Path
        The state folder. Made (mode 0700) where it is missing.
    mountinfo : str, optional
        Text of a mountinfo file; the process's own where it is not given.
    ballast_bytes : int
        Room kept in reserve on the state disk.
    steps : tuple of Migration, optional
        The schema's steps; the shipped ones where they are not given.

    Attributes
    ----------
    epoch : str
        Names this numbering of messages. A restored backup, a copy, and a database that lost its log get a new
        one, since the numbers that were published after it will be used again.
    """

    def __init__(
        self,
        folder: Path,
        *,
        mountinfo: str | None = None,
        ballast_bytes: int = BALLAST_BYTES,
        steps: tuple[Migration, ...] | None = None,
    ) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self.epoch = ""
        self._mountinfo = mountinfo
        self._ballast_bytes = ballast_bytes
        self._ballast_kept = True
        self._steps = steps
        self._hold = Hold(folder)
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
        StoreTrouble
            When the disk fails.
        """
        state_folder.prepare(self.folder, mountinfo=self._mountinfo)
        self._hold.take()
        try:
            self._open()
            self._ballast_kept = state_folder.keep_ballast(self.folder, self._ballast_bytes)
        except (sqlite3.Error, OSError) as error:
            self._abandon()
            if trouble.is_full(error, self.folder):
                state_folder.give_up_ballast(self.folder)
            raise trouble.refusal(error, self.path) from error
        except BaseException:
            self._abandon()
            raise

    def close(self) -> None:
        """Close the connection and give the lock back."""
        orderly = self._connection is not None
        self._drop_connection()
        self._hold.release(orderly=orderly)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one ``BEGIN IMMEDIATE`` … ``COMMIT``.

        Raises
        ------
        StoreFull
            Nothing was written, and the room kept in reserve has been given up so that work can end.
        StoreTrouble
            The disk failed; the connection is opened anew at its next use, state must be read again.
        """
        connection = self.connection()
        if connection.in_transaction:
            raise RuntimeError(
                "a transaction inside a transaction: its rollback would take the outer one along"
            )
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
        if not self._ballast_kept:
            self._ballast_kept = state_folder.keep_ballast(self.folder, self._ballast_bytes)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the daemon's own connection for short reads.

        Raises
        ------
        StoreTrouble
            The disk failed; the connection is opened anew at its next use.
        """
        connection = self.connection()
        try:
            yield connection
        except sqlite3.Error as error:
            raise self._meaning(error) from error

    def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Return the answer to a short question, on the daemon's own connection; errors as `reading`."""
        with self.reading() as connection:
            return question(connection)

    def read(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows of one short query on the daemon's own connection."""
        with self.reading() as connection:
            return connection.execute(sql, values).fetchall()

    def reader(self) -> sqlite3.Connection:
        """Return a new read-only connection, for a thread that answers long queries. The caller closes it."""
        connection = sqlite3.connect(
            f"{self.path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False, isolation_level=None
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA query_only = ON")
        return connection

    def connection(self) -> sqlite3.Connection:
        """Return the daemon's connection, for short reads in the daemon's own thread.

        Raises
        ------
        StoreFull, StoreTrouble
            When it was lost and can't be opened again yet.
        """
        if self._connection is None:
            try:
                self._connection = opening.opened_again(self.path, self._schema())
            except (sqlite3.Error, OSError) as error:
                raise self._meaning(error) from error
        return self._connection

    def wal_bytes(self) -> int:
        """Return the size of the log; it grows while somebody reads for long."""
        try:
            return opening.wal_of(self.path).stat().st_size
        except FileNotFoundError:
            return 0

    def checkpoint(self) -> Checkpoint:
        """Move what no reader still needs from the log into the file, without waiting for anybody."""
        _, log_pages, moved_pages = self.read("PRAGMA wal_checkpoint(PASSIVE)")[0]
        return Checkpoint(log_pages, moved_pages)

    def backup(self, target: Path) -> None:
        """Write a copy as of now to `target`, whole or not at all; any thread may do it while the daemon works.

        Previews and models are files beside the database, and are not in it.

        Raises
        ------
        StoreRefused
            When `target` exists.
        StoreFull, StoreTrouble
            When it can't be written; what was written of it is removed.
        """
        if target.exists():
            raise StoreRefused(f"{target} exists", next_step="choose another name for the backup")
        partial = target.with_name(f"{target.name}.partial")
        try:
            with closing(self.reader()) as source, closing(sqlite3.connect(partial)) as copy:
                copy.execute("PRAGMA synchronous = FULL")
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, with no log to forget
            partial.chmod(0o600)
            partial.replace(target)
            state_folder.sync(target.parent)
        except (sqlite3.Error, OSError) as error:
            partial.unlink(missing_ok=True)
            kind = StoreFull if trouble.is_full(error, target.parent) else StoreTrouble
            raise kind(
                f"backup to {target} failed ({error})", next_step="make room there, or choose another disk"
            ) from error

    def _open(self) -> None:
        opening.refuse_loss(self.path)
        log_lost = self._hold.left_open and not opening.wal_of(self.path).exists()
        if not self.path.exists():
            opening.create(self.path, self._schema())
        self._connection = opening.opened(self.path, self._schema())
        self.epoch = opening.settled_epoch(self._connection, self.path, log_lost=log_lost)

    def _abandon(self) -> None:
        self._drop_connection()
        # Still in disorder where it was before: the next start must notice it too.
        self._hold.release(orderly=not self._hold.left_open)

    def _schema(self) -> tuple[Migration, ...]:
        return migrations() if self._steps is None else self._steps

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

    def _meaning(self, error: Exception) -> Exception:
        """Return what an error means, after giving up what can't be trusted (the connection) or is needed (room)."""
        if trouble.disk_failed(error):
            self._drop_connection()
        if trouble.is_full(error, self.folder):
            state_folder.give_up_ballast(self.folder)
            self._ballast_kept = False
        return trouble.meaning(error, self.path)
