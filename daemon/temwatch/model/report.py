"""A report: everything temwatch says about one frame. Its fields are the body of `frame.inspected`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from temwatch.model.finding import Finding
from temwatch.model.frame import Calibration, DataBar, ModeReading
from temwatch.model.spelling import SPELLING


class Decision(StrEnum):
    """What the operator is told to do with the specimen's frame."""

    ACCEPT = "accept"
    REFER = "refer"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision and its reasons, the weightiest first."""

    decision: Decision
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeStatistics:
    """Equivalent diameters in nm of the particles of a frame that do not touch its edge.

    `n` counts them; everything else is None where n is too small or the calibration unknown.
    """

    n: int = 0
    mean: float | None = None
    sd: float | None = None
    p10: float | None = None
    p50: float | None = None
    p90: float | None = None
    mean_ci95: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The frame in a few numbers."""

    count_by_class: Mapping[str, int]
    particle_size_nm: SizeStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """Which recognizer spoke: its digest, its method and what it was made from, in a few words."""

    id: str
    method: str
    provenance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All about one frame.

    Attributes
    ----------
    frame_id : str
        Stable over restarts and machines: a digest of root, path, section and content.
    path : str
        Relative to the root, printable (escaped where the name's bytes are not).
    z : int or None
        Section number from 0; None where the file holds a single image.
    revision : int
        1 for the first content seen under this path, 2 after it was overwritten, and so on.
    shape : tuple of int
        (row, col) of the inspected image, data bar cut off.
    sensitivity : float or None
        Of the finder, in [0, 1]; None in reports from before it was said.
    notes : tuple of str
        What a reader must know to trust the numbers: no calibration, unknown mode, a fallback taken.
    timings_ms : mapping of str to float
        Wall time of each step in the worker.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    frame_id: str
    root: str
    path: str
    z: int | None
    revision: int
    sha256: str
    sha256_of: str
    acquired_at: str | None
    shape: tuple[int, int]
    format: str
    signal: str
    calibration: Calibration
    imaging_mode: ModeReading
    data_bar: DataBar | None
    verdict: Verdict
    findings: tuple[Finding, ...]
    summary: Summary
    model: ModelName
    finder: str
    software: str
    sensitivity: float | None = None
    notes: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
