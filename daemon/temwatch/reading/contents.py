"""What a file holds, known before any pixel is decoded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.model.frame import ImagingMode
from temwatch.reading.fingerprint import ByteRanges
from temwatch.reading.source import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelSize:
    """What one place says of the edges of a pixel, in nm.

    `said_by` names the place; `source` is ``"file"`` or ``"sidecar"``.
    """

    row_nm: float
    col_nm: float
    said_by: str
    source: str = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeWord:
    """What one place says of the imaging mode."""

    mode: ImagingMode
    said_by: str
    source: str = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about one image, the more trustworthy first.

    Attributes
    ----------
    pixel_sizes : tuple of PixelSize
    modes : tuple of ModeWord
    acquired_at : datetime or None
        Aware.
    metadata : dict
        JSON-ready.
    """

    pixel_sizes: tuple[PixelSize, ...] = ()
    modes: tuple[ModeWord, ...] = ()
    acquired_at: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A real 2-D image, or a stack of equal ones.

    Attributes
    ----------
    name : str
        The file's own name for it; may be empty.
    rows, cols : int
    dtype : dtype
        Of the pixels as they will be returned.
    sections : int
        How many images.
    decode : callable (section, pieces) -> ndarray, shape (rows, cols)
        `pieces` are the bytes of ``ranges(section)``; empty where there are no ranges.
    ranges : callable (section) -> ByteRanges, or None
        Where in the file the pixels of a section lie; None where only a decoder knows.
    facts : callable (section) -> Facts
    """

    name: str
    rows: int
    cols: int
    dtype: np.dtype[Any]
    sections: int
    decode: Callable[[int, Sequence[Piece]], NDArray[Any]]
    ranges: Callable[[int], ByteRanges] | None
    facts: Callable[[int], Facts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The images of a file in file order, and what else it holds.

    Attributes
    ----------
    format : str
        Short name, e.g. ``"dm4"``.
    signals : tuple of Signal
    declined : tuple of str
        One phrase for each thing that is no image to inspect, e.g. ``"an EDS spectrum of 4096 channels"``.
    """

    format: str
    signals: tuple[Signal, ...]
    declined: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """How many images the file holds."""
        return sum(signal.sections for signal in self.signals)

    def locate(self, number: int) -> tuple[Signal, int]:
        """Return the signal that holds image `number` of the file, and the section within it."""
        for signal in self.signals:
            if number < signal.sections:
                return signal, number
            number -= signal.sections
        raise IndexError(number)
