"""From the network's planes to single objects: a seed in each core, grown by watershed; lines by connection."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.segmentation import watershed

from temwatch.vision.finder.tiling import STRIDE, Planes

# Of 255. The network is careful: at these levels, below half, F1 is highest on labelled foils and hardly lower on
# supported particles. With masks at half, sizes would be off by .25, .21 and .16 (median |ln ratio| of foils,
# particles, loops) in place of .31, .15 and .19.
OBJECT_LEVEL, MASK_LEVEL = 95, 100
_SEED_CORE = 0.2 * 255
_SEED_OBJECT = 0.3 * 255
_SAME = 0.8  # a seed nearer than this share of a stronger one's radius belongs to it
_FULL_CORE = 0.7 * 255
SMALLEST_PX = 2.2  # radius in network px: below, it can't be told from noise
LINE_LEVEL, _STRONG_LINE = 77, 140  # of 255: a line is followed down to the first from the second
_LINE_GAP = 2  # planes px: breaks up to about twice this are bridged
_LINE_LENGTH_PX = 24.0  # network px
_LINE_SLENDER = 3.0  # length over mean width


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """Objects at one scale, entry i of everything belonging to label `number[i]`.

    Attributes
    ----------
    labels : ndarray of int32, shape (row, col) of the planes
        0 is background.
    number : ndarray of intp, shape (n,)
    box : ndarray of intp, shape (n, 4)
        Top, left, bottom, right in the planes, the last two beyond the end.
    centre : ndarray of float64, shape (n, 2)
        (row, col) in network px.
    radius_px : ndarray of float64, shape (n,)
        Of the circle of equal area, in network px.
    score : ndarray of float64, shape (n,)
    """

    labels: NDArray[np.int32]
    number: NDArray[np.intp]
    box: NDArray[np.intp]
    centre: NDArray[np.float64]
    radius_px: NDArray[np.float64]
    score: NDArray[np.float64]

    def only(self, chosen: NDArray[np.bool_]) -> "Instances":
        """Return some of them."""
        return Instances(
            labels=self.labels,
            number=self.number[chosen],
            box=self.box[chosen],
            centre=self.centre[chosen],
            radius_px=self.radius_px[chosen],
            score=self.score[chosen],
        )


def compact(planes: Planes) -> Instances:
    """Return the compact objects.

    The score is the mean probability inside, lowered where the core is weak.
    """
    seeds = _seeds(planes)
    labels = _grown(planes, seeds)
    return _measured(labels, planes.objects, planes.core, len(seeds))


def lines(planes: Planes, taken: NDArray[np.int32]) -> Instances:
    """Return cracks and dislocations: long, slender connected parts of the line plane outside objects.

    Parameters
    ----------
    planes : Planes
    taken : ndarray of int32, shape (row, col) of the planes
        Labels of the compact objects.
    """
    weak = (planes.line >= LINE_LEVEL) & (taken == 0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _LINE_GAP + 1, 2 * _LINE_GAP + 1))
    joined = cv2.morphologyEx(weak.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    count, labels = cv2.connectedComponents(joined, connectivity=8)
    strong = np.zeros(count, bool)
    strong[labels[weak & (planes.line >= _STRONG_LINE)]] = True
    kept = np.where(weak & strong[labels], labels, 0).astype(np.int32)
    found = _measured(kept, planes.line, None, count - 1)
    span = STRIDE * np.hypot(found.box[:, 2] - found.box[:, 0], found.box[:, 3] - found.box[:, 1])
    area = np.pi * found.radius_px**2
    return found.only((span >= _LINE_LENGTH_PX) & (span**2 >= _LINE_SLENDER * area))


def _seeds(planes: Planes) -> NDArray[np.intp]:
    """Return the places (n, 2) of the strongest cores, one for each object."""
    core = cv2.GaussianBlur(planes.core.astype(np.float32), (0, 0), 1.0)
    peak = core >= cv2.dilate(core, np.ones((3, 3), np.uint8))
    at = np.argwhere(peak & (core > _SEED_CORE) & (planes.objects > _SEED_OBJECT))
    strength = core[at[:, 0], at[:, 1]]
    at = at[np.argsort(-strength, kind="stable")]
    if not len(at):
        return at
    reach = np.maximum(_SAME * planes.radius_px(at[:, 0], at[:, 1]) / STRIDE, 1.0)
    near = cKDTree(at).query_ball_point(at, reach)
    alive = np.ones(len(at), bool)
    for i, others in enumerate(near):
        if alive[i]:
            weaker = np.asarray(others)
            alive[weaker[weaker > i]] = False
    return at[alive]


def _grown(planes: Planes, seeds: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return a label for each seed, grown through the object plane from deep to shallow.

    OpenCV's watershed would be faster, but floods in the order of grey steps, not of depth, and lets the outside
    eat the rims; scikit-image's follows Beucher and Meyer (1993).
    """
    inside = planes.objects >= OBJECT_LEVEL
    marks = np.zeros(inside.shape, np.int32)
    marks[seeds[:, 0], seeds[:, 1]] = np.arange(1, len(seeds) + 1)
    depth = cv2.GaussianBlur(planes.core, (0, 0), 1.0)
    return np.asarray(watershed(255 - depth, marks, mask=inside), np.int32)  # type: ignore[no-untyped-call]


def _measured(
    labels: NDArray[np.int32], sure: NDArray[np.uint8], core: NDArray[np.uint8] | None, count: int
) -> Instances:
    """Return place, size and score of every label that has pixels."""
    rows, cols = np.nonzero(labels)
    of = labels[rows, cols]
    area = np.bincount(of, minlength=count + 1)
    box = np.zeros((count + 1, 4), np.intp)
    box[:, :2] = max(labels.shape)
    for side, values, reduce in (
        (0, rows, np.minimum),
        (1, cols, np.minimum),
        (2, rows, np.maximum),
        (3, cols, np.maximum),
    ):
        reduce.at(box[:, side], of, values + (side > 1))
    number = np.flatnonzero(area[1:]) + 1
    share = np.maximum(area, 1).astype(np.float64)
    score = np.bincount(of, sure[rows, cols], count + 1) / share / 255
    if core is not None:
        deepest = np.zeros(count + 1, np.uint8)
        np.maximum.at(deepest, of, core[rows, cols])
        score *= np.minimum(deepest / _FULL_CORE, 1)
    centre = np.stack([np.bincount(of, values, count + 1) / share for values in (rows, cols)], 1) * STRIDE
    return Instances(
        labels=labels,
        number=number,
        box=box[number],
        centre=centre[number],
        radius_px=np.sqrt(area[number] / np.pi) * STRIDE,
        score=score[number],
    )
