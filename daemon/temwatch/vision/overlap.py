"""How far rectangles cover each other, and which of two sets belong together, one to one."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from temwatch.model.finding import Rectangle

# Below this two rectangles are not the same object: the rule by which PASCAL VOC counts a detection (M. Everingham
# et al., IJCV 88 (2010) 303). Of disjoint objects at most one can lie above it.
SAME_OBJECT = 0.5


@dataclass(frozen=True, slots=True)
class Pair:
    """Entry `first` of one sequence and `second` of the other, and their intersection over union."""

    first: int
    second: int
    overlap: float


def overlaps(first: Sequence[Rectangle], second: Sequence[Rectangle]) -> NDArray[np.float64]:
    """Return the intersection over union of every rectangle with every other.

    Parameters
    ----------
    first, second : sequence of Rectangle
        Of n and m rectangles, turned as they may be.

    Returns
    -------
    ndarray of float64, shape (n, m)
        In [0, 1].
    """
    shared = np.zeros((len(first), len(second)))
    if not len(first) or not len(second):
        return shared
    a, b = _numbers(first), _numbers(second)
    reach = np.hypot(a[:, None, 2], a[:, None, 3]) / 2 + np.hypot(b[None, :, 2], b[None, :, 3]) / 2
    near = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]) < reach
    for i, j in np.argwhere(near):
        shared[i, j] = _intersection_px2(a[i], b[j])
    areas = (a[:, 2] * a[:, 3])[:, None] + (b[:, 2] * b[:, 3])[None, :]
    return np.clip(shared / (areas - shared), 0.0, 1.0)


def partners(
    first: Sequence[Rectangle], second: Sequence[Rectangle], *, least: float = SAME_OBJECT
) -> list[Pair]:
    """Return which rectangles are the same object: one to one, of the greatest total overlap.

    Only pairs that overlap by at least `least` count (H. W. Kuhn, Naval Research Logistics 2 (1955) 83, for the
    assignment).
    """
    shared = overlaps(first, second)
    allowed = np.where(shared >= least, shared, 0.0)
    rows, cols = linear_sum_assignment(allowed, maximize=True)
    return [
        Pair(int(i), int(j), float(shared[i, j]))
        for i, j in zip(rows, cols, strict=True)
        if allowed[i, j] > 0
    ]


def _numbers(rectangles: Sequence[Rectangle]) -> NDArray[np.float64]:
    return np.array([(r.row, r.col, r.length_px, r.width_px, r.angle_deg) for r in rectangles])


def _intersection_px2(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    # OpenCV's x is the column; both measure the angle from +x towards +y. Around the first centre, so that single
    # precision does not matter far from the origin.
    def box(r: NDArray[np.float64]) -> tuple[tuple[float, float], tuple[float, float], float]:
        return (float(r[1] - a[1]), float(r[0] - a[0])), (float(r[2]), float(r[3])), float(r[4])

    kind, points = cv2.rotatedRectangleIntersection(box(a), box(b))
    if kind == cv2.INTERSECT_NONE or points is None or len(points) < 3:
        return 0.0
    return float(cv2.contourArea(cv2.convexHull(points)))
