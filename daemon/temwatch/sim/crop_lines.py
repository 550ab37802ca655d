"""Dislocations and cracks of a training crop; labelled only where a line stands out of what is around it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.sim.chance import as_float, band_noise, log_uniform, smooth

Grey = NDArray[np.float32]
Points = NDArray[np.float64]

_STEP_PX = 3.0


def dislocations(rng: np.random.Generator, side: int, *, width_px: float, count: int) -> Grey:
    """Return soft lines, each about 1 at its darkest or brightest, some dotted by oscillating contrast.

    Returns
    -------
    ndarray of float32, shape (side, side)
    """
    total = np.zeros((side, side), np.float32)
    curvature = log_uniform(rng, 0.03, 0.4)
    for _ in range(count):
        path = walk(rng, log_uniform(rng, 18, 220), curvature) + rng.uniform(-20, side + 20, 2)
        line = np.zeros((side, side), np.float32)
        _stroke(line, path, np.full(len(path) - 1, width_px * log_uniform(rng, 0.7, 1.5)))
        line = smooth(line, log_uniform(rng, 0.7, 1.8))
        line = normalised(line) * np.float32(rng.uniform(0.6, 1.2))
        if rng.random() < 0.4:
            line *= np.clip(1 + 0.6 * band_noise(rng, line.shape, log_uniform(rng, 3, 9)), 0.1, 2)
        total = np.maximum(total, line)
    return total


def network(rng: np.random.Generator, side: int, *, width_px: float) -> Grey:
    """Return a net of soft lines that closes cells, as dislocations do at subgrain boundaries.

    What the cells enclose is as bright as what is outside of them: no object.

    Returns
    -------
    ndarray of float32, shape (side, side)
    """
    row, col = np.mgrid[0:side, 0:side].astype(np.float32)
    wobble = log_uniform(rng, 1, 10)
    row += wobble * band_noise(rng, row.shape, log_uniform(rng, 8, 25))
    col += wobble * band_noise(rng, row.shape, log_uniform(rng, 8, 25))
    pitch = log_uniform(rng, 22, 110)
    count = int(np.clip((side / pitch) ** 2, 3, 60))
    distances = np.stack(
        [np.hypot(row - r, col - c) for r, c in rng.uniform(-0.2 * side, 1.2 * side, (2 * count, 2))]
    )
    distances.partition(1, axis=0)
    # The difference of the distances to the two nearest seeds is about twice that to the border between them.
    away = (distances[1] - distances[0]) / 2
    line = np.exp(-0.5 * (away / max(0.45 * width_px, 0.8)) ** 2)
    line *= np.clip(1 + rng.uniform(0, 1.2) * band_noise(rng, line.shape, log_uniform(rng, 8, 30)), 0, 1.5)
    return normalised(as_float(line))


def cracks(rng: np.random.Generator, side: int, *, width_px: float, count: int) -> Grey:
    """Return sharp, kinked lines that taper to their end.

    Returns
    -------
    ndarray of float32, shape (side, side)
    """
    total = np.zeros((side, side), np.float32)
    for _ in range(count):
        path = walk(rng, log_uniform(rng, 40, 300), log_uniform(rng, 0.03, 0.3), kinks=0.06)
        path += rng.uniform(-20, side + 20, 2)
        line = np.zeros((side, side), np.float32)
        widths = width_px * log_uniform(rng, 0.6, 1.6) * np.linspace(1, 0.35, len(path) - 1)
        _stroke(line, path, widths * np.exp(rng.normal(0, 0.15, len(widths))))
        total = np.maximum(total, normalised(smooth(line, log_uniform(rng, 0.5, 1.0))))
    return total


def walk(rng: np.random.Generator, length_px: float, curvature: float, *, kinks: float = 0.03) -> Points:
    """Return points (row, col) of a random path from the origin; `kinks` is the share of sharp turns."""
    steps = max(int(length_px / _STEP_PX), 4)
    turns = rng.normal(0, curvature, steps) + (rng.random(steps) < kinks) * rng.normal(0, 0.8, steps)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(turns)
    return np.cumsum(np.stack([np.sin(heading), np.cos(heading)], 1) * _STEP_PX, axis=0)


def normalised(line: Grey) -> Grey:
    """Return a drawn line over its own height, so that blurring a thin one doesn't make it invisible."""
    drawn = line[line > 0.02]
    return as_float(line / max(float(np.percentile(drawn, 90)), 0.05)) if drawn.size else line


def _stroke(canvas: Grey, path: Points, widths_px: NDArray[np.float64]) -> None:
    fixed = np.round(path[:, ::-1] * 16).astype(int).tolist()
    for start, end, width in zip(fixed[:-1], fixed[1:], widths_px.tolist(), strict=True):
        cv2.line(canvas, start, end, 1.0, max(1, round(width)), cv2.LINE_8, 4)
