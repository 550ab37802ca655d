"""The local grey level and the local noise of a smoothed frame, from a coarse sample by running medians."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.vision.view import View

# Every eighth pixel of every eighth row: after the smoothing they are independent, and a 4k frame has 262 144.
_STEP_PX = 8
# Side of the window of the running medians, in px; an object must fill less than half of it.
_WINDOW_PX = 168
_WINDOW_PER_OBJECT = 6.0
# A quiet corner (vacuum) may be this much quieter than the frame before its noise counts as its own; less
# would let read-out noise and compression artefacts pass for objects.
_QUIETEST = 0.6
_QUANTA = 20.0  # grey levels per noise unit in the 8-bit medians


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What the frame looks like where there is no object.

    Attributes
    ----------
    shape : tuple of int
        (row, col) of the frame.
    level, noise : ndarray of float32, shape (row // step, col // step) or so
        Local median and standard deviation of the smoothed, flattened frame.
    step : int
        Distance of two samples in px.
    noise_free : bool
        The frame does not vary at all.
    """

    shape: tuple[int, int]
    level: NDArray[np.float32]
    noise: NDArray[np.float32]
    step: int
    noise_free: bool

    def strip(self, rows: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return level and noise at full resolution in the given rows (start a multiple of the step)."""
        first = max(rows.start // self.step - 1, 0)
        last = min(-(-rows.stop // self.step) + 1, self.level.shape[0])
        offset = rows.start - first * self.step
        fine = []
        for coarse in (self.level, self.noise):
            part = coarse[first:last]
            size = (part.shape[1] * self.step, part.shape[0] * self.step)
            full = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)
            fine.append(full[offset : offset + rows.stop - rows.start, : self.shape[1]])
        return fine[0], fine[1]

    def at(self, row: int, col: int) -> tuple[float, float]:
        """Return level and noise at a pixel."""
        i = min(row // self.step, self.level.shape[0] - 1)
        j = min(col // self.step, self.level.shape[1] - 1)
        return float(self.level[i, j]), float(self.noise[i, j])


def local_levels(smooth: NDArray[np.float32], view: View) -> Levels:
    """Measure level and noise.

    Parameters
    ----------
    smooth : ndarray of float32, shape (row, col)
        The flattened frame after smoothing.
    view : View
        For its hints and its grey steps.

    Notes
    -----
    Noise is 1.4826 times the median absolute deviation, the consistent estimate of the standard deviation for
    a normal distribution (Rousseeuw and Croux, JASA 88 (1993) 1273).
    """
    step = _STEP_PX if min(smooth.shape) >= 64 else 1
    coarse = _cells(smooth, step)
    middle = float(np.median(coarse))
    scale = _noise_scale(coarse - middle, view)
    if scale == 0.0:
        flat = np.full(coarse.shape, middle, np.float32)
        return Levels(
            shape=view.shape, level=flat, noise=np.ones_like(flat), step=step, noise_free=not np.ptp(smooth)
        )
    window = max(_WINDOW_PX, _WINDOW_PER_OBJECT * (view.object_size_px or 0.0)) / step
    size = int(window) // 2 * 2 + 1
    level = _running_median(coarse, size, middle, scale)
    deviation = np.abs(coarse - level)
    noise = 1.4826 * _running_median(deviation, size, 0.0, scale)
    noise = np.maximum(noise, np.float32(_QUIETEST * scale))
    return Levels(shape=view.shape, level=level, noise=noise, step=step, noise_free=False)


def _cells(smooth: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Return one sample per cell of `step` x `step` px, cells cut by the frame's end included."""
    rows = np.minimum(np.arange(step // 2, smooth.shape[0] + step // 2, step), smooth.shape[0] - 1)
    cols = np.minimum(np.arange(step // 2, smooth.shape[1] + step // 2, step), smooth.shape[1] - 1)
    return smooth[rows][:, cols]


def _noise_scale(deviation: NDArray[np.float32], view: View) -> float:
    """Return the frame's noise: the robust one, or where most pixels are equal a stricter one.

    1. Median absolute deviation. 2. Where that is below a tenth of a grey step (clipped, counted or
    noise-free frames): the standard deviation of all but the outermost hundredth, and never less than what
    rounding to whole grey values leaves after smoothing.
    """
    robust = 1.4826 * float(np.median(np.abs(deviation)))
    middle = (view.shape[0] // 2, view.shape[1] // 2)
    here = view.background.levels(slice(middle[0], middle[0] + 1), slice(middle[1], middle[1] + 1))
    divisor = max(float(here[0, 0]), view.background.floor)
    grey = 1.0 if view.image.dtype.kind in "bui" else 1e-5 * divisor
    step = 0.1 * grey / divisor
    if robust >= step:
        return robust
    reach = float(np.percentile(np.abs(deviation), 99))
    inner = deviation[np.abs(deviation) <= reach]
    return max(float(inner.std()), step)


def _running_median(
    values: NDArray[np.float32], size: int, middle: float, scale: float
) -> NDArray[np.float32]:
    """Return the running median in a square window, to a twentieth of `scale`, within 6 scales of `middle`."""
    size = min(size, 2 * (min(values.shape) // 2) - 1)
    if size < 3:
        return np.full(values.shape, np.median(values), np.float32)
    quanta = np.clip((values - middle) * (_QUANTA / scale) + 128, 0, 255).astype(np.uint8)
    medians = cv2.medianBlur(quanta, min(size, 255)).astype(np.float32)
    return ((medians - 128) * (scale / _QUANTA) + middle).astype(np.float32)
