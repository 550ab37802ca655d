"""Where the defects of a frame lie: inside the solid foil, apart from each other unless they shall touch."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.sim.defects import Defect, draw_defect
from temwatch.sim.specimen import Specimen

GAP_PX = 10
_TRIES = 40  # places tried for one defect before another one is drawn
_CUT_SHARE = 0.06  # of the places tried, those that may cross the frame's border

Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A defect and its place.

    Attributes
    ----------
    defect : Defect
    row, col : int
        Frame coordinates of the top left pixel of the defect's arrays; may lie outside the frame.
    mask : ndarray of bool
        Pixels more than half inside; the shape of the defect's arrays.
    """

    defect: Defect
    row: int
    col: int
    mask: NDArray[np.bool_]


def crop(row: int, col: int, size: tuple[int, ...], shape: tuple[int, ...]) -> tuple[Window, Window]:
    """Return the window of a frame that an array at (row, col) covers, and the part of the array inside.

    Parameters
    ----------
    row, col : int
        Where the array's top left pixel lies in the frame; may be negative.
    size, shape : tuple of int
        (row, col) extent of the array and of the frame.
    """
    top, left = max(row, 0), max(col, 0)
    bottom, right = max(min(row + size[0], shape[0]), top), max(min(col + size[1], shape[1]), left)
    window = (slice(top, bottom), slice(left, right))
    part = (slice(top - row, bottom - row), slice(left - col, right - col))
    return window, part


def place_defects(
    rng: np.random.Generator,
    specimen: Specimen,
    solid: NDArray[np.bool_],
    count: int,
    *,
    classes: Sequence[str] | None = None,
    touching: float = 0.0,
) -> tuple[Placed, ...]:
    """Return up to `count` defects in places where they fit.

    Parameters
    ----------
    rng : numpy Generator
    specimen : Specimen
    solid : ndarray of bool, shape (row, col)
        Where defects may lie.
    count : int
    classes : sequence of str, optional
        Only these, equally likely; absent: by the specimen's shares.
    touching : float
        Share of defects laid against an earlier one.
    """
    names = list(classes) if classes is not None else list(specimen.class_share)
    shares = None if classes is not None else list(specimen.class_share.values())
    taken = (~solid).astype(np.uint8)
    placed: list[Placed] = []
    for _ in range(2 * count):
        if len(placed) == count:
            break
        defect = draw_defect(rng, str(rng.choice(names, p=shares)), specimen)
        mask = defect.coverage > 0.5
        if not mask.any():
            continue
        if placed and rng.random() < touching:
            corner = _against(rng, mask, placed[int(rng.integers(len(placed)))], taken)
        else:
            corner = _apart(rng, mask, taken)
        if corner is None:
            continue
        item = Placed(defect=defect, row=corner[0], col=corner[1], mask=mask)
        there, part = crop(item.row, item.col, mask.shape, taken.shape)
        taken[there] |= mask[part]
        placed.append(item)
    return tuple(placed)


def _free(mask: NDArray[np.bool_], row: int, col: int, taken: NDArray[np.uint8]) -> bool:
    there, part = crop(row, col, mask.shape, taken.shape)
    return not bool((taken[there].astype(bool) & mask[part]).any())


def _apart(
    rng: np.random.Generator, mask: NDArray[np.bool_], taken: NDArray[np.uint8]
) -> tuple[int, int] | None:
    """Return a free place for `mask`, at least `GAP_PX` away from everything, or None."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GAP_PX + 1, 2 * GAP_PX + 1))
    wide = np.asarray(cv2.dilate(np.pad(mask, GAP_PX).astype(np.uint8), kernel)) > 0
    spare = (taken.shape[0] - mask.shape[0], taken.shape[1] - mask.shape[1])
    for _ in range(_TRIES):
        if rng.random() < _CUT_SHARE:
            low = (-mask.shape[0] // 2, -mask.shape[1] // 2)
            high = (spare[0] + mask.shape[0] // 2, spare[1] + mask.shape[1] // 2)
        elif min(spare) >= 0:
            low, high = (0, 0), spare
        else:
            continue
        row, col = (int(rng.integers(a, b + 1)) for a, b in zip(low, high, strict=True))
        if _free(wide, row - GAP_PX, col - GAP_PX, taken):
            return row, col
    return None


def _against(
    rng: np.random.Generator, mask: NDArray[np.bool_], other: Placed, taken: NDArray[np.uint8]
) -> tuple[int, int] | None:
    """Return a place for `mask` that just touches `other`, or None."""
    heading = rng.uniform(0, 2 * np.pi)
    start = np.array([other.row, other.col]) + (np.array(other.mask.shape) - mask.shape) / 2
    step = np.array([np.sin(heading), np.cos(heading)])
    for distance in range(sum(other.mask.shape) + sum(mask.shape)):
        row, col = (int(n) for n in np.round(start + step * distance))
        if _free(mask, row, col, taken):
            inside = 0 <= row <= taken.shape[0] - mask.shape[0] and 0 <= col <= taken.shape[1] - mask.shape[1]
            return (row, col) if inside else None
    return None
