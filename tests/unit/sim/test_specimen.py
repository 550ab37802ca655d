"""Specimens differ, within what they claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch.model.frame import ImagingMode
from temwatch.sim.specimen import CLASSES, CannotSimulate, draw_specimen

seeds = st.integers(0, 2**40)


@given(seeds)
def test_a_seed_names_one_specimen(seed: int) -> None:
    assert draw_specimen(seed) == draw_specimen(seed)


@given(seeds)
def test_specimens_keep_to_the_ranges_of_the_benchmark(seed: int) -> None:
    specimen = draw_specimen(seed)
    assert 2.2 <= specimen.nm_per_px <= 3.4
    assert 60 <= specimen.dose_e_px <= 900
    assert 0.05 <= specimen.illumination <= 0.3
    assert 0.7 <= specimen.blur_px <= 1.5
    assert 300 <= abs(specimen.defocus_nm) <= 4000
    assert set(specimen.class_share) == set(CLASSES)
    assert sum(specimen.class_share.values()) == pytest.approx(1.0)


def test_hard_specimens_mix_the_modes_and_easy_ones_do_not() -> None:
    hard = [draw_specimen(seed).mode for seed in range(400)]
    assert 0.52 < hard.count(ImagingMode.BF) / 400 < 0.68
    assert 0.18 < hard.count(ImagingMode.HAADF) / 400 < 0.32
    assert 0.10 < hard.count(ImagingMode.DF) / 400 < 0.20
    assert {draw_specimen(seed, hard=False).mode for seed in range(50)} == {ImagingMode.BF}


def test_both_signs_of_defocus_occur() -> None:
    assert {draw_specimen(seed).defocus_nm > 0 for seed in range(30)} == {True, False}


def test_a_forced_mode_leaves_the_rest_of_the_specimen_alone() -> None:
    free, forced = draw_specimen(5), draw_specimen(5, mode=ImagingMode.HAADF)
    assert forced.mode is ImagingMode.HAADF
    assert (forced.nm_per_px, forced.foil_nm, forced.habits) == (free.nm_per_px, free.foil_nm, free.habits)


def test_bright_field_has_no_scan_lines() -> None:
    assert draw_specimen(5, mode=ImagingMode.BF).row_noise == 0
    assert draw_specimen(5, mode=ImagingMode.HAADF).row_noise > 0


def test_a_mode_that_is_not_simulated_is_refused_by_name() -> None:
    with pytest.raises(CannotSimulate, match=r"HRTEM.*BF, DF and HAADF"):
        draw_specimen(1, mode=ImagingMode.HRTEM)
