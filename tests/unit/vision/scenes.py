"""Synthetic frames and regions with known truth for the tests of this room."""

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.model.region import Region


def region_of(mask: NDArray[np.bool_], score: float = 1.0) -> Region:
    """The region of all True pixels of a frame-sized mask."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return Region(row=int(rows[0]), col=int(cols[0]), mask=np.ascontiguousarray(box), score=score)


def disc(shape: tuple[int, int], row: float, col: float, radius: float) -> NDArray[np.bool_]:
    """A filled circle."""
    i, j = np.indices(shape)
    return np.hypot(i - row, j - col) <= radius


SIZE = 224  # of a blob's frame: large enough for its background to be known


def blob(seed: int, size: int = SIZE, radius: float = 22.0) -> NDArray[np.bool_]:
    """An irregular, lopsided object in the middle of a square frame."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    r = radius * (
        1 + sum(rng.normal(0, 0.25 / k) * np.cos(k * angle + rng.uniform(0, 7)) for k in range(1, 5))
    )
    points = np.stack([1.4 * r * np.cos(angle), 0.8 * r * np.sin(angle)], axis=1) + size / 2
    canvas = np.zeros((size, size), np.uint8)
    cv2.fillPoly(canvas, [np.round(points).astype(np.int32)], 1)
    return canvas.astype(bool)


def grey_frame(
    mask: NDArray[np.bool_], contrast: float = 0.3, seed: int = 0, noise: float = 0.02
) -> NDArray[np.float32]:
    """A frame of level 1000 in which the mask is brighter or darker by `contrast`, with noise."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.standard_normal(mask.shape).astype(np.float32), (0, 0), 1.0)
    frame = 1 + contrast * cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8) + noise * texture
    return (1000 * frame).astype(np.float32)


def discs_frame(
    shape: tuple[int, int], centres: list[tuple[float, float]], radius: float, contrast: float, seed: int = 0
) -> NDArray[np.float64]:
    """A frame of level 1000 with shot noise of 3 % and discs on it."""
    rng = np.random.default_rng(seed)
    light = np.ones(shape)
    for row, col in centres:
        light[disc(shape, row, col, radius)] += contrast
    light = cv2.GaussianBlur(light, (0, 0), 1.0)
    return 1000 * (light + 0.03 * np.sqrt(light) * rng.standard_normal(shape))
