"""The truth survives being written down."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from temwatch.model.frame import ImagingMode
from temwatch.sim.truth import (
    FrameTruth,
    TrueObject,
    TruthUnreadable,
    mask_from_runs,
    read_truth,
    run_lengths,
    write_truth,
)

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12))


def an_object(mask: np.ndarray, contrast_to_noise: float = 5.0) -> TrueObject:
    """Return a pore with this mask at (10, 20)."""
    return TrueObject(
        class_="pore",
        row=10,
        col=20,
        mask=mask,
        area_px=int(mask.sum()),
        equivalent_diameter_nm=12.5,
        contrast_to_noise=contrast_to_noise,
        touches_edge=False,
    )


@given(masks)
def test_run_lengths_bring_the_mask_back(mask: np.ndarray) -> None:
    assert np.array_equal(mask_from_runs(run_lengths(mask), mask.shape), mask)


@given(masks)
def test_run_lengths_alternate_starting_outside(mask: np.ndarray) -> None:
    runs = run_lengths(mask)
    assert sum(runs) == mask.size
    assert sum(runs[1::2]) == mask.sum()
    assert all(length > 0 for length in runs[1:])


def test_runs_that_do_not_fill_the_mask_are_refused() -> None:
    with pytest.raises(TruthUnreadable, match="runs of 5 pixels for a mask of 2 x 3"):
        mask_from_runs([2, 3], (2, 3))


def test_a_truth_file_brings_every_frame_back(tmp_path: Path) -> None:
    mask = np.eye(4, dtype=bool)
    frames = [
        FrameTruth(
            file="a.mrc",
            section=section,
            specimen_id="specimen-00001",
            mode=ImagingMode.HAADF,
            nm_per_px=2.5,
            shape=(64, 48),
            objects=(an_object(mask), an_object(~mask)),
        )
        for section in (0, None)
    ]
    write_truth(tmp_path / "truth.json", frames)
    back = read_truth(tmp_path / "truth.json")
    assert [(f.file, f.section, f.mode, f.nm_per_px, f.shape) for f in back] == [
        ("a.mrc", 0, ImagingMode.HAADF, 2.5, (64, 48)),
        ("a.mrc", None, ImagingMode.HAADF, 2.5, (64, 48)),
    ]
    assert np.array_equal(back[0].objects[1].mask, ~mask)
    assert back[0].objects[0].equivalent_diameter_nm == 12.5


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version":2,"frames":[]}', '{"version":1,"frames":[{}]}'])
def test_a_file_that_is_no_truth_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(TruthUnreadable):
        read_truth(tmp_path / "truth.json")


def test_the_truth_file_is_plain_json_that_says_what_is_visible(tmp_path: Path) -> None:
    truth = FrameTruth(
        file="a.tif",
        section=None,
        specimen_id="s",
        mode=ImagingMode.BF,
        nm_per_px=2.5,
        shape=(9, 9),
        objects=(an_object(np.ones((3, 3), bool), contrast_to_noise=8.0),),
    )
    write_truth(tmp_path / "truth.json", [truth])
    item = json.loads((tmp_path / "truth.json").read_text())["frames"][0]["objects"][0]
    assert item["class"] == "pore"
    assert item["visible"] is True
    assert item["runs"] == [0, 9]


def test_a_large_object_is_visible_at_a_contrast_that_hides_a_small_one() -> None:
    assert an_object(np.ones((60, 60), bool), contrast_to_noise=1.5).visible
    assert not an_object(np.ones((5, 5), bool), contrast_to_noise=1.5).visible


def test_the_centre_is_that_of_the_mask_in_the_frame() -> None:
    assert an_object(np.ones((3, 5), bool)).centre == (11.0, 22.0)
