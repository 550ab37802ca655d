"""The finder for what a person drew: one region, what stands out within the rectangle, or else the rectangle itself."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.errors import FrameDeclined
from temwatch.model.finding import Rectangle
from temwatch.model.region import Region
from temwatch.vision.finder.base import Found
from temwatch.vision.view import View

_MARGIN_PX = 4  # of surroundings around the rectangle, and half its width more
# Times the spread of the surroundings. Cutting pure noise in two leaves halves whose means lie 0.8 spreads from the
# middle (the mean of the half-normal distribution), so this much does not come about by cutting.
_STANDS_OUT = 1.5
_LEAST_SHARE = 0.02  # of the rectangle: less is a speck, not what was drawn
_PIECE = 0.05  # of the largest piece: a crack may be in pieces, noise is smaller
NOTHING = "nothing stands out within the drawn rectangle: the rectangle itself was measured"

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DrawnFinder:
    """Finds the one object that a person drew a rectangle around.

    Attributes
    ----------
    rectangle : Rectangle
    """

    rectangle: Rectangle

    @property
    def name(self) -> str:
        """Short name for reports."""
        return "drawn"

    def find(self, view: View) -> Found:
        """Return the drawn object.

        Notes
        -----
        The grey level that parts it from its surroundings is Otsu's (N. Otsu, *IEEE Trans. Systems, Man, and
        Cybernetics* 9 (1979) 62), over the rectangle and what lies around it.

        Raises
        ------
        FrameDeclined
            No pixel of the frame lies in the rectangle.
        """
        rows, cols = _window(self.rectangle, view.shape)
        inside = _inside(self.rectangle, rows, cols)
        if not inside.any():
            raise FrameDeclined(
                f"no pixel of a frame of {view.shape} lies in {self.rectangle}", next_step="draw it again"
            )
        object_ = _outstanding(view.window(rows, cols), inside)
        mask, notes = (inside, (NOTHING,)) if object_ is None else (object_, ())
        return Found(regions=(_region(mask, rows.start, cols.start),), notes=notes)


def _window(rectangle: Rectangle, shape: tuple[int, int]) -> tuple[slice, slice]:
    angle = np.radians(rectangle.angle_deg)
    c, s = abs(np.cos(angle)), abs(np.sin(angle))
    margin = _MARGIN_PX + rectangle.width_px / 2
    high = (rectangle.length_px * s + rectangle.width_px * c) / 2 + margin
    wide = (rectangle.length_px * c + rectangle.width_px * s) / 2 + margin
    spans = []
    for centre, half, size in ((rectangle.row, high, shape[0]), (rectangle.col, wide, shape[1])):
        first = min(max(0, int(np.floor(centre - half))), size - 1)
        spans.append(slice(first, max(first + 1, min(size, int(np.ceil(centre + half)) + 1))))
    return spans[0], spans[1]


def _inside(rectangle: Rectangle, rows: slice, cols: slice) -> Mask:
    angle = np.radians(rectangle.angle_deg)
    row = np.arange(rows.start, rows.stop)[:, None] - rectangle.row
    col = np.arange(cols.start, cols.stop)[None, :] - rectangle.col
    along = col * np.cos(angle) + row * np.sin(angle)
    across = row * np.cos(angle) - col * np.sin(angle)
    inside: Mask = (np.abs(along) <= rectangle.length_px / 2) & (np.abs(across) <= rectangle.width_px / 2)
    return inside


def _outstanding(window: NDArray[np.float32], inside: Mask) -> Mask | None:
    """Return which pixels are the object; None where nothing stands out."""
    grey = cv2.GaussianBlur(window, (0, 0), 1.0)
    around = grey[~inside]
    if around.size < 10:
        return None
    level, spread = float(np.median(around)), float(around.std())
    signed = (grey - level) * (1 if grey[inside].mean() >= level else -1)
    low, high = float(signed.min()), float(signed.max())
    if not high > low:
        return None
    bytes_ = ((signed - low) * (255 / (high - low))).astype(np.uint8)
    cut, _ = cv2.threshold(bytes_, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    object_ = _large_pieces(inside & (bytes_ > cut))
    if object_.sum() < max(3.0, _LEAST_SHARE * inside.sum()):
        return None
    return object_ if float(signed[object_].mean()) > _STANDS_OUT * spread else None


def _large_pieces(mask: Mask) -> Mask:
    _, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    kept = (areas >= _PIECE * areas.max()) & (areas > 0)
    large: Mask = kept[labels]
    return large


def _region(mask: Mask, row: int, col: int) -> Region:
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return Region(row=row + int(rows[0]), col=col + int(cols[0]), mask=np.ascontiguousarray(box))
