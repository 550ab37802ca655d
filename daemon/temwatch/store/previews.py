"""Small pictures of frames for people, one JPEG a frame, beside the database. Losing one loses no fact."""

import os
from pathlib import Path


def path_of(folder: Path, frame_id: str) -> Path:
    """Return where the preview of a frame lies under the state folder."""
    return folder / "previews" / frame_id[:2] / f"{frame_id}.jpg"


def write(folder: Path, frame_id: str, jpeg: bytes) -> None:
    """Write a preview whole or not at all."""
    path = path_of(folder, frame_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(jpeg)
    temporary.replace(path)


def read(folder: Path, frame_id: str) -> bytes | None:
    """Return the preview of a frame, None where there is none."""
    try:
        return path_of(folder, frame_id).read_bytes()
    except FileNotFoundError:
        return None
