"""Which of the objects found may be one: small ones of similar size so close together that no sound material is between."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from temwatch.model.region import Region

# Found on simulated looseness: with these, groups are the whole object most often; wider ones swallow neighbours.
_GAP_PX = 4.0
_GAP_PER_RADIUS = 3.0
_ALIKE = 3.0  # largest ratio of two neighbours' radii
_FEWEST, _MOST = 3, 100  # where more hang together, the frame is full of them, and no group stands apart


@dataclass(frozen=True, slots=True)
class Group:
    """Regions that may be one object, and that object: all their pixels, with nothing between them."""

    members: tuple[int, ...]
    region: Region


def groups(regions: Sequence[Region]) -> tuple[Group, ...]:
    """Return the groups among regions; each region is in one at most.

    Two regions belong together if the gap between them, taken as circles, is below 4 px plus three times the
    smaller radius, and neither is three times as large as the other; a group has three to a hundred.

    Returns
    -------
    tuple of Group
        `members` ascending, groups by their first member. The score of a group is the mean of its members'.
    """
    if len(regions) < _FEWEST:
        return ()
    count, label = connected_components(_neighbours(regions), directed=False)
    order = np.argsort(label, kind="stable")
    found = np.split(order, np.cumsum(np.bincount(label, minlength=count))[:-1])
    return tuple(
        Group(members=tuple(int(k) for k in members), region=_union([regions[k] for k in members]))
        for members in found
        if _FEWEST <= len(members) <= _MOST
    )


def _neighbours(regions: Sequence[Region]) -> csr_array:
    """Return a matrix (n, n) that is not 0 where two regions are alike and nearly touch."""
    radius = np.sqrt(np.array([np.count_nonzero(region.mask) for region in regions]) / np.pi)
    centre = np.array([_middle(region) for region in regions])
    # Seen from the smaller of two alike: gap, own radius, and the other's.
    reach = _GAP_PX + (_GAP_PER_RADIUS + 1 + _ALIKE) * radius
    near = cKDTree(centre).query_ball_point(centre, reach)
    first = np.repeat(np.arange(len(regions)), [len(others) for others in near])
    second = np.concatenate([np.asarray(others, np.intp) for others in near])
    small, large = radius[first], radius[second]
    gap = np.linalg.norm(centre[first] - centre[second], axis=1) - small - large
    belong = (large >= small) & (large <= _ALIKE * small) & (gap <= _GAP_PX + _GAP_PER_RADIUS * small)
    shape = (len(regions), len(regions))
    return csr_array((np.ones(int(belong.sum())), (first[belong], second[belong])), shape=shape)


def _middle(region: Region) -> tuple[float, float]:
    height, width = region.mask.shape
    return region.row + (height - 1) / 2, region.col + (width - 1) / 2


def _union(regions: Sequence[Region]) -> Region:
    top, left = min(r.row for r in regions), min(r.col for r in regions)
    bottom = max(r.row + r.mask.shape[0] for r in regions)
    right = max(r.col + r.mask.shape[1] for r in regions)
    mask = np.zeros((bottom - top, right - left), bool)
    for r in regions:
        height, width = r.mask.shape
        mask[r.row - top : r.row - top + height, r.col - left : r.col - left + width] |= r.mask
    return Region(row=top, col=left, mask=mask, score=float(np.mean([r.score for r in regions])))
