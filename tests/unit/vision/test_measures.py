import cv2
import numpy as np
import pytest

from temwatch.vision.cracks import crack_width, line_length
from temwatch.vision.outline import outline
from temwatch.vision.particles import feret_px, size_statistics
from temwatch.vision.view import look_at
from unit.vision.scenes import disc, region_of


def crack(width: float, angle_deg: float, size: int = 240, scale: int = 8):
    """A frame with a straight dark crack of a known width, and its mask."""
    half = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))]) * 80
    fine = np.zeros((size * scale, size * scale), np.uint8)
    across = np.array([-half[1], half[0]]) / 80 * width / 2
    corners = np.array([half + across, half - across, -half - across, -half + across]) + size / 2
    cv2.fillConvexPoly(fine, np.round(corners * scale * 16).astype(np.int32), 255, shift=4)
    cover = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA).astype(float) / 255
    image = 1000 * (1 - 0.5 * cover) + np.random.default_rng(0).normal(0, 8, cover.shape)
    return image, cover > 0.5


@pytest.mark.parametrize("angle", [0.0, 25.0, 45.0, 80.0])
@pytest.mark.parametrize("width", [3.0, 5.5, 12.0, 20.0])
def test_a_straight_crack_has_its_width_at_any_angle(width, angle):
    image, mask = crack(width, angle)
    measured = crack_width(look_at(image), region_of(mask))
    assert measured.method == ("profile" if width < 8 else "distance")
    assert measured.mean_px == pytest.approx(width, abs=1.0)
    assert measured.places >= 3


def test_the_length_of_a_crack_is_that_of_its_middle_line():
    image, mask = crack(4.0, 0.0)
    assert crack_width(look_at(image), region_of(mask)).length_px == pytest.approx(160, abs=5)


def test_a_diagonal_step_counts_the_root_of_two():
    assert line_length(np.eye(11, dtype=np.uint8)) == pytest.approx(10 * np.sqrt(2))
    corner = np.zeros((9, 9), np.uint8)
    corner[4, :5] = corner[4:, 4] = 1
    assert line_length(corner) == 8


def test_a_speck_is_measured_without_complaint():
    image = np.full((40, 40), 100.0)
    image[20:23, 20:24] = 50
    assert crack_width(look_at(image), region_of(image < 75)).places >= 1


def test_sizes_of_particles_leave_out_those_cut_by_the_edge():
    sizes = size_statistics(
        np.array([10.0, 20, 30, 500]), np.array([False, False, False, True]), nm_per_px=2.0
    )
    assert (sizes.n, sizes.mean, sizes.sd, sizes.p50) == (3, 40, 20, 40)
    assert sizes.mean_ci95 == pytest.approx(
        (40 - 4.302653 * 20 / 3**0.5, 40 + 4.302653 * 20 / 3**0.5), rel=1e-6
    )
    assert sizes.p10 is None  # three sizes have no tenth percentile


def test_percentiles_come_with_ten_particles():
    sizes = size_statistics(np.arange(1.0, 12), np.zeros(11, bool), nm_per_px=1.0)
    assert (sizes.p10, sizes.p50, sizes.p90) == (2, 6, 10)


def test_without_a_pixel_size_particles_are_only_counted():
    sizes = size_statistics(np.array([3.0, 4]), np.zeros(2, bool), nm_per_px=None)
    assert (sizes.n, sizes.mean) == (2, None)
    assert size_statistics(np.array([]), np.array([], bool), nm_per_px=1.0).n == 0


def test_the_calipers_of_a_disc_are_its_diameter():
    mask = disc((100, 100), 50, 50, 30)
    small, large = feret_px(outline([region_of(mask)], mask.shape))
    assert small[0] == pytest.approx(61, abs=1)
    assert large[0] == pytest.approx(61, abs=1.5)


def test_an_object_in_pieces_is_outlined_by_its_hull():
    mask = disc((90, 90), 30, 30, 8) | disc((90, 90), 60, 60, 8)
    (contour,) = outline([region_of(mask)], mask.shape).contours
    assert cv2.contourArea(contour.astype(np.float32)) > 2 * mask.sum()
