"""Rectangles overlap as their areas do, and are paired one to one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from temwatch.model.finding import Rectangle
from temwatch.vision.overlap import SAME_OBJECT, overlaps, partners


def box(row: float, col: float, length: float, width: float, angle: float = 0.0) -> Rectangle:
    return Rectangle(row=row, col=col, length_px=length, width_px=width, angle_deg=angle)


BOXES = st.builds(
    lambda row, col, width, longer, angle: box(row, col, width + longer, width, angle),
    st.floats(0, 40),
    st.floats(0, 40),
    st.floats(3, 20),
    st.floats(0, 30),
    st.floats(-89, 90),
)


def inside(rectangle: Rectangle, points: np.ndarray) -> np.ndarray:
    angle = np.radians(rectangle.angle_deg)
    away = points - (rectangle.row, rectangle.col)
    along = away[:, 1] * np.cos(angle) + away[:, 0] * np.sin(angle)
    across = -away[:, 1] * np.sin(angle) + away[:, 0] * np.cos(angle)
    return (np.abs(along) <= rectangle.length_px / 2) & (np.abs(across) <= rectangle.width_px / 2)


@settings(max_examples=60, deadline=None)
@given(a=BOXES, b=BOXES)
def test_the_overlap_is_that_of_counted_points(a: Rectangle, b: Rectangle) -> None:
    # Off the whole numbers, so that no point lies on an edge and counts in one rectangle, but not in the other.
    grid = np.stack(np.meshgrid(*[np.arange(-35, 75, 0.25) + 0.117] * 2, indexing="ij"), -1).reshape(-1, 2)
    in_a, in_b = inside(a, grid), inside(b, grid)
    counted = (in_a & in_b).sum() / (in_a | in_b).sum()
    assert overlaps([a], [b])[0, 0] == pytest.approx(counted, abs=0.05)
    assert overlaps([b], [a])[0, 0] == pytest.approx(overlaps([a], [b])[0, 0], abs=1e-4)


def test_known_overlaps() -> None:
    one = box(10, 10, 10, 10)
    others = [one, box(10, 15, 10, 10), box(10, 20.1, 10, 10), box(10, 10, 10, 10, 45), box(10, 10, 20, 5)]
    octagon = 2 * (np.sqrt(2) - 1) * 100  # what a square and the same turned by 45 degrees share
    expected = [1, 50 / 150, 0, octagon / (200 - octagon), 50 / 150]
    np.testing.assert_allclose(overlaps([one], others)[0], expected, atol=1e-4)


def test_rectangles_that_nearly_coincide_overlap_nearly_wholly() -> None:
    one, other = (
        box(0, 0, 6.7815285337309525, 6.7815285337309525, 0.75),
        box(0, 0, 7.53152853, 6.78152853, 0.75),
    )
    assert overlaps([one], [other])[0, 0] == pytest.approx(6.78152853 / 7.53152853, abs=1e-6)


def test_far_from_the_origin_it_is_the_same() -> None:
    near = overlaps([box(0, 0, 10, 3, 30)], [box(1, 1, 10, 3, 33)])[0, 0]
    far = overlaps([box(60_000, 60_000, 10, 3, 30)], [box(60_001, 60_001, 10, 3, 33)])[0, 0]
    assert far == pytest.approx(near, abs=1e-3)


def test_each_has_one_partner_at_most_so_that_all_overlap_most() -> None:
    # Greedily the first would take the middle one and leave the second without.
    first = [box(10, 10, 10, 10), box(10, 13, 10, 10)]
    second = [box(10, 11.4, 10, 10), box(10, 8, 10, 10)]
    assert [(pair.first, pair.second) for pair in partners(first, second)] == [(0, 1), (1, 0)]


def test_too_little_overlap_is_no_partner_and_nothing_has_none() -> None:
    far = box(10, 10 + 10 * (1 - SAME_OBJECT), 10, 10)
    assert partners([box(10, 10, 10, 10)], [far]) == []
    assert partners([], [far]) == partners([far], []) == []
