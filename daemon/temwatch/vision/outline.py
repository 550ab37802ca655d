"""Outlines, hulls, rectangles and moments of regions at full resolution, before any crop is made smaller."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.model.finding import Rectangle
from temwatch.model.region import Region
from temwatch.vision.rectangle import circumscribed, corner_hull

MOMENTS = ("m00", "m10", "m01", "mu20", "mu11", "mu02", "mu30", "mu21", "mu12", "mu03")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlines:
    """The geometry of the regions of a frame, one entry each.

    Attributes
    ----------
    contours : tuple of ndarray of int32, shape (m, 2), (row, col)
        Outline pixels; the convex hull where the region is in several pieces.
    hulls : tuple of ndarray of float64, shape (k, 2), (row, col)
        Convex hull of the pixel corners.
    rectangles : tuple of Rectangle
    area_px : ndarray of int64, shape (n,)
    moments : ndarray of float64, shape (n, 10)
        Raster moments as named in `MOMENTS`: x counts columns, y rows; m10 and m01 within the mask.
    touches_edge : ndarray of bool, shape (n,)
        A pixel of the region lies on the first or last row or column of the frame.
    """

    contours: tuple[NDArray[np.int32], ...]
    hulls: tuple[NDArray[np.float64], ...]
    rectangles: tuple[Rectangle, ...]
    area_px: NDArray[np.int64]
    moments: NDArray[np.float64]
    touches_edge: NDArray[np.bool_]

    @property
    def equivalent_diameter_px(self) -> NDArray[np.float64]:
        """Diameter of the disc of the same area, in px; float64, shape (n,)."""
        return 2 * np.sqrt(self.area_px / np.pi)


def outline(regions: Sequence[Region], shape: tuple[int, int]) -> Outlines:
    """Trace the regions of a frame of the given shape."""
    contours: list[NDArray[np.int32]] = []
    hulls = []
    moments = np.zeros((len(regions), len(MOMENTS)))
    touches = np.zeros(len(regions), bool)
    for k, region in enumerate(regions):
        mask = region.mask.view(np.uint8)
        pieces, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        points = np.concatenate([piece.reshape(-1, 2) for piece in pieces])[:, ::-1]
        points = points + np.array([region.row, region.col], np.int32)
        hulls.append(corner_hull(points))
        whole = points if len(pieces) == 1 else cv2.convexHull(points).reshape(-1, 2)
        contours.append(np.asarray(whole, np.int32))
        raster = cv2.moments(mask, binaryImage=True)
        moments[k] = [raster[name] for name in MOMENTS]
        height, width = mask.shape
        touches[k] = (
            region.row == 0
            or region.col == 0
            or region.row + height >= shape[0]
            or region.col + width >= shape[1]
        )
    return Outlines(
        contours=tuple(contours),
        hulls=tuple(hulls),
        rectangles=circumscribed(hulls),
        area_px=moments[:, 0].astype(np.int64),
        moments=moments,
        touches_edge=touches,
    )


def long_axis_degrees(outlines: Outlines) -> NDArray[np.float64]:
    """Return the direction of every region's long axis with its heavier-tailed end forward, in (-180, 180].

    A rectangle leaves two directions open. The one is taken for which the third central moment along the axis
    is not negative, so that crops of equal objects come out equal.

    Returns
    -------
    ndarray of float64, shape (n,)
        From +col towards +row; differs from the rectangle's `angle_deg` by 0 or 180.
    """
    angle = np.array([rectangle.angle_deg for rectangle in outlines.rectangles])
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    mu30, mu21, mu12, mu03 = outlines.moments[:, 6:10].T
    third = c**3 * mu30 + 3 * c**2 * s * mu21 + 3 * c * s**2 * mu12 + s**3 * mu03
    turned: NDArray[np.float64] = np.where(third < 0, np.where(angle > 0, angle - 180, angle + 180), angle)
    return turned
