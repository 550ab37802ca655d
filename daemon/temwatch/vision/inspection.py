"""The steps of an inspection in order: flatten, find, trace, measure. The one call a worker makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from temwatch.model.finding import Rectangle
from temwatch.model.frame import ImagingMode
from temwatch.model.region import Region
from temwatch.vision.features import measure
from temwatch.vision.finder.base import Finder, Found
from temwatch.vision.outline import outline
from temwatch.vision.view import Polarity, look_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found in a frame, entry i of everything belonging to region i, in reading order.

    Attributes
    ----------
    regions : tuple of Region
        By the row of their centre, then by its column.
    members : mapping of int to tuple of int
        The regions that are groups, and the regions each consists of: either the group stands or its members.
    rectangles : tuple of Rectangle
    features : ndarray of float32, shape (n, p)
        Columns as in `features.FEATURE_NAMES`.
    area_px : ndarray of int64, shape (n,)
    equivalent_diameter_px : ndarray of float64, shape (n,)
    touches_edge : ndarray of bool, shape (n,)
    contours : tuple of ndarray of int32, shape (m, 2), (row, col)
        Outline pixels; the convex hull where a region is in several pieces.
    notes : tuple of str
    timings_ms : mapping of str to float
        ``segment`` and ``measure``, by the clock that was passed in.
    """

    regions: tuple[Region, ...]
    members: Mapping[int, tuple[int, ...]]
    rectangles: tuple[Rectangle, ...]
    features: NDArray[np.float32]
    area_px: NDArray[np.int64]
    equivalent_diameter_px: NDArray[np.float64]
    touches_edge: NDArray[np.bool_]
    contours: tuple[NDArray[np.int32], ...]
    notes: tuple[str, ...]
    timings_ms: Mapping[str, float]

    def only(self, chosen: NDArray[np.bool_]) -> "Inspection":
        """Return some of the regions; groups among them are regions like any other from then on."""
        where = np.flatnonzero(chosen)
        return replace(
            self,
            regions=tuple(self.regions[k] for k in where),
            members={},
            rectangles=tuple(self.rectangles[k] for k in where),
            features=self.features[where],
            area_px=self.area_px[where],
            equivalent_diameter_px=self.equivalent_diameter_px[where],
            touches_edge=self.touches_edge[where],
            contours=tuple(self.contours[k] for k in where),
        )


def inspect(
    image: NDArray[np.generic],
    *,
    finder: Finder,
    nm_per_px: float | None,
    mode: ImagingMode | None,
    tick: Callable[[], float],
    object_size_nm: float | None = None,
    polarity: Polarity | None = None,
) -> Inspection:
    """Find and measure everything in a frame.

    Parameters
    ----------
    image : ndarray, shape (row, col)
        Any integer or float type; NaN and infinities are tolerated and noted. Not changed.
    finder : Finder
    nm_per_px : float or None
        None where nobody knows; sizes then stay in pixels.
    mode : ImagingMode or None
    tick : callable
        A clock in seconds, for the timings.
    object_size_nm, polarity
        The operator's hints to the finder.

    Raises
    ------
    FrameDeclined
        The array is no grey image.
    """
    begin = tick()
    view = look_at(image, nm_per_px=nm_per_px, mode=mode, object_size_nm=object_size_nm, polarity=polarity)
    found = finder.find(view)
    regions, members = in_reading_order(found)
    segmented = tick()
    outlines = outline(regions, view.shape)
    features = measure(view, regions, outlines)
    measured = tick()
    return Inspection(
        regions=regions,
        members=members,
        rectangles=outlines.rectangles,
        features=features,
        area_px=outlines.area_px,
        equivalent_diameter_px=outlines.equivalent_diameter_px,
        touches_edge=outlines.touches_edge,
        contours=outlines.contours,
        notes=_pixel_notes(image) + found.notes,
        timings_ms={"segment": (segmented - begin) * 1e3, "measure": (measured - segmented) * 1e3},
    )


def in_reading_order(found: Found) -> tuple[tuple[Region, ...], dict[int, tuple[int, ...]]]:
    """Return regions and groups by the row of their centre, then its column; and the members of each group."""
    everything = found.regions + tuple(group.region for group in found.groups)
    order = sorted(range(len(everything)), key=lambda k: _reading_order(everything[k]))
    place = {k: number for number, k in enumerate(order)}
    members = {
        place[len(found.regions) + k]: tuple(sorted(place[member] for member in group.members))
        for k, group in enumerate(found.groups)
    }
    return tuple(everything[k] for k in order), members


def _reading_order(region: Region) -> tuple[float, float]:
    height, width = region.mask.shape
    return region.row + height / 2, region.col + width / 2


def _pixel_notes(image: NDArray[np.generic]) -> tuple[str, ...]:
    """Return what is wrong with the pixels themselves."""
    if image.dtype.kind != "f":
        return ()
    bad = image.size - int(np.count_nonzero(np.isfinite(image)))
    return (f"{bad} of {image.size} pixels are not finite and were taken as background",) if bad else ()
