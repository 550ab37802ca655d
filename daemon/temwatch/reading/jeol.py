"""JEOL Analysis Station images (.img, .map): a tree of named values after a short header.

Layout as found by the HyperSpy developers (rsciio.jeol), whose reader is the reference in the contract tests.
"""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.model.frame import ImagingMode
from temwatch.reading import calibration, modes, moments
from temwatch.reading.contents import Contents, Facts, ModeWord, Signal
from temwatch.reading.fingerprint import ByteRanges
from temwatch.reading.source import Piece, Source

MAX_TAGS = 100_000
_TEXTS = (12, 13, 20)
_TYPES = {1: "u1", 2: "u2", 3: "i4", 4: "f4", 5: "f8", 6: "u1", 7: "u2", 8: "i4", 9: "f4", 10: "f8"}
"""Of numbers: alone, and from 6 on many."""
_SEM_BELOW_KV = 30.0

Tag = tuple[int, int, int]
"""Type, offset and length of a value."""


def read_tags(source: Source) -> dict[str, Tag]:
    """Return where each value of the tree lies, by its path (``"Image/Bits"``).

    Raises
    ------
    FrameIncomplete, FrameUnreadable
        The tree goes on past the end of the file; it is no such tree.
    """
    position = struct.unpack("<I", source.at(44, 4, "the JEOL header"))[0] + 12
    path: list[str] = []
    found: dict[str, Tag] = {}
    while True:
        mark = bytes(source.at(position, 1, "a JEOL tag"))[0]
        position += 1
        if mark == 1:
            length = struct.unpack("<i", source.at(position, 4, "a JEOL tag"))[0]
            if not 0 < length < 256 or len(found) > MAX_TAGS:
                raise source.unreadable(
                    f"its JEOL tags are damaged: a name of {length} bytes at byte {position}"
                )
            path.append(
                bytes(source.at(position + 4, length, "a JEOL tag")).rstrip(b"\0\xde").decode("latin-1")
            )
            kind, size = struct.unpack("<ii", source.at(position + 4 + length, 8, "a JEOL tag"))
            position += 12 + length
            if size < 0:
                raise source.unreadable(
                    f"its JEOL tags are damaged: a value of {size} bytes at byte {position}"
                )
            found["/".join(path)] = (kind, position, size)
            position += size if kind else 0
        elif path:
            path.pop()
        else:
            return found


def survey(source: Source) -> Contents:
    """Return the image the file holds.

    Raises
    ------
    FrameIncomplete, FrameUnreadable, FrameDeclined
        Cut short; damaged; a file of tags without an image.
    """
    tags = read_tags(source)
    if "Image/Bits" not in tags or "Image/Size" not in tags:
        raise source.declined(f"is a JEOL file without an image (it holds {', '.join(sorted(tags)[:5])})")
    cols, rows = (int(n) for n in _numbers(source, tags["Image/Size"])[:2])
    kind, offset, length = tags["Image/Bits"]
    dtype = np.dtype(_TYPES.get(kind, "u1"))
    if kind not in _TYPES or rows <= 0 or cols <= 0 or rows * cols * dtype.itemsize > length:
        raise source.unreadable(
            f"a JEOL image of {rows} x {cols} has {length} bytes of pixels of type {kind}"
        )

    def decode(_section: int, pieces: Sequence[Piece]) -> NDArray[Any]:
        return np.frombuffer(pieces[0], dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(rows, cols)

    where: ByteRanges = ((offset, rows * cols * dtype.itemsize),)
    facts = _facts(source, tags, rows, cols)
    signal = Signal(
        name=_text(source, tags.get("Image/Title")), rows=rows, cols=cols, dtype=dtype, sections=1, decode=decode,
        ranges=lambda _: where, facts=lambda _: facts,
    )  # fmt: skip
    return Contents(format="jeol", signals=(signal,))


def _facts(source: Source, tags: dict[str, Tag], rows: int, cols: int) -> Facts:
    """Return the field of view over the pixels: ScanSize (mm on JEOL's screen) over the magnification."""
    size, magnification, voltage_kv, created = (
        _number(source, tags.get(key))
        for key in ("Instrument/ScanSize", "Instrument/Mag", "Instrument/AccV", "Image/Created")
    )
    field_nm = size / magnification * 1e6 if size and magnification else 0.0
    title = _text(source, tags.get("Image/Title"))
    sem = (ModeWord(mode=ImagingMode.SEM, said_by="JEOL voltage"),) if 0 < voltage_kv <= _SEM_BELOW_KV else ()
    moment = moments.from_serial_days(created)
    metadata = {
        "instrument": _text(source, tags.get("Instrument/Name")),
        "voltage_kv": voltage_kv,
        "magnification": magnification,
    }
    return Facts(
        pixel_sizes=calibration.pixel_size(
            field_nm / rows, field_nm / cols, "JEOL scan size over magnification"
        ),
        modes=modes.words(("title", title)) + sem,
        acquired_at=moment,
        metadata={key: value for key, value in metadata.items() if value}
        | (moments.ASSUMED_LOCAL if moment else {}),
    )


def _numbers(source: Source, tag: Tag) -> NDArray[Any]:
    kind, offset, length = tag
    if kind not in _TYPES or length % np.dtype(_TYPES[kind]).itemsize:
        raise source.unreadable(f"its JEOL tags are damaged: numbers of type {kind} in {length} bytes")
    return np.frombuffer(source.at(offset, length, "a JEOL value"), "<" + _TYPES[kind])


def _number(source: Source, tag: Tag | None) -> float:
    """Return the first number of a value, 0 where there is none."""
    if tag is None or tag[0] not in _TYPES:
        return 0.0
    found = _numbers(source, tag)
    return float(found[0]) if len(found) and np.isfinite(found[0]) else 0.0


def _text(source: Source, tag: Tag | None) -> str:
    if tag is None or tag[0] not in _TEXTS:
        return ""
    return (
        bytes(source.at(tag[1], min(tag[2], 4096), "a JEOL text")).split(b"\0")[0].decode("utf-8", "replace")
    )
