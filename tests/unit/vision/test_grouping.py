"""Crowds of small objects are offered as one; nothing else is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from temwatch.model.region import Region
from temwatch.vision.finder.base import Found
from temwatch.vision.finder.grouping import groups
from temwatch.vision.inspection import in_reading_order


def _disc(row: int, col: int, radius: int = 3) -> Region:
    axis = np.arange(-radius, radius + 1)
    return Region(row=row - radius, col=col - radius, mask=axis[:, None] ** 2 + axis**2 <= radius**2)


def _crowd(row: int, col: int, pitch: int = 12) -> list[Region]:
    return [_disc(row + pitch * i, col + pitch * j) for i in range(2) for j in range(3)]


def test_a_crowd_of_micro_pores_is_offered_as_one_object():
    regions = [*_crowd(50, 50), _disc(200, 200)]
    (group,) = groups(regions)
    assert group.members == (0, 1, 2, 3, 4, 5)
    assert np.count_nonzero(group.region.mask) == sum(np.count_nonzero(r.mask) for r in regions[:6])


def test_two_objects_are_no_crowd():
    assert groups([_disc(50, 50), _disc(50, 60)]) == ()


def test_objects_far_apart_are_no_crowd():
    assert groups(_crowd(50, 50, pitch=30)) == ()


def test_a_large_object_beside_small_ones_is_not_of_their_crowd():
    (group,) = groups([_disc(56, 110, radius=20), *_crowd(50, 50)])
    assert 0 not in group.members


def test_where_everything_touches_everything_nothing_stands_apart():
    assert groups([_disc(10 * i, 10 * j) for i in range(12) for j in range(12)]) == ()


@given(st.lists(st.tuples(st.integers(20, 200), st.integers(20, 200), st.integers(2, 9)), max_size=30))
def test_nobody_is_in_two_groups_and_the_order_of_regions_does_not_matter(places):
    regions = [_disc(*place) for place in places]
    found = [set(group.members) for group in groups(regions)]
    assert sum(map(len, found)) == len(set().union(*found))
    backwards = [{len(regions) - 1 - k for k in group.members} for group in groups(regions[::-1])]
    assert sorted(map(sorted, found)) == sorted(map(sorted, backwards))


def test_in_reading_order_every_group_still_knows_its_members():
    regions = (_disc(200, 20), *_crowd(50, 50), _disc(10, 10))
    ordered, members = in_reading_order(Found(regions=regions, groups=groups(regions)))
    ((whole, parts),) = members.items()
    union = ordered[whole]
    for part in parts:
        assert union.row <= ordered[part].row < union.row + union.mask.shape[0]
    assert len(parts) == 6
    assert [r.row + r.mask.shape[0] / 2 for r in ordered] == sorted(
        r.row + r.mask.shape[0] / 2 for r in ordered
    )
