"""The network's answer for a frame of any size, tile by tile, in one byte a number."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.vision.finder.normalise import surroundings

STRIDE = 2  # the network answers for every second pixel
TILE_PX = 640  # a large frame stays under 250 MB in all; 1024 would take 20 MB more and no less time
OVERLAP_PX = 64  # half of it on each side is thrown away
_MULTIPLE = 32  # five levels of halving
_RADIUS_STEPS = 50.0  # steps of a byte for each unit of log radius

# (1, 1, row, col) normalised in, (1, 4, row / 2, col / 2) out.
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planes:
    """What the network says, at every second pixel of what it was shown.

    Attributes
    ----------
    objects, core, line : ndarray of uint8, shape (row / 2, col / 2), rounded up
        Probabilities, 255 for 1.
    log_radius : ndarray of uint8, same shape
        Natural logarithm of the radius in network px, in fiftieths.
    """

    objects: NDArray[np.uint8]
    core: NDArray[np.uint8]
    line: NDArray[np.uint8]
    log_radius: NDArray[np.uint8]

    def radius_px(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the expected radii at places of the planes, in network px."""
        return np.exp(self.log_radius[rows, cols] / _RADIUS_STEPS)


def answer(network: Network, image: NDArray[Any]) -> Planes:
    """Return the network's answer for an image.

    Parameters
    ----------
    network : callable
    image : ndarray, shape (row, col)
        Finite, at the scale the network is to see; of a type OpenCV knows.
    """
    height, width = image.shape
    around = surroundings(image)
    whole = np.zeros((4, -(-height // STRIDE), -(-width // STRIDE)), np.uint8)
    if around.constant:
        return _named(whole)
    for top, bottom in _spans(height):
        first, last = _widened(top, bottom, height)
        strip = around.strip(image[first:last], first)
        for left, right in _spans(width):
            begin, end = _widened(left, right, width)
            said = _asked(network, strip[:, begin:end])
            rows = slice((top - first) // STRIDE, -(-(bottom - first) // STRIDE))
            cols = slice((left - begin) // STRIDE, -(-(right - begin) // STRIDE))
            target = slice(top // STRIDE, -(-bottom // STRIDE)), slice(left // STRIDE, -(-right // STRIDE))
            whole[:, target[0], target[1]] = _bytes(said[:, rows, cols])
    return _named(whole)


def _spans(length: int) -> list[tuple[int, int]]:
    """Return where tiles begin and end without their overlap; equal parts, all but the last of whole 32 px."""
    count = max(1, -(-length // (TILE_PX - OVERLAP_PX)))
    step = -(-length // count)
    step += -step % _MULTIPLE
    return [(start, min(start + step, length)) for start in range(0, length, step)]


def _widened(start: int, stop: int, length: int) -> tuple[int, int]:
    return max(start - OVERLAP_PX // 2, 0), min(stop + OVERLAP_PX // 2, length)


def _asked(network: Network, shown: NDArray[np.float32]) -> NDArray[np.float32]:
    below, beside = -shown.shape[0] % _MULTIPLE, -shown.shape[1] % _MULTIPLE
    padded: Any = cv2.copyMakeBorder(shown, 0, below, 0, beside, cv2.BORDER_REFLECT)
    return np.asarray(network(np.ascontiguousarray(padded, np.float32)[None, None])[0], np.float32)


def _bytes(said: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return logits as probabilities and log radii, in bytes."""
    numbers = np.empty(said.shape, np.float32)
    np.negative(said[:3], out=numbers[:3])
    np.exp(np.minimum(numbers[:3], 30, out=numbers[:3]), out=numbers[:3])
    numbers[:3] += 1
    np.divide(255, numbers[:3], out=numbers[:3])
    np.multiply(said[3], _RADIUS_STEPS, out=numbers[3])
    numbers += np.float32(0.5)
    return np.asarray(np.clip(numbers, 0, 255, out=numbers), np.uint8)


def _named(planes: NDArray[np.uint8]) -> Planes:
    return Planes(objects=planes[0], core=planes[1], line=planes[2], log_radius=planes[3])
