"""How large the network is shown a frame: as the operator says, or where its answers are the most and the surest."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from temwatch.vision.finder.decode import Instances

BEST_RADIUS_PX = 8.0  # of an object, in network px; the training crops hold radii from 2.6 to 45
_LONG_SIDE_PX = 2048
_SMALL_FRAME_PX = 256
_OFFERED = 3
_SURE = 0.5
_WORTH = 0.4
_TRUSTED_RADIUS_PX = (3.0, 20.0)
SMALL_PX = 5.0


def divisors(
    shape: tuple[int, int], *, object_size_px: float | None, full_resolution: bool
) -> tuple[float, ...]:
    """Return by which numbers a frame may be made smaller, finest first; 0.5 makes it twice as large.

    Parameters
    ----------
    shape : tuple of int
        (row, col) of the frame.
    object_size_px : float or None
        Diameter of the objects as the operator states it; then the answer is one number.
    full_resolution : bool
        Look at every pixel; otherwise the longer side is brought below 2049 px first.

    Returns
    -------
    tuple of float
        Powers of two. Frames are enlarged where the stated size asks for it, and where they are so small that
        their objects are likely to be.
    """
    if object_size_px is not None:
        wanted = object_size_px / 2 / BEST_RADIUS_PX
        largest = max(int(np.log2(max(min(shape) / 64, 1))), 0)
        return (2.0 ** int(np.clip(round(np.log2(max(wanted, 1e-9))), -1, largest)),)
    if max(shape) <= _SMALL_FRAME_PX:
        return (0.5, *_shrinking(shape, 1.0))
    first = 1.0
    while not full_resolution and max(shape) / first > _LONG_SIDE_PX:
        first *= 2
    return _shrinking(shape, first)


def _shrinking(shape: tuple[int, int], first: float) -> tuple[float, ...]:
    return tuple(first * 2**k for k in range(_OFFERED) if k == 0 or min(shape) / (first * 2**k) >= 64)


def worth(found: Instances) -> float:
    """Return how much a scale shows: the surplus of the sure scores of objects of a trusted size."""
    low, high = _TRUSTED_RADIUS_PX
    counted = (found.score > _SURE) & (found.radius_px >= low) & (found.radius_px <= high)
    return float((found.score[counted] - _WORTH).sum())


def best(found: Sequence[Instances]) -> int:
    """Return the index of the scale that shows most; the finest among equals."""
    return int(np.argmax([worth(one) for one in found]))


def larger_elsewhere(
    chosen: Instances, coarser: Instances, ratio: float, *, least_score: float
) -> NDArray[np.bool_]:
    """Return which objects of a coarser scale are too large for the chosen one and were not found there.

    Parameters
    ----------
    chosen, coarser : Instances
    ratio : float
        Network px of the chosen scale for one of the coarser.
    least_score : float
        What is added must be at least so sure.

    Returns
    -------
    ndarray of bool, shape (n,) of `coarser`
    """
    large = (coarser.radius_px * ratio > _TRUSTED_RADIUS_PX[1]) & (coarser.score >= least_score)
    for i in np.flatnonzero(large):
        away = np.linalg.norm(chosen.centre - coarser.centre[i] * ratio, axis=1)
        inside = away < coarser.radius_px[i] * ratio
        large[i] = not inside.any()
    return large


def smaller_elsewhere(
    chosen: Instances, finer: Instances, ratio: float, *, least_score: float
) -> NDArray[np.bool_]:
    """Return which objects of a finer scale are too small for the chosen one and were not found there.

    Parameters
    ----------
    chosen, finer : Instances
    ratio : float
        Network px of the chosen scale for one of the finer; below 1.
    least_score : float
        What is added must be at least so sure.

    Returns
    -------
    ndarray of bool, shape (n,) of `finer`
    """
    low = _TRUSTED_RADIUS_PX[0]
    small = (finer.radius_px * ratio < SMALL_PX) & (finer.radius_px >= low) & (finer.score >= least_score)
    for i in np.flatnonzero(small):
        away = np.linalg.norm(chosen.centre - finer.centre[i] * ratio, axis=1)
        small[i] = not (away < np.maximum(chosen.radius_px, finer.radius_px[i] * ratio)).any()
    return small
