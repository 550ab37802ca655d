"""How bad defects of one kind are: by the largest of them, and by how densely they lie in the worst window."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from temwatch.acceptance.rules import BEYOND, GRADES, GradeRule
from temwatch.model.finding import Finding

Array = NDArray[np.float64]
Numbers = NDArray[np.intp]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the findings of a frame lie on its grid of windows.

    Windows are squares wholly inside the frame (rectangles where the frame is narrower than a window), in steps
    of an eighth of their side. The side is rounded so that the steps divide the frame evenly, by a sixteenth at
    most. An object's area is spread evenly over its rectangle, and what would fall outside the frame onto its
    border.

    Attributes
    ----------
    cells, steps : tuple of int
        (row, col): how many cells the frame has, and how many of them make a window.
    window_area_px : float
    cell, owner : ndarray of int, shape (m,)
        Points spread over the objects: the cell each falls into, and the object it belongs to, ascending.
    area_px : ndarray of float64, shape (m,)
        Share of its object's area that each point carries.
    """

    cells: tuple[int, int]
    steps: tuple[int, int]
    window_area_px: float
    cell: Numbers
    owner: Numbers
    area_px: Array

    def crowding(self, members: Sequence[int]) -> Crowding:
        """Return how densely these findings, given by number and ascending, lie without the others."""
        if not len(members):
            return Crowding(0.0, np.empty(0))
        rank = np.full(int(self.owner[-1]) + 1, -1)
        rank[members] = np.arange(len(members))
        position = rank[self.owner]
        mine = position >= 0
        cell, position = self.cell[mine], position[mine]
        covered: Array = np.zeros(self.cells[0] * self.cells[1])
        covered += np.bincount(cell, weights=self.area_px[mine], minlength=len(covered))
        shares = _window_sums(covered.reshape(self.cells), *self.steps) / self.window_area_px
        around = _largest_around(_largest_around(shares, self.steps[0]).T, self.steps[1]).T.ravel()
        starts = np.flatnonzero(np.diff(position, prepend=-1))
        return Crowding(float(shares.max()), np.maximum.reduceat(around[cell], starts))


def grade(rule: GradeRule, *, area_share: float, diameter_nm: float) -> str:
    """Return the first grade whose limits both hold, ``"VI"`` beyond the last."""
    for name, share, diameter in zip(GRADES, rule.area_share, rule.diameter_nm, strict=True):
        if area_share <= share and diameter_nm <= diameter:
            return name
    return BEYOND


def diameter_nm(finding: Finding, nm_per_px: float) -> float:
    """Return the diameter, in nm, of the circle with the finding's area."""
    return 2.0 * math.sqrt(finding.area_px / math.pi) * nm_per_px


def lay_out(findings: Sequence[Finding], *, shape: tuple[int, int], window_px: float) -> Layout:
    """Lay findings out on the grid of windows of this side in a frame of this shape, (row, col)."""
    (cells_row, steps_row), (cells_col, steps_col) = (_cells(size, window_px) for size in shape)
    sides = shape[0] * steps_row / cells_row, shape[1] * steps_col / cells_col
    rows, cols, owner = _points(findings, min(sides))
    at_row = np.clip(((rows + 0.5) * (cells_row / shape[0])).astype(np.intp), 0, cells_row - 1)
    at_col = np.clip(((cols + 0.5) * (cells_col / shape[1])).astype(np.intp), 0, cells_col - 1)
    area = np.array([finding.area_px for finding in findings], dtype=np.float64) / np.bincount(
        owner, minlength=len(findings)
    )
    return Layout(
        cells=(cells_row, cells_col),
        steps=(steps_row, steps_col),
        window_area_px=sides[0] * sides[1],
        cell=at_row * cells_col + at_col,
        owner=owner,
        area_px=area[owner],
    )


def _cells(size: int, window_px: float) -> tuple[int, int]:
    """Return into how many cells an edge is cut, and how many of them make a window's side."""
    windows = min(max(size / window_px, 1.0), _MOST_WINDOWS)
    steps = max(1, min(_STEPS, int(_MOST_CELLS / windows)))
    return max(steps, round(windows * steps)), steps


def _points(findings: Sequence[Finding], window_px: float) -> tuple[Array, Array, Numbers]:
    """Return rows, columns and owners, each of shape (m,), of a lattice over every finding's rectangle."""
    if not findings:
        return np.empty(0), np.empty(0), np.empty(0, dtype=np.intp)
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
    order = np.argsort(owner, kind="stable")
    return rows[order], cols[order], owner[order]


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
