"""Outlines have the size that was asked for."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from temwatch.sim.chance import stream
from temwatch.sim.shapes import blob, clump, crack, facets, filled

seeds = st.integers(0, 10_000)


@given(seeds, st.floats(4, 40), st.floats(0, 0.3), st.floats(0.4, 1))
def test_a_blob_has_the_area_of_its_circle(seed: int, radius: float, ragged: float, aspect: float) -> None:
    outline = blob(stream("t", seed), radius, ragged=ragged, aspect=aspect, harmonics=9, decay=1.0)
    assert filled([outline]).sum() == pytest.approx(np.pi * radius**2, rel=0.12)


@given(seeds, st.floats(5, 60), st.integers(5, 8))
def test_a_polygon_has_the_area_of_its_circle(seed: int, radius: float, corners: int) -> None:
    outline = facets(stream("t", seed), radius, corners=corners, aspect=0.9, jitter=0.05, rounding=0.2)
    assert filled([outline]).sum() == pytest.approx(np.pi * radius**2, rel=0.1)


@given(seeds)
def test_coverage_is_a_share_with_an_empty_rim(seed: int) -> None:
    coverage = filled(clump(stream("t", seed), 12.0, parts=3, aspect=0.7))
    assert coverage.min() == 0
    assert coverage.max() == 1
    rim = np.concatenate([coverage[0], coverage[-1], coverage[:, 0], coverage[:, -1]])
    assert not rim.any()


def test_overlapping_outlines_are_a_union() -> None:
    square = np.array([[0.0, 0.0], [0.0, 20.0], [20.0, 20.0], [20.0, 0.0]])
    assert filled([square, square + 5]).sum() == pytest.approx(2 * 400 - 225, rel=0.06)


@settings(max_examples=40)
@given(seeds, st.floats(3, 14), st.floats(60, 300))
def test_a_crack_is_never_wider_than_asked(seed: int, width: float, length: float) -> None:
    coverage = crack(stream("t", seed), length, width, wander=0.15)
    inside = (coverage > 0.5).astype(np.uint8)
    # The inscribed circle is wider where a branch forks off or the path turns back on itself: look at most places.
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    ridge = distance[(distance > 0) & (distance >= cv2.dilate(distance, np.ones((3, 3), np.uint8)) - 1e-6)]
    assert np.percentile(2 * ridge, 75) <= width + 1.5


def test_a_crack_changes_its_width_along_its_length() -> None:
    spreads = []
    for seed in range(12):
        inside = (crack(stream("t", seed), 250, 10, wander=0.1) > 0.5).astype(np.uint8)
        distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
        ridge = distance[
            (distance > 0) & (distance >= cv2.dilate(distance, np.ones((3, 3), np.uint8)) - 1e-6)
        ]
        spreads.append(ridge.std() / ridge.mean())
    assert np.median(spreads) > 0.2


def test_some_cracks_branch() -> None:
    lengths = [(crack(stream("t", seed), 200, 4, wander=0.1) > 0.5).sum() for seed in range(40)]
    assert max(lengths) > 1.6 * np.median(lengths)
