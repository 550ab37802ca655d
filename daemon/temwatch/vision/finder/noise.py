"""The local grey level and noise of a smoothed frame, on cells of 8 x 8 px, and the extremes of every cell."""

from dataclasses import dataclass, replace
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.vision.view import View

Grey = NDArray[np.float32]

SMOOTHING_PX = 1.4
HALO_PX = 5  # half the Gaussian kernel, 3.6 sigma
# One sample for every eighth pixel of every eighth row: after the smoothing they are independent.
CELL_PX = 8
_SMALLEST_FOR_CELLS_PX = 64
_STRIP_PX = 64  # rows; a strip of a 4k frame and its temporaries stay in the cache
# A quiet corner (vacuum) may be this much quieter than the frame before its noise counts as its own; less
# would let read-out noise and compression artefacts pass for objects.
_QUIETEST = 0.5
_WIDE_CELLS = 32
_QUANTA = 20.0  # steps per noise unit in the 8-bit medians


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A smoothed frame in cells; each array of float32 and shape (cell row, cell col).

    Attributes
    ----------
    cell_px : int
        Side of a cell; 1 in frames too small to be divided.
    lowest, highest, mean : ndarray
        Extremes and mean of the smoothed, flattened grey values.
    sample : ndarray
        One of those values.
    level, noise : ndarray
        Local median and standard deviation of what is not object.
    """

    cell_px: int
    lowest: Grey
    highest: Grey
    mean: Grey
    sample: Grey
    level: Grey
    noise: Grey

    def fine(self, rows: slice, cols: slice) -> tuple[Grey, Grey]:
        """Return level and noise of the pixels of some rows and columns of cells."""
        first = max(rows.start - 1, 0), max(cols.start - 1, 0)
        offset = (rows.start - first[0]) * self.cell_px, (cols.start - first[1]) * self.cell_px
        height, width = (rows.stop - rows.start) * self.cell_px, (cols.stop - cols.start) * self.cell_px
        out = []
        for coarse in (self.level, self.noise):
            part = coarse[first[0] : rows.stop + 1, first[1] : cols.stop + 1]
            size = (part.shape[1] * self.cell_px, part.shape[0] * self.cell_px)
            full = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), np.float32)
            out.append(full[offset[0] : offset[0] + height, offset[1] : offset[1] + width])
        return out[0], out[1]


def smoothed(view: View, rows: slice, cols: slice) -> Grey:
    """Return a flattened window after a Gaussian of 1.4 px.

    Around the window the frame goes on; around the frame lies background, because repeated or mirrored pixels
    would raise the noise along its border.

    Parameters
    ----------
    rows, cols : slice
        Inside the frame, with explicit start and stop.

    Returns
    -------
    ndarray of float32, shape (row, col) of the window
    """
    top, left = max(rows.start - HALO_PX, 0), max(cols.start - HALO_PX, 0)
    wide = (
        slice(top, min(rows.stop + HALO_PX, view.shape[0])),
        slice(left, min(cols.stop + HALO_PX, view.shape[1])),
    )
    size = 2 * HALO_PX + 1
    blurred = cv2.GaussianBlur(view.window(*wide), (size, size), SMOOTHING_PX, borderType=cv2.BORDER_CONSTANT)
    inner = blurred[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    return np.asarray(inner, np.float32)


def divide_into_cells(view: View) -> Cells | None:
    """Smooth a frame and measure its cells, with one level and noise for all; None where nothing varies."""
    side = CELL_PX if min(view.shape) >= _SMALLEST_FOR_CELLS_PX else 1
    lowest, highest, mean, sample = _measure_cells(view, side)
    if float(highest.max()) - float(lowest.min()) <= 1e-6:
        return None
    level = np.full(sample.shape, np.median(sample), np.float32)
    noise = np.full(sample.shape, _noise_scale(sample - level, view), np.float32)
    return Cells(
        cell_px=side, lowest=lowest, highest=highest, mean=mean, sample=sample, level=level, noise=noise
    )


def in_neighbourhood(cells: Cells, window_px: float) -> Cells:
    """Return the cells with level and noise from a square window around each.

    Parameters
    ----------
    cells : Cells
        With the level and noise of the whole frame.
    window_px : float
        Side of the window; objects must fill less than half of it.

    Notes
    -----
    Noise is 1.4826 times the median absolute deviation, the consistent estimate of the standard deviation for
    a normal distribution (Rousseeuw and Croux, JASA 88 (1993) 1273).
    """
    middle, scale = float(cells.level[0, 0]), float(cells.noise[0, 0])
    level = _running_median(cells.sample, window_px / cells.cell_px, middle, scale)
    noise = 1.4826 * _running_median(np.abs(cells.sample - level), window_px / cells.cell_px, 0.0, scale)
    return replace(cells, level=level, noise=np.maximum(noise, np.float32(_QUIETEST * scale)))


def _measure_cells(view: View, side: int) -> tuple[Grey, Grey, Grey, Grey]:
    """Return lowest, highest, mean and one sample of every cell, cells cut by the frame's end included."""
    height, width = view.shape
    down, across = -(-height // side), -(-width // side)
    lowest, highest, mean, sample = (np.empty((down, across), np.float32) for _ in range(4))
    missing = across * side - width
    for top in range(0, height, _STRIP_PX):
        stop = min(top + _STRIP_PX, height)
        strip = smoothed(view, slice(top, stop), slice(0, width))
        short = -(stop - top) % side
        if missing or short:
            strip = np.pad(strip, ((0, short), (0, missing)), mode="edge")
        count = strip.shape[0] // side
        # Rows first: whole rows are compared at once, and only an eighth is left for the columns.
        blocks = strip.reshape(count, side, across * side)
        here = slice(top // side, top // side + count)
        low, high = blocks.min(axis=1), blocks.max(axis=1)
        lowest[here] = reduce(np.minimum, (low[:, k::side] for k in range(side)))
        highest[here] = reduce(np.maximum, (high[:, k::side] for k in range(side)))
        cv2.resize(strip, (across, count), dst=mean[here], interpolation=cv2.INTER_AREA)
        sample[here] = blocks[:, side // 2, side // 2 :: side]
    return lowest, highest, mean, sample


def _noise_scale(deviation: Grey, view: View) -> float:
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


def _running_median(values: Grey, window: float, middle: float, scale: float) -> Grey:
    """Return the running median in a square window, to a twentieth of `scale`, within 6 scales of `middle`."""
    size = min(int(window) // 2 * 2 + 1, 2 * (min(values.shape) // 2) - 1, 255)
    if size < 3:
        return np.full(values.shape, np.median(values), np.float32)
    if size > _WIDE_CELLS and min(values.shape) > 4 * _WIDE_CELLS:
        # Over a wide window the median changes so slowly that every other cell is enough.
        coarse = _running_median(values[::2, ::2], window / 2, middle, scale)
        return np.asarray(cv2.resize(coarse, values.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    quanta = np.clip((values - middle) * (_QUANTA / scale) + 128, 0, 255).astype(np.uint8)
    # Reflected, because repeating the border would give its few cells most of the votes there.
    half = size // 2
    padded = cv2.copyMakeBorder(quanta, half, half, half, half, cv2.BORDER_REFLECT_101)
    inner = cv2.medianBlur(padded, size)[half : half + values.shape[0], half : half + values.shape[1]]
    medians = np.asarray(inner, np.float32)
    return (medians - np.float32(128)) * np.float32(scale / _QUANTA) + np.float32(middle)
