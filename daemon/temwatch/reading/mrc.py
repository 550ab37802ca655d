"""MRC stacks: a header of 1024 bytes, an extended header, sections of equal size; sections may still be added.

Layout: MRC2014 (Cheng et al., J. Struct. Biol. 192 (2015) 146) with IMOD's flags (bio3d.colorado.edu/imod).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.reading import calibration, modes, moments
from temwatch.reading.contents import Contents, Facts, PixelSize, Signal
from temwatch.reading.fingerprint import ByteRanges
from temwatch.reading.source import Piece, Source

HEADER_BYTES = 1024
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_NO_IMAGES = {
    3: "complex transforms (mode 3)",
    4: "complex transforms (mode 4)",
    16: "RGB pictures (mode 16)",
    101: "4-bit camera movies (mode 101)",
}
_IMOD_STAMP = 1146047817


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the first 1024 bytes say that matters here; `order` is ``"<"`` or ``">"``."""

    order: str
    cols: int
    rows: int
    declared: int
    mode: int
    sampling: tuple[int, int, int]
    cell_angstrom: tuple[float, float, float]
    extended_bytes: int
    extended_type: str
    unsigned_bytes: bool
    labels: tuple[str, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The pixels as stored."""
        code = "u1" if self.mode == 0 and self.unsigned_bytes else _MODES[self.mode]
        return np.dtype(self.order + code)

    @property
    def section_bytes(self) -> int:
        """Length of one section."""
        return self.rows * self.cols * self.dtype.itemsize

    def ranges(self, section: int) -> ByteRanges:
        """Return where the pixels of `section` lie."""
        return ((HEADER_BYTES + self.extended_bytes + section * self.section_bytes, self.section_bytes),)


def looks_like_mrc(head: bytes) -> bool:
    """Whether the first 1024 bytes can be an MRC header, with or without the word ``MAP``."""
    if len(head) < HEADER_BYTES:
        return False
    for order in "<>":
        cols, rows, _, mode = struct.unpack_from(order + "4i", head)
        axes = struct.unpack_from(order + "3i", head, 64)
        if 0 < cols < 1 << 20 and 0 < rows < 1 << 20 and 0 <= mode <= 101 and sorted(axes) == [1, 2, 3]:
            return True
    return head[208:212] == b"MAP "


def read_header(source: Source) -> Header:
    """Return the header.

    Raises
    ------
    FrameIncomplete, FrameUnreadable, FrameDeclined
        Cut short; impossible numbers; pixels that are no image.
    """
    head = bytes(source.at(0, HEADER_BYTES, "the MRC header"))
    order = _byte_order(head)
    cols, rows, declared, mode = struct.unpack_from(order + "4i", head)
    stamp, flags = struct.unpack_from(order + "2i", head, 152)
    extended = struct.unpack_from(order + "i", head, 92)[0]
    if cols <= 0 or rows <= 0 or declared < 0 or extended < 0:
        raise source.unreadable(
            f"the MRC header declares {cols} x {rows} x {declared} pixels and {extended} bytes of extra header"
        )
    if mode in _NO_IMAGES:
        raise source.declined(f"holds {_NO_IMAGES[mode]}, no images temwatch inspects")
    if mode not in _MODES:
        raise source.unreadable(f"the MRC header declares pixel mode {mode}, which does not exist")
    return Header(
        order=order, cols=cols, rows=rows, declared=declared, mode=mode, extended_bytes=extended,
        sampling=struct.unpack_from(order + "3i", head, 28),
        cell_angstrom=struct.unpack_from(order + "3f", head, 40),
        extended_type=head[104:108].decode("latin-1").strip("\0 "),
        unsigned_bytes=stamp == _IMOD_STAMP and not flags & 1,
        labels=_labels(head, order),
    )  # fmt: skip


def complete_sections(source: Source, header: Header) -> int:
    """Return how many declared sections are there in full.

    A header that still says 0 belongs to a stack whose count is written last; then the size decides.
    """
    room = max(0, source.size - HEADER_BYTES - header.extended_bytes) // header.section_bytes
    return min(room, header.declared) if header.declared else room


def survey(source: Source) -> Contents:
    """Return what the file holds.

    Raises
    ------
    FrameIncomplete
        Not even the first section is there in full.
    """
    header = read_header(source)
    sections = complete_sections(source, header)
    if sections == 0:
        needed = HEADER_BYTES + header.extended_bytes + header.section_bytes
        raise source.incomplete(f"its first section needs {needed} bytes, the file has {source.size}")

    def decode(_section: int, pieces: Sequence[Piece]) -> NDArray[Any]:
        pixels = np.frombuffer(pieces[0], header.dtype).reshape(header.rows, header.cols)
        # Half floats are a storage format only; nothing downstream computes in them.
        wanted = np.dtype("f4") if header.mode == 12 else header.dtype.newbyteorder("=")
        return pixels.astype(wanted, copy=False)

    signal = Signal(
        name="", rows=header.rows, cols=header.cols, sections=sections, decode=decode, ranges=header.ranges,
        dtype=np.dtype("f4") if header.mode == 12 else header.dtype.newbyteorder("="),
        facts=lambda section: _facts(source, header, section),
    )  # fmt: skip
    return Contents(format="mrc", signals=(signal,))


def _byte_order(head: bytes) -> str:
    stamp = head[212:214]
    if stamp in (b"\x11\x11", b"\x44\x44", b"\x44\x41"):
        return ">" if stamp == b"\x11\x11" else "<"
    # Old files have no stamp: the order in which the mode is a small number is right.
    return "<" if 0 <= struct.unpack_from("<i", head, 12)[0] <= 101 else ">"


def _labels(head: bytes, order: str) -> tuple[str, ...]:
    count = min(max(struct.unpack_from(order + "i", head, 220)[0], 0), 10)
    lines = (head[224 + 80 * k : 304 + 80 * k] for k in range(count))
    return tuple(line.decode("latin-1").strip("\0 ") for line in lines)


def _facts(source: Source, header: Header, section: int) -> Facts:
    metadata: dict[str, Any] = {"labels": list(header.labels)} if any(header.labels) else {}
    sizes = _cell_size(header, metadata)
    extended = _extended(source, header, section)
    return Facts(
        pixel_sizes=sizes + extended.pixel_sizes,
        modes=extended.modes + modes.words(*(("MRC label", label) for label in header.labels)),
        acquired_at=extended.acquired_at,
        metadata=metadata | extended.metadata,
    )


def _cell_size(header: Header, metadata: dict[str, Any]) -> tuple[PixelSize, ...]:
    """Return the cell over the sampling, unless that is what a header looks like that nobody set."""
    (cell_x, cell_y, _), (cols, rows, _) = header.cell_angstrom, header.sampling
    if cols <= 0 or rows <= 0 or not cell_x > 0 or not cell_y > 0:
        return ()
    if cell_x == cols and cell_y == rows:
        metadata["calibration_ignored"] = "the MRC cell says 1 Å per pixel, which is what writers leave unset"
        return ()
    return calibration.pixel_size(cell_y / rows / 10, cell_x / cols / 10, "MRC cell")


def _extended(source: Source, header: Header, section: int) -> Facts:
    """Return what FEI's extended header says (one record a section; metres, serial days, its own enumerations)."""
    if header.extended_type not in ("FEI1", "FEI2"):
        return Facts()
    from mrcfile import dtypes  # only for files that have such a header

    layout = dtypes.get_ext_header_dtype(header.extended_type.encode(), header.order)
    length = struct.unpack(header.order + "i", source.at(HEADER_BYTES, 4, "the extended header"))[0]
    start = section * length
    if length < layout.itemsize or start + layout.itemsize > header.extended_bytes:
        return Facts()
    row = np.frombuffer(source.at(HEADER_BYTES + start, layout.itemsize, "the extended header"), layout)[0]
    place = f"{header.extended_type} header"
    moment = moments.from_serial_days(float(row["Timestamp"]))
    metadata = {
        name: float(row[key])
        for key, name in (("HT", "voltage_v"), ("Magnification", "magnification"), ("Defocus", "defocus_m"))
        if np.isfinite(row[key])
    }
    # Instrument mode 1 is TEM, 2 STEM; projection mode 1 is diffraction, 2 imaging.
    if row["Instrument mode"] == 1 and row["Projection mode"] == 1:
        said = modes.words((place, "diffraction"))
    else:
        said = modes.words((place, row["STEM Detector name"].decode("latin-1")))
    return Facts(
        pixel_sizes=calibration.pixel_size(
            float(row["Pixel size Y"]) * 1e9, float(row["Pixel size X"]) * 1e9, place
        ),
        modes=said,
        acquired_at=moment,
        metadata=metadata | (moments.ASSUMED_LOCAL if moment else {}),
    )
