"""Signs and sizes of contrast."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch.model.frame import ImagingMode
from temwatch.sim.physics import Material, fresnel, intensity
from temwatch.sim.specimen import MODES, draw_specimen

flat = np.full((40, 40), 100, np.float32)
none = np.zeros((40, 40), np.float32)


def step(left_nm: float, right_nm: float) -> np.ndarray:
    """Return a thickness map with an upright edge between columns 31 and 32."""
    mass = np.full((64, 64), left_nm, np.float32)
    mass[:, 32:] = right_nm
    return mass


@pytest.mark.parametrize(
    ("mode", "thin_is_brighter"),
    [(ImagingMode.BF, True), (ImagingMode.DF, False), (ImagingMode.HAADF, False)],
)
def test_missing_matter_is_bright_in_bright_field_only(mode: ImagingMode, thin_is_brighter: bool) -> None:
    specimen = draw_specimen(1, mode=mode)
    thick, thin = (float(intensity(specimen, mass, none).mean()) for mass in (flat, flat * 0.7))
    assert (thin > thick) is thin_is_brighter


def test_a_mean_free_path_takes_all_but_one_part_in_e() -> None:
    specimen = draw_specimen(1, mode=ImagingMode.BF)
    mass = np.full((8, 8), specimen.free_path_nm, np.float32)
    assert intensity(specimen, mass, np.zeros_like(mass)) == pytest.approx(np.exp(-1), rel=1e-5)


def test_dark_field_is_what_bright_field_lost() -> None:
    bright = draw_specimen(1, mode=ImagingMode.BF)
    dark = replace(bright, mode=ImagingMode.DF)
    total = intensity(bright, flat, none + 0.1) + intensity(dark, flat, none + 0.1)
    assert total == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_no_matter_gives_the_vacuum(mode: ImagingMode) -> None:
    specimen = draw_specimen(1, mode=mode)
    assert intensity(specimen, none, none) == pytest.approx(1.0 if mode is ImagingMode.BF else 0.0)


def test_underfocus_draws_a_bright_line_on_the_thin_side_and_overfocus_a_dark_one() -> None:
    thin_side, thick_side = (slice(None), 33), (slice(None), 30)
    under = fresnel(step(100, 50), defocus_nm=-2000, nm_per_px=2.8)
    over = fresnel(step(100, 50), defocus_nm=2000, nm_per_px=2.8)
    assert under[thin_side].min() > 1.01
    assert under[thick_side].max() < 0.99
    assert over[thin_side].max() < 0.99
    assert over[thick_side].min() > 1.01


def test_in_focus_there_is_no_fringe() -> None:
    assert fresnel(step(100, 50), defocus_nm=0, nm_per_px=2.8) == pytest.approx(1.0)


def test_even_thickness_has_no_fringe_at_any_defocus() -> None:
    assert fresnel(flat, defocus_nm=-4000, nm_per_px=2.2) == pytest.approx(1.0, abs=1e-3)


@given(st.floats(1.05, 2), st.floats(1.05, 2))
def test_denser_and_heavier_matter_scatters_more_and_most_so_in_haadf(density: float, z: float) -> None:
    material = Material(density_ratio=density, z_ratio=z)
    ratios = {mode: material.scattering_ratio(mode) for mode in MODES}
    assert 1 < ratios[ImagingMode.BF] == ratios[ImagingMode.DF] < ratios[ImagingMode.HAADF]
