"""What the network is shown: every pixel over the contrast of its surroundings, never over noise alone."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
Pixels = NDArray[Any]  # real numbers of any type

CELL_PX = 8  # surroundings are measured at an eighth of the size
_REACH = 6.0  # cells: 48 px of the network's own
_FRAME_SHARE = 0.25  # of the frame's standard deviation: in empty areas nothing is enlarged beyond that
_LIMIT = 4.0
_GAIN = 1.5
_STRIP_ROWS = 512  # a multiple of the cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The level and the contrast around every pixel, on a coarse grid.

    Attributes
    ----------
    middle : float
        Mean of the frame, taken off before everything else.
    level, contrast : ndarray of float32, shape (row / 8, col / 8), rounded up
        Local mean less `middle`, and the divisor.
    constant : bool
        The frame does not vary.
    """

    middle: float
    level: Grey
    contrast: Grey
    constant: bool

    def strip(self, pixels: Pixels, start: int) -> Grey:
        """Return whole rows of the frame as the network is shown them.

        Parameters
        ----------
        pixels : ndarray, shape (row, col)
            Finite rows of the frame, all columns.
        start : int
            Number of the first row.

        Returns
        -------
        ndarray of float32, shape (row, col)
            Within ±4; all 0 in a constant frame.
        """
        shown = pixels.astype(np.float32)
        if self.constant:
            return np.zeros_like(shown)
        shown -= np.float32(self.middle)
        shown -= self._fine(self.level, start, shown.shape)
        shown /= self._fine(self.contrast, start, shown.shape)
        return np.clip(shown, -_LIMIT, _LIMIT, out=shown)

    @staticmethod
    def _fine(coarse: Grey, start: int, shape: tuple[int, ...]) -> Grey:
        """Return rows of a coarse grid at full resolution, the same whichever rows are asked for."""
        first = max(start // CELL_PX - 1, 0)
        last = min(-(-(start + shape[0]) // CELL_PX) + 1, len(coarse))
        part = coarse[first:last]
        size = (part.shape[1] * CELL_PX, part.shape[0] * CELL_PX)
        fine = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)
        offset = start - first * CELL_PX
        return np.asarray(fine[offset : offset + shape[0], : shape[1]], np.float32)


def surroundings(image: Pixels, *, frame_sd: float | None = None) -> Surroundings:
    """Measure the surroundings of every pixel.

    Parameters
    ----------
    image : ndarray, shape (row, col)
        Finite, at the scale of the network.
    frame_sd : float, optional
        Takes the place of the standard deviation of `image` where that is only a part of a frame.

    Notes
    -----
    The divisor is the local standard deviation plus the larger of a quarter of the frame's and the frame's
    pixel noise, so that read-out noise in vacuum stays small.
    """
    middle = float(image.mean(dtype=np.float64))
    means, squares = _cells(image, middle)
    spread = float(np.sqrt(max(squares.mean(dtype=np.float64), 0.0))) if frame_sd is None else frame_sd
    constant = spread <= 1e-6 * max(abs(middle), 1e-30)
    level = _around(means)
    local = np.sqrt(np.maximum(_around(squares) - level * level, 0))
    floor = max(_FRAME_SHARE * spread, pixel_noise(image))
    contrast = (local + np.float32(floor)) * np.float32(_GAIN)
    return Surroundings(middle=middle, level=level, contrast=contrast, constant=constant)


def normalised(image: Pixels, *, frame_sd: float | None = None) -> Grey:
    """Return a whole image as the network is shown it; see `surroundings`.

    It does not change when the image is multiplied by a positive number or a constant is added.
    """
    return surroundings(image, frame_sd=frame_sd).strip(image, 0)


def pixel_noise(image: Pixels) -> float:
    """Return the standard deviation of what is uncorrelated from pixel to pixel.

    Notes
    -----
    The mixed second difference a - b - c + d of a 2 x 2 block has twice the standard deviation of the noise;
    taken robustly (1.4826 times the median absolute value) after Donoho and Johnstone, Biometrika 81 (1994)
    425, who use the finest wavelet coefficients in the same way.
    """
    step = max(2, int(image.size / 262144))
    rows = (image.shape[0] - 2) // step + 1
    if rows < 1 or image.shape[1] < 2:
        return 0.0
    first = image[: rows * step : step][:rows].astype(np.float32)
    second = image[1 : 1 + rows * step : step][:rows].astype(np.float32)
    down = first - second
    return float(1.4826 * np.median(np.abs(down[:, :-1] - down[:, 1:])) / 2)


def _cells(image: Pixels, middle: float) -> tuple[Grey, Grey]:
    """Return mean and mean square, less the frame's mean, of every cell; cells over the border are filled up."""
    means, squares = [], []
    for top in range(0, image.shape[0], _STRIP_ROWS):
        part = image[top : top + _STRIP_ROWS].astype(np.float32) - np.float32(middle)
        below, beside = -part.shape[0] % CELL_PX, -part.shape[1] % CELL_PX
        part = np.asarray(cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.float32)
        size = (part.shape[1] // CELL_PX, part.shape[0] // CELL_PX)
        means.append(cv2.resize(part, size, interpolation=cv2.INTER_AREA))
        squares.append(cv2.resize(part * part, size, interpolation=cv2.INTER_AREA))
    return np.concatenate(means).astype(np.float32), np.concatenate(squares).astype(np.float32)


def _around(coarse: Grey) -> Grey:
    return np.asarray(cv2.GaussianBlur(coarse, (0, 0), _REACH, borderType=cv2.BORDER_REFLECT), np.float32)
