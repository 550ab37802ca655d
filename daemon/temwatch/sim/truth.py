"""What is really in a simulated frame: class, outline, size and visibility of every object."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.errors import PermanentError
from temwatch.model.frame import ImagingMode

# A person who knows where to look sees an object of 400 px from this contrast-to-noise on, larger ones sooner.
# The eye averages over an object (Rose's law: as the root of its area), but most of what hides a large one is
# structure that does not average out; the fourth root and both numbers were chosen by looking at faint objects.
VISIBLE_FROM = 2.0
_REFERENCE_PX = 400

_VERSION = 1


class TruthUnreadable(PermanentError):
    """The file does not hold the truth about simulated frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueObject:
    """One object that was put into a frame.

    Attributes
    ----------
    class_ : str
    row, col : int
        Frame coordinates of the top left pixel of `mask`.
    mask : ndarray of bool, shape (height, width)
        Pixels more than half inside; tight, and cut off at the frame's border. Of looseness: its micro-pores
        without the sound material between them.
    area_px : int
    equivalent_diameter_nm : float
        Of the circle with the area of `mask`.
    contrast_to_noise : float
        Mean change of the noise-free image by the object, inside its mask, over the robust standard deviation
        (1.4826 MAD) of the same place without the object: noise and structure finer than about 12 px. Both
        after a Gaussian of 1.4 px, about what an eye or a finder smooths by.
    touches_edge : bool
        It reaches the border of the frame and may go on outside.
    """

    class_: str
    row: int
    col: int
    mask: NDArray[np.bool_]
    area_px: int
    equivalent_diameter_nm: float
    contrast_to_noise: float
    touches_edge: bool

    @property
    def visible(self) -> bool:
        """Whether it is fair to expect that the object is found."""
        return bool(self.contrast_to_noise * (self.area_px / _REFERENCE_PX) ** 0.25 >= VISIBLE_FROM)

    @property
    def centre(self) -> tuple[float, float]:
        """Centroid of the mask as (row, col) in the frame."""
        rows, cols = np.nonzero(self.mask)
        return self.row + float(rows.mean()), self.col + float(cols.mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A simulated frame and the truth about it.

    Attributes
    ----------
    image : ndarray of uint16, shape (row, col)
    mode : ImagingMode
    nm_per_px, defocus_nm : float
    specimen_id : str
    truth : tuple of TrueObject
        All objects, also those nobody can see (`TrueObject.visible`).
    """

    image: NDArray[np.uint16]
    mode: ImagingMode
    nm_per_px: float
    defocus_nm: float
    specimen_id: str
    truth: tuple[TrueObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTruth:
    """The truth about one image of one file.

    `file` is relative to the watched folder; `section` is None for a file with a single image.
    """

    file: str
    section: int | None
    specimen_id: str
    mode: ImagingMode
    nm_per_px: float
    shape: tuple[int, int]
    objects: tuple[TrueObject, ...]


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Return the lengths of the runs of `mask` in row order, alternating, the first one of False."""
    flat = mask.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]]))
    return [*([0] if flat.size and flat[0] else []), *runs.tolist()]


def mask_from_runs(runs: Sequence[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask that `run_lengths` described.

    Raises
    ------
    TruthUnreadable
        When the runs do not add up to the shape.
    """
    values = np.arange(len(runs)) % 2 == 1
    flat = np.repeat(values, np.asarray(runs, dtype=np.int64)) if len(runs) else np.zeros(0, bool)
    if flat.size != shape[0] * shape[1]:
        raise TruthUnreadable(f"runs of {flat.size} pixels for a mask of {shape[0]} x {shape[1]}")
    return flat.reshape(shape)


def _object_body(item: TrueObject) -> dict[str, Any]:
    return {
        "class": item.class_,
        "row": item.row,
        "col": item.col,
        "shape": list(item.mask.shape),
        "runs": run_lengths(item.mask),
        "area_px": item.area_px,
        "equivalent_diameter_nm": item.equivalent_diameter_nm,
        "contrast_to_noise": item.contrast_to_noise,
        "visible": item.visible,
        "touches_edge": item.touches_edge,
    }


def _object_from(body: dict[str, Any]) -> TrueObject:
    return TrueObject(
        class_=body["class"],
        row=body["row"],
        col=body["col"],
        mask=mask_from_runs(body["runs"], (body["shape"][0], body["shape"][1])),
        area_px=body["area_px"],
        equivalent_diameter_nm=body["equivalent_diameter_nm"],
        contrast_to_noise=body["contrast_to_noise"],
        touches_edge=body["touches_edge"],
    )


def truth_to_json(frames: Sequence[FrameTruth]) -> dict[str, Any]:
    """Return the truth of many frames, JSON-ready; masks as run lengths (see `run_lengths`)."""
    return {
        "version": _VERSION,
        "frames": [
            {
                "file": frame.file,
                "section": frame.section,
                "specimen": frame.specimen_id,
                "imaging_mode": frame.mode.value,
                "nm_per_px": frame.nm_per_px,
                "shape": list(frame.shape),
                "objects": [_object_body(item) for item in frame.objects],
            }
            for frame in frames
        ],
    }


def truth_from_json(body: dict[str, Any]) -> list[FrameTruth]:
    """Return what `truth_to_json` was given.

    Raises
    ------
    TruthUnreadable
        When it is something else.
    """
    try:
        if body["version"] != _VERSION:
            raise TruthUnreadable(f"truth of version {body['version']!r}, not {_VERSION}")
        return [
            FrameTruth(
                file=frame["file"],
                section=frame["section"],
                specimen_id=frame["specimen"],
                mode=ImagingMode(frame["imaging_mode"]),
                nm_per_px=frame["nm_per_px"],
                shape=(frame["shape"][0], frame["shape"][1]),
                objects=tuple(_object_from(item) for item in frame["objects"]),
            )
            for frame in body["frames"]
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise TruthUnreadable(f"not the truth of simulated frames ({error!r})") from error


def write_truth(path: Path, frames: Sequence[FrameTruth]) -> None:
    """Write the truth of many frames to a JSON file."""
    path.write_text(json.dumps(truth_to_json(frames), separators=(",", ":")) + "\n")


def read_truth(path: Path) -> list[FrameTruth]:
    """Return the truth that `write_truth` wrote.

    Raises
    ------
    TruthUnreadable
        When the file holds something else.
    """
    try:
        body = json.loads(path.read_text())
    except ValueError as error:
        raise TruthUnreadable(f"{path.name}: not JSON ({error})") from error
    return truth_from_json(body)
