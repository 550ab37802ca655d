"""A frame: one image as the microscope took it, with what is known about it and from where."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from numpy.typing import NDArray


class ImagingMode(StrEnum):
    """How the image came about; decides the sign of contrast.

    In bright field (BF) less mass is brighter; in HAADF and dark field (DF) it is darker.
    """

    BF = "BF"
    DF = "DF"
    HAADF = "HAADF"
    HRTEM = "HRTEM"
    DIFFRACTION = "diffraction"
    SEM = "SEM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How large a pixel is at the specimen, and who says so.

    Attributes
    ----------
    nm_per_px : float or None
        Edge of a pixel in nm; None where nobody knows. Never guessed.
    source : str
        ``"config"``, ``"file"``, ``"sidecar"`` or ``"unknown"``.
    relative_uncertainty : float or None
        One standard deviation over the value, where the source states it.
    """

    nm_per_px: float | None = None
    source: str = "unknown"
    relative_uncertainty: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeReading:
    """The imaging mode, and who says so (``"config"``, ``"file"``, ``"sidecar"``, ``"unknown"``)."""

    value: ImagingMode | None = None
    source: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataBar:
    """A strip with text burnt in by the instrument, cut off before inspection.

    Attributes
    ----------
    edge : str
        ``"bottom"`` or ``"top"``.
    rows : int
        How many rows were cut off.
    """

    edge: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One image (or one section of a stack) with its provenance.

    Attributes
    ----------
    image : ndarray, shape (row, col)
        Real numbers in the file's own dtype (unsigned or signed integer, or float); the data bar is cut off.
    section : int
        Number of this image among the images of its file, from 0 in file order.
    sections : int
        How many images the file holds.
    signal : str
        The file's own name for it, e.g. ``"HAADF"``; empty where it has none.
    calibration, imaging_mode
        With their sources.
    acquired_at : datetime or None
        When it was taken, aware; None where the file does not say or gives no usable time.
    data_bar : DataBar or None
        What was cut off, if anything.
    format : str
        Short name of the file format, e.g. ``"dm4"``.
    sha256 : str
        Digest, in hex, of the bytes that `sha256_of` names.
    sha256_of : str
        ``"file"`` or ``"section"`` (sections of formats that may still grow).
    metadata : dict
        A few instrument facts worth keeping, JSON-ready (instrument, kV, magnification, detector, ...).
    """

    image: NDArray[Any]
    section: int = 0
    sections: int = 1
    signal: str = ""
    calibration: Calibration = Calibration()
    imaging_mode: ModeReading = ModeReading()
    acquired_at: datetime | None = None
    data_bar: DataBar | None = None
    format: str = ""
    sha256: str = ""
    sha256_of: str = "file"
    metadata: dict[str, Any]
