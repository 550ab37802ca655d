"""A watched file is opened one folder at a time, following no link, and only when it is a regular file."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from temwatch.errors import FrameGone, FrameUnsafe, ShareTrouble, TemwatchError, TransientError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_GONE = frozenset([errno.ENOENT, errno.ENOTDIR])
_FORBIDDEN = frozenset([errno.EACCES, errno.EPERM])
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


class FrameForbidden(TransientError):
    """The file may not be read by this user, for now."""


def open_beneath(root: Path, relpath: bytes | str) -> BinaryIO:
    """Open the regular file `relpath` below `root` for reading, and nothing else.

    Every folder on the way is opened relative to the one before it without following links, so that no link,
    old or swapped in meanwhile, can lead out of `root`. The open never blocks on a FIFO or device.

    Parameters
    ----------
    root : Path
        The watched folder; links above and at it are the administrator's business and are followed.
    relpath : bytes or str
        Path relative to `root`, as raw bytes or as Python's surrogate-escaped text.

    Returns
    -------
    BinaryIO
        Buffered; the descriptor is a regular file.

    Raises
    ------
    FrameUnsafe
        A link, FIFO, socket, device or folder stands there, or the path leaves the root.
    FrameGone
        Nothing stands there.
    FrameForbidden
        Permission is missing.
    ShareTrouble
        The file system failed, or the root itself is not there.
    """
    raw = os.fsencode(relpath)
    name = display_name(raw)
    parts = [part for part in raw.split(b"/") if part not in (b"", b".")]
    if raw.startswith(b"/") or b".." in parts or not parts or b"\0" in raw:
        raise FrameUnsafe(
            f"{name}: the path leaves its folder", next_step="Give a path inside the watched folder."
        )
    folder = _root(root)
    try:
        for part in parts[:-1]:
            below = _step(part, _FOLDER, folder, name)
            os.close(folder)
            folder = below
        return _regular(_step(parts[-1], _FILE, folder, name), name)
    finally:
        os.close(folder)


def display_name(raw: bytes | str) -> str:
    """Return a name fit for a log or a screen: control characters and broken UTF-8 are escaped."""
    text = os.fsencode(raw).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def trouble(error: OSError, name: str) -> TemwatchError:
    """Return what an operating system error means for the file `name`."""
    if error.errno in _GONE:
        return FrameGone(f"{name}: is not there any more")
    if error.errno == errno.ELOOP:
        return FrameUnsafe(
            f"{name}: is a symbolic link", next_step="Put the file itself into the watched folder."
        )
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return FrameUnsafe(f"{name}: is a socket or a device", next_step="Remove it from the watched folder.")
    if error.errno in _FORBIDDEN:
        return FrameForbidden(
            f"{name}: no permission to read it", next_step="Give the temwatch user read permission."
        )
    if error.errno == errno.ENAMETOOLONG:
        return FrameUnsafe(f"{name}: the name is too long for the file system")
    return ShareTrouble(
        f"{name}: the file system answered {errno.errorcode.get(error.errno or 0, 'an error')} ({error.strerror})",
        next_step="Check the share and its network; temwatch goes on trying.",
    )


def _root(root: Path) -> int:
    shown = display_name(os.fsencode(root))
    try:
        return os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in _GONE:
            # An unmounted share says nothing about the files on it.
            raise ShareTrouble(
                f"{shown}: the folder is not there", next_step="Mount the share or correct the path."
            ) from error
        raise trouble(error, shown) from error


def _step(part: bytes, flags: int, folder: int, name: str) -> int:
    try:
        return os.open(part, flags, dir_fd=folder)
    except OSError as error:
        # A link where a folder was asked for answers ENOTDIR, which would read as gone.
        if error.errno == errno.ENOTDIR and _is_link(part, folder):
            error = OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        raise trouble(error, name) from error


def _is_link(part: bytes, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _regular(descriptor: int, name: str) -> BinaryIO:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError as error:
        os.close(descriptor)
        raise trouble(error, name) from error
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
        raise FrameUnsafe(f"{name}: is {kind}, not a file", next_step="Remove it from the watched folder.")
    return os.fdopen(descriptor, "rb", buffering=1 << 16)
