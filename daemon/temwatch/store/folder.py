"""The state folder: on a local disk, held by one daemon, with some room kept in reserve."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from temwatch.errors import StoreFull, StoreRefused
from temwatch.mounts import filesystem_of

BALLAST_BYTES = 4 * 1024 * 1024
_ROOM_FACTOR = 4  # the reserve is made again only where it leaves three times as much free


class Hold:
    """A folder taken for this process alone; the lock ends with the process, however that ends.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.left_open = False
        self._fd = -1

    def take(self) -> None:
        """Lock the folder. `left_open` then tells whether whoever held it before was killed.

        Raises
        ------
        StoreRefused
            When another process holds it (it is named), or this user can't write there.
        StoreFull
            When the disk has no room for the lock.
        """
        try:
            fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _no_access(self.folder, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.left_open = bool(os.pread(fd, 32, 0).strip())
            # Written over the old one, then cut: emptied first, a full disk might not take it back, and the next
            # start would take a killed daemon for one that had closed.
            os.ftruncate(fd, os.pwrite(fd, f"{os.getpid()}\n".encode(), 0))
        except BlockingIOError as error:
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            os.close(fd)
            raise StoreRefused(
                f"another temwatch (process {holder or 'unknown'}) runs on state folder {self.folder}",
                next_step="stop it, or give this one another [state] dir",
            ) from error
        except OSError as error:
            os.close(fd)
            raise _no_access(self.folder, error) from error
        self._fd = fd

    def release(self, *, orderly: bool) -> None:
        """Give the folder back; `orderly` where everything was closed as it should be."""
        if self._fd >= 0:
            if orderly:
                with contextlib.suppress(OSError):  # it would only cost the next start a new epoch
                    os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1


def prepare(folder: Path, *, mountinfo: str | None = None) -> None:
    """Make the folder where it is missing, and refuse one where a database can't be trusted.

    Parameters
    ----------
    folder : Path
    mountinfo : str, optional
        Text of a mountinfo file; the process's own where it is not given.

    Raises
    ------
    StoreRefused
        When it can't be made, or lies on a network file system (also behind a symlink).
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreRefused(
            f"state folder {folder} can't be made ({error.strerror})",
            next_step="choose another [state] dir, or give this user the right to write there",
        ) from error
    filesystem = filesystem_of(folder.resolve(), mountinfo)
    if filesystem.is_network:
        raise StoreRefused(
            f"state folder {folder} lies on {filesystem.kind}, where SQLite's log can't be trusted",
            next_step="put [state] dir on a local disk",
        )


def free_bytes(folder: Path) -> int:
    """Return how many bytes an ordinary user can still write there."""
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize


def out_of_room(folder: Path) -> bool:
    """Whether nothing more can be written there."""
    try:
        return free_bytes(folder) == 0
    except OSError:
        return False  # it says nothing about room


def keep_ballast(folder: Path, size_bytes: int) -> bool:
    """Keep some room, so that a full disk still lets the daemon end what it began; return whether it is kept."""
    ballast = folder / "ballast"
    try:
        if ballast.exists() and ballast.stat().st_size == size_bytes:
            return True
        if free_bytes(folder) < _ROOM_FACTOR * size_bytes:
            return False
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size_bytes)
    except OSError:
        give_up_ballast(folder)
        return False
    return True


def give_up_ballast(folder: Path) -> None:
    """Let the reserve go; where even that fails there is nothing more to give."""
    with contextlib.suppress(OSError):
        (folder / "ballast").unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Make a rename in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _no_access(folder: Path, error: OSError) -> StoreFull | StoreRefused:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        give_up_ballast(folder)
        return StoreFull(f"state disk is full ({folder})", next_step="make room, then start temwatch again")
    return StoreRefused(
        f"state folder {folder} can't be locked ({error.strerror})",
        next_step="give this user the right to write there",
    )
