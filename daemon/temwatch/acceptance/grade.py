"""How bad defects of one kind are: by the largest of them, and by how densely they lie in the worst window."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from temwatch.acceptance.rules import BEYOND, GRADES, GradeRule
from temwatch.model.finding import Finding

Array = NDArray[np.float64]

# Windows are moved by an eighth of their side; an object's area is spread over 8 x 8 points of its rectangle.
_STEPS = 8
_POINTS = 8
_MOST_POINTS = 64
# Finer cells cost milliseconds: where many windows lie along an edge they are moved by larger steps, and where
# they would be more than `_MOST_WINDOWS` they are made larger (a pixel is then wider than most defects).
_MOST_CELLS = 128
_MOST_WINDOWS = 256


@dataclass(frozen=True, slots=True)
class Crowding:
    """How densely objects lie.

    Attributes
    ----------
    worst : float
        Largest share of a window's area that the objects cover.
    of_each : ndarray of float64, shape (n,)
        For each object the largest share among the windows that it reaches into.
    """

    worst: float
    of_each: Array


def grade(rule: GradeRule, *, area_share: float, diameter_nm: float) -> str:
    """Return the first grade whose limits both hold, ``"VI"`` beyond the last."""
    for name, share, diameter in zip(GRADES, rule.area_share, rule.diameter_nm, strict=True):
        if area_share <= share and diameter_nm <= diameter:
            return name
    return BEYOND


def diameter_nm(finding: Finding, nm_per_px: float) -> float:
    """Return the diameter, in nm, of the circle with the finding's area."""
    return 2.0 * math.sqrt(finding.area_px / math.pi) * nm_per_px


def crowding(findings: Sequence[Finding], *, shape: tuple[int, int], window_px: float) -> Crowding:
    """Return how densely findings lie in the worst of all windows, and around each.

    Windows are squares wholly inside the frame (rectangles where the frame is narrower than a window), in steps
    of an eighth of their side. The side is rounded so that the steps divide the frame evenly, by a sixteenth at
    most. An object's area is spread evenly over its rectangle, and what would fall outside the frame onto its
    border.

    Parameters
    ----------
    findings : sequence of Finding, length n
    shape : tuple of int
        (row, col) of the frame.
    window_px : float
        Side of the window.
    """
    if not findings:
        return Crowding(0.0, np.empty(0))
    (cells_row, steps_row), (cells_col, steps_col) = (_cells(size, window_px) for size in shape)
    rows, cols, owner = _points(findings, window_px)
    at_row = np.clip(((rows + 0.5) * (cells_row / shape[0])).astype(np.intp), 0, cells_row - 1)
    at_col = np.clip(((cols + 0.5) * (cells_col / shape[1])).astype(np.intp), 0, cells_col - 1)
    cell = at_row * cells_col + at_col
    area = np.array([finding.area_px for finding in findings], dtype=np.float64) / np.bincount(owner)
    covered: Array = np.zeros(cells_row * cells_col)
    covered += np.bincount(cell, weights=area[owner], minlength=len(covered))
    window_area = (shape[0] * steps_row / cells_row) * (shape[1] * steps_col / cells_col)
    shares = _window_sums(covered.reshape(cells_row, cells_col), steps_row, steps_col) / window_area
    around = _largest_around(_largest_around(shares, steps_row).T, steps_col).T.ravel()
    of_each = np.zeros(len(findings))
    np.maximum.at(of_each, owner, around[cell])
    return Crowding(float(shares.max()), of_each)


def _cells(size: int, window_px: float) -> tuple[int, int]:
    """Return into how many cells an edge is cut, and how many of them make a window's side."""
    windows = min(max(size / window_px, 1.0), _MOST_WINDOWS)
    steps = max(1, min(_STEPS, int(_MOST_CELLS / windows)))
    return max(steps, round(windows * steps)), steps


def _points(findings: Sequence[Finding], window_px: float) -> tuple[Array, Array, NDArray[np.intp]]:
    """Return rows, columns and owners, each of shape (m,), of a lattice over every finding's rectangle."""
    boxes = [finding.rectangle for finding in findings]
    table = np.array([(box.row, box.col, box.length_px, box.width_px, box.angle_deg) for box in boxes])
    # Lattices over objects larger than a window are finer, or windows would catch too many of their points.
    wanted = np.clip(np.ceil(_POINTS * table[:, 2] / window_px), _POINTS, _MOST_POINTS).astype(int)
    parts = []
    for points in np.unique(wanted):
        owners = np.flatnonzero(wanted == points)
        row, col, length, width, angle = (column[:, None] for column in table[owners].T)
        step = (np.arange(points) + 0.5) / points - 0.5
        along, across = (axis.ravel() for axis in np.meshgrid(step, step))
        sine, cosine = np.sin(np.radians(angle)), np.cos(np.radians(angle))
        rows = row + length * along * sine + width * across * cosine
        cols = col + length * along * cosine - width * across * sine
        parts.append((rows.ravel(), cols.ravel(), np.repeat(owners, points**2)))
    rows, cols, owner = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return rows, cols, owner


def _window_sums(covered: Array, steps_row: int, steps_col: int) -> Array:
    total = np.zeros((covered.shape[0] + 1, covered.shape[1] + 1))
    total[1:, 1:] = covered.cumsum(axis=0).cumsum(axis=1)
    down = total[steps_row:] - total[:-steps_row]
    sums: Array = down[:, steps_col:] - down[:, :-steps_col]
    # Differences of sums leave rounding where nothing lies.
    return np.maximum(sums, 0.0)


def _largest_around(shares: Array, steps: int) -> Array:
    """Return for every cell along the first axis the largest of the windows, `steps` cells long, that hold it."""
    cells = len(shares) + steps - 1
    largest = np.zeros((cells, shares.shape[1]))
    for offset in range(steps):
        np.maximum(largest[offset : offset + len(shares)], shares, out=largest[offset : offset + len(shares)])
    return largest
