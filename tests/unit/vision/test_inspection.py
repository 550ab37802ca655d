import numpy as np
import pytest

from temwatch.errors import FrameDeclined
from temwatch.model.frame import ImagingMode
from temwatch.vision.features import FEATURE_NAMES
from temwatch.vision.finder import ThresholdFinder
from temwatch.vision.inspection import inspect
from unit.vision.scenes import discs_frame

TRUTH = [(100.0, 300.0), (100.0, 90.0), (320.0, 0.0), (300.0, 200.0)]


class Clock:
    """Goes on by a second each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def inspected(image, **known):
    known = {"nm_per_px": 2.0, "mode": ImagingMode.BF, **known}
    return inspect(image, finder=ThresholdFinder(), tick=Clock(), **known)


def test_everything_about_an_object_stands_at_its_place_in_reading_order():
    seen = inspected(discs_frame((400, 400), TRUTH, 12, 0.4))
    assert [(round(r.row, -1), round(r.col, -1)) for r in seen.rectangles[:2]] == [(100, 90), (100, 300)]
    assert seen.features.shape == (4, len(FEATURE_NAMES))
    diameter = seen.features[:, FEATURE_NAMES.index("log_diameter_nm")]
    np.testing.assert_allclose(diameter, np.log(2.0 * seen.equivalent_diameter_px), rtol=1e-5)
    assert [int(r.mask.sum()) for r in seen.regions] == seen.area_px.tolist()
    assert seen.touches_edge.sum() == 1
    assert seen.touches_edge[[round(r.col) < 10 for r in seen.rectangles]].all()
    for contour, rectangle in zip(seen.contours, seen.rectangles, strict=True):
        assert contour.dtype == np.int32
        assert np.hypot(*(contour.mean(axis=0) - (rectangle.row, rectangle.col))) < 2


def test_the_time_of_each_step_comes_from_the_clock_passed_in():
    assert inspected(discs_frame((400, 400), TRUTH, 12, 0.4)).timings_ms == {
        "segment": 1000.0,
        "measure": 1000.0,
    }


def test_an_empty_frame_is_a_result_too():
    seen = inspected(np.full((100, 100), 9, np.uint8))
    assert seen.regions == seen.rectangles == seen.contours == ()
    assert seen.features.shape == (0, len(FEATURE_NAMES))
    assert seen.notes


def test_pixels_that_are_not_finite_are_counted_in_a_note():
    image = discs_frame((400, 400), TRUTH, 12, 0.4)
    image[5, 5:8] = np.nan
    seen = inspected(image)
    assert len(seen.regions) == 4
    assert "3 of 160000 pixels" in seen.notes[0]


def test_a_frame_of_nothing_but_nan_is_survived():
    seen = inspected(np.full((64, 64), np.nan, np.float32))
    assert seen.regions == ()
    assert "4096 of 4096" in seen.notes[0]


def test_numbers_beyond_single_precision_are_survived():
    image = discs_frame((400, 400), TRUTH, 12, 0.4)
    image[0, 0] = 1e300
    assert len(inspected(image).regions) == 4


@pytest.mark.parametrize(
    "image", [np.zeros((3, 4, 5)), np.zeros(7), np.zeros((0, 9)), np.zeros((9, 9), complex)]
)
def test_what_is_no_grey_image_is_declined_by_name(image):
    with pytest.raises(FrameDeclined, match="no grey image"):
        inspected(image)


def test_the_frame_itself_is_not_changed():
    image = discs_frame((400, 400), TRUTH, 12, 0.4)
    before = image.copy()
    inspected(image)
    np.testing.assert_array_equal(image, before)
