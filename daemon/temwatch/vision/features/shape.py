"""Shape: what the outline and its rectangle say, no grey value involved."""

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.vision.features.sheet import Sheet
from temwatch.vision.outline import Outlines
from temwatch.vision.rectangle import feret_diameters, hull_areas

NAMES = (
    "aspect",
    "rectangularity",
    "circularity",
    "solidity",
    "log_diameter_nm",
    "area_in_lengths",
    "perimeter_in_lengths",
    "ellipse_extent",
    "eccentricity",
    "feret_ratio",
    "euler_number",
    "log_pieces",
    "log_area_over_largest_piece",
)

# The five independent basic measures that determine each other least: the first five names.
BASIC = NAMES[:5]


def _tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for every pattern of 2 x 2 pixels, its share of the perimeter and of the Euler number."""
    code = np.arange(16)
    a, b, c, d = (code >> bit & 1 for bit in range(4))
    axial = (a ^ b) + (c ^ d) + (a ^ c) + (b ^ d)
    diagonal = (a ^ d) + (b ^ c)
    # Crofton: the perimeter is pi / 2 times the mean over directions of crossings times line distance. Every
    # axial neighbour pair lies in two patterns; diagonal lines are 1 / sqrt(2) apart.
    perimeter = np.pi / 8 * (axial / 2 + diagonal / np.sqrt(2))
    total = a + b + c + d
    opposite = (total == 2) & (a == d)
    euler = ((total == 1) * 1.0 - (total == 3) * 1.0 - 2.0 * opposite) / 4
    return perimeter, euler


_PERIMETER, _EULER = _tables()


def perimeter_and_euler(sheet: Sheet) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Crofton perimeter in sheet px and the Euler number (8-connected), each of shape (n,).

    Notes
    -----
    Four directions, as Lehmann and Legland, Insight Journal (2012), hdl 10380/3342; the Euler number from
    patterns after Gray, IEEE Trans. Comp. C-20 (1971) 551.
    """
    m = sheet.mask
    code = m[:-1, :-1] + 2 * m[:-1, 1:] + 4 * m[1:, :-1] + 8 * m[1:, 1:]
    row, col = np.nonzero((code != 0) & (code != 15))
    pattern = code[row, col]
    owner = sheet.owner[row, col]
    count = len(sheet.tiles)
    perimeter = np.bincount(owner, _PERIMETER[pattern], minlength=count)
    euler = np.bincount(owner, _EULER[pattern], minlength=count)
    return perimeter.astype(np.float64), euler.astype(np.float64)


def pieces(sheet: Sheet) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how many pieces every region is in and the sheet area of the largest, each of shape (n,)."""
    _, labels = cv2.connectedComponents(sheet.mask, connectivity=8)
    inside = sheet.inside
    label = labels.ravel()[inside.index]
    areas = np.bincount(label)
    # A label's region is that of any of its pixels.
    region = np.zeros(len(areas), np.intp)
    region[label] = inside.region
    present = np.flatnonzero(areas)
    count = np.bincount(region[present], minlength=len(sheet.tiles)).astype(np.float64)
    largest = np.zeros(len(sheet.tiles))
    np.maximum.at(largest, region[present], areas[present])
    return count, largest


def measure(
    sheet: Sheet, outlines: Outlines, members: NDArray[np.intp], nm_per_px: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shape features, shape (n, 13), and the perimeters in frame px, shape (n,)."""
    area = outlines.area_px[members].astype(np.float64)
    hulls = [outlines.hulls[k] for k in members]
    rectangles = [outlines.rectangles[k] for k in members]
    length = np.array([r.length_px for r in rectangles])
    width = np.array([r.width_px for r in rectangles])
    perimeter, euler = perimeter_and_euler(sheet)
    perimeter = perimeter / sheet.scale
    count, largest = pieces(sheet)
    small, large = feret_diameters(hulls)
    major, minor = _second_moments(outlines.moments[members])
    features = np.column_stack(
        [
            width / length,
            area / (length * width),
            4 * np.pi * area / perimeter**2,
            area / hull_areas(hulls),
            np.zeros(len(area)) if nm_per_px is None else np.log(2 * np.sqrt(area / np.pi) * nm_per_px),
            area / length**2,
            perimeter / length,
            area / (4 * np.pi * np.sqrt(major * minor)),
            np.sqrt(1 - minor / major),
            small / large,
            euler,
            np.log(count),
            np.log(sheet.inside.count / largest),
        ]
    )
    return features, perimeter


def _second_moments(moments: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the larger and smaller variance along the principal axes, in px², each of shape (n,)."""
    area = moments[:, 0]
    # A pixel is a square: it adds 1/12 to the variance in every direction.
    xx, yy = moments[:, 3] / area + 1 / 12, moments[:, 5] / area + 1 / 12
    xy = moments[:, 4] / area
    half, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return half + spread, np.maximum(half - spread, 1e-12)
