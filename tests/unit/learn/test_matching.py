"""A region is matched to the object whose pixels it shares."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from temwatch.learn.matching import match
from temwatch.model.region import Region


def _box(row, col, height, width):
    return Region(row=row, col=col, mask=np.ones((height, width), dtype=bool))


def test_a_region_on_an_object_shows_it_and_is_it():
    matching = match([_box(10, 10, 10, 10)], [_box(50, 50, 5, 5), _box(11, 11, 10, 10)])
    assert matching.shown.tolist() == matching.same.tolist() == [1]
    assert matching.foreign.tolist() == [False]


def test_a_region_apart_from_all_objects_is_foreign():
    matching = match([_box(10, 10, 10, 10)], [_box(10, 20, 10, 10)])
    assert matching.shown.tolist() == matching.same.tolist() == [-1]
    assert matching.foreign.tolist() == [True]


def test_a_region_half_on_an_object_is_neither_foreign_nor_the_object():
    matching = match([_box(0, 0, 10, 10)], [_box(0, 6, 10, 50)])
    assert (matching.shown[0], matching.foreign[0]) == (-1, False)


def test_fragments_show_their_object_but_only_one_is_it():
    whole = _box(0, 0, 4, 100)
    matching = match([_box(0, 0, 4, 30), _box(0, 50, 4, 50), _box(0, 32, 4, 5)], [whole])
    assert matching.shown.tolist() == [0, 0, 0]
    assert matching.same.tolist() == [-1, 0, -1]


def test_a_region_too_large_for_its_object_is_it_by_overlap_alone():
    matching = match([_box(0, 0, 10, 20)], [_box(0, 0, 10, 8)])
    assert (matching.shown[0], matching.same[0]) == (0, 0)


def test_masks_count_not_their_boxes():
    ring = Region(row=0, col=0, mask=~np.pad(np.ones((6, 6), dtype=bool), 2))
    assert match([ring], [_box(3, 3, 4, 4)]).foreign.tolist() == [True]


def test_without_regions_or_objects_nothing_matches():
    assert match([], [_box(0, 0, 1, 1)]).shown.shape == (0,)
    assert match([_box(0, 0, 1, 1)], []).foreign.tolist() == [True]


_boxes = st.lists(
    st.builds(_box, st.integers(0, 30), st.integers(0, 30), st.integers(1, 12), st.integers(1, 12)),
    max_size=6,
)


@given(_boxes, _boxes)
def test_shared_pixels_are_those_of_the_whole_frame_and_no_object_is_taken_twice(regions, objects):
    matching = match(regions, objects)
    taken = [number for number in matching.same.tolist() if number >= 0]
    assert len(set(taken)) == len(taken)

    def whole(item):
        frame = np.zeros((50, 50), dtype=bool)
        frame[item.row : item.row + item.mask.shape[0], item.col : item.col + item.mask.shape[1]] = item.mask
        return frame

    for region, same in zip(regions, matching.same.tolist(), strict=True):
        if same >= 0:
            ours, theirs = whole(region), whole(objects[same])
            assert (ours & theirs).sum() / (ours | theirs).sum() >= 0.3
