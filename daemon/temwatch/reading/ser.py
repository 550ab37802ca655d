"""TIA series (.ser): a table of offsets and one element an image; elements may still be added.

Layout: C. Boothroyd's description of the SER format (2005), and the versions 0x210 and 0x220 seen since.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.errors import FrameIncomplete
from temwatch.model.frame import ImagingMode
from temwatch.reading import calibration, moments
from temwatch.reading.contents import Contents, Facts, ModeWord, Signal
from temwatch.reading.fingerprint import ByteRanges
from temwatch.reading.source import Piece, Source

_ONE_DIMENSION, _TWO_DIMENSIONS = 0x4120, 0x4122
_TYPES = {1: "u1", 2: "u2", 3: "u4", 4: "i1", 5: "i2", 6: "i4", 7: "f4", 8: "f8"}
_COMPLEX = (9, 10)
_ELEMENT_BYTES = 50
_TAG_BYTES = {0x4152: 8, 0x4142: 24}
"""By kind of tag: time; time and position."""
MAX_ELEMENTS = 1_000_000
RECIPROCAL_ABOVE_M = 1e-3
"""TIA stores an edge in metres, or for diffraction in 1/m, without saying which; no image has pixels of a millimetre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The head of the file. `total` elements were planned, `offsets` point to those TIA calls valid."""

    kind: int
    total: int
    dimensions: int
    offsets: tuple[int, ...]
    tag_offsets: tuple[int, ...]
    tag_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One image: where its pixels lie, and their calibration in metres (or 1/m)."""

    rows: int
    cols: int
    code: int
    offset: int
    row_delta: float
    col_delta: float

    @property
    def ranges(self) -> ByteRanges:
        """Where the pixels lie."""
        return ((self.offset, self.rows * self.cols * np.dtype(_TYPES[self.code]).itemsize),)


def read_series(source: Source) -> Series:
    """Return the head of the file.

    Raises
    ------
    FrameIncomplete
        The table of offsets is not there in full, or no element is valid yet.
    FrameUnreadable
        The numbers are impossible.
    """
    head = source.at(0, 22, "the SER header")
    version, kind, tag_kind, total, valid = struct.unpack_from("<HIIII", head, 4)
    word = "I" if version <= 0x210 else "Q"
    table, dimensions = struct.unpack(
        "<" + word + "I", source.at(22, 8 if word == "I" else 12, "the SER header")
    )
    if kind not in (_ONE_DIMENSION, _TWO_DIMENSIONS) or not 0 <= valid <= total or total > MAX_ELEMENTS:
        raise source.unreadable(f"the SER header declares {valid} of {total} elements of kind {kind:#x}")
    if valid == 0:
        raise source.incomplete("no element of the series is complete yet")
    size = struct.calcsize("<" + word)
    raw = source.at(table, valid * size, "the SER table of offsets")
    tags = source.at(table + total * size, valid * size, "the SER table of tags")
    return Series(
        kind=kind, total=total, dimensions=dimensions,
        offsets=struct.unpack(f"<{valid}{word}", raw), tag_offsets=struct.unpack(f"<{valid}{word}", tags),
        tag_bytes=_TAG_BYTES.get(tag_kind, 8),
    )  # fmt: skip


def elements(source: Source, series: Series) -> tuple[list[Element], str]:
    """Return the complete images at the front of the series, and why there are no more (empty: all are there).

    Raises
    ------
    FrameIncomplete, FrameUnreadable, FrameDeclined
        Not even the first is complete; impossible numbers; complex pixels.
    """
    found: list[Element] = []
    for offset, tag_offset in zip(series.offsets, series.tag_offsets, strict=True):
        try:
            element = _element(source, offset)
            source.at(tag_offset, series.tag_bytes, "the tag of a SER element")
            found.append(element)
        except FrameIncomplete as error:
            if not found:
                raise
            return found, error.message
    left = series.total - len(found)
    return found, f"{source.name}: {left} of {series.total} planned elements are not there" if left else ""


def no_images(source: Source, series: Series) -> str:
    """Say what the series is when it holds no images; empty when it does."""
    if series.kind == _ONE_DIMENSION:
        channels = struct.unpack("<I", source.at(series.offsets[0] + 22, 4, "a SER spectrum"))[0]
        return f"{len(series.offsets)} spectra of {channels} channels"
    if series.dimensions > 1 and len(series.offsets) > 1:
        return f"4-D data: a map of {len(series.offsets)} diffraction patterns"
    return ""


def survey(source: Source) -> Contents:
    """Return what the series holds, by itself; its .emi tells more (see `emi`)."""
    series = read_series(source)
    reason = no_images(source, series)
    if reason:
        return Contents(format="ser", signals=(), declined=(reason,))
    found, _ = elements(source, series)
    if _reciprocal(found[0]):
        size = f"{found[0].rows} x {found[0].cols}"
        return Contents(format="ser", signals=(), declined=(f"{len(found)} diffraction patterns of {size}",))
    alike = all((e.rows, e.cols, e.code) == (found[0].rows, found[0].cols, found[0].code) for e in found)
    groups = [found] if alike else [[element] for element in found]
    first = 0
    signals = []
    for group in groups:
        signals.append(_signal(source, series, group, first))
        first += len(group)
    return Contents(format="ser", signals=tuple(signals))


def _element(source: Source, offset: int) -> Element:
    raw = source.at(offset, _ELEMENT_BYTES, "a SER element")
    _, col_delta, _, _, row_delta, _, code, cols, rows = struct.unpack("<ddIddIHII", raw)
    if code in _COMPLEX:
        raise source.declined(f"holds complex transforms of {rows} x {cols}")
    if code not in _TYPES or rows <= 0 or cols <= 0:
        raise source.unreadable(f"a SER element declares {rows} x {cols} pixels of type {code}")
    element = Element(
        rows=rows,
        cols=cols,
        code=code,
        offset=offset + _ELEMENT_BYTES,
        row_delta=row_delta,
        col_delta=col_delta,
    )
    end = sum(element.ranges[0])
    if end > source.size:
        raise source.incomplete(
            f"a SER element of {rows} x {cols} needs {end} bytes, the file has {source.size}"
        )
    return element


def _reciprocal(element: Element) -> bool:
    return abs(element.row_delta) > RECIPROCAL_ABOVE_M or abs(element.col_delta) > RECIPROCAL_ABOVE_M


def _signal(source: Source, series: Series, group: list[Element], first: int) -> Signal:
    one = group[0]
    dtype = np.dtype(_TYPES[one.code])

    def decode(section: int, pieces: Sequence[Piece]) -> NDArray[Any]:
        element = group[section]
        stored = np.frombuffer(pieces[0], dtype.newbyteorder("<")).astype(dtype, copy=False)
        # TIA writes the bottom row first.
        return np.ascontiguousarray(stored.reshape(element.rows, element.cols)[::-1])

    def facts(section: int) -> Facts:
        element = group[section]
        moment = _moment(source, series.tag_offsets[first + section])
        diffraction = (ModeWord(mode=ImagingMode.DIFFRACTION, said_by="SER calibration"),)
        return Facts(
            pixel_sizes=calibration.pixel_size(
                element.row_delta * 1e9, element.col_delta * 1e9, "SER calibration"
            ),
            modes=diffraction if _reciprocal(element) else (),
            acquired_at=moment,
        )

    return Signal(
        name="", rows=one.rows, cols=one.cols, dtype=dtype, sections=len(group), decode=decode,
        ranges=lambda section: group[section].ranges, facts=facts,
    )  # fmt: skip


def _moment(source: Source, offset: int) -> Any:
    """Return the time in an element's tag, seconds of 1970 in UTC."""
    return moments.from_unix(struct.unpack("<I", source.at(offset + 4, 4, "a SER tag"))[0])
