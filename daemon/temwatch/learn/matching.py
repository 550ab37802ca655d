"""Which found region shows which true object, by the pixels they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from temwatch.model.region import Region

# A region shows an object if at least this share of it lies in the object, and is foreign to all objects if at
# most that share does; between the two it is neither.
SHOWS = 0.5
FOREIGN = 0.1
# Overlap (intersection over union) from which a region counts as the object, one to one. Low, for outlines of
# objects of a few pixels differ by a pixel all around.
SAME = 0.3


class Masked(Protocol):
    """A small mask and where it lies in the frame: a region, a true object."""

    @property
    def row(self) -> int:
        """Frame row of the mask's first row."""
        ...

    @property
    def col(self) -> int:
        """Frame column of the mask's first column."""
        ...

    @property
    def mask(self) -> NDArray[np.bool_]:
        """True inside."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """How n regions and m true objects of one frame belong together.

    Attributes
    ----------
    shown : ndarray of int, shape (n,)
        For each region the object it shows (see `SHOWS`), -1 for none.
    foreign : ndarray of bool, shape (n,)
        Whether (nearly) nothing of the region lies in any object: an artefact of finding.
    same : ndarray of int, shape (n,)
        For each region the object it is, one to one (see `SAME`), -1 for none.
    """

    shown: NDArray[np.intp]
    foreign: NDArray[np.bool_]
    same: NDArray[np.intp]


def match(regions: Sequence[Region], objects: Sequence[Masked]) -> Matching:
    """Match the regions of a frame with the objects that are really there."""
    if not regions or not objects:
        none = np.full(len(regions), -1)
        return Matching(shown=none, foreign=np.ones(len(regions), dtype=bool), same=none.copy())
    shared = np.array([[_shared_px(region, item) for item in objects] for region in regions], dtype=float)
    region_px = np.array([np.count_nonzero(region.mask) for region in regions], dtype=float)[:, None]
    object_px = np.array([np.count_nonzero(item.mask) for item in objects], dtype=float)[None, :]
    inside = shared / region_px
    shown = np.where(inside.max(axis=1) >= SHOWS, inside.argmax(axis=1), -1)
    same = _one_to_one(shared / (region_px + object_px - shared))
    foreign = inside.sum(axis=1) <= FOREIGN
    return Matching(shown=np.where(same >= 0, same, shown), foreign=foreign, same=same)


def _shared_px(left: Masked, right: Masked) -> int:
    top, first = max(left.row, right.row), max(left.col, right.col)
    bottom = min(left.row + left.mask.shape[0], right.row + right.mask.shape[0])
    last = min(left.col + left.mask.shape[1], right.col + right.mask.shape[1])
    if top >= bottom or first >= last:
        return 0
    ours = left.mask[top - left.row : bottom - left.row, first - left.col : last - left.col]
    theirs = right.mask[top - right.row : bottom - right.row, first - right.col : last - right.col]
    return int(np.count_nonzero(ours & theirs))


def _one_to_one(overlap: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return for each row the column it is paired with, the largest overlaps first; -1 below `SAME`."""
    paired = np.full(len(overlap), -1)
    taken: set[int] = set()
    rows, cols = np.nonzero(overlap >= SAME)
    for k in np.argsort(-overlap[rows, cols], kind="stable"):
        if paired[rows[k]] < 0 and int(cols[k]) not in taken:
            paired[rows[k]] = cols[k]
            taken.add(int(cols[k]))
    return paired
