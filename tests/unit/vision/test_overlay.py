import numpy as np
import pytest

from temwatch.model.finding import Rectangle
from temwatch.vision.overlay import PALETTE, class_colours, nice_length, overlay, preview, window

BOX = Rectangle(row=100, col=150, length_px=80, width_px=40, angle_deg=30)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.uint32, np.float32, np.float64])
def test_a_preview_uses_the_whole_range_whatever_the_type(dtype):
    image = (np.arange(200 * 300).reshape(200, 300) % 120).astype(dtype)
    small = preview(image, long_side=150)
    assert small.shape == (100, 150)
    assert small.dtype == np.uint8
    assert preview(image).min() == 0
    assert preview(image).max() == 255


def test_a_preview_survives_nan_and_constant_frames():
    image = np.full((50, 60), np.nan)
    assert preview(image).max() == 0
    assert (preview(np.full((50, 60), 7)) == 128).all()
    image[10:20] = 5
    image[30:] = 9
    assert preview(image).max() == 255


def test_an_overlay_shows_the_colour_of_the_class_where_the_rectangle_runs():
    picture = overlay(np.zeros((800, 900), np.uint16), classes=["crack"], rectangles=[BOX])
    assert picture.shape == (800, 900, 3)
    end = np.round((100 + 40 * np.sin(np.radians(30)), 150 + 40 * np.cos(np.radians(30)))).astype(int)
    near = picture[end[0] - 2 : end[0] + 3, end[1] - 2 : end[1] + 3].reshape(-1, 3).astype(int)
    assert np.abs(near - PALETTE["crack"]).sum(axis=1).min() < 60


def test_a_scale_bar_needs_a_pixel_size():
    blank = np.zeros((800, 900), np.uint8)
    without = overlay(blank, classes=[], rectangles=[])
    with_bar = overlay(blank, classes=[], rectangles=[], nm_per_px=2.0)
    corner = (slice(700, 800), slice(500, 900))
    assert (with_bar[corner] == 255).sum() > (without[corner] == 255).sum()


@pytest.mark.parametrize("shape", [(8, 8), (30, 2000), (64, 64), (3000, 100)])
def test_frames_of_any_shape_can_be_drawn_on(shape):
    picture = overlay(
        np.random.default_rng(0).normal(size=shape),
        classes=["pore", "unheard of"],
        rectangles=[BOX, BOX],
        contours=[np.array([[1, 1], [3, 3]], np.int32)] * 2,
        nm_per_px=0.3,
    )
    assert picture.dtype == np.uint8


def test_classes_nobody_foresaw_get_a_colour_of_their_own():
    colours = class_colours(["twin", "pore", "gas bubble"])
    assert len({colours["twin"], colours["gas bubble"], colours["pore"]}) == 3


@pytest.mark.parametrize(
    ("longest", "nice"), [(1.0, 1), (4.9, 2), (9.99, 5), (230, 200), (0.07, 0.05), (1000, 1000)]
)
def test_scale_bars_have_round_lengths(longest, nice):
    assert nice_length(longest) == pytest.approx(nice)


def test_a_window_has_the_greys_of_the_preview() -> None:
    image = np.random.default_rng(1).integers(0, 60_000, (300, 200)).astype(np.uint16)
    assert np.array_equal(window(image, slice(50, 90), slice(0, 70)), preview(image)[50:90, :70])


def test_a_window_of_a_frame_without_contrast_or_numbers_is_even() -> None:
    assert np.all(window(np.full((9, 9), 7.0), slice(2, 4), slice(0, 9)) == 128)
    assert np.all(window(np.full((9, 9), np.nan), slice(2, 4), slice(0, 9)) == 0)
