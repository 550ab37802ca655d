"""Objects and cracks found by a small network that learned from simulated pictures alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.errors import ModelRefused
from temwatch.model.region import Region
from temwatch.vision.finder import scale
from temwatch.vision.finder.base import Found
from temwatch.vision.finder.decode import LINE_LEVEL, MASK_LEVEL, SMALLEST_PX, Instances, compact, lines
from temwatch.vision.finder.grouping import groups
from temwatch.vision.finder.tiling import STRIDE, Network, Planes, answer
from temwatch.vision.view import View

Pixels = NDArray[Any]  # real numbers of any type

_MOST_REGIONS = 5000
_NATIVE = ("uint8", "uint16", "float32")  # what OpenCV shrinks without a copy
_ORDINARY = (1e-15, 1e15)  # of the largest number: squares of others don't fit into single precision
_MIRRORED_PX = 1.5e6  # network px of all scales up to which a frame is also looked at in its mirror images
_ODD = 0.2  # largest penalty for the wrong sign of contrast; found on labelled micrographs
_MARGIN = 2  # planes px around an object when its mask is drawn


class LearnedFinder:
    """Finds compact objects and lines.

    Parameters
    ----------
    weights : bytes
        An ONNX network with the planes of `tiling.Planes`; who calls has checked where it comes from.
    sensitivity : float
        In [0, 1]. Objects with a score below ``0.8 - 0.6 * sensitivity`` are left out (0.5 at the default).
    full_resolution : bool
        Look at every pixel of frames larger than 2048 px; four times the cost.
    with_lines : bool
        Also return cracks and dislocations.

    Raises
    ------
    ModelRefused
        onnxruntime is not installed, or the bytes are no network of this kind.
    """

    name = "learned"

    def __init__(
        self,
        weights: bytes,
        *,
        sensitivity: float = 0.5,
        full_resolution: bool = False,
        with_lines: bool = True,
    ) -> None:
        self.least_score = 0.8 - 0.6 * min(max(sensitivity, 0.0), 1.0)
        self.full_resolution = full_resolution
        self.with_lines = with_lines
        self._network = network_of(weights)

    def find(self, view: View) -> Found:
        """Return the objects and lines of one frame."""
        image = _finite(view.image)
        if image.max() == image.min():
            return Found(regions=(), notes=("the frame is constant: there is nothing to find",))
        offered = scale.divisors(
            view.shape, object_size_px=view.object_size_px, full_resolution=self.full_resolution
        )
        shown_px = sum(image.size / divisor**2 for divisor in offered)
        network = mirrored(self._network) if shown_px <= _MIRRORED_PX else self._network
        planes = [answer(network, shrunk(image, divisor)) for divisor in offered]
        found = [_large_enough(compact(one)) for one in planes]
        first = scale.best(found)
        regions = self._regions(found, planes, offered, first, view)
        brighter = np.array([_is_brighter(image, region) for region in regions], bool)
        if view.polarity is not None:
            stated = brighter == (view.polarity == "bright")
            regions = [region for region, fits in zip(regions, stated, strict=True) if fits]
        else:
            scores = doubted(np.array([region.score for region in regions]), brighter)
            regions = [
                replace(region, score=float(score))
                for region, score in zip(regions, scores, strict=True)
                if score >= self.least_score
            ]
        return _most_sure(regions, offered, first)

    def _regions(
        self,
        found: Sequence[Instances],
        planes: Sequence[Planes],
        offered: Sequence[float],
        first: int,
        view: View,
    ) -> list[Region]:
        """Return the objects of the chosen scale, those of others that it can't show, and lines."""
        kept = found[first].only(found[first].score >= self.least_score)
        regions = _masks(kept, planes[first].objects, offered[first], view.shape)
        sure = max(self.least_score, 0.5 * (1 + self.least_score))
        for other in range(len(offered)):
            if other == first:
                continue
            ratio = offered[other] / offered[first]
            elsewhere = scale.larger_elsewhere if other > first else scale.smaller_elsewhere
            extra = elsewhere(kept, found[other], ratio, least_score=sure)
            regions += _masks(found[other].only(extra), planes[other].objects, offered[other], view.shape)
        if self.with_lines:
            drawn = lines(planes[first], found[first].labels)
            drawn = drawn.only(drawn.score >= self.least_score)
            regions += _masks(drawn, planes[first].line, offered[first], view.shape, LINE_LEVEL)
        return regions


def mirrored(network: Network) -> Network:
    """Return a network that answers with the mean over an image and its three mirror images.

    Four times the cost; on labelled foils F1 rose by .01, on supported particles it stayed.
    """

    def run(shown: NDArray[np.float32]) -> NDArray[np.float32]:
        total = network(shown)
        for axes in ((2,), (3,), (2, 3)):
            total = total + np.flip(network(_turned(shown, axes)), axes)
        return total / np.float32(4)

    return run


def _turned(shown: NDArray[np.float32], axes: tuple[int, ...]) -> NDArray[np.float32]:
    """Return an image mirrored so that the same pixels as before are those the network answers for."""
    for axis in axes:
        # The first of every two pixels is answered for; plain mirroring would put the second in its place.
        shown = np.roll(np.flip(shown, axis), -1, axis)
    return np.ascontiguousarray(shown)


def doubted(score: NDArray[np.float64], brighter: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return scores, lower where an object is dark among bright ones or bright among dark ones.

    The network does not know which sign of contrast the objects of a frame have, and takes some gaps between them
    for objects. The penalty grows with how one-sided the sure objects are: none where half of them are bright.

    Parameters
    ----------
    score : ndarray of float64, shape (n,)
    brighter : ndarray of bool, shape (n,)
        Whether each object is brighter than its surroundings.
    """
    sign = np.where(brighter, 1.0, -1.0)
    weight = np.maximum(score - 0.5, 0)
    balance = float((weight * sign).sum() / max(float(weight.sum()), 1e-9))
    return np.maximum(score - _ODD * np.maximum(-sign * balance, 0), 0)


def network_of(weights: bytes) -> Network:
    """Return the network as a function; one thread.

    Raises
    ------
    ModelRefused
    """
    fallback = 'or set [finder] method = "threshold", which finds about half as much'
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelRefused(
            f"the learned finder needs onnxruntime ({error})",
            next_step=f"pip install onnxruntime, {fallback}",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # An arena of its own keeps the heap from falling to pieces tile by tile (40 MB on a large frame); plans made
    # for each size of tile would hold more than they spare.
    options.enable_cpu_mem_arena = True
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        said = np.asarray(session.run(None, {name: np.zeros((1, 1, 32, 32), np.float32)})[0])
    except Exception as error:  # the runtime's own exceptions share no other parent
        raise ModelRefused(
            f"the weights of the learned finder can't be used ({error})",
            next_step=f"install temwatch again, {fallback}",
        ) from error
    if said.shape != (1, 4, 16, 16):
        raise ModelRefused(
            f"the weights answer with shape {said.shape}, a finder's with (1, 4, 16, 16)",
            next_step=f"install temwatch again, {fallback}",
        )

    def run(shown: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(session.run(None, {name: shown})[0], np.float32)

    return run


def shrunk(image: Pixels, divisor: float) -> Pixels:
    """Return the mean of every `divisor` x `divisor` px; what sticks out over the last whole cell is filled up.

    A divisor below 1 enlarges.
    """
    if divisor == 1:
        return image
    if divisor < 1:
        size = (round(image.shape[1] / divisor), round(image.shape[0] / divisor))
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC))
    below, beside = -image.shape[0] % int(divisor), -image.shape[1] % int(divisor)
    if below or beside:
        image = np.asarray(cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE))
    size = (image.shape[1] // int(divisor), image.shape[0] // int(divisor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _finite(image: Pixels) -> Pixels:
    """Return the pixels in a type OpenCV shrinks, non-finite ones at the median of the others.

    What single precision can't hold, or its squares can't, is shifted and scaled; no finder minds.
    """
    if image.dtype.name in _NATIVE and image.dtype.isnative:
        if image.dtype.kind != "f":
            return np.ascontiguousarray(image)
        pixels = image
    else:
        pixels = image.astype(np.float64)
    good = np.isfinite(pixels)
    middle = float(np.median(pixels[good])) if good.any() else 0.0
    if not good.all():
        pixels = np.where(good, pixels, pixels.dtype.type(middle))
    if pixels.dtype != np.float32:
        pixels = pixels - middle
    largest = float(np.abs(pixels).max())
    if largest and not _ORDINARY[0] < largest < _ORDINARY[1]:
        pixels = pixels.astype(np.float64) / largest
    return np.ascontiguousarray(pixels, np.float32)


def _large_enough(found: Instances) -> Instances:
    return found.only(found.radius_px >= SMALLEST_PX)


def _masks(
    found: Instances,
    sure: NDArray[np.uint8],
    divisor: float,
    shape: tuple[int, int],
    level: int = MASK_LEVEL,
) -> list[Region]:
    """Return regions at the frame's own resolution: where the interpolated probability reaches a level (of 255)."""
    regions = []
    for number, box, score in zip(found.number, found.box, found.score, strict=True):
        top, left = np.maximum(box[:2] - _MARGIN, 0)
        bottom, right = np.minimum(box[2:] + _MARGIN, found.labels.shape)
        labels = found.labels[top:bottom, left:right]
        mine = np.where((labels == number) | (labels == 0), sure[top:bottom, left:right], 0)
        region = _drawn(mine, labels == number, (int(top), int(left)), divisor, shape, level)
        if region is not None:
            regions.append(replace(region, score=min(float(score), 1.0)))
    return regions


def _drawn(
    sure: NDArray[np.uint8],
    mine: NDArray[np.bool_],
    corner: tuple[int, int],
    divisor: float,
    shape: tuple[int, int],
    level: int,
) -> Region | None:
    """Return one object's mask; `corner` is the place of `sure` in the planes."""
    fine = int(STRIDE * divisor)
    row, col = corner[0] * fine, corner[1] * fine
    size = (min(sure.shape[1] * fine, shape[1] - col), min(sure.shape[0] * fine, shape[0] - row))
    # Plane pixel i stands for network pixel 2 i, not for the middle of two.
    shift = (0.5 / divisor - 0.5) / STRIDE
    across = np.array([[1 / fine, 0, shift], [0, 1 / fine, shift]])
    only = np.where(cv2.dilate(mine.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0, sure, 0)
    drawn = cv2.warpAffine(
        only, across, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    mask = np.asarray(drawn) >= level
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    tight = np.ascontiguousarray(mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1])
    return Region(row=row + int(rows[0]), col=col + int(cols[0]), mask=tight)


def _is_brighter(image: Pixels, region: Region) -> bool:
    """Return whether a region is brighter than a rim around it."""
    height, width = region.mask.shape
    rim = max(2, min(height, width) // 2)
    padded = np.pad(region.mask, rim)
    top, left = max(region.row - rim, 0), max(region.col - rim, 0)
    window = image[top : region.row + height + rim, left : region.col + width + rim].astype(np.float32)
    row, col = top - region.row + rim, left - region.col + rim
    inside = padded[row : row + window.shape[0], col : col + window.shape[1]]
    if inside.all():
        return True
    return bool(window[inside].mean() > window[~inside].mean())


def _most_sure(regions: list[Region], offered: Sequence[float], first: int) -> Found:
    notes: tuple[str, ...] = ()
    if offered[first] > 1:
        notes = (f"looked at with {offered[first]:g} x {offered[first]:g} pixels taken together",)
    if offered[first] < 1:
        notes = ("looked at twice as large",)
    if len(regions) > _MOST_REGIONS:
        notes += (f"{len(regions)} regions found; the {_MOST_REGIONS} surest were kept",)
        regions = sorted(regions, key=lambda region: -region.score)[:_MOST_REGIONS]
    return Found(regions=tuple(regions), groups=groups(regions), notes=notes)
