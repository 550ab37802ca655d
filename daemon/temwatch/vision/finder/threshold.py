"""Regions darker or brighter than their neighbourhood by so many times the noise; in frames of few counts noise passes for objects."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.model.region import Region
from temwatch.vision.finder.base import Found
from temwatch.vision.finder.noise import Cells, Grey, divide_into_cells, in_neighbourhood, smoothed
from temwatch.vision.view import View

Mask = NDArray[np.uint8]

_SMALLEST_PX = 24
# Side of the window that level and noise are taken from; an object must fill less than half of it. The wide
# one is for objects with a short side of at least _LARGE_PX only.
_WINDOW_PX = 168
_WINDOW_PER_OBJECT = 6.0
_WIDE_WINDOW_PX = 504
_LARGE_PX = 64
_JOIN_PX = 4  # radius of the closing that groups pieces: gaps up to about twice this are bridged
_REACH_CELLS = 2  # how many cells a weak part may lie away from a strong one
_FRINGE_PX = 4  # a Fresnel fringe is a thin opposite rim this close to its object
_FRINGE_SHARE = 0.5
_EDGE_SHARE = 0.5
_OWN_PX = 100  # area from which a compact part of a group is an object of its own
_FILLED = 0.5
_MOST_REGIONS = 5000
_JOIN = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _JOIN_PX + 1, 2 * _JOIN_PX + 1))
_AROUND = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _FRINGE_PX + 1, 2 * _FRINGE_PX + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A group of pixels of one polarity; `evidence` is the sum of their scores, `peak` the best score."""

    row: int
    col: int
    mask: Mask
    peak: float
    evidence: float


class ThresholdFinder:
    """Finds dark and bright regions by hysteresis thresholds in units of the local noise.

    Parameters
    ----------
    sensitivity : float
        In [0, 1]; see `thresholds`.
    """

    name = "threshold"

    def __init__(self, sensitivity: float = 0.5) -> None:
        self.sensitivity = sensitivity

    def find(self, view: View) -> Found:
        """Return the dark and bright regions of a frame.

        Pieces that lie within a few pixels of each other become one region: a crack that noise cut up, a
        cluster of micro-pores.
        """
        cells = divide_into_cells(view)
        if cells is None:
            return Found(regions=(), notes=("the frame is constant: there is nothing to find",))
        pieces = _uncovered(list(self._pieces(view, cells)))
        notes: tuple[str, ...] = ()
        if len(pieces) > _MOST_REGIONS:
            notes = (f"{len(pieces)} regions found; the {_MOST_REGIONS} that stand out most were kept",)
            pieces = sorted(pieces, key=lambda piece: -piece.peak)[:_MOST_REGIONS]
        high = thresholds(self.sensitivity).high
        regions = tuple(
            Region(row=p.row, col=p.col, mask=p.mask.view(bool), score=p.peak / (p.peak + high))
            for p in pieces
        )
        return Found(regions=regions, notes=notes)

    def _pieces(self, view: View, cells: Cells) -> Iterator[_Piece]:
        """Yield the pieces of both polarities: small ones, and those too large for the small window."""
        window = _WINDOW_PER_OBJECT * view.object_size_px if view.object_size_px else _WINDOW_PX
        passes = [(in_neighbourhood(cells, max(window, _WINDOW_PX)), 0)]
        if view.object_size_px is None:
            passes.append((in_neighbourhood(cells, _WIDE_WINDOW_PX), _LARGE_PX))
        for local, shortest_px in passes:
            if view.polarity != "dark":
                yield from self._of_polarity(view, local, 1, shortest_px)
            if view.polarity != "bright":
                yield from self._of_polarity(view, local, -1, shortest_px)

    def _of_polarity(self, view: View, cells: Cells, sign: int, shortest_px: int) -> Iterator[_Piece]:
        """Yield the pieces of one polarity (+1 bright, -1 dark) that extend so far in both directions."""
        limit = thresholds(self.sensitivity)
        extreme = cells.highest if sign > 0 else cells.lowest
        best = sign * (extreme - cells.level) / cells.noise
        mean = sign * (cells.mean - cells.level) / cells.noise
        for rows, cols, near in _places(best, mean, limit):
            if (min(near.shape) - 2 * _REACH_CELLS) * cells.cell_px < shortest_px:
                continue
            score, weak = _scored(view, cells, rows, cols, near, sign, limit.low)
            for piece in _joined(score, weak, rows.start * cells.cell_px, cols.start * cells.cell_px):
                stands_out = piece.peak > limit.sure or piece.evidence > limit.evidence
                if piece.peak > limit.high and stands_out and min(piece.mask.shape) >= shortest_px:
                    yield piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How far, in units of the noise, a region must stand out.

    Attributes
    ----------
    high, low : float
        What its best pixel, and what each of its pixels must exceed.
    sure, evidence : float
        Either its best pixel exceeds `sure`, or the sum over its pixels exceeds `evidence`. White noise has
        thousands of peaks above 3 in a frame of 4096 x 4096 pixels, but they are small: their sums stay below.
    """

    high: float
    low: float
    sure: float
    evidence: float


def thresholds(sensitivity: float) -> Thresholds:
    """Return the thresholds for a sensitivity, clipped to [0, 1]; 3, 2.25, 6 and 480 at 0.5."""
    high = 5.0 - 4.0 * min(max(sensitivity, 0.0), 1.0)
    return Thresholds(high=high, low=0.75 * high, sure=2 * high, evidence=160 * high)


def _places(best: Grey, mean: Grey, limit: Thresholds) -> Iterator[tuple[slice, slice, Mask]]:
    """Yield boxes of cells around every promising group of cells, and in them 1 where the group reaches.

    Parameters
    ----------
    best, mean : ndarray of float32, shape (cell row, cell col)
        The best and the mean score in every cell.

    Notes
    -----
    White noise has a pixel above the high threshold in every thirtieth cell. A cell counts only if its best
    pixel is sure or its mean is half as high, and a group only if its best cell is sure or its cells together
    have four times the high threshold: the peaks of white noise are a cell or two wide.
    """
    counts = (best > limit.sure) | ((best > limit.high) & (mean > limit.high / 2))
    strong = np.where(counts, best, np.float32(0))
    size = 2 * _REACH_CELLS + 1
    reached = cv2.dilate((strong > 0).view(np.uint8), np.ones((size, size), np.uint8))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(reached, connectivity=8)
    where = np.flatnonzero(strong)
    group, score = labels.ravel()[where], strong.ravel()[where]
    total = np.bincount(group, score, minlength=count)
    sure = np.bincount(group, score > limit.sure, minlength=count)
    for k in range(1, count):
        if total[k] < 4 * limit.high and not sure[k]:
            continue
        left, top, width, height = (int(v) for v in boxes[k, :4])
        rows, cols = slice(top, top + height), slice(left, left + width)
        yield rows, cols, (labels[rows, cols] == k).astype(np.uint8)


def _scored(
    view: View, cells: Cells, rows: slice, cols: slice, near: Mask, sign: int, low: float
) -> tuple[Grey, Mask]:
    """Return the scores in a box of cells, in units of the noise, and 1 where they pass the low threshold."""
    side = cells.cell_px
    bottom, right = min(rows.stop * side, view.shape[0]), min(cols.stop * side, view.shape[1])
    score = smoothed(view, slice(rows.start * side, bottom), slice(cols.start * side, right))
    level, noise = cells.fine(rows, cols)
    height, width = score.shape
    score = score - level[:height, :width]
    score /= noise[:height, :width]
    if sign < 0:
        np.negative(score, out=score)
    weak = (score > low).view(np.uint8)
    if not near.all():
        allowed = np.repeat(np.repeat(near, side, axis=0), side, axis=1)
        weak &= allowed[:height, :width]
    return score, weak


def _joined(score: Grey, weak: Mask, top: int, left: int) -> Iterator[_Piece]:
    """Yield the groups of weak pixels, at least 24 px each, that a closing of 4 px holds together."""
    pad = _JOIN_PX + 1  # so that the box's own border does not act as an object
    padded = cv2.copyMakeBorder(weak, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, _JOIN)
    inner = np.ascontiguousarray(closed[pad:-pad, pad:-pad])
    outlines, _ = cv2.findContours(inner, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        col, row, width, height = cv2.boundingRect(outline)
        if width * height < _SMALLEST_PX:
            continue
        box = (slice(row, row + height), slice(col, col + width))
        inside = np.zeros((height, width), np.uint8)
        cv2.drawContours(inside, [outline], -1, 1.0, -1, offset=(-col, -row))
        inside &= weak[box]
        if cv2.countNonZero(inside) < _SMALLEST_PX:
            continue
        here = score[box]
        evidence = cv2.sumElems(cv2.copyTo(here, inside))[0]
        # The edge of a strong object lies at half its height; the low threshold would add the whole skirt.
        sharp = inside & (here > _EDGE_SHARE * _plateau(here[inside.view(bool)])).view(np.uint8)
        members = _members(sharp)
        for member in members:
            share = evidence if len(members) == 1 else cv2.sumElems(cv2.copyTo(here, member))[0]
            yield _piece(member, here, share, top + row, left + col)


def _members(group: Mask) -> list[Mask]:
    """Return a group whole, or its parts where it is no crack and no cluster but several objects side by side.

    That is so if at least two of its parts are compact objects in their own right: larger than a micro-pore,
    about as wide as high, and filling their box.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(group, connectivity=8)
    if count <= 2:
        return [group]
    widths, heights, areas = boxes[1:, 2], boxes[1:, 3], boxes[1:, 4]
    compact = (
        (areas >= _OWN_PX)
        & (areas >= _FILLED * widths * heights)
        & (np.minimum(widths, heights) >= _FILLED * np.maximum(widths, heights))
    )
    if np.count_nonzero(compact) < 2:
        return [group]
    return [(labels == k + 1).view(np.uint8) for k in np.flatnonzero(areas >= _SMALLEST_PX)]


def _piece(mask: Mask, score: Grey, evidence: float, top: int, left: int) -> _Piece:
    """Return a mask of a box at (top, left) as a piece with a tight box."""
    _, peak, _, _ = cv2.minMaxLoc(score, mask=mask)
    col, row, width, height = cv2.boundingRect(mask)
    return _Piece(
        row=top + row,
        col=left + col,
        mask=mask[row : row + height, col : col + width].copy(),
        peak=peak,
        evidence=evidence,
    )


def _plateau(scores: Grey) -> float:
    """Return the height of an object: the 70th percentile, above its blurred edge and below its noise."""
    k = int(0.7 * (len(scores) - 1))
    return float(np.partition(scores, k)[k])


def _uncovered(pieces: list[_Piece]) -> list[_Piece]:
    """Drop what lies at least half within 4 px of a stronger piece.

    That is the Fresnel fringe of an object, which has the other polarity, and the parts of a large object that
    the small window took for objects of their own.
    """
    sides = [(p.row, p.col, p.row + p.mask.shape[0], p.col + p.mask.shape[1]) for p in pieces]
    boxes = np.array(sides, dtype=np.intp).reshape(-1, 4)
    strength = np.array([p.evidence for p in pieces])
    kept = []
    for piece, (top, left, bottom, right) in zip(pieces, sides, strict=True):
        beside = np.flatnonzero(
            (strength > piece.evidence)
            & (boxes[:, 0] < bottom + _FRINGE_PX)
            & (boxes[:, 2] > top - _FRINGE_PX)
            & (boxes[:, 1] < right + _FRINGE_PX)
            & (boxes[:, 3] > left - _FRINGE_PX)
        )
        if not any(_is_covered(piece, pieces[k]) for k in beside):
            kept.append(piece)
    return kept


def _is_covered(piece: _Piece, owner: _Piece) -> bool:
    """Return whether at least half of `piece` lies within 4 px of `owner`."""
    height, width = piece.mask.shape
    around = np.zeros((height + 2 * _FRINGE_PX, width + 2 * _FRINGE_PX), np.uint8)
    top, left = owner.row - piece.row + _FRINGE_PX, owner.col - piece.col + _FRINGE_PX
    rows = slice(max(top, 0), min(top + owner.mask.shape[0], around.shape[0]))
    cols = slice(max(left, 0), min(left + owner.mask.shape[1], around.shape[1]))
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return False
    around[rows, cols] = owner.mask[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    near = np.asarray(cv2.dilate(around, _AROUND), np.uint8)[_FRINGE_PX:-_FRINGE_PX, _FRINGE_PX:-_FRINGE_PX]
    covered = np.count_nonzero(near & piece.mask)
    return bool(covered >= _FRINGE_SHARE * np.count_nonzero(piece.mask))
