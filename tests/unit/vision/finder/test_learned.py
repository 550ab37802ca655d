"""The learned finder: whole frames in, regions out, whatever the frame."""

import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from temwatch.errors import ModelRefused
from temwatch.sim.crops import crop
from temwatch.store.weights import load_weights, shipped_finder
from temwatch.vision.finder.learned import LearnedFinder, doubted, mirrored, shrunk
from temwatch.vision.view import look_at


@pytest.fixture(scope="module")
def finder() -> LearnedFinder:
    return LearnedFinder(load_weights(shipped_finder()))


def discs(
    *places: tuple[float, float, float], shape: tuple[int, int] = (512, 512), height: float = 60.0
) -> NDArray[np.uint16]:
    """Soft bright discs (row, col, radius) on a noisy ground."""
    rows, cols = np.indices(shape)
    image = np.random.default_rng(0).normal(1000, 10, shape)
    for row, col, radius in places:
        image += height * np.clip(radius - np.hypot(rows - row, cols - col) + 0.5, 0, 1)
    return image.astype(np.uint16)


PLACES = ((100.0, 120.0, 9.0), (300.0, 80.0, 7.0), (260.0, 400.0, 12.0), (420.0, 300.0, 10.0))


def test_plain_discs_are_found_where_and_as_large_as_they_are(finder: LearnedFinder) -> None:
    regions = finder.find(look_at(discs(*PLACES))).regions
    assert len(regions) == len(PLACES)
    for row, col, radius in PLACES:
        near = [r for r in regions if np.hypot(*(_centre(r) - (row, col))) < 3]
        assert len(near) == 1
        assert np.sqrt(near[0].mask.sum() / np.pi) == pytest.approx(radius, rel=0.25)


def test_masks_are_tight_and_scores_are_shares(finder: LearnedFinder) -> None:
    for region in finder.find(look_at(crop(1, 3).image)).regions:
        assert region.mask.any(axis=0)[[0, -1]].all()
        assert region.mask.any(axis=1)[[0, -1]].all()
        assert 0 <= region.score <= 1


def test_the_same_frame_gives_the_same_regions(finder: LearnedFinder) -> None:
    image = crop(1, 3).image
    first, again = (finder.find(look_at(image)).regions for _ in range(2))
    assert [(r.row, r.col, r.score) for r in first] == [(r.row, r.col, r.score) for r in again]


def test_more_sensitivity_never_finds_less() -> None:
    weights = load_weights(shipped_finder())
    images = [crop(1, number).image for number in range(8)]
    counts = []
    for sensitivity in (0.0, 0.25, 0.5, 0.75, 1.0):
        one = LearnedFinder(weights, sensitivity=sensitivity, with_lines=False)
        counts.append(sum(len(one.find(look_at(image)).regions) for image in images))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_the_operator_may_say_that_objects_are_bright(finder: LearnedFinder) -> None:
    image = discs(*PLACES).astype(np.int32) - 2 * discs((400.0, 100.0, 9.0)).astype(np.int32)
    image += 3000
    seen = {
        polarity: [_centre(r) for r in finder.find(look_at(image, polarity=polarity)).regions]
        for polarity in ("bright", "dark")
    }
    assert len(seen["bright"]) >= len(PLACES)
    assert any(np.hypot(*(at - (400, 100))) < 4 for at in seen["dark"])
    assert not any(np.hypot(*(at - (400, 100))) < 4 for at in seen["bright"])


def test_large_objects_are_found_at_a_smaller_scale_and_keep_their_size(finder: LearnedFinder) -> None:
    found = finder.find(look_at(discs((500.0, 500.0, 70.0), (200.0, 700.0, 55.0), shape=(1024, 1024))))
    sizes = sorted(float(np.sqrt(r.mask.sum() / np.pi)) for r in found.regions)
    assert sizes[-2:] == pytest.approx([55.0, 70.0], rel=0.15)


def test_a_stated_size_sets_the_scale_and_says_so(finder: LearnedFinder) -> None:
    view = look_at(discs((500.0, 500.0, 70.0), shape=(1024, 1024)), nm_per_px=0.5, object_size_nm=70.0)
    assert finder.find(view).notes == ("looked at with 8 x 8 pixels taken together",)


def test_small_objects_of_a_small_frame_are_found_by_enlarging_it(finder: LearnedFinder) -> None:
    rows, cols = np.mgrid[0:128, 0:128]
    image = np.random.default_rng(0).normal(100, 4, (128, 128)).astype(np.float32)
    for row in range(16, 120, 24):
        for col in range(16, 120, 24):
            image += 80 * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 8)
    found = finder.find(look_at(image))
    assert 23 <= len(found.regions) <= 27
    assert "looked at twice as large" in found.notes


def test_white_noise_and_vacuum_hold_next_to_nothing(finder: LearnedFinder) -> None:
    rng = np.random.default_rng(4)
    noise = rng.poisson(400, (1024, 1024)).astype(np.uint16)
    assert len(finder.find(look_at(noise)).regions) <= 3
    half = noise.astype(np.float32)
    half[:, 512:] = rng.normal(5, 1, (1024, 512))
    empty = [r for r in finder.find(look_at(half)).regions if r.col > 560]
    assert len(empty) <= 3


_RNG = np.random.default_rng(0)
ODD_FRAMES = {
    "one pixel": np.array([[3]], np.uint8),
    "one row": _RNG.random((1, 3000)),
    "smaller than a tile": _RNG.random((5, 7)),
    "constant": np.full((300, 300), 7, np.uint16),
    "all NaN": np.full((64, 64), np.nan),
    "some NaN": np.where(_RNG.random((300, 300)) < 0.1, np.nan, _RNG.random((300, 300))),
    "infinities": np.where(_RNG.random((300, 300)) < 0.1, np.inf, _RNG.random((300, 300))),
    "out of single range": _RNG.random((100, 100)) * 1e300,
    "saturated": np.where(_RNG.random((700, 700)) < 0.5, 65535, 0).astype(np.uint16),
    "dots everywhere": np.where(_RNG.random((700, 700)) < 0.1, 255, 0).astype(np.uint8),
    "truth values": _RNG.random((70, 70)) < 0.5,
    "signed": (_RNG.random((130, 70)) * 1e6 - 5e5).astype(np.int32),
    "other byte order": _RNG.integers(0, 900, (130, 70)).astype(">u2"),
    "half floats": _RNG.random((90, 90)).astype(np.float16),
    "one-pixel objects in rows and columns": np.where(
        (np.indices((600, 600)) % 11 == 5).all(axis=0), 255, 0
    ).astype(np.uint8),
    "a chessboard": (np.indices((500, 500)).sum(axis=0) % 2 * 255).astype(np.uint8),
    "one pixel not saturated": np.where(np.arange(360000).reshape(600, 600) == 180300, 0, 65535).astype("u2"),
    "minus infinity": np.where(_RNG.random((300, 300)) < 0.3, -np.inf, _RNG.random((300, 300))),
    "half of it no number": np.where(np.indices((400, 400))[1] < 200, np.nan, _RNG.random((400, 400))),
    "the largest numbers": (_RNG.random((300, 300)) * 3e38).astype(np.float32),
    "numbers next to nought": (_RNG.random((300, 300)) * 1e-40).astype(np.float32),
    "one column": _RNG.random((5000, 1)),
    "64-bit counts": _RNG.integers(0, 2**63, (200, 200)).astype(np.uint64),
    "every other pixel of another frame": _RNG.random((400, 400))[::3, ::-2],
}


@pytest.mark.parametrize("name", ODD_FRAMES)
@pytest.mark.filterwarnings("error")
def test_odd_frames_give_few_regions_and_neither_error_nor_warning(finder: LearnedFinder, name: str) -> None:
    assert len(finder.find(look_at(ODD_FRAMES[name])).regions) <= 30


@pytest.mark.parametrize(
    ("gain", "offset", "kind"),
    [
        (1, 0, np.float32),
        (1e30, 0, np.float32),
        (1e-30, 0, np.float32),
        (1, 1e7, np.float64),
        (1e200, 0, np.float64),
    ],
)
def test_discs_are_found_whatever_the_numbers_stand_for(
    finder: LearnedFinder, gain: float, offset: float, kind: type[np.floating]
) -> None:
    image = (discs(*PLACES).astype(np.float64) * gain + offset).astype(kind)
    assert len(finder.find(look_at(image)).regions) == len(PLACES)


def test_a_constant_frame_is_said_to_be_one(finder: LearnedFinder) -> None:
    assert "constant" in finder.find(look_at(np.zeros((50, 50), np.uint8))).notes[0]


def test_mirror_images_answer_for_the_same_pixels() -> None:
    def network(shown: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.repeat(shown[:, :, ::2, ::2], 4, axis=1)

    shown = np.random.default_rng(0).normal(size=(1, 1, 64, 96)).astype(np.float32)
    inside = np.s_[:, :, 1:-1, 1:-1]
    assert np.allclose(mirrored(network)(shown)[inside], network(shown)[inside])


def test_mirror_images_take_out_what_only_one_side_shows() -> None:
    def network(shown: NDArray[np.float32]) -> NDArray[np.float32]:
        ramp = np.linspace(-1, 1, shown.shape[3] // 2, dtype=np.float32)
        return np.broadcast_to(ramp, (1, 4, shown.shape[2] // 2, shown.shape[3] // 2)).copy()

    assert np.abs(mirrored(network)(np.zeros((1, 1, 64, 64), np.float32))).max() < 1e-6


def test_a_dark_spot_among_bright_particles_is_doubted_and_in_a_mixed_frame_it_is_not() -> None:
    scores = np.array([0.9, 0.9, 0.9, 0.6])
    lowered = doubted(scores, np.array([True, True, True, False]))
    assert lowered[:3].tolist() == scores[:3].tolist()
    assert 0.4 < lowered[3] < 0.5
    assert doubted(np.full(4, 0.8), np.array([True, True, False, False])).tolist() == [0.8] * 4


def test_cells_cut_by_the_border_are_filled_up() -> None:
    image = np.arange(35, dtype=np.uint16).reshape(5, 7)
    assert shrunk(image, 4).shape == (2, 2)
    assert shrunk(image, 1) is image


@pytest.mark.parametrize("weights", [b"", b"no network", b"\x08\x01" * 50])
def test_bytes_that_are_no_network_are_refused_with_a_way_out(weights: bytes) -> None:
    with pytest.raises(ModelRefused) as caught:
        LearnedFinder(weights)
    assert "threshold" in caught.value.next_step


def test_without_the_runtime_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelRefused) as caught:
        LearnedFinder(b"")
    assert "pip install onnxruntime" in caught.value.next_step
    assert "threshold" in caught.value.next_step


def _centre(region: object) -> NDArray[np.float64]:
    rows, cols = np.nonzero(region.mask)  # type: ignore[attr-defined]
    return np.array([region.row + rows.mean(), region.col + cols.mean()])  # type: ignore[attr-defined]
