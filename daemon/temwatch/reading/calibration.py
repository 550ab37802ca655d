"""Who is believed about the size of a pixel and the imaging mode. Pure rules; nothing is ever guessed.

Order of preference for nm per pixel:

1. the configuration of the root (the person who calibrated the instrument),
2. the file's own calibrated axis with a unit of length,
3. a vendor's tag in the file,
4. a sidecar beside the file,
5. otherwise it is unknown.

The readers of the formats put what the file says into that order (2 before 3 before 4). For the imaging mode the
order is the same, with the operator's own words (title, then file name) after what the instrument recorded.
"""

import math
from dataclasses import dataclass
from typing import Any

from temwatch.model.frame import Calibration, ImagingMode, ModeReading
from temwatch.reading.contents import ModeWord, PixelSize

CONFLICT = 0.05
"""Relative difference above which two sources of a pixel size contradict each other."""
SQUARE = 0.001
"""Relative difference of the two edges below which a pixel counts as square."""
FAR_FROM_SQUARE = 0.2
"""Above this one number no longer describes the pixel."""
PLAUSIBLE_NM = (1e-4, 5e4)
"""A pixel below 0.1 pm or above 50 µm is no calibration of an electron micrograph; printers' dots lie above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the configuration of a root says for all its frames; None leaves it to the file."""

    nm_per_px: float | None = None
    imaging_mode: ImagingMode | None = None


def pixel_size(row_nm: float, col_nm: float, said_by: str, source: str = "file") -> tuple[PixelSize, ...]:
    """Return one pixel size as a tuple, or an empty tuple where the numbers can't be one."""
    low, high = PLAUSIBLE_NM
    row_nm, col_nm = abs(row_nm), abs(col_nm)
    if not (low <= row_nm <= high and low <= col_nm <= high):
        return ()
    return (PixelSize(row_nm=row_nm, col_nm=col_nm, said_by=said_by, source=source),)


def choose_calibration(
    override_nm_per_px: float | None, said: tuple[PixelSize, ...]
) -> tuple[Calibration, dict[str, Any]]:
    """Return the calibration to use and what a reader of it must know.

    Parameters
    ----------
    override_nm_per_px : float or None
        From the configuration.
    said : tuple of PixelSize
        From the file and its sidecar, best first.

    Returns
    -------
    calibration : Calibration
        Where the edges differ, nm_per_px is their geometric mean (areas stay right) and
        relative_uncertainty half their relative difference.
    notes : dict
        May hold ``"calibration_from"`` (which place said it), ``"conflicts"`` (list of sentences) and
        ``"pixel_nm"`` (row, col) for pixels that are not square.
    """
    notes: dict[str, Any] = {}
    chosen, rest = Calibration(), said
    if override_nm_per_px is not None:
        chosen = Calibration(nm_per_px=override_nm_per_px, source="config")
        notes["calibration_from"] = "configuration"
    elif said:
        chosen, rest = _from_place(said[0], notes), said[1:]
    conflicts = _conflicts(chosen.nm_per_px, rest)
    if conflicts:
        notes["conflicts"] = conflicts
    return chosen, notes


def choose_mode(
    override: ImagingMode | None, said: tuple[ModeWord, ...]
) -> tuple[ModeReading, dict[str, Any]]:
    """Return the imaging mode to use and notes: ``"mode_from"`` and, where places disagree, ``"conflicts"``."""
    if override is None and not said:
        return ModeReading(), {}
    if override is not None:
        chosen, place, rest = ModeReading(value=override, source="config"), "configuration", said
    else:
        chosen, place, rest = (
            ModeReading(value=said[0].mode, source=said[0].source),
            said[0].said_by,
            said[1:],
        )
    notes: dict[str, Any] = {"mode_from": place}
    conflicts = [
        f"imaging mode: {place} says {chosen.value}, {word.said_by} says {word.mode}"
        for word in rest
        if word.mode != chosen.value
    ]
    if conflicts:
        notes["conflicts"] = conflicts
    return chosen, notes


def _from_place(place: PixelSize, notes: dict[str, Any]) -> Calibration:
    notes["calibration_from"] = place.said_by
    mean = math.sqrt(place.row_nm * place.col_nm)
    difference = abs(place.row_nm - place.col_nm) / mean
    if difference <= SQUARE:
        return Calibration(nm_per_px=place.col_nm, source=place.source)
    notes["pixel_nm"] = [place.row_nm, place.col_nm]
    if difference > FAR_FROM_SQUARE:
        return Calibration()
    return Calibration(nm_per_px=mean, source=place.source, relative_uncertainty=difference / 2)


def _conflicts(nm_per_px: float | None, places: tuple[PixelSize, ...]) -> list[str]:
    if nm_per_px is None:
        return []
    return [
        f"pixel size: {nm_per_px:.6g} nm is used, {place.said_by} says {place.col_nm:.6g} nm"
        for place in places
        if abs(place.col_nm - nm_per_px) > CONFLICT * nm_per_px
    ]
