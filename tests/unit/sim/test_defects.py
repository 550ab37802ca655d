"""Each class looks as it claims, and changes the foil in the right direction."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label

from temwatch.model.frame import ImagingMode
from temwatch.sim.chance import stream
from temwatch.sim.defects import FLAKE_NM, PORE_NM, SLAG_NM, Defect, draw_defect
from temwatch.sim.specimen import CLASSES, CannotSimulate, draw_specimen


def drawn(class_: str, seed: int, mode: ImagingMode | None = None) -> tuple[Defect, float]:
    """Return a defect and its equivalent diameter in nm."""
    specimen = draw_specimen(seed % 40, mode=mode)
    defect = draw_defect(stream("t", seed), class_, specimen)
    return defect, 2 * float(np.sqrt(defect.coverage.sum() / np.pi)) * specimen.nm_per_px


@pytest.mark.parametrize(
    ("class_", "limits_nm"), [("pore", PORE_NM), ("slag_inclusion", SLAG_NM), ("particle", FLAKE_NM)]
)
@settings(max_examples=60)
@given(seed=st.integers(0, 100_000))
def test_diameters_keep_to_the_claimed_range(class_: str, limits_nm: tuple[float, float], seed: int) -> None:
    _, diameter_nm = drawn(class_, seed)
    # Drawing on a grid of quarter pixels adds up to half a nanometre to each side.
    assert limits_nm[0] - 1 <= diameter_nm <= limits_nm[1] + 3


def test_slag_and_pores_use_the_whole_of_their_range() -> None:
    pores = [drawn("pore", seed)[1] for seed in range(200)]
    slag = [drawn("slag_inclusion", seed)[1] for seed in range(200)]
    assert np.percentile(pores, 10) < 30
    assert np.percentile(pores, 90) > 100
    assert np.percentile(slag, 10) < 48
    assert np.percentile(slag, 90) > 140


def test_looseness_is_one_object_of_many_micro_pores() -> None:
    pieces = [label(drawn("looseness", seed)[0].coverage > 0.5).max() for seed in range(30)]
    assert np.median(pieces) >= 5
    assert min(pieces) >= 2


@settings(max_examples=40)
@given(st.integers(0, 100_000), st.sampled_from(CLASSES))
def test_nothing_changes_outside_a_defect(seed: int, class_: str) -> None:
    defect, _ = drawn(class_, seed)
    outside = defect.coverage == 0
    assert not defect.mass_nm[outside].any()
    assert not defect.crystal_lost[outside].any()
    assert defect.crystal_lost.min() >= 0
    assert defect.crystal_lost.max() <= 1


@settings(max_examples=40)
@given(st.integers(0, 100_000))
def test_looseness_only_removes_matter_and_less_than_there_is(seed: int) -> None:
    defect, _ = drawn("looseness", seed)
    assert defect.mass_nm.max() <= 0
    assert defect.mass_nm.min() > -draw_specimen(seed % 40).foil_nm


def test_about_one_slag_inclusion_in_eight_is_lighter_than_the_matrix() -> None:
    light = [drawn("slag_inclusion", seed)[0].mass_nm.sum() < 0 for seed in range(600)]
    assert 0.08 < np.mean(light) < 0.16


@pytest.mark.parametrize(("class_", "least", "most"), [("crack", 0.12, 0.28), ("pore", 0.06, 0.19)])
def test_some_cracks_and_pores_are_filled(class_: str, least: float, most: float) -> None:
    filled = [drawn(class_, seed)[0].mass_nm.sum() > 0 for seed in range(600)]
    assert least < np.mean(filled) < most


def test_heavy_slag_stands_out_more_in_haadf() -> None:
    for seed in (1, 2, 3):
        specimen = draw_specimen(seed, mode=ImagingMode.BF)
        bright = draw_defect(stream("t", seed), "slag_inclusion", specimen)
        dark = draw_defect(stream("t", seed), "slag_inclusion", replace(specimen, mode=ImagingMode.HAADF))
        assert abs(dark.mass_nm.sum()) > abs(bright.mass_nm.sum())


def test_an_unknown_class_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CannotSimulate, match=r"rust.*pore, crack"):
        draw_defect(stream("t", 1), "rust", draw_specimen(1))
