"""Frames are reproducible, and the truth is what the pixels show."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from temwatch.model.frame import ImagingMode
from temwatch.sim.chance import stream
from temwatch.sim.placing import crop
from temwatch.sim.render import Expected, detect, expose, render
from temwatch.sim.specimen import CLASSES, CannotSimulate, Specimen, draw_specimen

SMALL = (320, 384)


def masks_of(expected: Expected, shape: tuple[int, int]) -> list[NDArray[np.bool_]]:
    """Return the mask of every placed defect, each in a whole frame."""
    full = []
    for item in expected.placed:
        frame = np.zeros(shape, bool)
        there, part = crop(item.row, item.col, item.mask.shape, shape)
        frame[there] = item.mask[part]
        full.append(frame)
    return full


def grown(mask: NDArray[np.bool_], by_px: int) -> NDArray[np.bool_]:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by_px + 1, 2 * by_px + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel)) > 0


def in_focus(seed: int, mode: ImagingMode) -> Specimen:
    """Return a specimen without fringes, hole and filled pores."""
    specimen = draw_specimen(seed, mode=mode)
    empty = replace(specimen.habits, filled_pores=0.0)
    return replace(specimen, defocus_nm=0.0, foil_edge=0.0, habits=empty)


def test_the_same_seeds_give_the_same_pixels_and_truth() -> None:
    one, two = (render(draw_specimen(4), 9, shape=SMALL) for _ in range(2))
    assert np.array_equal(one.image, two.image)
    assert [(t.class_, t.row, t.col, t.contrast_to_noise) for t in one.truth] == [
        (t.class_, t.row, t.col, t.contrast_to_noise) for t in two.truth
    ]


def test_other_frames_and_specimens_differ() -> None:
    images = [render(draw_specimen(s), f, shape=SMALL).image for s, f in ((4, 9), (4, 10), (5, 9))]
    assert not np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 500))
def test_leaving_out_the_defects_changes_nothing_else(seed: int) -> None:
    specimen = draw_specimen(seed)
    full = expose(specimen, 1, shape=SMALL, objects=4)
    assert np.array_equal(full.without_defects, expose(specimen, 1, shape=SMALL, objects=0).electrons)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 500))
def test_far_from_every_true_object_the_frame_is_that_without_defects(seed: int) -> None:
    full = expose(draw_specimen(seed), 1, shape=SMALL, objects=4)
    changed = np.abs(full.electrons - full.without_defects) > 1e-3 * full.without_defects.mean()
    near = grown(np.any([np.zeros(SMALL, bool), *masks_of(full, SMALL)], axis=0), 14)
    assert not (changed & ~near).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 500), st.sampled_from(["pore", "slag_inclusion", "particle"]))
def test_the_mask_of_a_true_object_is_where_it_changes_the_frame(seed: int, class_: str) -> None:
    specimen = in_focus(seed, ImagingMode.HAADF)
    full = expose(specimen, 2, shape=(400, 400), objects=1, classes=[class_])
    for mask in masks_of(full, (400, 400)):
        change = np.abs(full.electrons - full.without_defects)
        seen = change > 0.2 * np.percentile(change[mask], 90)
        # The optics' blur (at most 1.5 px) lets small objects spill over their outline.
        assert not (seen & ~grown(mask, 3)).any()
        assert (seen & mask).sum() / mask.sum() > 0.6


@pytest.mark.parametrize(
    ("mode", "brighter"), [(ImagingMode.BF, True), (ImagingMode.DF, False), (ImagingMode.HAADF, False)]
)
def test_a_pore_is_brighter_in_bright_field_and_darker_in_the_others(
    mode: ImagingMode, brighter: bool
) -> None:
    for seed in range(4):
        full = expose(in_focus(seed, mode), 0, shape=SMALL, objects=2, classes=["pore"])
        change = full.electrons - full.without_defects
        for mask in masks_of(full, SMALL):
            assert bool(change[mask].mean() > 0) is brighter


def test_the_rim_of_a_pore_follows_the_sign_of_defocus() -> None:
    base = in_focus(3, ImagingMode.BF)
    rims = {}
    for defocus_nm in (-2500.0, 0.0, 2500.0):
        full = expose(replace(base, defocus_nm=defocus_nm), 0, shape=SMALL, objects=3, classes=["pore"])
        inside = np.any(masks_of(full, SMALL), axis=0)
        ring = grown(inside, 3) & ~grown(inside, 1)
        rims[defocus_nm] = float((full.electrons - full.without_defects)[ring].mean())
    assert rims[-2500.0] < rims[0.0] < rims[2500.0]


def test_counting_noise_grows_with_the_mean_as_poisson_says() -> None:
    specimen = replace(
        draw_specimen(1, mode=ImagingMode.HAADF),
        row_noise=0.0,
        crosstalk_px=0.01,
        counts_per_electron=10.0,
        offset_counts=100.0,
    )
    for mean in (5.0, 50.0, 500.0):
        counts = detect(stream("t", 1), specimen, np.full((400, 400), mean, np.float32))
        electrons = (counts.astype(float) - 100) / 10
        assert electrons.mean() == pytest.approx(mean, rel=0.02)
        assert electrons.var() == pytest.approx(mean, rel=0.05)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 500))
def test_objects_keep_their_distance_and_lie_in_the_frame(seed: int) -> None:
    scene = render(draw_specimen(seed), 1, shape=SMALL, objects=5)
    taken = np.zeros(SMALL, int)
    for item in scene.truth:
        rows, cols = item.mask.shape
        assert item.mask.any(axis=1)[[0, -1]].all()
        assert item.mask.any(axis=0)[[0, -1]].all()
        whole = np.zeros(SMALL, bool)
        whole[item.row : item.row + rows, item.col : item.col + cols] = item.mask
        taken += grown(whole, 4)
    assert taken.max(initial=0) <= 1


def test_touching_objects_touch_without_overlap() -> None:
    full = expose(in_focus(8, ImagingMode.BF), 1, shape=(500, 500), objects=8, classes=["pore"], touching=1.0)
    masks = masks_of(full, (500, 500))
    assert len(masks) >= 5
    assert np.sum(masks, axis=0).max() == 1
    lonely = sum(not (grown(m, 2) & np.any([o for o in masks if o is not m], axis=0)).any() for m in masks)
    assert lonely == 0


def test_only_the_classes_asked_for_are_placed() -> None:
    scene = render(draw_specimen(2), 1, shape=(700, 700), objects=8, classes=["crack", "pore"])
    assert {item.class_ for item in scene.truth} == {"crack", "pore"}


def test_every_class_occurs() -> None:
    seen = {item.class_ for seed in range(6) for item in render(draw_specimen(seed), 1).truth}
    assert seen == set(CLASSES)


def test_no_defect_lies_in_the_hole_beside_the_foil() -> None:
    specimen = replace(draw_specimen(3, mode=ImagingMode.HAADF), foil_edge=1.0)
    full = expose(specimen, 1, shape=(600, 600), objects=12)
    hole = full.without_defects < 1e-3 * full.without_defects.max()
    assert hole.mean() > 0.05
    assert not any((mask & hole).any() for mask in masks_of(full, (600, 600)))


def test_most_objects_can_be_seen() -> None:
    seen = [item.visible for seed in range(12) for item in render(draw_specimen(seed), 1).truth]
    assert np.mean(seen) > 0.8


def test_a_visible_object_sticks_out_of_the_finished_frame() -> None:
    scene = render(in_focus(6, ImagingMode.HAADF), 1, shape=SMALL, objects=3, classes=["pore"])
    image = cv2.GaussianBlur(scene.image.astype(np.float32), (0, 0), 1.4)
    for item in scene.truth:
        whole = np.zeros(SMALL, bool)
        whole[item.row : item.row + item.mask.shape[0], item.col : item.col + item.mask.shape[1]] = item.mask
        ring = grown(whole, 10) & ~grown(whole, 4)
        noise = 1.4826 * np.median(np.abs(image[ring] - np.median(image[ring])))
        measured = abs(image[whole].mean() - image[ring].mean()) / noise
        assert measured == pytest.approx(item.contrast_to_noise, rel=0.5, abs=0.5)


def test_a_number_of_objects_is_kept_where_there_is_room() -> None:
    scene = render(in_focus(1, ImagingMode.BF), 1, shape=(800, 800), objects=7, classes=["pore"])
    assert len(scene.truth) == 7


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(CannotSimulate, match="rust"):
        render(draw_specimen(1), 1, shape=SMALL, objects=1, classes=["rust"])
