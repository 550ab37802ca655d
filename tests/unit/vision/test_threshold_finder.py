import numpy as np
import pytest

from temwatch.vision.finder import ThresholdFinder
from temwatch.vision.view import look_at
from unit.vision.scenes import disc, discs_frame

GRID = [(64.0 + 128 * i, 64.0 + 128 * j) for i in range(6) for j in range(6)]


def found_in(image, sensitivity=0.5, **known):
    found = ThresholdFinder(sensitivity).find(look_at(image, **known))
    for region in found.regions:
        assert region.mask.any(axis=1)[[0, -1]].all()
        assert region.mask.any(axis=0)[[0, -1]].all()
        assert region.row >= 0
        assert region.col >= 0
        assert region.row + region.mask.shape[0] <= image.shape[0]
        assert region.col + region.mask.shape[1] <= image.shape[1]
        assert 0 <= region.score <= 1
    return found.regions


def centres(regions):
    return [np.argwhere(r.mask).mean(axis=0) + np.array([r.row, r.col]) for r in regions]


def hits(regions, truth, within=4.0):
    return sum(any(np.hypot(*(np.array(t) - c)) <= within for c in centres(regions)) for t in truth)


@pytest.mark.parametrize("contrast", [0.12, 0.5, -0.12, -0.5])
@pytest.mark.parametrize("radius", [4, 9, 25])
def test_every_disc_is_found_and_nothing_else(radius, contrast):
    regions = found_in(discs_frame((768, 768), GRID, radius, contrast))
    assert hits(regions, GRID) == len(GRID)
    assert len(regions) == len(GRID)


@pytest.mark.parametrize("radius", [10, 25])
def test_the_outline_lies_at_the_edge_of_the_object(radius):
    regions = found_in(discs_frame((768, 768), GRID, radius, 0.3))
    radii = [np.sqrt(r.mask.sum() / np.pi) for r in regions]
    assert np.median(radii) == pytest.approx(radius, abs=0.3)


def test_an_object_of_a_fifth_of_the_frame_is_found_whole():
    (region,) = found_in(discs_frame((768, 768), [(380.0, 390.0)], 90, -0.3))
    assert np.sqrt(region.mask.sum() / np.pi) == pytest.approx(90, abs=2)


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64, np.float16]
)
def test_every_type_of_pixel_gives_the_same_objects(dtype):
    image = discs_frame((384, 384), [GRID[0], (200.0, 300.0)], 12, 0.4) / 8
    assert len(found_in(image.astype(dtype))) == 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["normal", "poisson", "low counts"])
def test_noise_alone_holds_no_objects(kind, seed):
    rng = np.random.default_rng(seed)
    draw = {
        "normal": lambda: rng.normal(1000, 30, (1024, 1024)).astype(np.float32),
        "poisson": lambda: rng.poisson(60, (1024, 1024)).astype(np.uint16),
        "low counts": lambda: rng.poisson(12, (1024, 1024)).astype(np.uint8),
    }[kind]
    assert len(found_in(draw())) == 0


@pytest.mark.parametrize("value", [0, 1, 255])
@pytest.mark.parametrize("shape", [(8, 8), (64, 64), (200, 300)])
def test_a_constant_frame_holds_no_objects_and_says_so(value, shape):
    found = ThresholdFinder().find(look_at(np.full(shape, value, np.uint8)))
    assert found.regions == ()
    assert "constant" in found.notes[0]


@pytest.mark.parametrize("shape", [(8, 8), (9, 63), (8, 300), (65, 71)])
def test_frames_down_to_eight_pixels_are_survived(shape):
    found_in(np.random.default_rng(0).normal(100, 5, shape))


def test_uneven_light_is_no_object():
    y, x = np.mgrid[0:768, 0:768] / 768
    light = 1 + 0.4 * x - 0.3 * (y - 0.5) ** 2
    image = light * discs_frame((768, 768), GRID, 10, 0.3)
    assert len(found_in(image)) == hits(found_in(image), GRID) == len(GRID)


def test_pixels_that_are_not_finite_are_no_objects():
    image = discs_frame((512, 512), [(128.0, 128.0), (384.0, 384.0)], 12, 0.3)
    image[300:320, 40:60] = np.nan
    image[10, 10] = np.inf
    assert len(found_in(image)) == 2


def test_a_clipped_frame_still_shows_its_objects():
    truth = [(128.0, 128.0), (384.0, 384.0)]
    image = discs_frame((512, 512), truth, 14, 3.0) / 1000
    clipped = np.clip(image * 120, 0, 255).astype(np.uint8)
    assert hits(found_in(clipped), truth) == 2


def test_a_noise_free_frame_shows_faint_objects():
    image = np.full((256, 256), 1000, np.uint16)
    image[disc((256, 256), 100, 90, 12)] = 1020
    assert len(found_in(image)) == 1


def test_a_cluster_of_micro_pores_is_one_region():
    pores = [(250.0 + 9 * i + (j % 2) * 3, 250.0 + 9 * j) for i in range(4) for j in range(4)]
    (region,) = found_in(discs_frame((512, 512), pores, 2.5, 0.6))
    assert min(region.mask.shape) > 25


def test_a_crack_interrupted_by_noise_is_one_region():
    image = discs_frame((512, 512), [], 1, 0)
    for start in range(60, 400, 60):
        image[255:259, start : start + 54] *= 0.7  # gaps of 6 px
    (region,) = found_in(image)
    assert region.mask.shape[1] > 330


@pytest.mark.parametrize("gap", [5, 8, 20])
def test_compact_neighbours_are_objects_of_their_own(gap):
    image = discs_frame((384, 384), [(190.0, 150.0), (190.0, 171.0 + gap)], 10, 0.4)
    assert len(found_in(image)) == 2


def test_a_fresnel_fringe_belongs_to_its_object():
    image = discs_frame((384, 384), [(190.0, 190.0)], 16, 0.5)
    ring = disc(image.shape, 190, 190, 20) & ~disc(image.shape, 190, 190, 17)
    image[ring] *= 0.85
    (region,) = found_in(image)
    assert np.hypot(*(centres([region])[0] - 190)) < 1


def test_the_polarity_hint_leaves_the_other_kind_out():
    image = discs_frame((512, 512), [(128.0, 128.0)], 12, 0.4) + discs_frame(
        (512, 512), [(384.0, 384.0)], 12, -0.4, 1
    )
    assert len(found_in(image)) == 2
    assert (
        hits(found_in(image, polarity="bright"), [(128, 128)]) == len(found_in(image, polarity="bright")) == 1
    )
    assert hits(found_in(image, polarity="dark"), [(384, 384)]) == len(found_in(image, polarity="dark")) == 1


def test_more_sensitivity_finds_fainter_objects():
    image = discs_frame((768, 768), GRID, 8, 0.02)
    counts = [hits(found_in(image, sensitivity), GRID) for sensitivity in (0.0, 0.3, 0.6)]
    assert counts[0] < counts[1] < counts[2]


def test_an_object_at_the_edge_of_the_frame_is_found():
    assert (
        hits(found_in(discs_frame((300, 300), [(0.0, 150.0), (299.0, 20.0)], 12, 0.5)), [(5, 150), (294, 20)])
        == 2
    )
