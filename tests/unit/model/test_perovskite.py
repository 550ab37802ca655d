"""Tolerance and octahedral factor of known perovskites."""

import pytest

from temwatch.model.perovskite import perovskite


@pytest.mark.parametrize(
    ("radii", "tolerance", "octahedral"),
    [
        ((2.17, 1.19, 2.20), 0.9115, 0.5409),  # CH3NH3PbI3
        ((1.44, 0.605, 1.40), 1.0016, 0.4321),  # SrTiO3
        ((1.34, 0.605, 1.40), 0.9663, 0.4321),  # CaTiO3
    ],
)
def test_factors_of_known_compounds(radii, tolerance, octahedral):
    made = perovskite(*radii)
    assert made.tolerance == pytest.approx(tolerance, abs=5e-5)
    assert made.octahedral == pytest.approx(octahedral, abs=5e-5)


def test_the_window_of_halides_holds_a_lead_iodide_and_not_an_oxide():
    assert perovskite(2.17, 1.19, 2.20).in_halide_window
    assert not perovskite(1.34, 0.605, 1.40).in_halide_window


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf")])
def test_a_radius_that_is_none_is_refused_by_name(radius):
    with pytest.raises(ValueError, match="radius of B"):
        perovskite(1.0, radius, 1.0)
