"""Frames that somebody has looked through, in whole or in part: what is there, what is not, and where nobody looked."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.learn.marked_frames import MarkedFrame
from temwatch.model.region import Region
from temwatch.vision.finder.base import Finder
from temwatch.vision.view import look_at

_RIM = (
    0.8,
    1.2,
)  # of the radius: where an ellipse or a box leaves open whether a pixel belongs to the object
LINE_KINDS = ("crack", "dislocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedFrame:
    """One image with what a person said about it.

    Attributes
    ----------
    name : str
    image : ndarray of integers or floats, shape (row, col)
        Finite.
    objects : ndarray of int32, shape (row, col)
        1..n inside compact objects, confirmed or drawn by hand; 0 elsewhere.
    lines : ndarray of bool, shape (row, col)
        Marked cracks.
    known : ndarray of bool, shape (row, col)
        Where it is known whether there is an object: reviewed areas, artefacts, and the inside of objects.
    reviewed : ndarray of bool, shape (row, col)
        Where everything that is there has been marked.
    centre : ndarray of float64, shape (n, 2)
        (row, col) of the compact objects.
    radius_px : ndarray of float64, shape (n,)
    specimen : str
    """

    name: str
    image: NDArray[Any]
    objects: NDArray[np.int32]
    lines: NDArray[np.bool_]
    known: NDArray[np.bool_]
    reviewed: NDArray[np.bool_]
    centre: NDArray[np.float64]
    radius_px: NDArray[np.float64]
    specimen: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over the pixels and all that was said about them."""
        sha = hashlib.sha256(repr((self.image.shape, self.image.dtype.str)).encode())
        for part in (self.image, self.objects, self.lines, self.known, self.reviewed):
            sha.update(np.ascontiguousarray(part).tobytes())
        return sha.hexdigest()

    def within(self, area: NDArray[np.bool_]) -> "ReviewedFrame":
        """Return the frame as if only an area (bool, shape (row, col)) had been looked at."""
        inside = self.inside(self.centre, area)
        keep = np.zeros(len(self.centre) + 1, np.int32)
        keep[1:][inside] = np.arange(1, inside.sum() + 1)
        return replace(
            self,
            objects=keep[self.objects],
            lines=self.lines & area,
            known=self.known & area,
            reviewed=self.reviewed & area,
            centre=self.centre[inside],
            radius_px=self.radius_px[inside],
        )

    @staticmethod
    def inside(centre: NDArray[np.float64], area: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which centres (n, 2) lie in an area."""
        at = np.clip(np.rint(centre).astype(np.intp), 0, np.array(area.shape) - 1).reshape(-1, 2)
        return np.asarray(area[at[:, 0], at[:, 1]], bool)


def reviewed_whole(marked: MarkedFrame) -> ReviewedFrame:
    """Return a frame in which everything was marked, as the published sets come.

    Around an ellipse or a box a rim stays unknown: people draw them more loosely than masks.
    """
    shape = (marked.image.shape[0], marked.image.shape[1])
    is_line = np.array([name in LINE_KINDS for name in marked.kind], bool)
    compact = np.flatnonzero(~is_line)
    if marked.masks is None:
        objects, certain = drawn_ellipses(shape, marked.centre[compact], ellipses_of(marked)[compact])
        lines = np.zeros(shape, bool)
    else:
        new = np.zeros(len(marked.centre) + 1, np.int32)
        new[compact + 1] = np.arange(1, len(compact) + 1)
        objects, certain = new[marked.masks], np.ones(shape, bool)
        lines = (marked.masks > 0) & (objects == 0)
    whole = np.full(shape, marked.complete)
    return ReviewedFrame(
        name=marked.name,
        image=marked.image,
        objects=objects,
        lines=lines,
        known=certain & (whole | (objects > 0)),
        reviewed=whole,
        centre=marked.centre[compact],
        radius_px=marked.radius_px[compact],
        specimen=marked.specimen,
    )


def ellipses_of(marked: MarkedFrame) -> NDArray[np.float64]:
    """Return (half axis, half axis, degrees) of every object; circles where the set knows no more than a radius."""
    if marked.ellipse is not None:
        return marked.ellipse
    radius = marked.radius_px
    return np.stack([radius, radius, np.zeros(len(radius))], 1)


def drawn_ellipses(
    shape: tuple[int, int], centre: NDArray[np.float64], ellipse: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the labels 1..n of ellipses, the smaller over the larger, and where they leave nothing open.

    Parameters
    ----------
    shape : (row, col)
    centre : ndarray, shape (n, 2)
    ellipse : ndarray, shape (n, 3)
        As `MarkedFrame.ellipse`.
    """
    labels = np.zeros(shape, np.int32)
    certain = np.ones(shape, bool)
    for i in np.argsort(-ellipse[:, 0] * ellipse[:, 1], kind="stable"):
        reach = float(ellipse[i, :2].max()) * _RIM[1] + 2
        top, left = (max(int(value - reach), 0) for value in centre[i])
        bottom, right = (int(value + reach) + 2 for value in centre[i])
        rows, cols = np.ogrid[top : min(bottom, shape[0]), left : min(right, shape[1])]
        away = _away(rows - centre[i, 0], cols - centre[i, 1], ellipse[i])
        window = (slice(top, bottom), slice(left, right))
        labels[window][away <= 1] = i + 1
        certain[window][away < _RIM[1]] = True
        certain[window][(away > _RIM[0]) & (away < _RIM[1])] = False
    return labels, certain


def _away(
    down: NDArray[np.float64], across: NDArray[np.float64], ellipse: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distance from an ellipse's middle, 1 on its outline."""
    turn = np.deg2rad(ellipse[2])
    along = across * np.cos(turn) + down * np.sin(turn)
    beside = down * np.cos(turn) - across * np.sin(turn)
    half = np.maximum(ellipse[:2], 0.5)
    return np.asarray(np.hypot(along / half[0], beside / half[1]))


def as_marked(frame: ReviewedFrame) -> MarkedFrame:
    """Return what a finder can be judged by: the compact objects."""
    return MarkedFrame(
        name=frame.name,
        image=frame.image,
        centre=frame.centre,
        radius_px=frame.radius_px,
        kind=("object",) * len(frame.centre),
        complete=bool(frame.reviewed.any()),
        specimen=frame.specimen,
    )


def found_where_reviewed(finder: Finder, frame: ReviewedFrame) -> tuple[Region, ...]:
    """Return what a finder proposes, less what lies where nobody has looked."""
    regions = finder.find(look_at(frame.image)).regions
    return tuple(region for region in regions if _counts(region, frame))


def _counts(region: Region, frame: ReviewedFrame) -> bool:
    """Return whether a proposal can be judged: its middle is known, or it meets a marked object."""
    height, width = region.mask.shape
    window = (slice(region.row, region.row + height), slice(region.col, region.col + width))
    if (frame.objects[window] > 0)[region.mask].any():
        return True
    rows, cols = np.nonzero(region.mask)
    middle = np.array([[region.row + rows.mean(), region.col + cols.mean()]])
    return bool(ReviewedFrame.inside(middle, frame.known)[0])


def count_of(frames: Sequence[ReviewedFrame]) -> int:
    """Return how many compact objects are marked in frames."""
    return sum(len(frame.centre) for frame in frames)
