import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from temwatch.vision.outline import long_axis_degrees, outline
from temwatch.vision.overlay import rectangle_corners
from temwatch.vision.rectangle import circumscribed, corner_hull, feret_diameters, hull_areas, hull_perimeters
from unit.vision.scenes import blob, region_of

pixel_clouds = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=30, unique=True
).map(lambda points: np.array(points, np.int32))


def _area_at(points, angle_deg):
    t = np.radians(angle_deg)
    corners = (points[:, None, :] + np.array([(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)])).reshape(
        -1, 2
    )
    return np.ptp(corners @ (np.sin(t), np.cos(t))) * np.ptp(corners @ (np.cos(t), -np.sin(t)))


@given(pixel_clouds)
@settings(max_examples=60, deadline=None)
def test_no_angle_gives_a_smaller_rectangle(points):
    (found,) = circumscribed([corner_hull(points)])
    area = found.length_px * found.width_px
    assert area <= min(_area_at(points, angle) for angle in np.arange(0, 90, 0.5)) + 1e-6
    np.testing.assert_allclose(area, _area_at(points, found.angle_deg), rtol=1e-6)


@given(pixel_clouds)
@settings(max_examples=60, deadline=None)
def test_every_pixel_corner_lies_inside_and_the_long_side_is_the_long_one(points):
    (found,) = circumscribed([corner_hull(points)])
    t = np.radians(found.angle_deg)
    offset = corner_hull(points) - (found.row, found.col)
    assert np.abs(offset @ (np.sin(t), np.cos(t))).max() <= found.length_px / 2 + 1e-6
    assert np.abs(offset @ (np.cos(t), -np.sin(t))).max() <= found.width_px / 2 + 1e-6
    assert found.length_px >= found.width_px
    assert -90 < found.angle_deg <= 90


def test_a_single_pixel_is_a_unit_square():
    (found,) = circumscribed([corner_hull(np.array([[5, 7]], np.int32))])
    assert (found.row, found.col, found.length_px, found.width_px) == (5, 7, 1, 1)


def test_the_angle_turns_from_columns_downwards():
    line = np.array([(k, k) for k in range(20)], np.int32)
    (found,) = circumscribed([corner_hull(line)])
    assert abs(found.angle_deg - 45) < 1e-6
    (upright,) = circumscribed([corner_hull(np.array([(k, 3) for k in range(9)], np.int32))])
    assert (upright.angle_deg, upright.length_px, upright.width_px) == (90, 9, 1)


def test_hulls_of_very_different_size_come_back_in_the_order_given():
    discs = [
        np.argwhere(np.hypot(*np.indices((2 * r + 1, 2 * r + 1)) - np.full((2, 1, 1), r)) <= r)
        for r in (90, 2, 40)
    ]
    hulls = [corner_hull(points.astype(np.int32)) for points in discs]
    np.testing.assert_allclose([r.length_px for r in circumscribed(hulls)], [181, 5, 81], atol=3)


def test_area_perimeter_and_caliper_of_a_plain_rectangle_are_exact():
    hull = corner_hull(np.argwhere(np.ones((6, 10))).astype(np.int32))
    assert hull_areas([hull])[0] == 60
    assert hull_perimeters([hull])[0] == 32
    small, large = feret_diameters([hull], directions=180)
    np.testing.assert_allclose((small[0], large[0]), (6, np.hypot(6, 10)), rtol=1e-3)


def test_the_normalised_direction_of_an_object_turned_by_180_degrees_turns_with_it():
    mask = blob(3)
    direction = [long_axis_degrees(outline([region_of(m)], m.shape))[0] for m in (mask, mask[::-1, ::-1])]
    assert abs(abs(direction[0] - direction[1]) - 180) < 1e-6


def test_corners_of_a_rectangle_span_its_sides():
    (found,) = circumscribed([corner_hull(np.argwhere(np.ones((4, 9))).astype(np.int32))])
    corners = rectangle_corners(found)
    np.testing.assert_allclose(
        sorted(map(tuple, corners)), [(-0.5, -0.5), (-0.5, 8.5), (3.5, -0.5), (3.5, 8.5)], atol=1e-9
    )
