"""Small real MRC files for intake's tests."""

import struct
from pathlib import Path

HEADER_BYTES = 1024
SIDE = 16
SECTION_BYTES = SIDE * SIDE


def mrc(seed: int = 1, sections: int = 1, declared: int | None = None) -> bytes:
    """Return an MRC file (MRC2014, mode 0: int8) of 16 x 16 sections that differ by seed and place."""
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<4i", header, 0, SIDE, SIDE, sections if declared is None else declared, 0)
    struct.pack_into("<3i", header, 28, SIDE, SIDE, sections if declared is None else declared)
    struct.pack_into("<3f", header, 40, 16.0, 16.0, 1.0)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    header[208:216] = b"MAP \x44\x44\x00\x00"
    body = b"".join(section(seed, k) for k in range(sections))
    return bytes(header) + body


def section(seed: int, k: int = 0) -> bytes:
    """Return the pixels of one section; never zero, so that the file does not look reserved."""
    return bytes((seed * 31 + k * 17 + n * 7) % 100 + 1 for n in range(SECTION_BYTES))


def write(path: Path, data: bytes) -> Path:
    """Write a file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
