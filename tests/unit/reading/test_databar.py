"""A strip with text burnt in by the instrument is found; nothing of an image is ever taken for one."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from temwatch.model.frame import DataBar
from temwatch.reading.databar import find_data_bar, without_data_bar


def micrograph(rows: int = 400, cols: int = 512, seed: int = 0) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(120, 30, (rows, cols))
    return np.clip(noise, 0, 255).astype(np.uint8)


def with_bar(
    image: NDArray[np.uint8], rows: int, *, paper: int = 0, ink: int = 255, top: bool = False
) -> NDArray[np.uint8]:
    bar = np.full((rows, image.shape[1]), paper, np.uint8)
    cv2.putText(
        bar,
        "EHT = 5.00 kV   WD = 3.9 mm   Mag = 50 K X   Signal A = InLens",
        (6, rows * 2 // 3),
        0,
        0.45,
        ink,
    )
    return np.vstack([bar, image] if top else [image, bar])


@pytest.mark.parametrize(("paper", "ink"), [(0, 255), (255, 0), (30, 200)])
@pytest.mark.parametrize("top", [False, True])
@pytest.mark.parametrize("rows", [20, 34, 60])
def test_a_strip_with_text_is_cut_off_exactly(paper: int, ink: int, top: bool, rows: int) -> None:
    image = micrograph()
    whole = with_bar(image, rows, paper=paper, ink=ink, top=top)
    bar = find_data_bar(whole)
    assert bar == DataBar(edge="top" if top else "bottom", rows=rows)
    np.testing.assert_array_equal(without_data_bar(whole, bar), image)


def test_a_strip_that_stops_a_pixel_before_the_edge_is_cut_off_with_its_margin() -> None:
    image = micrograph()
    whole = np.vstack([with_bar(image, 34), micrograph(1, 512, 9)])
    assert find_data_bar(whole) == DataBar(edge="bottom", rows=35)


def test_sixteen_bit_images_are_looked_at_too() -> None:
    assert find_data_bar(with_bar(micrograph(), 34).astype(np.uint16) * 257) == DataBar(
        edge="bottom", rows=34
    )


@pytest.mark.parametrize(
    "image",
    [np.zeros((400, 512), np.uint8), np.full((400, 512), 255, np.uint16), np.pad(micrograph(), ((0, 40), (0, 0))),
     (micrograph() > 120).astype(np.uint8), with_bar(micrograph(), 150), np.vstack([with_bar(micrograph(), 34), np.zeros((9, 512), np.uint8)])[:30],
     (np.random.default_rng(3).poisson(0.05, (512, 512))).astype(np.uint8), with_bar(micrograph(), 34).astype(np.float32)],
    ids=["black", "white", "padded", "binary", "half a page of text", "too small", "counting detector", "floating point"],
)  # fmt: skip
def test_what_is_no_strip_is_left_alone(image: NDArray[np.generic]) -> None:
    assert find_data_bar(image) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.floats(0.3, 40))
def test_grains_and_blobs_are_never_taken_for_a_strip(seed: int, sigma: int, contrast: float) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (256, 256)), (0, 0), sigma)
    image = 128 + contrast * image / (np.abs(image).max() + 1e-9)
    assert find_data_bar(np.clip(image, 0, 255).astype(np.uint8)) is None
