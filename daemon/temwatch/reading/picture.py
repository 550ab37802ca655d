"""PNG and JPEG: grey pictures of frames, without any calibration. Colours are declined."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.reading import modes
from temwatch.reading.contents import Contents, Facts, Signal
from temwatch.reading.source import Piece, Source

_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset(range(0xD0, 0xD8)) | {0x01}


def check_end(source: Source, kind: str) -> None:
    """Raise FrameIncomplete unless the picture's own end mark is there."""
    if kind == "png":
        _png(source)
    else:
        _jpeg(source)


def survey(source: Source, kind: str) -> Contents:
    """Return what the picture holds."""
    rows, cols, depth, channels = _png(source, checked=True) if kind == "png" else _jpeg(source)
    if rows <= 0 or cols <= 0:
        raise source.unreadable(f"declares {rows} x {cols} pixels")

    def decode(_section: int, pieces: Sequence[Piece]) -> NDArray[Any]:
        import cv2

        # A picture of a frame is often saved as grey in three equal channels.
        found: NDArray[Any] | None = cv2.imdecode(np.frombuffer(pieces[0], np.uint8), cv2.IMREAD_UNCHANGED)
        if found is None:
            raise source.unreadable(f"the {kind.upper()} does not decode")
        if found.ndim == 3:
            if not (
                np.array_equal(found[..., 0], found[..., 1]) and np.array_equal(found[..., 0], found[..., 2])
            ):
                raise source.declined(f"holds a colour picture of {rows} x {cols}, no image of a detector")
            found = np.ascontiguousarray(found[..., 0])
        return found

    found = Facts(modes=modes.words(), metadata={"channels": channels})
    signal = Signal(
        name="", rows=rows, cols=cols, dtype=np.dtype("u2" if depth == 16 else "u1"), sections=1, decode=decode,
        ranges=lambda _: ((0, source.size),), facts=lambda _: found,
    )  # fmt: skip
    return Contents(format=kind, signals=(signal,))


def _png(source: Source, *, checked: bool = False) -> tuple[int, int, int, int]:
    """Walk the chunks to IEND, testing their checksums if `checked`; return rows, columns, bits, channels."""
    cols, rows, depth, colour = struct.unpack(">IIBB", source.at(16, 10, "the PNG header"))
    position = 8
    while True:
        length, name = struct.unpack(">I4s", source.at(position, 8, "a PNG chunk"))
        position += 12 + length
        if position > source.size:
            raise source.incomplete(f"a PNG chunk ends at byte {position}, the file has {source.size}")
        if (
            checked
            and zlib.crc32(source.at(position - 8 - length, 4 + length, "a PNG chunk"))
            != struct.unpack(">I", source.at(position - 4, 4, "a PNG chunk"))[0]
        ):
            raise source.unreadable(f"the checksum of its PNG chunk before byte {position} is wrong")
        if name == b"IEND":
            return rows, cols, depth, {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour, 0)


def _jpeg(source: Source) -> tuple[int, int, int, int]:
    """Walk the markers to the scan and check the end mark; return rows, columns, bits per sample, channels."""
    position = 2
    size = (0, 0, 8, 0)
    while True:
        mark, kind = source.at(position, 2, "a JPEG marker")
        if mark != 0xFF:
            raise source.unreadable(f"has no JPEG marker at byte {position}")
        if kind in _BARE or kind == 0xFF:
            position += 1 if kind == 0xFF else 2
            continue
        length = struct.unpack(">H", source.at(position + 2, 2, "a JPEG segment"))[0]
        if kind in _SIZES:
            depth, rows, cols, channels = struct.unpack(">BHHB", source.at(position + 4, 6, "the JPEG size"))
            size = (rows, cols, depth, channels)
        position += 2 + length
        if kind == 0xDA:
            break
    tail = bytes(
        source.at(
            max(position, source.size - 65536),
            max(0, source.size - max(position, source.size - 65536)),
            "the end",
        )
    )
    if b"\xff\xd9" not in tail:
        raise source.incomplete("the JPEG has no end mark")
    return size
