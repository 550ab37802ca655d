"""Planes become single objects of the right number, place and size."""

import numpy as np
import pytest
from numpy.typing import NDArray

from temwatch.vision.finder.decode import OBJECT_LEVEL, compact, lines
from temwatch.vision.finder.tiling import STRIDE, Planes

Disc = tuple[float, float, float]


def planes(*discs: Disc, shape: tuple[int, int] = (100, 120), weak: float = 1.0) -> Planes:
    """Ideal answers for discs (row, col, radius), all in network px."""
    rows, cols = np.indices(shape) * float(STRIDE)
    objects, core, radius = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for row, col, r in discs:
        depth = 1 - np.hypot(rows - row, cols - col) / r
        objects = np.maximum(objects, np.clip(depth * r / STRIDE + 0.5, 0, 1))
        core = np.maximum(core, np.clip(depth, 0, 1))
        radius[depth > 0] = np.log(r)
    return Planes(
        objects=_bytes(objects),
        core=_bytes(core * weak),
        line=_bytes(objects * 0),
        log_radius=np.uint8(radius * 50),
    )


def _bytes(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.round(share * 255).astype(np.uint8)


def test_a_disc_is_found_where_it_is_and_as_large_as_it_is() -> None:
    found = compact(planes((60.0, 90.0, 16.0)))
    assert found.centre == pytest.approx(np.array([[60.0, 90.0]]), abs=0.5)
    assert found.radius_px == pytest.approx([16.0], rel=0.05)
    assert found.score == pytest.approx([1.0], abs=0.1)


def test_touching_discs_are_two() -> None:
    found = compact(planes((60.0, 60.0, 16.0), (60.0, 90.0, 16.0)))
    assert len(found.number) == 2
    assert found.radius_px == pytest.approx([16.0, 16.0], rel=0.08)


def test_a_disc_with_two_peaks_is_one() -> None:
    one = planes((60.0, 60.0, 20.0))
    core = one.core.copy()
    core[27, 30] = core[33, 30] = 255
    twice = Planes(objects=one.objects, core=core, line=one.line, log_radius=one.log_radius)
    assert len(compact(twice).number) == 1


def test_a_weak_core_lowers_the_score() -> None:
    strong, weak = compact(planes((60.0, 60.0, 16.0))), compact(planes((60.0, 60.0, 16.0), weak=0.5))
    assert weak.score[0] < 0.8 * strong.score[0]


def test_rims_are_not_eaten_by_the_outside() -> None:
    given = planes((60.0, 60.0, 8.0))
    assert np.count_nonzero(compact(given).labels) == np.count_nonzero(given.objects >= OBJECT_LEVEL)


def test_empty_planes_hold_nothing() -> None:
    empty = planes()
    found = compact(empty)
    assert len(found.number) == 0
    assert len(lines(empty, found.labels).number) == 0


def test_a_long_thin_part_of_the_line_plane_is_a_line_and_a_blot_is_not() -> None:
    drawn = planes()
    drawn.line[50:52, 10:90] = 250
    drawn.line[70:90, 20:40] = 250
    found = lines(drawn, np.zeros(drawn.line.shape, np.int32))
    assert found.box.tolist() == [[50, 10, 52, 90]]


def test_a_line_stops_at_an_object() -> None:
    drawn = planes((100.0, 60.0, 10.0))
    drawn.line[50:52, 5:110] = 250
    found = lines(drawn, compact(drawn).labels)
    assert all((found.labels[drawn.objects >= OBJECT_LEVEL] == 0).tolist())
    assert len(found.number) == 2
