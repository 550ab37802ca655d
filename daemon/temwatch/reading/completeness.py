"""Whether a file is all there, by the evidence of its own structure. Reads headers and tables, never pixels.

Runs in the scanner, on whatever lies in a watched folder: any bytes at all give one of three answers.
"""

from dataclasses import dataclass
from typing import BinaryIO

from temwatch.errors import FrameDeclined, FrameIncomplete, FrameTooLarge, FrameUnreadable, PermanentError
from temwatch.reading import bcf_container, jeol, mrc, picture, ser, sniff, tiff
from temwatch.reading.dm_tags import read_tags
from temwatch.reading.fingerprint import ByteRanges
from temwatch.reading.safe_open import display_name, trouble
from temwatch.reading.source import Source

_TAIL_BYTES = 4096
_ADD = "Watch only files of microscopes (`include`), or ask for the format."


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """The structure is whole.

    Attributes
    ----------
    format : str
    sections : tuple of ByteRanges or None
        Where the pixels of each complete image lie, for formats that grow by images (MRC, TIFF, SER); None
        where only a decoder can tell how many images there are.
    waiting_for : str
        What the structure announces and the file does not hold yet; empty when it is final.
    ends_in_zeros : bool
        The last 4 KiB are zeros: perhaps reserved and not yet filled, so worth a longer quiet time.
    """

    format: str
    sections: tuple[ByteRanges, ...] | None = None
    waiting_for: str = ""
    ends_in_zeros: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """The file is still being written, or was cut off; ask again when it changes."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAFrame:
    """The file will not become a frame as it is."""

    reason: str
    next_step: str


Probe = Complete | Incomplete | NotAFrame


def probe(file: BinaryIO, name: str, size: int) -> Probe:
    """Judge a file by its structure.

    Parameters
    ----------
    file : BinaryIO
        Seekable.
    name : str
        Its name; the suffix matters only for formats without a mark.
    size : int
        Bytes, by fstat of the open file.

    Raises
    ------
    TemwatchError
        Only where the file system fails (`safe_open.trouble`).
    """
    source = Source(file, display_name(name), size)
    try:
        return _judge(source, name)
    except FrameIncomplete as error:
        return Incomplete(reason=error.message)
    except (FrameUnreadable, FrameDeclined, FrameTooLarge) as error:
        return _damaged_or_unfilled(source, error)
    except OSError as error:
        raise trouble(error, source.name) from error


def _judge(source: Source, name: str) -> Probe:
    head = source.head(sniff.HEAD_BYTES)
    kind = sniff.format_of(head, name)
    if kind is None:
        return _unknown(source, head)
    if kind == "emi":
        raise source.declined("is the sidecar of .ser files, which are the frames")
    if kind in sniff.MEANT_FOR:
        raise source.declined(f"is {sniff.MEANT_FOR[kind]}")
    sections, waiting_for = _structure(source, kind)
    return Complete(
        format=sniff.label(kind, name), sections=sections, waiting_for=waiting_for,
        ends_in_zeros=_ends_in_zeros(source),
    )  # fmt: skip


def _structure(source: Source, kind: str) -> tuple[tuple[ByteRanges, ...] | None, str]:
    """Return the sections (None: unknown) and what is still missing; raise FrameIncomplete for the whole."""
    if kind == "mrc":
        return _mrc(source)
    if kind == "tiff":
        return tiff.complete_ranges(source)
    if kind == "ser":
        return _ser(source)
    if kind == "hdf5":
        _hdf5(source)
    elif kind in ("dm3", "dm4"):
        read_tags(source)
    elif kind == "bcf":
        bcf_container.check_size(source)
    elif kind == "jeol":
        jeol.read_tags(source)
    elif kind in ("png", "jpeg"):
        picture.check_end(source, kind)
    return None, ""


def _mrc(source: Source) -> tuple[tuple[ByteRanges, ...], str]:
    header = mrc.read_header(source)
    there = mrc.complete_sections(source, header)
    if there == 0:
        needed = mrc.HEADER_BYTES + header.extended_bytes + header.section_bytes
        raise source.incomplete(f"its first section needs {needed} bytes, the file has {source.size}")
    missing = header.declared - there
    waiting = (
        f"{source.name}: {there} of {header.declared} declared sections are there" if missing > 0 else ""
    )
    return tuple(header.ranges(section) for section in range(there)), waiting


def _ser(source: Source) -> tuple[tuple[ByteRanges, ...] | None, str]:
    series = ser.read_series(source)
    reason = ser.no_images(source, series)
    if reason:
        raise source.declined(f"holds {reason}, no image")
    found, waiting = ser.elements(source, series)
    return tuple(element.ranges for element in found), waiting


def _hdf5(source: Source) -> None:
    """Check the end-of-file address and the writer's flags in the superblock (HDF5 format specification, II.A)."""
    base = next(
        at for at in (0, 512, 1024, 2048) if source.at(at, 8, "the HDF5 mark") == b"\x89HDF\r\n\x1a\n"
    )
    head = source.at(base, 16, "the HDF5 superblock")
    version = head[8]
    if version > 3:
        raise source.unreadable(f"is HDF5 with a superblock of version {version}, which does not exist yet")
    width = head[13] if version < 2 else head[9]
    if width not in (2, 4, 8):
        raise source.unreadable(f"is HDF5 with addresses of {width} bytes")
    first = base + ((24 if version == 0 else 28) if version < 2 else 12)
    end = int.from_bytes(source.at(first + 2 * width, width, "the HDF5 superblock"), "little")
    if version == 3 and head[11] & 0b101:
        raise source.incomplete("a program still has it open for writing (or died so)")
    if base + end > source.size:
        raise source.incomplete(f"HDF5 ends at byte {base + end} by its own word, the file has {source.size}")


def _unknown(source: Source, head: bytes) -> Probe:
    if sniff.too_short_to_tell(head, source.name):
        return Incomplete(reason=f"{source.name}: has {source.size} bytes, none of which tell its format yet")
    return NotAFrame(
        reason=f"{source.name}: is in no format temwatch knows (it begins with {head[:8].hex(' ')})",
        next_step=_ADD,
    )


def _damaged_or_unfilled(source: Source, error: PermanentError) -> Probe:
    """Tell a damaged file from one still being filled: that one makes no sense yet, and ends in zeros."""
    if isinstance(error, FrameUnreadable) and _ends_in_zeros(source):
        return Incomplete(reason=f"{error.message}; it ends in zeros, so it may not be filled yet")
    return NotAFrame(reason=error.message, next_step=error.next_step)


def _ends_in_zeros(source: Source) -> bool:
    length = min(source.size, _TAIL_BYTES)
    return length > 0 and not bytes(source.at(source.size - length, length, "the end")).strip(b"\0")
