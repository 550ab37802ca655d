"""At which size a frame is looked at."""

import numpy as np
import pytest

from temwatch.vision.finder.decode import Instances
from temwatch.vision.finder.scale import best, divisors, larger_elsewhere, smaller_elsewhere


def found(*objects: tuple[float, float, float, float]) -> Instances:
    """Objects (row, col, radius, score) in network px."""
    table = np.array(objects).reshape(-1, 4)
    return Instances(
        labels=np.zeros((8, 8), np.int32),
        number=np.arange(1, len(table) + 1),
        box=np.zeros((len(table), 4), np.intp),
        centre=table[:, :2],
        radius_px=table[:, 2],
        score=table[:, 3],
    )


@pytest.mark.parametrize(
    ("shape", "full", "expected"),
    [
        ((1024, 1024), False, (1, 2, 4)),
        ((2048, 2048), False, (1, 2, 4)),
        ((4096, 4096), False, (2, 4, 8)),
        ((4096, 4096), True, (1, 2, 4)),
        ((100, 100), False, (0.5, 1)),
        ((256, 40), False, (0.5, 1)),
        ((1, 1), False, (0.5, 1)),
    ],
)
def test_large_frames_are_made_smaller_first_and_small_ones_larger(
    shape: tuple[int, int], full: bool, expected: tuple[float, ...]
) -> None:
    assert divisors(shape, object_size_px=None, full_resolution=full) == expected


@pytest.mark.parametrize(
    ("size_px", "expected"), [(3.0, 0.5), (9.0, 0.5), (16.0, 1), (33.0, 2), (64.0, 4), (1e9, 16)]
)
def test_a_stated_object_size_decides_alone(size_px: float, expected: float) -> None:
    assert divisors((1024, 1024), object_size_px=size_px, full_resolution=False) == (expected,)


def test_the_scale_with_more_sure_objects_of_a_trusted_size_is_taken() -> None:
    fine = found(*[(i * 10.0, 0.0, 2.5, 0.9) for i in range(50)])
    middle = found(*[(i * 10.0, 0.0, 8.0, 0.8) for i in range(20)])
    coarse = found(*[(i * 10.0, 0.0, 4.0, 0.55) for i in range(30)])
    assert best([fine, middle, coarse]) == 1


def test_a_frame_without_objects_is_taken_as_it_is() -> None:
    assert best([found(), found(), found()]) == 0


def test_a_large_object_of_a_coarser_scale_is_added_where_the_finer_has_nothing() -> None:
    chosen = found((100.0, 100.0, 8.0, 0.9))
    coarser = found(
        (200.0, 200.0, 15.0, 0.9), (50.0, 50.0, 15.0, 0.9), (150.0, 20.0, 6.0, 0.9), (90.0, 200.0, 15.0, 0.6)
    )
    added = larger_elsewhere(chosen, coarser, 2.0, least_score=0.75)
    assert added.tolist() == [True, False, False, False]


def test_a_sure_small_object_of_a_finer_scale_is_added_where_the_chosen_one_shows_nothing() -> None:
    chosen = found((50.0, 50.0, 8.0, 0.9))
    finer = found(
        (20.0, 160.0, 6.0, 0.9),  # small, and alone
        (100.0, 104.0, 6.0, 0.9),  # part of what is known
        (160.0, 20.0, 6.0, 0.6),  # not sure
        (160.0, 160.0, 2.5, 0.9),  # too small to be trusted
        (20.0, 20.0, 14.0, 0.9),  # large enough to be seen at the chosen scale
    )
    added = smaller_elsewhere(chosen, finer, 0.5, least_score=0.75)
    assert added.tolist() == [True, False, False, False, False]
