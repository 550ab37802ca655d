"""Pictures for people: a preview of a frame, and what was found drawn over it."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.model.finding import Rectangle

# The colours of Okabe and Ito (Color Universal Design, 2008), told apart by colour-blind people too; the
# darkest two are left out because frames are dark.
PALETTE: Mapping[str, tuple[int, int, int]] = {
    "pore": (86, 180, 233),
    "crack": (230, 159, 0),
    "slag_inclusion": (204, 121, 167),
    "looseness": (0, 158, 115),
    "particle": (240, 228, 66),
    "artefact": (213, 94, 0),
}
_OTHERS = ((0, 114, 178), (255, 255, 255), (160, 160, 160))
_LONGEST_PX = 1600
_SHORTEST_PX = 700
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_NICE = (1.0, 2.0, 5.0)


def preview(image: NDArray[np.generic], *, long_side: int = 1024) -> NDArray[np.uint8]:
    """Return a frame made small and stretched between its 0.5th and 99.5th percentile.

    Parameters
    ----------
    image : ndarray, shape (row, col)
        Integers or real numbers; what is not finite comes out black.
    long_side : int
        Longest side of the result; smaller frames keep their size.

    Returns
    -------
    ndarray of uint8, shape (row, col)
        Area-averaged, so that noise goes down and thin bright lines stay.
    """
    small = _binned(image, long_side)
    return _stretched(small, _levels(small))


def window(
    image: NDArray[np.generic], rows: slice, cols: slice, *, like_preview_of: int = 1024
) -> NDArray[np.uint8]:
    """Return a part of a frame at full resolution, in the greys of the preview of that size.

    Parameters
    ----------
    image : ndarray, shape (row, col)
    rows, cols : slice
        Which part.
    like_preview_of : int
        Longest side of the preview.

    Returns
    -------
    ndarray of uint8, shape of the part
    """
    part = image[rows, cols].astype(np.float32)
    return _stretched(part, _levels(_binned(image, like_preview_of)))


def _levels(small: NDArray[np.float32]) -> tuple[float, float]:
    """Return what becomes black and white: percentiles, or the extremes where those are alike; NaN for no numbers."""
    finite = small[np.isfinite(small)]
    if finite.size == 0:
        return np.nan, np.nan
    low, high = (float(v) for v in np.percentile(finite, (0.5, 99.5)))
    return (low, high) if high > low else (float(finite.min()), float(finite.max()))


def _stretched(values: NDArray[np.float32], levels: tuple[float, float]) -> NDArray[np.uint8]:
    low, high = levels
    if np.isnan(low):
        return np.zeros(values.shape, np.uint8)
    if high <= low:
        return np.full(values.shape, 128, np.uint8)
    with np.errstate(invalid="ignore"):
        stretched = (values - low) * (255 / (high - low))
    stretched = np.nan_to_num(np.rint(stretched), nan=0.0, posinf=255.0, neginf=0.0)
    return np.asarray(np.clip(stretched, 0, 255), np.uint8)


def overlay(
    image: NDArray[np.generic],
    *,
    classes: Sequence[str],
    rectangles: Sequence[Rectangle],
    contours: Sequence[NDArray[np.int32]] | None = None,
    nm_per_px: float | None = None,
) -> NDArray[np.uint8]:
    """Draw rectangles and contours over a frame, coloured by class, with legend and scale bar.

    Parameters
    ----------
    image : ndarray, shape (row, col)
        The frame itself, full size.
    classes : sequence of str
        One per object; also the words of the legend.
    rectangles : sequence of Rectangle
    contours : sequence of ndarray of int32, shape (m, 2), (row, col), optional
    nm_per_px : float or None
        Without it there is no scale bar.

    Returns
    -------
    ndarray of uint8, shape (row, col, 3), RGB
        The longest side between 700 and 1600 px.
    """
    grey = preview(image, long_side=_LONGEST_PX)
    if max(grey.shape) < _SHORTEST_PX:
        zoom = _SHORTEST_PX / max(grey.shape)
        grey = np.asarray(cv2.resize(grey, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_NEAREST), np.uint8)
    scale = grey.shape[1] / image.shape[1], grey.shape[0] / image.shape[0]
    canvas = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
    colours = class_colours(classes)
    for k, (name, rectangle) in enumerate(zip(classes, rectangles, strict=True)):
        if contours is not None:
            _draw_outline(canvas, contours[k], scale, colours[name], 1)
        _draw_outline(canvas, rectangle_corners(rectangle), scale, colours[name], 2)
    _draw_legend(canvas, classes, colours)
    if nm_per_px is not None:
        _draw_scale_bar(canvas, nm_per_px / scale[0])
    return canvas


def rectangle_corners(rectangle: Rectangle) -> NDArray[np.float64]:
    """Return the four corners of a rectangle in order, shape (4, 2), (row, col)."""
    angle = np.radians(rectangle.angle_deg)
    along = np.array([np.sin(angle), np.cos(angle)]) * rectangle.length_px / 2
    across = np.array([np.cos(angle), -np.sin(angle)]) * rectangle.width_px / 2
    centre = np.array([rectangle.row, rectangle.col])
    return np.stack(
        [centre + along + across, centre + along - across, centre - along - across, centre - along + across]
    )


def class_colours(classes: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """Return an RGB colour for every class; classes nobody foresaw take the remaining colours in turn."""
    unknown = [name for name in dict.fromkeys(classes) if name not in PALETTE]
    return {**PALETTE, **{name: _OTHERS[k % len(_OTHERS)] for k, name in enumerate(unknown)}}


def nice_length(longest: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20, ... that is not above `longest`."""
    decade = 10.0 ** np.floor(np.log10(longest))
    return float(max(nice for nice in (n * decade for n in _NICE) if nice <= longest * (1 + 1e-9)))


def _binned(image: NDArray[np.generic], long_side: int) -> NDArray[np.float32]:
    """Return the frame as float32, its long side at most `long_side`."""
    ratio = long_side / max(image.shape)
    native = image if image.dtype in (np.uint8, np.uint16, np.float32) else None
    with np.errstate(over="ignore", invalid="ignore"):
        source = np.ascontiguousarray(image.astype(np.float32) if native is None else native)
    if ratio >= 1:
        return source.astype(np.float32)
    size = (max(1, round(image.shape[1] * ratio)), max(1, round(image.shape[0] * ratio)))
    return cv2.resize(source, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _draw_outline(
    canvas: NDArray[np.uint8],
    points: NDArray[np.int32] | NDArray[np.float64],
    scale: tuple[float, float],
    colour: tuple[int, int, int],
    thickness: int,
) -> None:
    """Draw a closed line through (row, col) points of the frame."""
    shift = 4  # OpenCV takes fixed point numbers with so many fractional bits
    col = (points[:, 1] + 0.5) * scale[0] - 0.5
    row = (points[:, 0] + 0.5) * scale[1] - 0.5
    fixed = np.round(np.column_stack([col, row]) * (1 << shift)).astype(np.int32)
    cv2.polylines(canvas, [fixed.reshape(-1, 1, 2)], True, colour, thickness, cv2.LINE_AA, shift)


def _draw_legend(
    canvas: NDArray[np.uint8], classes: Sequence[str], colours: Mapping[str, tuple[int, int, int]]
) -> None:
    """Write class names with their counts in the top left corner, on a dark ground."""
    present = [name for name in colours if name in classes]
    if not present:
        return
    lines = [f"{name.replace('_', ' ')}  {classes.count(name)}" for name in present]
    step, size = 22, 0.55
    width = 40 + max(cv2.getTextSize(line, _FONT, size, 1)[0][0] for line in lines)
    _darken(canvas, slice(6, 6 + step * len(lines) + 8), slice(6, 6 + width))
    for k, (name, line) in enumerate(zip(present, lines, strict=True)):
        base = 6 + step * (k + 1)
        cv2.rectangle(canvas, (14, base - 12), (28, base + 2), colours[name], -1)
        cv2.putText(canvas, line, (36, base), _FONT, size, (255, 255, 255), 1, cv2.LINE_AA)


def _draw_scale_bar(canvas: NDArray[np.uint8], nm_per_px: float) -> None:
    """Draw a bar of a round length, at most a quarter of the width, in the bottom right corner."""
    height, width = canvas.shape[:2]
    length_nm = nice_length(width / 4 * nm_per_px)
    length = round(length_nm / nm_per_px)
    text = f"{length_nm / 1000:g} um" if length_nm >= 1000 else f"{length_nm:g} nm"
    size = cv2.getTextSize(text, _FONT, 0.6, 1)[0][0]
    box = max(length, size) + 20
    _darken(canvas, slice(height - 48, height - 6), slice(width - box - 6, width - 6))
    left = width - 6 - box // 2 - length // 2
    cv2.rectangle(canvas, (left, height - 18), (left + length, height - 13), (255, 255, 255), -1)
    place = (width - 6 - box // 2 - size // 2, height - 26)
    cv2.putText(canvas, text, place, _FONT, 0.6, (255, 255, 255), 1, cv2.LINE_AA)


def _darken(canvas: NDArray[np.uint8], rows: slice, cols: slice) -> None:
    rows = slice(max(rows.start, 0), rows.stop)
    cols = slice(max(cols.start, 0), cols.stop)
    canvas[rows, cols] = canvas[rows, cols] // 3
