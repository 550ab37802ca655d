"""What an error of the database means: out of room, the disk failed, somebody is in the way, or damaged."""

import sqlite3
from pathlib import Path

from temwatch.errors import StoreFull, StoreRefused, TransientError
from temwatch.store.folder import out_of_room

_DISK_FAILED = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_IN_THE_WAY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM)


class StoreTrouble(TransientError):
    """The state disk failed in the middle of something; whether a transaction committed is unknown."""


def code_of(error: Exception) -> int:
    """Return SQLite's primary code of an error, 0 where it has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_full(error: Exception, folder: Path) -> bool:
    """Whether the disk has no room left; without any, files that can't be made or grown fail in other ways too."""
    return code_of(error) == sqlite3.SQLITE_FULL or (disk_failed(error) and out_of_room(folder))


def disk_failed(error: Exception) -> bool:
    """Whether the file system refused; after that the connection is not to be trusted."""
    return isinstance(error, OSError) or code_of(error) in _DISK_FAILED


def meaning(error: Exception, path: Path) -> Exception:
    """Return what an error of a running daemon's database at `path` means; errors of our own stay as they are."""
    if is_full(error, path.parent):
        return StoreFull(
            f"state disk is full ({path.parent})", next_step="make room; the daemon goes on by itself"
        )
    if disk_failed(error):
        return StoreTrouble(
            f"state disk failed ({error}) in {path.parent}", next_step="look at the disk; see dmesg"
        )
    if code_of(error) in _IN_THE_WAY:
        return StoreTrouble(
            f"the database can't be used now ({error}): {path}", next_step="let no other program write it"
        )
    return damage(error, path) if code_of(error) in _DAMAGED else error


def refusal(error: Exception, path: Path) -> Exception:
    """Return what an error at the start means: what will not mend itself is refused."""
    mends_itself = (
        is_full(error, path.parent) or code_of(error) == sqlite3.SQLITE_IOERR or code_of(error) in _IN_THE_WAY
    )
    return meaning(error, path) if mends_itself else damage(error, path)


def damage(error: Exception, path: Path) -> StoreRefused:
    """Return the refusal of a database that can't be used as it is."""
    return StoreRefused(
        f"{path} can't be used ({error})",
        next_step="restore it from a backup; it is left as it is, nothing was deleted",
    )
