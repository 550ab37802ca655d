"""How wide and how long a crack is: distance transform on its middle line, grey profiles where it is thin."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.model.region import Region
from temwatch.vision.skeleton import thinned
from temwatch.vision.view import View

# Below this width a mask of whole pixels is too coarse (a pixel of distance is two of width): the grey
# profile across the crack is measured instead (for the paper's figure 9).
_THIN_PX = 8.0
_PROFILE_STEP_PX = 0.25
_PROFILE_REACH_PX = 12.0
_DIRECTION_REACH_PX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CrackWidth:
    """The width of one crack along its middle line.

    Attributes
    ----------
    mean_px, sd_px : float
        Over the places measured.
    standard_error_px : float
        Of the mean, for as many independent places as the crack is wide times long.
    length_px : float
        Along the middle line, branches included.
    places : int
        How many places were measured.
    method : str
        ``"distance"`` or ``"profile"``.
    """

    mean_px: float
    sd_px: float
    standard_error_px: float
    length_px: float
    places: int
    method: str


def crack_width(view: View, region: Region) -> CrackWidth:
    """Measure a crack.

    Twice the distance from the middle line to the nearest outside pixel; where that is below 8 px on average,
    the full width at half maximum of the grey profile across the crack, at the same places.

    Parameters
    ----------
    view : View
        Of the frame the region lies in.
    region : Region
    """
    mask = np.pad(region.mask.view(np.uint8), 1)
    line = thinned(mask)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    places = _inner_places(line)
    # The middle line may run a pixel beside the ridge. Twice the distance is a pixel too much where the crack
    # is an odd number of pixels wide, and right where it is even: half a pixel off at most.
    ridge = np.asarray(cv2.dilate(depth, np.ones((3, 3), np.uint8)), np.float32)
    widths = 2 * ridge[places[:, 0], places[:, 1]].astype(np.float64) - 0.5
    length = line_length(line)
    method = "distance"
    if widths.mean() < _THIN_PX:
        profiles = _profile_widths(view, region, line, places)
        if len(profiles) >= 3:
            widths, method = profiles, "profile"
    mean, sd = float(widths.mean()), float(widths.std(ddof=1)) if len(widths) > 1 else 0.0
    independent = max(1.0, length / max(mean, 1.0))
    return CrackWidth(
        mean_px=mean,
        sd_px=sd,
        standard_error_px=sd / min(independent, len(widths)) ** 0.5,
        length_px=length,
        places=len(widths),
        method=method,
    )


def line_length(line: NDArray[np.uint8]) -> float:
    """Return the length of a one pixel wide line, in px: 1 a straight step, sqrt(2) a diagonal one.

    A diagonal step counts only where no straight way round leads to the same pixel.
    """
    m = line.astype(bool)
    straight = np.count_nonzero(m[:, 1:] & m[:, :-1]) + np.count_nonzero(m[1:] & m[:-1])
    falling = m[1:, 1:] & m[:-1, :-1] & ~m[1:, :-1] & ~m[:-1, 1:]
    rising = m[1:, :-1] & m[:-1, 1:] & ~m[1:, 1:] & ~m[:-1, :-1]
    return float(straight + 2**0.5 * (np.count_nonzero(falling) + np.count_nonzero(rising)))


def _inner_places(line: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the pixels of the line, shape (n, 2), those next to a free end or a fork left out if any remain."""
    neighbours = cv2.boxFilter(line, cv2.CV_8U, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    odd = ((neighbours != 3) & (line > 0)).astype(np.uint8)
    inner = (line > 0) & (cv2.dilate(odd, np.ones((5, 5), np.uint8)) == 0)
    chosen = np.argwhere(inner)
    return chosen if len(chosen) >= 3 else np.argwhere(line > 0)


def _profile_widths(
    view: View, region: Region, line: NDArray[np.uint8], places: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the full widths at half maximum, in px, at those places that have a clear profile."""
    normal = _normals(line, places)
    steps = np.arange(-_PROFILE_REACH_PX, _PROFILE_REACH_PX + _PROFILE_STEP_PX / 2, _PROFILE_STEP_PX)
    top, left = region.row - 1, region.col - 1  # the mask was padded by one
    reach = int(_PROFILE_REACH_PX) + 2
    rows = slice(max(top - reach, 0), min(top + line.shape[0] + reach, view.shape[0]))
    cols = slice(max(left - reach, 0), min(left + line.shape[1] + reach, view.shape[1]))
    grey = view.window(rows, cols)
    at = places[:, None, :] + normal[:, None, :] * steps[None, :, None]
    row = (at[:, :, 0] + top - rows.start).astype(np.float32)
    col = (at[:, :, 1] + left - cols.start).astype(np.float32)
    profiles = cv2.remap(grey, col, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # Noise along the crack averages out over five neighbouring places; the width hardly changes over that.
    profiles = cv2.blur(profiles, (1, 5))
    return _full_widths(profiles.astype(np.float64), steps)


def _normals(line: NDArray[np.uint8], places: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return unit vectors (row, col) across the line at places, from the line's pixels within 5 px."""
    reach = _DIRECTION_REACH_PX
    padded = np.pad(line, reach)
    span = np.arange(-reach, reach + 1)
    i, j = np.meshgrid(span, span, indexing="ij")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1))
    near = windows[places[:, 0], places[:, 1]].astype(np.float64)
    rr, cc, rc = ((near * weight).sum(axis=(1, 2)) for weight in (i * i, j * j, i * j))
    along = 0.5 * np.arctan2(2 * rc, cc - rr)  # from +col towards +row
    return np.column_stack([np.cos(along), -np.sin(along)])


def _full_widths(profiles: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of the half-height crossings on both sides of the extreme nearest to the middle."""
    outside = np.abs(steps) > 0.75 * _PROFILE_REACH_PX
    level = np.median(profiles[:, outside], axis=1, keepdims=True)
    height = profiles - level
    middle = np.abs(steps) <= 2.0
    sign = np.sign(height[:, middle].mean(axis=1, keepdims=True))
    height = height * sign
    half = height[:, middle].max(axis=1) / 2
    widths = []
    centre = int(np.flatnonzero(middle)[0])
    for k in np.flatnonzero(half > 0):
        peak = centre + int(np.argmax(height[k, middle]))
        right = _crossing(height[k, peak:], half[k])
        left = _crossing(height[k, peak::-1], half[k])
        if right is not None and left is not None:
            widths.append((right + left) * _PROFILE_STEP_PX)
    return np.array(widths)


def _crossing(falling: NDArray[np.float64], half: float) -> float | None:
    """Return where a profile first falls below `half`, in steps, interpolated; None if it never does."""
    below = np.flatnonzero(falling < half)
    if len(below) == 0 or below[0] == 0:
        return None
    k = int(below[0])
    return k - 1 + float((falling[k - 1] - half) / (falling[k - 1] - falling[k]))
