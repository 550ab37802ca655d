"""The slowly varying light of a frame: a low polynomial through block medians, blind to objects that fill less than half a block."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

# Blocks along the short side of a large frame, and samples along the side of a block: the median of 8 x 8
# samples is as good a level as that of all pixels of the block, at a hundredth of the reading.
_BLOCKS = 64
_SAMPLES = 8
_SMALLEST_BLOCK_PX = 16
_ROUNDS = 4
# Share of the frame's range below which a level is too dark to divide by (vacuum, dark field, signed data).
_DARKEST = 0.1


@dataclass(frozen=True, kw_only=True)
class Background:
    """A polynomial surface over the frame, in the frame's own grey values.

    Attributes
    ----------
    shape : tuple of int
        (row, col) of the frame.
    coefficients : ndarray of float64, shape (degree + 1, degree + 1)
        Entry [i, j] belongs to y**i * x**j, with y and x running over [-1, 1] across the frame.
    floor : float
        Smallest grey value that is used as a divisor; positive.
    """

    shape: tuple[int, int]
    coefficients: NDArray[np.float64]
    floor: float

    def levels(self, rows: slice, cols: slice) -> NDArray[np.float32]:
        """Return the background of a window.

        Parameters
        ----------
        rows, cols : slice
            Inside the frame, with explicit start and stop.

        Returns
        -------
        ndarray of float32, shape (row, col) of the window
        """
        down, across = self._powers
        # The surface is a sum of products of a column of y and a row of x: one thin matrix product.
        level: NDArray[np.float32] = down[rows] @ across[:, cols]
        return level

    @cached_property
    def _powers(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Powers of y times the coefficients, shape (row, k), and powers of x, shape (k, col)."""
        powers = np.arange(self.coefficients.shape[0])
        y = _centred(np.arange(self.shape[0]), self.shape[0])[:, None] ** powers
        x = _centred(np.arange(self.shape[1]), self.shape[1])[:, None] ** powers
        return (y @ self.coefficients).astype(np.float32), np.ascontiguousarray(x.T, np.float32)

    def flatten(self, window: NDArray[np.float32], rows: slice, cols: slice) -> NDArray[np.float32]:
        """Return a window with the background divided out: ``(image - background) / divisor``.

        The divisor is the background itself, or `floor` where the background is darker than that. So the
        result is the relative contrast, and does not change when the frame is multiplied by a number.

        Parameters
        ----------
        window : ndarray of float32, shape (row, col)
            The frame's pixels of that window. Non-finite pixels come out as 0.
        rows, cols : slice

        Returns
        -------
        ndarray of float32, shape (row, col)
        """
        level = self.levels(rows, cols)
        flat: NDArray[np.float32] = window - level
        if self._is_dark:
            np.maximum(level, np.float32(self.floor), out=level)
        flat /= level
        if not np.isfinite(flat.sum()):
            flat[~np.isfinite(flat)] = 0
        return flat

    @cached_property
    def _is_dark(self) -> bool:
        """Whether the floor is needed anywhere; looked up on a grid, with a margin for what lies between."""
        down, across = self._powers
        rows = np.linspace(0, self.shape[0] - 1, 33).astype(np.intp)
        cols = np.linspace(0, self.shape[1] - 1, 33).astype(np.intp)
        return bool((down[rows] @ across[:, cols]).min() < 1.2 * self.floor)


def fit_background(image: NDArray[np.generic]) -> Background:
    """Fit the background of a frame.

    Parameters
    ----------
    image : ndarray, shape (row, col)
        Real numbers; non-finite ones are left out.

    Returns
    -------
    Background
        Of degree 4 on large frames, 2, 1 or 0 where there are too few blocks to carry more.

    Notes
    -----
    Iteratively re-weighted least squares with Cauchy weights ``1 / (1 + (r / 2s)²)``, s from the median
    absolute residual (Holland and Welsch, Communications in Statistics A6 (1977) 813): blocks full of objects
    lose their say.
    """
    shape = (image.shape[0], image.shape[1])
    block = min(max(min(shape) // _BLOCKS, _SMALLEST_BLOCK_PX), min(shape))
    medians, rows, cols, spread = _block_medians(image, block)
    y = _centred(rows, shape[0])
    x = _centred(cols, shape[1])
    known = np.isfinite(medians)
    degree = _degree(min(len(rows), len(cols)))
    coefficients = np.zeros((degree + 1, degree + 1))
    if known.any():
        grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
        terms = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
        basis = np.stack([grid_y[known] ** i * grid_x[known] ** j for i, j in terms], axis=1)
        for term, value in zip(terms, _robust_fit(basis, medians[known]), strict=True):
            coefficients[term] = value
    floor = max(_DARKEST * spread, 1e-6 * float(np.abs(coefficients[0, 0])), 1e-30)
    return Background(shape=shape, coefficients=coefficients, floor=floor)


def _block_medians(
    image: NDArray[np.generic], block: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return block medians (row, col), the centres of their rows and cols in px, and the range of grey values."""
    step = max(1, block // _SAMPLES)
    with np.errstate(over="ignore"):
        top, left = (
            min(step // 2, size - 1) for size in image.shape
        )  # frames of one pixel have a sample too
        samples = image[top::step, left::step].astype(np.float64)
    side = min(block // step, *samples.shape)
    down, across = samples.shape[0] // side, samples.shape[1] // side
    finite = samples[np.isfinite(samples)]
    low, high = np.percentile(finite, (1, 99)) if finite.size else (0.0, 0.0)
    tiles = samples[: down * side, : across * side].reshape(down, side, across, side)
    flat = tiles.transpose(0, 2, 1, 3).reshape(down, across, side * side)
    if finite.size == samples.size:
        middle = flat.shape[2] // 2
        medians = np.partition(flat, middle, axis=2)[:, :, middle]
    else:
        medians = _finite_medians(flat)
    centre = (side - 1) / 2 * step + step // 2
    return (
        medians,
        np.arange(down) * side * step + centre,
        np.arange(across) * side * step + centre,
        float(high - low),
    )


def _finite_medians(tiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the medians over the last axis of what is finite; NaN for tiles without a finite sample."""
    ordered = np.sort(np.where(np.isfinite(tiles), tiles, np.nan), axis=2)  # NaN sorts to the end
    count = np.isfinite(ordered).sum(axis=2)
    middle = np.maximum(count - 1, 0) // 2
    return np.take_along_axis(ordered, middle[:, :, None], axis=2)[:, :, 0]


def _degree(blocks: int) -> int:
    """Return the degree that a grid of so many blocks along its short side can carry."""
    if blocks >= 16:
        return 4
    if blocks >= 6:
        return 2
    return 1 if blocks >= 4 else 0


def _robust_fit(basis: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coefficients of `values` on the columns of `basis`, outliers weighted down."""
    weights: NDArray[np.float64] = np.ones_like(values)
    fit: NDArray[np.float64] = np.zeros(basis.shape[1])
    for _ in range(_ROUNDS):
        weighted = basis * weights[:, None]
        fit = np.asarray(np.linalg.lstsq(weighted.T @ basis, weighted.T @ values, rcond=None)[0], np.float64)
        residual = np.asarray(values - basis @ fit, np.float64)
        scale = 1.4826 * float(np.median(np.abs(residual)))
        if scale <= 1e-12 * float(np.abs(values).max(initial=0.0)):
            break
        weights = np.asarray(1 / (1 + (residual / (2 * scale)) ** 2))
    return fit


def _centred(positions: NDArray[np.integer] | NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Map pixel positions 0 .. size-1 to (-1, 1)."""
    return (positions + 0.5) / size * 2.0 - 1.0
