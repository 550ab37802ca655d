import numpy as np
import pytest

from temwatch.vision.background import fit_background
from unit.vision.scenes import disc


def _whole(image):
    return slice(0, image.shape[0]), slice(0, image.shape[1])


def test_uneven_light_is_divided_out():
    y, x = np.mgrid[0:512, 0:640] / 512.0
    light = 3000 * (1 + 0.3 * x - 0.2 * y * y + 0.1 * x * y)
    background = fit_background(light.astype(np.uint16))
    assert np.abs(background.flatten(light.astype(np.float32), *_whole(light))).max() < 2e-3


def test_objects_do_not_pull_the_background_towards_them():
    light = np.full((512, 512), 1000.0)
    for row in range(64, 512, 128):
        for col in range(64, 512, 128):
            light[disc(light.shape, row, col, 22)] = 3000
    background = fit_background(light)
    assert np.abs(background.levels(*_whole(light)) / 1000 - 1).max() < 0.01


def test_a_window_equals_the_same_part_of_the_whole():
    image = np.random.default_rng(0).normal(500, 9, (300, 400))
    background = fit_background(image)
    part = background.levels(slice(37, 91), slice(200, 333))
    np.testing.assert_allclose(part, background.levels(*_whole(image))[37:91, 200:333], rtol=1e-5)


@pytest.mark.parametrize("shape", [(8, 8), (1, 1), (8, 700), (17, 33)])
def test_a_tiny_frame_has_a_flat_background(shape):
    background = fit_background(np.full(shape, 7, np.uint8))
    np.testing.assert_allclose(background.levels(slice(0, shape[0]), slice(0, shape[1])), 7, rtol=1e-6)


def test_pixels_that_are_not_finite_count_for_nothing_and_come_out_as_zero():
    image = np.full((256, 256), 100.0, np.float32)
    image[10:40] = np.nan
    image[200, 200] = np.inf
    flat = fit_background(image).flatten(image, *_whole(image))
    assert np.isfinite(flat).all()
    assert np.abs(flat).max() < 1e-4


def test_signed_data_around_zero_do_not_blow_up():
    image = np.random.default_rng(1).normal(0, 50, (256, 256)).astype(np.int16)
    flat = fit_background(image).flatten(image.astype(np.float32), *_whole(image))
    assert np.abs(flat).max() < 20


def test_multiplying_the_frame_changes_nothing():
    image = np.random.default_rng(2).normal(100, 3, (300, 300))
    flat = [
        fit_background(k * image).flatten((k * image).astype(np.float32), *_whole(image)) for k in (1, 37)
    ]
    np.testing.assert_allclose(flat[0], flat[1], atol=1e-5)
