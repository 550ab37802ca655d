"""Small pictures of frames for people, one JPEG a frame, beside the database. Losing one loses no fact."""

import contextlib
import os
import re
from pathlib import Path

_FRAME_ID = re.compile(r"[0-9a-f]{20}")


def path_of(folder: Path, frame_id: str) -> Path:
    """Return where the preview of a frame lies under the state folder.

    Raises
    ------
    ValueError
        When `frame_id` is no frame's id: it becomes part of a path.
    """
    if not _FRAME_ID.fullmatch(frame_id):
        raise ValueError(f"no frame id: {frame_id[:60]!r}")
    return folder / "previews" / frame_id[:2] / f"{frame_id}.jpg"


def write(folder: Path, frame_id: str, jpeg: bytes) -> None:
    """Write a preview whole or not at all.

    Raises
    ------
    OSError
        When the disk is full or fails; nothing is left behind.
    """
    path = path_of(folder, frame_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        temporary.write_bytes(jpeg)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def read(folder: Path, frame_id: str) -> bytes | None:
    """Return the preview of a frame, None where there is none."""
    try:
        return path_of(folder, frame_id).read_bytes()
    except FileNotFoundError:
        return None


def delete(folder: Path, frame_id: str) -> None:
    """Remove the preview of a frame, if there is one."""
    path_of(folder, frame_id).unlink(missing_ok=True)


def prune(folder: Path, *, keep_bytes: int) -> int:
    """Remove the oldest previews until at most `keep_bytes` are kept, and what a crash left; return how many went."""
    found = []
    for entry in (folder / "previews").glob("??/*"):
        if entry.suffix == ".tmp":
            entry.unlink(missing_ok=True)
        else:
            about = entry.stat()
            found.append((about.st_mtime_ns, about.st_size, entry))
    excess = sum(size for _, size, _ in found) - keep_bytes
    removed = 0
    for _, size, path in sorted(found):
        if excess <= 0:
            break
        path.unlink(missing_ok=True)
        excess -= size
        removed += 1
    return removed
