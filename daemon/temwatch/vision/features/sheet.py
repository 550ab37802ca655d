"""All regions of a frame cut out and laid side by side on sheets, so that one call measures hundreds of them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.model.region import Region
from temwatch.vision.skeleton import thinned
from temwatch.vision.view import View

# Surroundings on every side of a region, in px of the sheet. Wide enough for the ring of 4 to 11 px, and for a
# pixel of that ring to be nearer to its own region than to the one on the neighbouring tile.
PAD = 12
# Longest side of a region on a sheet; larger ones are made smaller by area averaging, so that a crack through
# the whole frame costs no more than a few hundred pores.
_LONGEST_PX = 256
_SHEET_WIDTH = 1024
_SHEET_PIXELS = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Where a region lies on its sheet and in its frame.

    Attributes
    ----------
    top, left, height, width : int
        On the sheet, padding included.
    frame_row, frame_col : float
        Frame coordinates of the centre of the tile's first pixel.
    scale : float
        Sheet pixels per frame pixel, <= 1.
    """

    top: int
    left: int
    height: int
    width: int
    frame_row: float
    frame_col: float
    scale: float

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the tile on the sheet."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """Some pixels of a sheet, ordered by region.

    Attributes
    ----------
    index : ndarray of int, shape (m,)
        Positions in the flattened sheet.
    region : ndarray of int, shape (m,)
        Number of the tile each belongs to, ascending.
    count : ndarray of int, shape (n,)
        Pixels per tile.
    """

    index: NDArray[np.intp]
    region: NDArray[np.intp]
    count: NDArray[np.intp]

    @property
    def _starts(self) -> NDArray[np.intp]:
        return np.cumsum(self.count) - self.count

    def take(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the pixels' values on a sheet-sized image."""
        taken: NDArray[np.float32] = image.ravel().take(self.index)
        return taken

    def mean(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the mean per tile; 0 where a tile has no pixel."""
        out = np.zeros(len(self.count))
        filled = self.count > 0
        if filled.any():
            # Pixels are ordered by region, and empty tiles take no room: each sum runs to the next start.
            out[filled] = np.add.reduceat(values, self._starts[filled], dtype=np.float64) / self.count[filled]
        return out

    def spread(self, per_tile: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return a number per tile repeated for each of its pixels."""
        return np.repeat(per_tile.astype(np.float32), self.count)

    def std(self, values: NDArray[np.floating], mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard deviation per tile; 0 where a tile has no pixel."""
        difference = values - self.spread(mean)
        return np.sqrt(self.mean(difference * difference))

    def largest(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the largest value per tile; 0 where a tile has no pixel."""
        out = np.zeros(len(self.count))
        filled = self.count > 0
        if filled.any():
            out[filled] = np.maximum.reduceat(values, self._starts[filled])
        return out

    def quantiles(self, values: NDArray[np.float32], shares: Sequence[float]) -> NDArray[np.float64]:
        """Return quantiles per tile, interpolated linearly; shape (n, len(shares)), 0 for empty tiles."""
        ordered = _sorted_within(self.region, values)
        start = self._starts
        out = np.zeros((len(self.count), len(shares)))
        filled = self.count > 0
        for k, share in enumerate(shares):
            at = share * (self.count[filled] - 1)
            low = np.floor(at).astype(np.intp)
            high = np.minimum(low + 1, self.count[filled] - 1)
            first = ordered[start[filled] + low].astype(np.float64)
            out[filled, k] = first + (at - low) * (ordered[start[filled] + high] - first)
        return out

    def where(self, chosen: NDArray[np.bool_]) -> "Pixels":
        """Return the chosen ones among these pixels."""
        region = self.region[chosen]
        return Pixels(
            index=self.index[chosen],
            region=region,
            count=np.bincount(region, minlength=len(self.count)),
        )


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Tiles on one image.

    Attributes
    ----------
    tiles : tuple of Tile
    owner : ndarray of int32, shape (row, col)
        Number of the tile a pixel belongs to; -1 between tiles.
    mask : ndarray of uint8, shape (row, col)
        1 inside the tile's own region.
    foreign : ndarray of uint8, shape (row, col)
        1 where another region lies, or nothing because the frame has ended.
    values : ndarray of float32, shape (row, col)
        Flattened grey values.
    """

    tiles: tuple[Tile, ...]
    owner: NDArray[np.int32]
    mask: NDArray[np.uint8]
    foreign: NDArray[np.uint8]
    values: NDArray[np.float32]

    @property
    def scale(self) -> NDArray[np.float64]:
        """Sheet pixels per frame pixel of every tile."""
        return np.array([tile.scale for tile in self.tiles])

    @cached_property
    def free(self) -> NDArray[np.uint8]:
        """1 where no region lies and the frame goes on."""
        return 1 - (self.mask | self.foreign)

    def within(self, nearest: float, farthest: float) -> Pixels:
        """Return the free pixels at distances in (nearest, farthest] from their region, in sheet px."""
        above = float(np.nextafter(np.float32(nearest), np.float32(np.inf)))
        band = np.asarray(cv2.inRange(self.distance, above, farthest), np.uint8)  # 0 or 255
        return self.pixels((band & self.free).view(bool))

    def pixels(self, chosen: NDArray[np.bool_]) -> Pixels:
        """Return the pixels where a sheet-sized condition holds, those between tiles left out."""
        index = np.flatnonzero(chosen)
        region: NDArray[np.integer] = self.owner.ravel().take(index)
        between = region < 0
        if between.any():
            index, region = index[~between], region[~between]
        order = np.argsort(region.astype(np.uint16), kind="stable")  # 16 bits are sorted by radix
        ordered = region.take(order).astype(np.intp)
        count = np.bincount(ordered, minlength=len(self.tiles))
        return Pixels(index=index.take(order), region=ordered, count=count)

    @cached_property
    def inside(self) -> Pixels:
        """The pixels of the regions themselves."""
        return self.pixels(self.mask.view(bool))

    @cached_property
    def depth(self) -> NDArray[np.float32]:
        """Distance of every region pixel to the nearest pixel outside, in sheet px; within 2 % (chamfer of 5 x 5)."""
        return np.asarray(cv2.distanceTransform(self.mask, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)

    @cached_property
    def skeleton(self) -> NDArray[np.uint8]:
        """The one pixel wide middle lines of the regions, 1 on them."""
        lines = np.zeros(self.mask.shape, np.uint8)
        for box in self.close_boxes:
            lines[box] = thinned(self.mask[box])
        return lines

    @property
    def close_boxes(self) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of every region with one pixel around it: for what costs much per pixel."""
        for tile in self.tiles:
            inner = PAD - 1
            yield (
                slice(tile.top + inner, tile.top + tile.height - inner),
                slice(tile.left + inner, tile.left + tile.width - inner),
            )

    @cached_property
    def distance(self) -> NDArray[np.float32]:
        """Distance of every outside pixel to its region, in sheet px; within 2 % (chamfer of 5 x 5)."""
        return np.asarray(cv2.distanceTransform(1 - self.mask, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)

    @cached_property
    def slope(self) -> NDArray[np.float32]:
        """Magnitude of the gradient after a Gaussian of 1.2 px, in relative contrast per sheet px."""
        smooth = cv2.GaussianBlur(self.values, (9, 9), 1.2)
        across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
        down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
        return np.asarray(cv2.magnitude(across, down), np.float32)


def lay_out(view: View, regions: Sequence[Region]) -> Iterator[tuple[NDArray[np.intp], Sheet]]:
    """Cut out all regions and lay them on sheets of about a million pixels.

    Yields
    ------
    members : ndarray of int, shape (n,)
        Which regions, by their index, are the sheet's tiles.
    sheet : Sheet
    """
    sizes = np.array([_tile_size(region) for region in regions], dtype=np.intp).reshape(-1, 2)
    order = np.argsort(sizes[:, 0], kind="stable")  # equal heights side by side waste little
    taken = _frame_mask(view.shape, regions)
    start = 0
    while start < len(order):
        places, stop, height = _shelve(sizes, order, start)
        members = order[start:stop]
        yield members, _filled(view, [regions[k] for k in members], places, height, taken)
        start = stop


def _shelve(
    sizes: NDArray[np.intp], order: NDArray[np.intp], start: int
) -> tuple[list[tuple[int, int]], int, int]:
    """Return the (top, left) of tiles in rows of a sheet, the index after the last, and the sheet's height."""
    places: list[tuple[int, int]] = []
    top = left = shelf = 0
    for k in range(start, len(order)):
        height, width = (int(v) for v in sizes[order[k]])
        if left + width > _SHEET_WIDTH:
            top, left, shelf = top + shelf, 0, 0
        if places and (top + max(shelf, height)) * _SHEET_WIDTH > _SHEET_PIXELS:
            return places, k, top + shelf
        places.append((top, left))
        left += width
        shelf = max(shelf, height)
    return places, len(order), top + shelf


def _scale(region: Region) -> float:
    return min(1.0, float(_LONGEST_PX / max(region.mask.shape)))


def _tile_size(region: Region) -> tuple[int, int]:
    scale = _scale(region)
    height, width = (max(1, round(side * scale)) for side in region.mask.shape)
    return height + 2 * PAD, width + 2 * PAD


def _frame_mask(shape: tuple[int, int], regions: Sequence[Region]) -> NDArray[np.uint8]:
    """Return 1 wherever any region lies."""
    taken = np.zeros(shape, np.uint8)
    for region in regions:
        height, width = region.mask.shape
        taken[region.row : region.row + height, region.col : region.col + width] |= region.mask.view(np.uint8)
    return taken


def _filled(
    view: View,
    regions: Sequence[Region],
    places: Sequence[tuple[int, int]],
    height: int,
    taken: NDArray[np.uint8],
) -> Sheet:
    """Return the sheet with every region's tile filled in."""
    shape = (height, _SHEET_WIDTH)
    owner = np.full(shape, -1, np.int32)
    mask, foreign = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    values = np.zeros(shape, np.float32)
    tiles = []
    for k, (region, (top, left)) in enumerate(zip(regions, places, strict=True)):
        own, others, grey, scale = _cut(view, region, taken)
        box = (slice(top, top + own.shape[0]), slice(left, left + own.shape[1]))
        owner[box], mask[box], foreign[box], values[box] = k, own, others, grey
        # Resizing keeps the corners of the first pixels together, not their centres.
        corner = math.ceil(PAD / scale) + 0.5 - 0.5 / scale
        tiles.append(
            Tile(
                top=top,
                left=left,
                height=own.shape[0],
                width=own.shape[1],
                frame_row=region.row - corner,
                frame_col=region.col - corner,
                scale=scale,
            )
        )
    return Sheet(tiles=tuple(tiles), owner=owner, mask=mask, foreign=foreign, values=values)


def _cut(
    view: View, region: Region, taken: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32], float]:
    """Return own mask, foreign mask, grey values (all padded) and scale of one region."""
    scale = _scale(region)
    pad = math.ceil(PAD / scale)
    height, width = region.mask.shape
    top, left = max(region.row - pad, 0), max(region.col - pad, 0)
    bottom = min(region.row + height + pad, view.shape[0])
    right = min(region.col + width + pad, view.shape[1])
    rows, cols = slice(top, bottom), slice(left, right)
    margins = (
        top - (region.row - pad),
        region.row + height + pad - bottom,
        left - (region.col - pad),
        region.col + width + pad - right,
    )
    own = np.zeros((height + 2 * pad, width + 2 * pad), np.uint8)
    own[pad : pad + height, pad : pad + width] = region.mask
    grey = view.window(rows, cols)
    others = taken[rows, cols]
    if any(margins):
        grey = np.asarray(cv2.copyMakeBorder(grey, *margins, cv2.BORDER_REPLICATE), np.float32)
        others = np.asarray(cv2.copyMakeBorder(others, *margins, cv2.BORDER_CONSTANT, value=1.0), np.uint8)
    others = others & (1 - own)
    if scale < 1.0:
        return _smaller(own, others, grey, region)
    return own, others, grey, scale


def _smaller(
    own: NDArray[np.uint8], others: NDArray[np.uint8], grey: NDArray[np.float32], region: Region
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32], float]:
    """Return the cut made smaller by area averaging."""
    height, width = _tile_size(region)
    size = (width, height)
    coverage = cv2.resize(own.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    # A line thinner than a pixel of the sheet covers less than half of any: it stays, one pixel wide.
    typical = 0.5 * float(np.median(coverage[coverage > 0]))
    small = (coverage > min(0.5, typical)).astype(np.uint8)
    nearest = np.asarray(cv2.resize(others, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    shrunk = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    return small, nearest & (1 - small), shrunk, _scale(region)


def _sorted_within(region: NDArray[np.intp], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the values sorted within every region, regions in ascending order.

    One sort of 64-bit keys, region above value: the bits of a float order like an integer once those of
    negative numbers are inverted and the sign bit of the others is set.
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    sign = np.uint32(0x80000000)
    ordered = np.where(bits & sign, ~bits, bits | sign)
    keys = (region.astype(np.uint64) << np.uint64(32)) | ordered
    keys.sort()
    ordered = keys.astype(np.uint32)
    bits = np.where(ordered & sign, ordered & ~sign, ~ordered)
    return bits.view(np.float32)
