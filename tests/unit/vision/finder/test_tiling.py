"""Tiles answer as one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from temwatch.vision.finder.tiling import STRIDE, TILE_PX, answer


def echo(shown: NDArray[np.float32]) -> NDArray[np.float32]:
    """A network that says the mean of each 2 x 2 px, in every plane."""
    assert shown.shape[2] % 32 == 0
    assert shown.shape[3] % 32 == 0
    rows, cols = shown.shape[2] // 2, shown.shape[3] // 2
    mean = shown.reshape(1, 1, rows, 2, cols, 2).mean(axis=(3, 5))
    return np.repeat(mean, 4, axis=1)


def textured(shape: tuple[int, int]) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (31, 33), (64, 64), (100, 257)])
def test_small_frames_are_filled_up_and_cut_back(shape: tuple[int, int]) -> None:
    planes = answer(echo, textured(shape))
    assert planes.objects.shape == (-(-shape[0] // STRIDE), -(-shape[1] // STRIDE))


def test_no_tile_is_larger_than_allowed_and_seams_do_not_show() -> None:
    largest: list[int] = []

    def watched(shown: NDArray[np.float32]) -> NDArray[np.float32]:
        largest.append(max(shown.shape))
        return echo(shown)

    image = textured((2100, 1400))
    planes = answer(watched, image)
    assert max(largest) <= TILE_PX
    assert len(largest) > 4
    corner = answer(echo, image).objects
    assert np.array_equal(planes.objects, corner)
    # The same pixels seen in one tile: only the frame-wide measures differ, not the seams.
    jumps = np.abs(np.diff(planes.objects.astype(int), axis=0)).mean(axis=1)
    assert jumps.max() < 1.3 * np.median(jumps)


def test_probabilities_and_radii_come_in_bytes() -> None:
    def sure(shown: NDArray[np.float32]) -> NDArray[np.float32]:
        said = np.zeros((1, 4, shown.shape[2] // 2, shown.shape[3] // 2), np.float32)
        said[0, 0] = 100
        said[0, 1] = -100
        said[0, 3] = np.log(8.0)
        return said

    planes = answer(sure, textured((64, 64)))
    assert (planes.objects == 255).all()
    assert (planes.core == 0).all()
    assert (planes.line == 128).all()
    at = np.zeros(1, np.intp)
    assert planes.radius_px(at, at)[0] == pytest.approx(8.0, rel=0.02)


def test_a_constant_frame_is_not_put_to_the_network() -> None:
    def never(_: NDArray[np.float32]) -> NDArray[np.float32]:
        raise AssertionError

    assert not answer(never, np.full((90, 90), 5, np.uint8)).objects.any()
