"""What the network is shown does not depend on units, and vacuum stays empty."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch.vision.finder.normalise import normalised, pixel_noise, surroundings


def picture(seed: int = 0, shape: tuple[int, int] = (200, 160)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 1, shape) + 5 * np.sin(np.arange(shape[1]) / 30)).astype(np.float32)


@given(gain=st.floats(0.01, 1e4), offset=st.floats(-1e3, 1e3))
def test_units_and_offsets_do_not_matter(gain: float, offset: float) -> None:
    before = normalised(picture().astype(np.float64))
    after = normalised(picture().astype(np.float64) * gain + offset * gain)
    assert np.abs(before - after).max() < 0.02


def test_inverting_the_contrast_only_changes_the_sign() -> None:
    assert normalised(-picture()) == pytest.approx(-normalised(picture()), abs=1e-4)


def test_a_constant_image_is_shown_as_nothing() -> None:
    assert not normalised(np.full((70, 50), 1234, np.uint16)).any()


@pytest.mark.parametrize("start", [0, 32, 40, 100])
def test_strips_are_the_same_as_the_whole(start: int) -> None:
    image = picture(shape=(150, 90))
    around = surroundings(image)
    whole = around.strip(image, 0)
    part = around.strip(image[start : start + 50], start)
    assert part == pytest.approx(whole[start : start + 50], abs=1e-5)


def test_read_out_noise_in_vacuum_stays_small() -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(10, 1, (256, 512)).astype(np.float32)
    image[:, 256:] += 200 * (1 + np.sin(np.arange(256) / 3))
    vacuum = normalised(image)[:, :128]
    assert vacuum.std() < 0.05


@pytest.mark.parametrize("sigma", [1.0, 17.0])
def test_pixel_noise_is_measured_beneath_structure(sigma: float) -> None:
    rng = np.random.default_rng(2)
    slow = 1000 * np.sin(np.arange(500) / 40)[:, None] + np.zeros((500, 400))
    assert pixel_noise(slow + rng.normal(0, sigma, slow.shape)) == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (9, 7)])
def test_frames_of_a_few_pixels_are_no_trouble(shape: tuple[int, int]) -> None:
    image = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    assert np.isfinite(normalised(image)).all()
