"""The skeleton of a TIFF: its pages and where their pixels lie. Reads directories only, believes nothing.

Layout: TIFF 6.0 (Adobe, 1992) and BigTIFF (Aware Systems).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from temwatch.errors import FrameIncomplete
from temwatch.reading.fingerprint import ByteRanges
from temwatch.reading.source import Source

MAX_PAGES = 1_000_000
"""A longer chain of directories is a loop made to look like a file."""
MAX_TAGS = 4096
MAX_SEGMENTS = 1 << 22
"""Strips or tiles of a page."""

_TYPES = {
    1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 6: "b", 7: "s", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d",
    13: "I", 16: "Q", 17: "q", 18: "Q",
}  # fmt: skip
ByteOrder = Literal["<", ">"]
_FLOATS, _SIGNED, _UNSIGNED = 3, 2, 1


@dataclass(frozen=True, slots=True)
class Tag:
    """Where the value of a tag lies."""

    type: int
    count: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One directory, with its pixels' geometry.

    Attributes
    ----------
    order : str
        ``"<"`` or ``">"``.
    bits, samples, sample_format, compression, photometric
        As TIFF 6.0 numbers them.
    segments : ByteRanges
        Strips or tiles in reading order.
    tiled : bool
    reduced : bool
        A thumbnail of another page.
    tags : dict of int to Tag
    """

    order: ByteOrder
    number: int
    rows: int
    cols: int
    bits: int
    samples: int
    sample_format: int
    compression: int
    photometric: int
    segments: ByteRanges
    tiled: bool
    reduced: bool
    tags: dict[int, Tag]

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The pixels, in this machine's byte order; None where they are no plain real numbers."""
        kinds = {_UNSIGNED: "u", _SIGNED: "i", _FLOATS: "f"}
        kind = kinds.get(self.sample_format)
        if kind is None or self.bits not in (8, 16, 32, 64) or (kind == "f" and self.bits < 16):
            return None
        return np.dtype(f"{kind}{self.bits // 8}")

    @property
    def plain(self) -> bool:
        """Whether the pixels lie in the file row by row, ready to be used."""
        return self.compression == 1 and not self.tiled and self.samples == 1 and self.dtype is not None

    @property
    def image_bytes(self) -> int:
        """Length of the pixels, uncompressed."""
        return self.rows * ((self.cols * self.samples * self.bits + 7) // 8)


def pages(source: Source) -> Iterator[Page]:
    """Yield the pages in file order.

    Raises
    ------
    FrameIncomplete
        A directory, or the pixels it points to, lie past the end of the file. Pages before it were yielded.
    FrameUnreadable
        A directory contradicts itself, or the chain runs in a circle.
    """
    order, big, offset = _file_header(source)
    seen: set[int] = set()
    while offset:
        if offset in seen or len(seen) >= MAX_PAGES:
            raise source.unreadable(f"its chain of TIFF directories runs in a circle at byte {offset}")
        seen.add(offset)
        tags, following = _directory(source, order, big, offset)
        yield _page(source, order, len(seen) - 1, tags)
        offset = following
    if not seen:
        raise source.incomplete("the TIFF header points to no directory yet")


def leading_pages(source: Source) -> tuple[list[Page], str]:
    """Return the complete pages at the front of the file, and why there are no more (empty: there are none).

    Raises
    ------
    FrameIncomplete, FrameUnreadable
        Not even the first page is complete.
    """
    found: list[Page] = []
    try:
        for page in pages(source):
            found.append(page)  # noqa: PERF402 - what came before an error must be kept
    except FrameIncomplete as error:
        if not found:
            raise
        return found, error.message
    return found, ""


def values(source: Source, order: str, tag: Tag) -> tuple[Any, ...]:
    """Return the numbers of a tag; fractions as two numbers each."""
    code = _TYPES[tag.type]
    raw = source.at(tag.offset, tag.count * struct.calcsize("=" + code), "a TIFF tag")
    return struct.unpack(order + code * tag.count if len(code) > 1 else f"{order}{tag.count}{code}", raw)


def text(source: Source, tag: Tag | None, most: int = 1 << 20) -> str:
    """Return the text of a tag, at most `most` bytes of it; empty where there is none."""
    if tag is None or tag.type not in (1, 2, 7):
        return ""
    raw = bytes(source.at(tag.offset, min(tag.count, most), "a TIFF text"))
    return raw.split(b"\0")[0].decode("utf-8", "replace")


def _file_header(source: Source) -> tuple[ByteOrder, bool, int]:
    head = source.at(0, 8, "the TIFF header")
    order: ByteOrder = "<" if head[:2] == b"II" else ">"
    if struct.unpack_from(order + "H", head, 2)[0] == 43:
        return order, True, struct.unpack(order + "Q", source.at(8, 8, "the BigTIFF header"))[0]
    return order, False, struct.unpack_from(order + "I", head, 4)[0]


def _directory(source: Source, order: str, big: bool, offset: int) -> tuple[dict[int, Tag], int]:
    count_code, entry, value_bytes, number = ("Q", 20, 8, "Q") if big else ("H", 12, 4, "I")
    start = offset + struct.calcsize("=" + count_code)
    count = struct.unpack(order + count_code, source.at(offset, start - offset, "a TIFF directory"))[0]
    if not 0 < count <= MAX_TAGS:
        raise source.unreadable(f"the TIFF directory at byte {offset} declares {count} tags")
    raw = source.at(start, count * entry + value_bytes, "a TIFF directory")
    tags = {}
    for k in range(count):
        code, kind, length = struct.unpack_from(order + "HH" + number, raw, k * entry)
        if kind not in _TYPES:
            continue
        at = start + k * entry + 4 + value_bytes
        if length * struct.calcsize("=" + _TYPES[kind]) > value_bytes:
            at = struct.unpack_from(order + number, raw, k * entry + 4 + value_bytes)[0]
            if at + length * struct.calcsize("=" + _TYPES[kind]) > source.size:
                raise source.incomplete(f"TIFF tag {code} goes on past the end, at byte {source.size}")
        tags[code] = Tag(kind, length, at)
    return tags, struct.unpack_from(order + number, raw, count * entry)[0]


def _page(source: Source, order: ByteOrder, number: int, tags: dict[int, Tag]) -> Page:
    def first(code: int, default: int) -> int:
        tag = tags.get(code)
        if tag is None or tag.count == 0 or tag.type not in (1, 3, 4, 16):
            return default
        return int(values(source, order, Tag(tag.type, 1, tag.offset))[0])

    tiled = 324 in tags
    page = Page(
        order=order, number=number, rows=first(257, 0), cols=first(256, 0), bits=first(258, 1),
        samples=first(277, 1), sample_format=first(339, 1), compression=first(259, 1),
        photometric=first(262, 1), tiled=tiled, reduced=bool(first(254, 0) & 1), tags=tags,
        segments=_segments(source, order, number, tags, tiled),
    )  # fmt: skip
    _check(source, page)
    return page


def _segments(source: Source, order: str, number: int, tags: dict[int, Tag], tiled: bool) -> ByteRanges:
    where, lengths = (tags.get(324), tags.get(325)) if tiled else (tags.get(273), tags.get(279))
    if where is None or lengths is None:
        raise source.unreadable(f"page {number} of the TIFF does not say where its pixels are")
    if where.count != lengths.count or not 0 < where.count <= MAX_SEGMENTS:
        raise source.unreadable(
            f"page {number} of the TIFF lists {where.count} strips and {lengths.count} lengths"
        )
    if where.type not in (3, 4, 13, 16, 18) or lengths.type not in (3, 4, 13, 16, 18):
        raise source.unreadable(f"page {number} of the TIFF lists its strips in numbers of a wrong type")
    return tuple(zip(values(source, order, where), values(source, order, lengths), strict=True))


def _check(source: Source, page: Page) -> None:
    if page.rows <= 0 or page.cols <= 0 or page.samples <= 0:
        raise source.unreadable(f"page {page.number} of the TIFF declares {page.rows} x {page.cols} pixels")
    if any(offset == 0 or length == 0 for offset, length in page.segments):
        raise source.incomplete(f"page {page.number} of the TIFF has strips that were not written yet")
    there = sum(length for _, length in page.segments)
    if page.compression == 1 and there < page.image_bytes:
        raise source.unreadable(
            f"page {page.number} of the TIFF declares {page.rows} x {page.cols} pixels of {page.bits} bits "
            f"({page.image_bytes} bytes) but lists strips of {there} bytes in all"
        )
    end = max(offset + length for offset, length in page.segments)
    if end > source.size:
        raise source.incomplete(
            f"page {page.number} of the TIFF needs {end} bytes, the file has {source.size}"
        )
