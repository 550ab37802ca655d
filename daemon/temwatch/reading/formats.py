"""One file, opened and understood: which reader, which bytes it may read, and what it found. No pixel is decoded."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from temwatch.errors import FrameDeclined, TemwatchError
from temwatch.reading import dm, hdf, jeol, mrc, picture, rosetta, ser, sniff, tiff
from temwatch.reading.contents import Contents, Signal
from temwatch.reading.safe_open import trouble
from temwatch.reading.source import Source, frozen_copy, held_in_memory

_GROWING = {"mrc": mrc.survey, "tiff": tiff.survey, "ser": ser.survey}
_BY_PATH = frozenset(["bcf"])
"""Read by libraries that open files themselves."""
_SHARE = frozenset(
    [errno.EIO, errno.ESTALE, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNRESET,
     errno.EREMOTEIO, errno.ENODEV, errno.ENETDOWN, errno.ENETUNREACH, errno.EACCES]
)  # fmt: skip
_BLOCK = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file may ask for; checked before anything of that size is reserved.

    Attributes
    ----------
    max_pixels_per_image : int
    max_bytes : int
        Of a file that must be read whole, and of one decoded image.
    max_sections : int
        Images in a file.
    hold_bytes : int
        Up to this size a file that must be read whole is held in memory while it is decoded; above, it is
        read twice, once to hash and once to decode, and watched for changes.
    """

    max_pixels_per_image: int = 16384 * 16384
    max_bytes: int = 8 << 30
    max_sections: int = 100_000
    hold_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """A surveyed file.

    Attributes
    ----------
    source : Source
        Where its readers read: the file itself, or what was read of it.
    contents : Contents
    sha256 : str or None
        Of the whole file, where it was read whole; None for stacks that are read section by section.
    """

    source: Source
    contents: Contents
    sha256: str | None


def understand(source: Source, limits: Limits) -> Understood:
    """Survey a file.

    Raises
    ------
    FrameIncomplete, FrameUnreadable, FrameDeclined, FrameTooLarge, FrameUnsafe
        See `temwatch.reading.reader.read_frame`.
    """
    head = source.head(sniff.HEAD_BYTES)
    kind = sniff.format_of(head, source.name)
    if kind is None and sniff.too_short_to_tell(head, source.name):
        raise source.incomplete(f"has {source.size} bytes, none of which tell its format yet")
    if kind is None:
        raise source.unreadable(f"is in no format temwatch knows (it begins with {head[:8].hex(' ')})")
    if kind in sniff.MEANT_FOR:
        raise source.declined(f"is {sniff.MEANT_FOR[kind]}")
    if kind in _GROWING:
        contents = _within(source, _GROWING[kind](source), limits)
        if contents.images != 1:
            return Understood(source=source, contents=contents, sha256=None)
    whole, digest = _read_whole(source, limits, copy=kind in _BY_PATH)
    return Understood(source=whole, contents=_within(whole, _survey(whole, kind), limits), sha256=digest)


def check_size(source: Source, signal: Signal, limits: Limits) -> None:
    """Raise FrameTooLarge where one image of `signal` is more than the limits allow."""
    pixels = signal.rows * signal.cols
    if pixels > limits.max_pixels_per_image or pixels * signal.dtype.itemsize > limits.max_bytes:
        raise source.too_large(
            f"declares an image of {signal.rows} x {signal.cols} pixels; the limit is {limits.max_pixels_per_image}"
        )


@contextmanager
def clear_errors(source: Source) -> Iterator[None]:
    """Turn whatever a decoder raises over the file's bytes into one error that says what to do."""
    try:
        yield
    except TemwatchError:
        raise
    except MemoryError as error:
        raise source.too_large("needs more memory than there is") from error
    except OSError as error:
        if error.errno in _SHARE:
            raise trouble(error, source.name) from error
        raise source.unreadable(f"could not be decoded ({error})") from error
    except Exception as error:  # the border to decoders: on damaged bytes they raise anything
        raise source.unreadable(f"could not be decoded ({type(error).__name__}: {error})") from error


def _within(source: Source, contents: Contents, limits: Limits) -> Contents:
    if contents.images > limits.max_sections:
        raise source.too_large(f"declares {contents.images} images; the limit is {limits.max_sections}")
    if contents.images == 0:
        raise _nothing(source, contents)
    for signal in contents.signals:
        check_size(source, signal, limits)
    return contents


def _nothing(source: Source, contents: Contents) -> FrameDeclined:
    held = list(contents.declined) or ["nothing"]
    more = f"; and {len(held) - 5} more" if len(held) > 5 else ""
    return source.declined(f"holds {'; '.join(held[:5])}{more}: no image to inspect")


def _survey(source: Source, kind: str) -> Contents:
    if kind in _GROWING:
        return _GROWING[kind](source)
    if kind in ("dm3", "dm4"):
        return dm.survey(source)
    if kind == "hdf5":
        return hdf.survey(source)
    if kind in ("png", "jpeg"):
        return picture.survey(source, kind)
    return jeol.survey(source) if kind == "jeol" else rosetta.survey(source)


def _read_whole(source: Source, limits: Limits, *, copy: bool) -> tuple[Source, str]:
    """Read the file whole and hash it; keep what was read unless it is too large to be kept."""
    if source.size > limits.max_bytes:
        raise source.too_large(f"has {source.size} bytes; the limit is {limits.max_bytes}")
    if source.size > limits.hold_bytes:
        return source, _digest(source)
    if copy:
        frozen = frozen_copy(source)
        return frozen, _digest(frozen)
    held = held_in_memory(source)
    assert held.held is not None
    return held, hashlib.sha256(held.held).hexdigest()


def _digest(source: Source) -> str:
    digest = hashlib.sha256()
    source.file.seek(0)
    left = source.size
    while left:
        block = source.file.read(min(left, _BLOCK))
        if not block:
            raise source.incomplete("it became shorter while it was read")
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()


def identity(source: Source) -> tuple[int, int, int, int]:
    """Return what must not change while a file is read: inode, size, times of change."""
    found = os.fstat(source.file.fileno())
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
