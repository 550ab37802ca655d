"""The grade follows the largest object and the worst window."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch.acceptance.grade import _MOST_WINDOWS, _cells, diameter_nm, grade, lay_out
from temwatch.acceptance.rules import GradeRule
from unit.acceptance.objects import finding

RULE = GradeRule()


def crowding(findings, *, shape, window_px):
    return lay_out(findings, shape=shape, window_px=window_px).crowding(range(len(findings)))


@pytest.mark.parametrize(
    ("area_share", "diameter", "expected"),
    [
        (0.0, 0.0, "I"),
        (0.005, 50.0, "I"),
        (0.0051, 50.0, "II"),
        (0.005, 50.1, "II"),
        (0.02, 1.0, "III"),
        (0.0, 400.0, "IV"),
        (0.08, 800.0, "V"),
        (0.0801, 1.0, "VI"),
        (0.0, 800.1, "VI"),
    ],
)
def test_the_grade_is_the_first_whose_two_limits_hold(area_share, diameter, expected):
    assert grade(RULE, area_share=area_share, diameter_nm=diameter) == expected


def test_the_diameter_is_that_of_the_circle_of_equal_area_in_nm():
    assert diameter_nm(finding(side_px=10.0), 2.0) == pytest.approx(2 * np.sqrt(100 / np.pi) * 2.0)


def test_nothing_covers_nothing():
    assert crowding([], shape=(100, 100), window_px=50).worst == 0.0


def test_one_object_inside_a_window_covers_its_area_over_the_windows():
    dense = crowding([finding(side_px=20.0)], shape=(1000, 1000), window_px=200)
    assert dense.worst == pytest.approx(400 / 200**2)
    assert dense.of_each == pytest.approx([400 / 200**2])


def test_objects_far_apart_do_not_add_up_but_neighbours_do():
    far = [finding(row=100, col=100), finding(row=900, col=900)]
    near = [finding(row=500, col=500), finding(row=500, col=540)]
    assert crowding(far, shape=(1000, 1000), window_px=200).worst == pytest.approx(400 / 200**2)
    assert crowding(near, shape=(1000, 1000), window_px=200).worst == pytest.approx(800 / 200**2)


def test_each_object_is_judged_by_its_own_surroundings():
    crowd = [finding(row=100, col=100 + 22 * k) for k in range(4)]
    dense = crowding([*crowd, finding(row=900, col=900)], shape=(1000, 1000), window_px=200)
    assert dense.of_each[:4] == pytest.approx(dense.worst)
    assert dense.of_each[4] == pytest.approx(400 / 200**2)


def test_findings_that_are_left_out_do_not_count():
    layout = lay_out([finding(), finding(), finding()], shape=(1000, 1000), window_px=200)
    assert layout.crowding([0, 2]).worst == pytest.approx(2 * layout.crowding([1]).worst)
    assert len(layout.crowding([0, 2]).of_each) == 2


def test_a_window_larger_than_the_frame_is_the_frame():
    dense = crowding([finding(row=50, col=50)], shape=(100, 200), window_px=5000)
    assert dense.worst == pytest.approx(400 / (100 * 200))


def test_an_object_larger_than_a_window_fills_it_and_no_more():
    dense = crowding([finding(side_px=600.0)], shape=(1000, 1000), window_px=100)
    assert dense.worst == pytest.approx(1.0, rel=0.15)


def test_a_turned_rectangle_reaches_as_far_as_its_axis():
    bar = finding()
    box = replace(bar.rectangle, length_px=400.0, width_px=2.0, angle_deg=90.0)
    down = replace(bar, rectangle=box, area_px=800)
    below = finding(row=690, col=500)
    together = crowding([down, below], shape=(1000, 1000), window_px=100)
    assert together.worst > 400 / 100**2 + 800 / 400 * 20 / 100**2


@st.composite
def _scenes(draw):
    places = draw(
        st.lists(st.tuples(st.floats(0, 999), st.floats(0, 799), st.floats(1, 90)), min_size=1, max_size=12)
    )
    return [finding(row=row, col=col, side_px=side) for row, col, side in places]


@given(_scenes(), st.floats(1.0, 5000.0))
def test_no_window_is_denser_than_the_worst_and_someone_lies_in_it(scene, window_px):
    dense = crowding(scene, shape=(1000, 800), window_px=window_px)
    assert dense.of_each.max() == pytest.approx(dense.worst)
    assert (dense.of_each > 0).all()


@given(_scenes(), st.floats(20.0, 2000.0))
def test_more_objects_never_make_the_worst_window_better(scene, window_px):
    fewer = crowding(scene[:-1], shape=(1000, 800), window_px=window_px).worst
    assert crowding(scene, shape=(1000, 800), window_px=window_px).worst >= fewer * (1 - 1e-12)


@given(st.integers(1, 6000), st.floats(1.0, 10_000.0))
def test_windows_have_the_side_asked_for_within_a_tenth_where_the_frame_allows(size, window_px):
    cells, steps = _cells(size, window_px)
    expected = max(min(window_px, size), size / _MOST_WINDOWS)
    tolerance = 0.07 if size / expected < 16 else 0.5 / steps
    assert size * steps / cells == pytest.approx(expected, rel=tolerance)
