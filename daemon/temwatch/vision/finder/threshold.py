"""Regions darker or brighter than their neighbourhood by so many times the noise; blind to objects without contrast of their own."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.model.region import Region
from temwatch.vision.finder.base import Found
from temwatch.vision.finder.noise import Levels, local_levels
from temwatch.vision.view import View

Mask = NDArray[np.uint8]

_SMOOTHING_PX = 1.4
_HALO_PX = 5  # half the Gaussian kernel: 3.6 sigma
_STRIP_ROWS = 64  # a strip of a 4k frame and its temporaries stay in the cache
_MIN_AREA_PX = 24
_JOIN_PX = 4  # radius of the closing that groups pieces: gaps up to about twice this are bridged
_REACH_CELLS = 2  # how many 8 x 8 cells a weak part may lie away from a strong one
_CELL_PX = 8
_FRINGE_PX = 4  # a Fresnel fringe is a thin opposite rim this close to its object
_FRINGE_SHARE = 0.5
_MOST_REGIONS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A group of strong and weak pixels of one polarity, and how far its best pixel stands out of the noise."""

    row: int
    col: int
    mask: NDArray[np.bool_]
    peak: float


class ThresholdFinder:
    """Finds dark and bright regions by hysteresis thresholds in units of the local noise.

    Parameters
    ----------
    sensitivity : float
        In [0, 1]. Seeds must stand out of the noise by ``8 - 6 * sensitivity`` times its standard deviation
        after smoothing (5 at the default 0.5, where white noise yields fewer than one seed in ten 4096 x 4096
        frames that is also large enough), and regions grow down to half of that.
    """

    name = "threshold"

    def __init__(self, sensitivity: float = 0.5) -> None:
        self.sensitivity = sensitivity
        self.high = 8.0 - 6.0 * min(max(sensitivity, 0.0), 1.0)
        self.low = 0.5 * self.high

    def find(self, view: View) -> Found:
        """Return the dark and bright regions of a frame.

        Pieces that lie within a few pixels of each other become one region: a crack that noise cut up, a
        cluster of micro-pores.
        """
        smooth = smoothed(view)
        levels = local_levels(smooth, view)
        if levels.noise_free:
            return Found(regions=(), notes=("the frame is constant: there is nothing to find",))
        weak, strong = self._thresholds(smooth, levels)
        pieces: dict[int, list[_Piece]] = {}
        for sign in (1, -1):
            wanted = view.polarity is None or (view.polarity == "bright") == (sign == 1)
            if wanted:
                seeds = strong[sign]
                pieces[sign] = _pieces(weak[sign], seeds, sign, smooth, levels)
        kept = _without_fringes(pieces.get(1, []), pieces.get(-1, []))
        return self._found(kept)

    def _thresholds(
        self, smooth: NDArray[np.float32], levels: Levels
    ) -> tuple[dict[int, Mask], dict[int, Mask]]:
        """Return the weak and strong masks (0 or 1) of both signs."""
        weak = {sign: np.empty(smooth.shape, np.uint8) for sign in (1, -1)}
        strong = {sign: np.empty(smooth.shape, np.uint8) for sign in (1, -1)}
        for top in range(0, smooth.shape[0], _STRIP_ROWS):
            rows = slice(top, min(top + _STRIP_ROWS, smooth.shape[0]))
            level, noise = levels.strip(rows)
            score = smooth[rows] - level
            score /= noise
            np.greater(score, self.low, out=weak[1][rows].view(bool))
            np.greater(score, self.high, out=strong[1][rows].view(bool))
            np.less(score, -self.low, out=weak[-1][rows].view(bool))
            np.less(score, -self.high, out=strong[-1][rows].view(bool))
        return weak, strong

    def _found(self, pieces: list[_Piece]) -> Found:
        notes: tuple[str, ...] = ()
        if len(pieces) > _MOST_REGIONS:
            notes = (f"{len(pieces)} regions found; the {_MOST_REGIONS} that stand out most were kept",)
            pieces = sorted(pieces, key=lambda piece: -piece.peak)[:_MOST_REGIONS]
        return Found(
            regions=tuple(
                Region(row=p.row, col=p.col, mask=p.mask, score=p.peak / (p.peak + self.high)) for p in pieces
            ),
            notes=notes,
        )


def smoothed(view: View) -> NDArray[np.float32]:
    """Return the flattened frame after a Gaussian of 1.4 px, computed in strips that stay in the cache.

    Returns
    -------
    ndarray of float32, shape (row, col)
    """
    height, width = view.shape
    smooth = np.empty((height, width), np.float32)
    size = 2 * _HALO_PX + 1
    for top in range(0, height, _STRIP_ROWS):
        stop = min(top + _STRIP_ROWS, height)
        first, last = max(top - _HALO_PX, 0), min(stop + _HALO_PX, height)
        flat = view.window(slice(first, last), slice(0, width))
        blurred = cv2.GaussianBlur(flat, (size, size), _SMOOTHING_PX, borderType=cv2.BORDER_REPLICATE)
        smooth[top:stop] = blurred[top - first : stop - first]
    return smooth


def _pieces(weak: Mask, strong: Mask, sign: int, smooth: NDArray[np.float32], levels: Levels) -> list[_Piece]:
    """Return the groups of weak pixels that hold a strong one and are large enough."""
    near = _near(strong)
    cv2.bitwise_and(weak, near, dst=near)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _JOIN_PX + 1, 2 * _JOIN_PX + 1))
    joined = cv2.morphologyEx(near, cv2.MORPH_CLOSE, kernel)
    outlines, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    pieces = []
    for outline in outlines:
        left, top, width, height = cv2.boundingRect(outline)
        if width * height < _MIN_AREA_PX:
            continue
        box = (slice(top, top + height), slice(left, left + width))
        inside = np.zeros((height, width), np.uint8)
        cv2.drawContours(inside, [outline], -1, 1, -1, offset=(-left, -top))
        mask = cv2.bitwise_and(inside, near[box])
        if cv2.countNonZero(mask) < _MIN_AREA_PX or not (mask & strong[box]).any():
            continue
        rows, cols = _tight(mask)
        mask = mask[rows, cols]
        row, col = top + rows.start, left + cols.start
        level, noise = levels.at(row + mask.shape[0] // 2, col + mask.shape[1] // 2)
        window = smooth[row : row + mask.shape[0], col : col + mask.shape[1]]
        low, high, _, _ = cv2.minMaxLoc(window, mask=mask)
        peak = abs((high if sign > 0 else low) - level) / noise
        pieces.append(_Piece(row=row, col=col, mask=mask.astype(bool), peak=peak))
    return pieces


def _near(strong: Mask) -> Mask:
    """Return 1 in every cell of 8 x 8 px that has a strong pixel in it or in a cell nearby, else 0."""
    height, width = strong.shape
    down, across = -(-height // _CELL_PX), -(-width // _CELL_PX)
    padded = cv2.copyMakeBorder(
        strong, 0, down * _CELL_PX - height, 0, across * _CELL_PX - width, cv2.BORDER_CONSTANT, value=0
    )
    rows = padded.reshape(down, _CELL_PX, across * _CELL_PX).max(axis=1)
    cells = rows.reshape(down, across, _CELL_PX).max(axis=2)
    size = 2 * _REACH_CELLS + 1
    cells = cv2.dilate(cells, np.ones((size, size), np.uint8))
    full = cv2.resize(cells, None, fx=_CELL_PX, fy=_CELL_PX, interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(full[:height, :width])


def _tight(mask: Mask) -> tuple[slice, slice]:
    """Return the rows and columns between the first and the last that hold a pixel."""
    rows = np.flatnonzero(mask.any(axis=1))
    cols = np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def _without_fringes(bright: list[_Piece], dark: list[_Piece]) -> list[_Piece]:
    """Drop what is only the Fresnel fringe of a stronger piece of the other polarity."""
    kept = []
    for own, other in ((bright, dark), (dark, bright)):
        boxes = np.array(
            [(p.row, p.col, p.row + p.mask.shape[0], p.col + p.mask.shape[1]) for p in other]
        ).reshape(-1, 4)
        peaks = np.array([p.peak for p in other])
        for piece in own:
            height, width = piece.mask.shape
            touching = np.flatnonzero(
                (peaks > piece.peak)
                & (boxes[:, 0] < piece.row + height + _FRINGE_PX)
                & (boxes[:, 2] > piece.row - _FRINGE_PX)
                & (boxes[:, 1] < piece.col + width + _FRINGE_PX)
                & (boxes[:, 3] > piece.col - _FRINGE_PX)
            )
            if not any(_is_fringe(piece, other[k]) for k in touching):
                kept.append(piece)
    return kept


def _is_fringe(piece: _Piece, owner: _Piece) -> bool:
    """Return whether most of `piece` lies within a few pixels of `owner`."""
    height, width = piece.mask.shape
    around = np.zeros((height + 2 * _FRINGE_PX, width + 2 * _FRINGE_PX), np.uint8)
    top, left = owner.row - piece.row + _FRINGE_PX, owner.col - piece.col + _FRINGE_PX
    rows = slice(max(top, 0), min(top + owner.mask.shape[0], around.shape[0]))
    cols = slice(max(left, 0), min(left + owner.mask.shape[1], around.shape[1]))
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return False
    around[rows, cols] = owner.mask[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _FRINGE_PX + 1, 2 * _FRINGE_PX + 1))
    near = cv2.dilate(around, kernel)[_FRINGE_PX:-_FRINGE_PX, _FRINGE_PX:-_FRINGE_PX]
    covered = np.count_nonzero(near.astype(bool) & piece.mask)
    return covered >= _FRINGE_SHARE * np.count_nonzero(piece.mask)
