"""Random numbers that depend on the seed and on what they are for, and on nothing else.

Every part of a frame draws from its own stream, so that leaving out one part does not change the others.
"""

import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def stream(purpose: str, *seeds: int) -> np.random.Generator:
    """Return the generator of one part of one frame.

    Parameters
    ----------
    purpose : str
        What the numbers are for, e.g. ``"foil"``.
    *seeds : int
        Not negative; e.g. specimen and frame.
    """
    return np.random.Generator(np.random.PCG64([zlib.crc32(purpose.encode()), *seeds]))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number between `low` and `high` (both > 0), every octave equally likely."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def band_noise(rng: np.random.Generator, shape: tuple[int, int], sigma_px: float) -> NDArray[np.float32]:
    """Return noise of about unit variance whose bumps are a few `sigma_px` wide.

    Wide bumps are made on a coarse grid and enlarged, which costs almost nothing.

    Parameters
    ----------
    rng : numpy Generator
    shape : tuple of int
        (row, col); where a side is not several `sigma_px` long, the variance is another one.
    sigma_px : float
        Standard deviation of the Gaussian that white noise is smoothed with, in pixels.

    Returns
    -------
    ndarray of float32, shape `shape`
        Mean about 0.
    """
    step = max(1, int(sigma_px / 2))
    coarse_shape = (-(-shape[0] // step), -(-shape[1] // step))
    noise = rng.standard_normal(coarse_shape, dtype=np.float32)
    sigma = sigma_px / step
    if sigma > 0.3:
        noise = smooth(noise, sigma) * np.float32(2.0 * np.sqrt(np.pi) * max(sigma, 0.5))
    if step == 1:
        return noise[: shape[0], : shape[1]]
    large = cv2.resize(noise, (coarse_shape[1] * step, coarse_shape[0] * step), interpolation=cv2.INTER_CUBIC)
    return as_float(large[: shape[0], : shape[1]])


def smooth(image: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Return `image` (row, col) after a Gaussian of `sigma_px`, mirrored at the border."""
    return as_float(cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT))


def as_float(image: Any) -> NDArray[np.float32]:
    """Return what OpenCV gave back as a float32 array (no copy where it is one)."""
    return np.asarray(image, np.float32)
