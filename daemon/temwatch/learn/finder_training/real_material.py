"""Crops of reviewed frames to tune on: at the size the finder sees them, a little larger or smaller, turned, mirrored."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.learn.finder_training.material import Batch
from temwatch.learn.finder_training.targets import targets
from temwatch.learn.reviewed_frames import ReviewedFrame
from temwatch.sim.crops import SIDE_PX, Crop
from temwatch.vision.finder.decode import SMALLEST_PX
from temwatch.vision.finder.normalise import normalised
from temwatch.vision.finder.scale import BEST_RADIUS_PX, divisors

_MARGIN_PX = 64  # network px around a crop, so that its surroundings are measured as in a whole frame
_SPREAD = 0.2  # of ln size
_USUAL = 0.7  # share of crops at the size that suits the marked objects best; the others at any size that is offered
_AT_OBJECT = 0.6  # share of crops around a marked object, the others anywhere that is known
_LARGEST_PX = 48.0  # network px of radius: beyond, an object is no compact one at this size
_WINDOW_PX = SIDE_PX + 2 * _MARGIN_PX


class RealMaterial:
    """Crops of reviewed frames, the same for the same seed.

    Parameters
    ----------
    frames : sequence of ReviewedFrame
        At least one; every one with something known.
    seed : int
    """

    def __init__(self, frames: Sequence[ReviewedFrame], seed: int) -> None:
        self._frames = tuple(frames)
        self._spread = [float(frame.image.std()) for frame in frames]
        self._rng = np.random.default_rng([seed, len(self._frames)])

    def batch(self, count: int) -> tuple[Batch, NDArray[np.bool_]]:
        """Return images and targets as `Material.batch` does, and for which of them lines are known."""
        chosen = self._rng.integers(0, len(self._frames), count)
        images, truths = zip(*(self._crop(int(k)) for k in chosen), strict=True)
        lines = np.array([bool(self._frames[int(k)].lines.any()) for k in chosen])
        return (np.stack(images)[:, None], np.stack(truths)), lines

    def _crop(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        frame, rng = self._frames[number], self._rng
        divisor = self._divisor(frame) * float(np.exp(rng.normal(0, _SPREAD)))
        seen = _window(frame, _moved_in(self._middle(frame), frame.image.shape, divisor), divisor)
        shown = normalised(seen.image.astype(np.float32), frame_sd=self._spread[number])
        truth = targets(seen)
        inner = slice(_MARGIN_PX, -_MARGIN_PX)
        half = slice(_MARGIN_PX // 2, -_MARGIN_PX // 2)
        return self._varied(shown[inner, inner], truth[:, half, half])

    def _divisor(self, frame: ReviewedFrame) -> float:
        shape = (frame.image.shape[0], frame.image.shape[1])
        offered = divisors(shape, object_size_px=None, full_resolution=False)
        if not len(frame.radius_px) or self._rng.random() > _USUAL:
            return float(self._rng.choice(offered))
        return float(min(offered, key=lambda k: abs(np.log(np.median(frame.radius_px) / k / BEST_RADIUS_PX))))

    def _middle(self, frame: ReviewedFrame) -> NDArray[np.float64]:
        rng = self._rng
        if len(frame.centre) and rng.random() < _AT_OBJECT:
            at = frame.centre[rng.integers(len(frame.centre))]
        else:
            rows, cols = np.nonzero(frame.known[::8, ::8])
            k = rng.integers(len(rows)) if len(rows) else 0
            at = 8.0 * np.array([rows[k], cols[k]]) if len(rows) else np.array(frame.image.shape) / 2
        return np.asarray(at + rng.uniform(-SIDE_PX / 3, SIDE_PX / 3, 2), np.float64)

    def _varied(
        self, shown: NDArray[np.float32], truth: NDArray[np.float16]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rng = self._rng
        # The sign stays: bright or dark is what this microscope's frames have to teach.
        shown = shown * np.float32(np.exp(rng.normal(0, 0.15)))
        turn, mirrored = int(rng.integers(4)), rng.random() < 0.5
        shown, truth = np.rot90(shown, turn), np.rot90(truth, turn, (1, 2))
        if mirrored:
            shown, truth = shown[:, ::-1], truth[:, :, ::-1]
        return np.ascontiguousarray(shown), np.ascontiguousarray(truth, np.float32)


def _moved_in(middle: NDArray[np.float64], shape: tuple[int, ...], divisor: float) -> NDArray[np.float64]:
    """Return the middle of a crop, moved so that the crop lies in the frame where the frame is large enough."""
    half = SIDE_PX * divisor / 2
    size = np.array(shape, float)
    return np.where(size > 2 * half, np.clip(middle, half, np.maximum(size - half, half)), size / 2)


def _window(frame: ReviewedFrame, middle: NDArray[np.float64], divisor: float) -> Crop:
    """Return what the network would see around a place; beyond the frame's border nothing is known."""
    side = max(round(_WINDOW_PX * divisor), 8)
    top, left = (int(value) for value in np.rint(middle - side / 2))
    image = _cut(frame.image, top, left, side, cv2.BORDER_REFLECT_101)
    known = _cut(frame.known.astype(np.uint8), top, left, side, cv2.BORDER_CONSTANT)
    labels = _cut(frame.objects, top, left, side, cv2.BORDER_CONSTANT)
    lines = _cut(frame.lines.astype(np.uint8), top, left, side, cv2.BORDER_CONSTANT)
    size = (_WINDOW_PX, _WINDOW_PX)
    way = cv2.INTER_AREA if divisor > 1 else cv2.INTER_CUBIC
    objects = np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.int32)
    unfit = np.concatenate([[False], _unfit(frame.radius_px / divisor)])
    return Crop(
        image=np.asarray(cv2.resize(image, size, interpolation=way)),
        objects=objects,
        lines=np.asarray(cv2.resize(lines, size, interpolation=cv2.INTER_AREA)) > 0,
        ignored=(np.asarray(cv2.resize(known, size, interpolation=cv2.INTER_AREA)) == 0) | unfit[objects],
    )


def _unfit(radius_px: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (radius_px < SMALLEST_PX) | (radius_px > _LARGEST_PX)


def _cut(plane: NDArray[Any], top: int, left: int, side: int, border: int) -> NDArray[Any]:
    """Return a square of a plane that may reach beyond it."""
    rows, cols = plane.shape
    inside = plane[
        min(max(top, 0), rows - 1) : max(top + side, 1), min(max(left, 0), cols - 1) : max(left + side, 1)
    ]
    above, beside = max(-top, 0), max(-left, 0)
    below, right = side - above - inside.shape[0], side - beside - inside.shape[1]
    return np.asarray(cv2.copyMakeBorder(inside, above, max(below, 0), beside, max(right, 0), border))[
        :side, :side
    ]
