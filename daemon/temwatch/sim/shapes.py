"""Outlines of defects, and how much of every pixel lies inside. Lengths in pixels, points as (row, col)."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.sim.chance import as_float

Points = NDArray[np.float64]

_FINE = 4  # edge of a pixel, in the sub-pixels coverage is counted on
_SHIFT = 4  # binary digits OpenCV takes after the point
_PAD = 3  # empty pixels around a shape
_HAIR_PX = 1.25  # a thinner crack would cover no pixel by half, and have no mask


class Canvas:
    """An area to draw on at a fraction of a pixel; gives the share of each pixel that was covered.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        Everything that will be drawn lies within the bounding box of these (row, col) ...
    margin : float
        ... widened by this many pixels.
    """

    def __init__(self, points: Points, margin: float = 0.0) -> None:
        low = np.floor(points.min(axis=0) - margin).astype(int) - _PAD
        high = np.ceil(points.max(axis=0) + margin).astype(int) + _PAD
        self._origin = low
        self._shape = tuple(int(n) for n in high - low)
        self._fine = np.zeros((self._shape[0] * _FINE, self._shape[1] * _FINE), np.uint8)

    def _fixed_point(self, points: Points) -> NDArray[np.int32]:
        fine = (points - self._origin + 0.5) * _FINE - 0.5
        return np.asarray(np.round(fine[:, ::-1] * (1 << _SHIFT)), np.int32)

    def fill(self, outline: Points) -> None:
        """Add the inside of a closed outline."""
        cv2.fillPoly(self._fine, [self._fixed_point(outline)], 255, cv2.LINE_8, _SHIFT)

    def stroke(self, path: Points, widths_px: NDArray[np.float64]) -> None:
        """Add a path with round ends whose width changes from segment to segment (one less than points)."""
        corners = self._fixed_point(path).tolist()
        thick = np.maximum(np.round(widths_px * _FINE), 1).astype(int).tolist()
        for start, end, width in zip(corners[:-1], corners[1:], thick, strict=True):
            cv2.line(self._fine, start, end, 255, width, cv2.LINE_8, _SHIFT)

    def coverage(self) -> NDArray[np.float32]:
        """Return the covered share of each pixel, in [0, 1]."""
        size = (self._shape[1], self._shape[0])
        return as_float(cv2.resize(self._fine, size, interpolation=cv2.INTER_AREA)) / np.float32(255)


def filled(outlines: Sequence[Points]) -> NDArray[np.float32]:
    """Return the share of each pixel that lies inside at least one outline (shape with a small empty rim)."""
    canvas = Canvas(np.concatenate(outlines))
    for outline in outlines:
        canvas.fill(outline)
    return canvas.coverage()


def rotated(points: Points, angle_rad: float) -> Points:
    """Return `points` turned about the origin."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return np.asarray(points @ np.array([[cos, -sin], [sin, cos]]), np.float64)


def blob(
    rng: np.random.Generator, radius_px: float, *, ragged: float, aspect: float, harmonics: int, decay: float
) -> Points:
    """Return a closed outline whose radius is a random Fourier series.

    Parameters
    ----------
    rng : numpy Generator
    radius_px : float
        Radius of the circle of equal area.
    ragged : float
        Standard deviation of the radius over the mean; 0 is an ellipse.
    aspect : float
        Short over long axis before roughening, in (0, 1].
    harmonics : int
        How many, from 2 upwards.
    decay : float
        Harmonic k has amplitude k^-decay; small values give jagged outlines.

    Returns
    -------
    ndarray of float64, shape (160, 2)
    """
    turn = np.linspace(0, 2 * np.pi, 160, endpoint=False)
    orders = np.arange(2, 2 + harmonics)[:, None]
    waves = np.cos(orders * turn + rng.uniform(0, 2 * np.pi, (harmonics, 1)))
    series = (rng.standard_normal((harmonics, 1)) / orders**decay * waves).sum(axis=0)
    radius = np.clip(1 + ragged * series / max(float(series.std()), 1e-6), 0.4, None)
    outline = np.stack([radius * np.sin(turn) * np.sqrt(aspect), radius * np.cos(turn) / np.sqrt(aspect)], 1)
    return placed(rng, outline, radius_px)


def facets(
    rng: np.random.Generator,
    radius_px: float,
    *,
    corners: int,
    aspect: float,
    jitter: float,
    rounding: float = 0.0,
) -> Points:
    """Return a polygon of `corners` corners and the area of a circle of `radius_px`.

    `jitter` moves each corner by that fraction of the radius and of the angle between corners; `rounding` is
    the share of the outline that belongs to rounded corners, in [0, 1].
    """
    step = 2 * np.pi / corners
    turn = np.arange(corners) * step + rng.normal(0, jitter * step, corners)
    radius = 1 + rng.normal(0, jitter, corners)
    outline = np.stack([radius * np.sin(turn) * np.sqrt(aspect), radius * np.cos(turn) / np.sqrt(aspect)], 1)
    return placed(rng, _rounded(outline, rounding), radius_px)


def _rounded(corners: Points, share: float) -> Points:
    """Return the outline through `corners`, each cut off by a parabola over `share` of the edges beside it."""
    before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
    start = corners + (before - corners) * share / 2
    end = corners + (after - corners) * share / 2
    t = np.linspace(0, 1, 7)[None, :, None]
    curve = (1 - t) ** 2 * start[:, None] + 2 * t * (1 - t) * corners[:, None] + t**2 * end[:, None]
    return np.asarray(curve.reshape(-1, 2), np.float64)


def placed(rng: np.random.Generator, outline: Points, radius_px: float) -> Points:
    """Return `outline` turned at random, scaled to the area of a circle of `radius_px`, off the pixel grid."""
    row, col = outline.T
    area = 0.5 * abs(float(row @ np.roll(col, 1) - col @ np.roll(row, 1)))
    scale = radius_px * np.sqrt(np.pi / area)
    return rotated(outline * scale, rng.uniform(0, 2 * np.pi)) + rng.uniform(0, 1, 2)


def clump(rng: np.random.Generator, radius_px: float, *, parts: int, aspect: float) -> list[Points]:
    """Return overlapping angular outlines that together are about as large as a circle of `radius_px`."""
    outlines = []
    turn = rng.uniform(0, 2 * np.pi)
    for _ in range(parts):
        part_px = radius_px / np.sqrt(parts) * rng.uniform(0.9, 1.5)
        corners = int(rng.integers(4, 9))
        outline = facets(rng, part_px, corners=corners, aspect=rng.uniform(0.5, 1), jitter=0.2, rounding=0.3)
        at = rng.normal(0, 0.45, 2) * radius_px * (1 if parts > 1 else 0) * np.array([aspect, 1.0])
        outlines.append(outline + rotated(at[None], turn))
    return outlines


def crack(
    rng: np.random.Generator, length_px: float, width_px: float, *, wander: float
) -> NDArray[np.float32]:
    """Return the coverage of a crack that wanders, tapers to its end, varies in width and branches.

    Parameters
    ----------
    rng : numpy Generator
    length_px : float
        Along the main path.
    width_px : float
        The widest place of the main path.
    wander : float
        Standard deviation of the turn at each step, in radians; kinks come on top.
    """
    branches = _branches(rng, length_px, width_px, wander)
    canvas = Canvas(np.concatenate([path for path, _ in branches]), margin=width_px)
    for path, widths in branches:
        canvas.stroke(path, widths)
    return canvas.coverage()


def _branches(
    rng: np.random.Generator, length_px: float, width_px: float, wander: float
) -> list[tuple[Points, NDArray[np.float64]]]:
    """Return path and widths of the main crack and of what forks off it, two generations deep."""
    grown: list[tuple[Points, NDArray[np.float64]]] = []
    waiting = [(np.zeros(2), float(rng.uniform(0, 2 * np.pi)), length_px, width_px, 0)]
    while waiting:
        start, heading, length, width, generation = waiting.pop()
        path, widths, headings = _walk(rng, start, heading, length, width, wander)
        grown.append((path, widths))
        for _ in range(rng.poisson(1.3) if generation < 2 else 0):
            at = int(rng.integers(1, len(widths)))
            fork = headings[at] + rng.choice([-1.0, 1.0]) * rng.uniform(0.4, 1.1)
            left = length * (1 - at / len(widths)) * rng.uniform(0.3, 0.7)
            if left > 3 * widths[at]:
                waiting.append((path[at], float(fork), left, widths[at] * 0.7, generation + 1))
    return grown


def _walk(
    rng: np.random.Generator, start: Points, heading: float, length_px: float, width_px: float, wander: float
) -> tuple[Points, NDArray[np.float64], NDArray[np.float64]]:
    """Return points, width of each segment (at most `width_px`, unless that is a hair) and its heading."""
    steps = max(int(length_px / 4), 4)
    kinks = (rng.random(steps) < 0.04) * rng.normal(0, 0.7, steps)
    headings = heading + np.cumsum(rng.normal(0, wander, steps) + kinks)
    moves = np.stack([np.sin(headings), np.cos(headings)], 1) * (length_px / steps)
    path = np.concatenate([start[None], start + np.cumsum(moves, axis=0)])
    swell = np.clip(1 + np.cumsum(rng.normal(0, 0.4 / np.sqrt(steps), steps)), 0.4, 2.0)
    mouth = np.clip(np.linspace(0.2, 0.2 + rng.uniform(3, 12), steps), 0, 1)
    widths = swell * mouth * np.linspace(1, rng.uniform(0.15, 0.45), steps)
    return path, np.maximum(width_px * widths / widths.max(), _HAIR_PX), headings
