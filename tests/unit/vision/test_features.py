import cv2
import numpy as np
import pytest
from skimage.feature import graycomatrix, graycoprops, local_binary_pattern
from skimage.measure import moments_hu, perimeter_crofton, regionprops
from skimage.morphology import skeletonize

from temwatch.model.frame import ImagingMode
from temwatch.vision.features import BASIC_NAMES, FEATURE_NAMES, measure, texture
from temwatch.vision.features.contour import bending
from temwatch.vision.features.fourier import harmonic_power, reconstruct, resample, series
from temwatch.vision.features.sheet import lay_out
from temwatch.vision.outline import outline
from temwatch.vision.view import look_at
from unit.vision.scenes import SIZE, blob, disc, grey_frame, region_of

SEEDS = (0, 1, 2, 3)


def features_of(frame, masks, mode=ImagingMode.BF, nm_per_px=1.0):
    """Features by name, one value per mask."""
    view = look_at(frame, mode=mode, nm_per_px=nm_per_px)
    regions = [region_of(mask) for mask in masks]
    values = measure(view, regions, outline(regions, frame.shape))
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    return dict(zip(FEATURE_NAMES, values.T, strict=True))


def sheet_of(frame, masks):
    (_, sheet), *more = lay_out(look_at(frame), [region_of(mask) for mask in masks])
    assert not more
    return sheet


def test_there_are_54_features_and_two_that_say_what_is_known():
    assert len(FEATURE_NAMES) == len(set(FEATURE_NAMES)) == 56
    assert FEATURE_NAMES[:5] == BASIC_NAMES
    assert FEATURE_NAMES[-2:] == ("mode_known", "scale_known")


@pytest.mark.parametrize("seed", SEEDS)
def test_shape_agrees_with_scikit_image(seed):
    mask = blob(seed)
    (theirs,) = regionprops(mask.astype(np.uint8))
    ours = features_of(grey_frame(mask), [mask])
    # Their pixels are points, ours are squares, which have a second moment of 1/12 of their own.
    assert ours["eccentricity"][0] == pytest.approx(theirs.eccentricity, abs=1e-3)
    assert ours["euler_number"][0] == theirs.euler_number
    assert ours["log_diameter_nm"][0] == pytest.approx(np.log(theirs.equivalent_diameter_area), abs=1e-6)
    perimeter = perimeter_crofton(mask, 4)
    assert ours["circularity"][0] == pytest.approx(4 * np.pi * theirs.area / perimeter**2, rel=1e-5)
    # Theirs counts the pixels of a rasterised hull, ours is the hull's exact area.
    assert ours["solidity"][0] == pytest.approx(theirs.solidity, rel=0.02)
    ellipse = np.pi / 4 * theirs.axis_major_length * theirs.axis_minor_length
    assert ours["ellipse_extent"][0] == pytest.approx(theirs.area / ellipse, rel=2e-3)
    hu = moments_hu(theirs.moments_normalized)[:4]
    got = [ours[f"hu_{k}"][0] for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(got, np.log10(np.abs(hu) + 1e-12), atol=1e-4)


def test_holes_and_pieces_are_counted():
    mask = disc((120, 120), 60, 40, 20) & ~disc((120, 120), 60, 40, 8)
    mask |= disc((120, 120), 60, 80, 9)
    ours = features_of(grey_frame(mask), [mask])
    assert ours["euler_number"][0] == 1  # two pieces, one hole
    assert ours["log_pieces"][0] == pytest.approx(np.log(2))
    largest = (disc((120, 120), 60, 40, 20) & ~disc((120, 120), 60, 40, 8)).sum()
    assert ours["log_area_over_largest_piece"][0] == pytest.approx(np.log(mask.sum() / largest), rel=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_grey_features_agree_with_a_plain_calculation(seed):
    mask = blob(seed)
    frame = grey_frame(mask, seed=seed)
    ours = features_of(frame, [mask])
    view = look_at(frame)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    ring, inside = (
        view.flattened[(outside > 4) & (outside <= 11)].astype(float),
        view.flattened[mask].astype(float),
    )
    contrast, noise = inside.mean() - np.median(ring), ring.std()
    assert ours["contrast_bf"][0] == pytest.approx(contrast, rel=1e-4)
    assert ours["contrast_to_noise_bf"][0] == pytest.approx(contrast / noise, rel=1e-3)
    z = (inside - inside.mean()) / inside.std()
    assert ours["skewness"][0] == pytest.approx((z**3).mean(), abs=1e-2)
    assert ours["kurtosis"][0] == pytest.approx((z**4).mean(), rel=1e-2)
    low = (np.percentile(inside, 10) - np.median(ring)) / noise
    assert ours["low_decile"][0] == pytest.approx(low, rel=1e-3)
    share = np.histogram(inside, 16)[0] / inside.size
    entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
    assert ours["grey_entropy"][0] == pytest.approx(entropy, abs=0.02)


def test_cooccurrence_agrees_with_scikit_image():
    levels = np.random.default_rng(0).integers(0, 16, (3, 64, 64)).astype(np.uint8)
    levels[1] = cv2.GaussianBlur(levels[1], (0, 0), 3)
    half = np.array([32, 32, 11])
    ours = texture.cooccurrence(levels, half)
    for k in range(3):
        band = levels[k, 32 - half[k] : 32 + half[k]]
        pairs = graycomatrix(band, [1, 3], [0, np.pi / 2], 16, symmetric=True, normed=True)
        names = ("contrast", "homogeneity", "energy", "correlation")
        np.testing.assert_allclose(
            ours[k, :4], [graycoprops(pairs, n).mean() for n in names], rtol=1e-3, atol=1e-4
        )
        pooled = pairs.mean(axis=(2, 3))
        entropy = -(pooled[pooled > 0] * np.log(pooled[pooled > 0])).sum()
        assert ours[k, 4] == pytest.approx(entropy, rel=1e-3)


def test_binary_patterns_agree_with_scikit_image():
    levels = np.random.default_rng(1).integers(0, 16, (1, 64, 64)).astype(np.uint8)
    levels[0, :, 32:] = cv2.GaussianBlur(levels[0, :, 32:], (0, 0), 2)
    theirs = local_binary_pattern(levels[0], 8, 1, "uniform")[1:-1, 1:-1]
    ours = texture.pattern_image(levels)[0]
    # Equal grey levels are a tie that their interpolation in floating point sometimes breaks downwards.
    assert (theirs == ours).mean() > 0.98


def test_a_stripe_pattern_along_the_object_has_the_gradient_across_it():
    mask = np.zeros((96, 96), bool)
    mask[36:60, 16:80] = True
    frame = 1000 + 200 * mask * (1 + np.sin(np.arange(96) * 1.2)[:, None])
    along = features_of(frame.astype(np.float32), [mask])["gradient_anisotropy"][0]
    assert along < -1


@pytest.mark.parametrize("seed", SEEDS)
def test_skeleton_features_agree_with_a_plain_calculation(seed):
    mask = blob(seed)
    ours = features_of(grey_frame(mask), [mask])
    line = skeletonize(mask)
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    length = outline([region_of(mask)], mask.shape).rectangles[0].length_px
    radius = np.sqrt(mask.sum() / np.pi)
    assert ours["log_skeleton_in_lengths"][0] == pytest.approx(np.log(line.sum() / length + 1e-3), abs=1e-5)
    # The distance on sheets is a chamfer of 5 x 5, within 2 % of the true one.
    assert ours["deepest_in_diameters"][0] == pytest.approx(depth.max() / radius, rel=0.02)
    assert ours["skeleton_width"][0] == pytest.approx(depth[line].mean() / radius, rel=0.02)
    neighbours = (
        cv2.filter2D(line.astype(np.uint8), -1, np.ones((3, 3)), borderType=cv2.BORDER_CONSTANT)[line] - 1
    )
    assert ours["log_skeleton_ends"][0] == pytest.approx(np.log1p((neighbours == 1).sum()))


@pytest.mark.parametrize("count", [9, 128, 129])
def test_a_fourier_series_gives_its_samples_back(count):
    samples = np.random.default_rng(count).normal(size=(4, count))
    np.testing.assert_allclose(reconstruct(*series(samples), count), samples, atol=1e-12)


def test_harmonic_power_is_that_of_the_equations_written_out():
    points = np.random.default_rng(3).normal(size=(1, 128, 2))
    n = np.arange(128)
    for k in (1, 2, 5):
        power = 0.0
        for axis in (0, 1):
            c = sum(points[0, i, axis] * np.exp(-2j * np.pi * i * k / 128) for i in n) / 128
            a, b = (c + np.conj(c)).real, (1j * (c - np.conj(c))).real
            power += a**2 + b**2
        assert harmonic_power(points)[0, k - 1] == pytest.approx(power, rel=1e-10)


def test_resampled_points_are_equally_spaced_along_the_outline():
    square = np.array([(0, 0), (0, 8), (8, 8), (8, 0)], np.int32)
    points = resample([square, square + 100], 32)
    np.testing.assert_allclose(points[1], points[0] + 100)
    np.testing.assert_allclose(np.linalg.norm(np.diff(points[0], axis=0), axis=1), 1.0)


def test_a_circle_bends_as_little_as_a_closed_line_can():
    t = np.arange(128) / 128 * 2 * np.pi
    circle = np.stack([np.sin(t), np.cos(t)], axis=1)[None]
    assert bending(circle)[0] == pytest.approx(np.log((2 * np.pi) ** 2 / 128 + 1e-6), abs=1e-6)


# What the features do not depend on. The frames are noise-free where the noise itself is not moved along.

SIGNED = ("contrast_bf", "contrast_to_noise_bf")


def test_moving_the_object_and_its_surroundings_changes_nothing():
    mask = blob(1)
    frame = grey_frame(mask)
    wide = np.tile(frame, (3, 3)).astype(np.float32)
    places = [np.zeros(wide.shape, bool), np.zeros(wide.shape, bool)]
    places[0][:SIZE, :SIZE] = mask
    places[1][SIZE : 2 * SIZE, 2 * SIZE :] = mask
    ours = features_of(wide, places)
    for name, (first, second) in ours.items():
        assert first == pytest.approx(second, abs=5e-3, rel=5e-3), name


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_the_frame_by_right_angles_changes_nothing(turns):
    mask = blob(2)
    frame = grey_frame(mask)
    before = features_of(frame, [mask])
    after = features_of(np.rot90(frame, turns).copy(), [np.rot90(mask, turns).copy()])
    # A skeleton depends on the order in which pixels are peeled off, a crop on how it falls on the grid.
    loose = {
        "log_skeleton_in_lengths": 0.35,
        "log_skeleton_ends": 1.2,
        "skeleton_width": 0.15,
        "skeleton_width_variation": 0.3,
    }
    for name in FEATURE_NAMES:
        grid = 0.15 if name.startswith(("glcm", "lbp", "gradient")) else 0.02
        assert before[name][0] == pytest.approx(after[name][0], abs=loose.get(name, grid), rel=0.02), name


@pytest.mark.parametrize("angle", [17.0, 40.0, 73.0])
def test_turning_an_ellipse_by_any_angle_hardly_changes_its_shape(angle):
    values = []
    for turn in (0.0, angle):
        canvas = np.zeros((160, 160), np.uint8)
        cv2.ellipse(canvas, (80, 80), (50, 22), turn, 0, 360, 1, -1)
        mask = canvas.astype(bool)
        values.append(features_of(grey_frame(mask, noise=0.01), [mask]))
    for name in (
        *BASIC_NAMES,
        "eccentricity",
        "feret_ratio",
        "hu_1",
        "ellipse_extent",
        "deepest_in_diameters",
    ):
        assert values[0][name][0] == pytest.approx(values[1][name][0], abs=0.04), name
    assert values[0]["fourier_3"][0] == pytest.approx(values[1]["fourier_3"][0], abs=0.3)


def drawn(scale: int) -> np.ndarray:
    """The same smooth outline at several sizes, in the middle of a frame of 120 * scale."""
    t = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    r = 18 * scale * (1 + 0.25 * np.cos(t) + 0.15 * np.cos(3 * t + 1))
    points = np.stack([r * np.cos(t), 0.7 * r * np.sin(t)], axis=1) + 60 * scale
    canvas = np.zeros((120 * scale, 120 * scale), np.uint8)
    cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32)], 1, shift=4)
    return canvas.astype(bool)


@pytest.mark.parametrize(
    "scale", [2, 3, 12]
)  # at 12 it is larger than a tile, and measured on a smaller image
def test_a_larger_object_of_the_same_form_differs_in_its_size_only(scale):
    small, large = drawn(1), drawn(scale)
    a, b = (
        features_of(grey_frame(small, noise=0.01), [small]),
        features_of(grey_frame(large, noise=0.01), [large]),
    )
    grown = np.log(large.sum() / small.sum()) / 2
    assert b["log_diameter_nm"][0] - a["log_diameter_nm"][0] == pytest.approx(grown, abs=1e-5)
    same = ("aspect", "rectangularity", "circularity", "solidity", "area_in_lengths", "eccentricity", "hu_1",
            "perimeter_in_lengths", "deepest_in_diameters")  # fmt: skip
    for name in same:
        assert a[name][0] == pytest.approx(b[name][0], rel=0.06, abs=0.01), name


def test_multiplying_the_frame_changes_nothing():
    mask = blob(0)
    frame = grey_frame(mask)
    a, b = features_of(frame, [mask]), features_of(13 * frame, [mask])
    for name in FEATURE_NAMES:
        assert a[name][0] == pytest.approx(b[name][0], abs=2e-2), name


def test_inverted_contrast_in_the_inverse_mode_is_the_same_object():
    mask = blob(0)
    bright = grey_frame(mask, contrast=0.3)
    a = features_of(bright, [mask], mode=ImagingMode.BF)
    b = features_of(2000 - bright, [mask], mode=ImagingMode.DF)
    for name in FEATURE_NAMES:
        assert a[name][0] == pytest.approx(b[name][0], abs=3e-2, rel=2e-2), name


def test_without_a_mode_the_signed_features_say_nothing_and_that_is_said():
    mask = blob(0)
    ours = features_of(grey_frame(mask), [mask], mode=None)
    assert [ours[name][0] for name in SIGNED] == [0, 0]
    assert ours["mode_known"][0] == 0
    assert ours["log_contrast"][0] == pytest.approx(np.log(0.3), abs=0.2)
    assert features_of(grey_frame(mask), [mask], mode=ImagingMode.HAADF)["mode_known"][0] == 1


def test_without_a_pixel_size_the_diameter_is_zero_and_that_is_said():
    mask = blob(0)
    ours = features_of(grey_frame(mask), [mask], nm_per_px=None)
    assert (ours["log_diameter_nm"][0], ours["scale_known"][0]) == (0, 0)


# Sheets.


def test_every_pixel_of_a_sheet_is_given_to_the_region_it_shows():
    masks = [blob(seed) for seed in SEEDS]
    sheet = sheet_of(grey_frame(masks[0]), masks)
    inside = sheet.inside
    assert (sheet.owner.ravel()[inside.index] == inside.region).all()
    assert sorted(inside.count) == sorted(int(mask.sum()) for mask in masks)
    assert (sheet.mask.ravel()[inside.index] == 1).all()


def test_what_is_measured_on_a_region_does_not_depend_on_its_company():
    masks = [blob(seed) for seed in SEEDS]
    frame = np.concatenate([grey_frame(mask, seed=k) for k, mask in enumerate(masks)])
    placed = []
    for k, mask in enumerate(masks):
        whole = np.zeros(frame.shape, bool)
        whole[k * SIZE : (k + 1) * SIZE] = mask
        placed.append(whole)
    together = features_of(frame, placed)
    for k, mask in enumerate(placed):
        alone = features_of(frame, [mask])
        for name in FEATURE_NAMES:
            assert together[name][k] == pytest.approx(alone[name][0], abs=1e-5), name


def test_quantiles_agree_with_numpy():
    masks = [blob(seed) for seed in SEEDS]
    sheet = sheet_of(grey_frame(masks[0]) - 1000, masks)
    values = sheet.inside.take(sheet.values)
    ours = sheet.inside.quantiles(values, (0.1, 0.5, 0.93))
    for k in range(len(masks)):
        np.testing.assert_allclose(
            ours[k], np.quantile(values[sheet.inside.region == k], (0.1, 0.5, 0.93)), rtol=1e-5
        )


def test_a_thin_line_across_a_large_frame_stays_in_one_piece():
    mask = np.zeros((2000, 2000), np.uint8)
    cv2.line(mask, (40, 60), (1950, 1900), 1, 2)
    ours = features_of(grey_frame(mask.astype(bool)), [mask.astype(bool)])
    assert ours["log_pieces"][0] == 0
    assert ours["aspect"][0] < 0.01


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_regions_down_to_a_pixel_and_frames_down_to_a_region_have_finite_features(size):
    mask = np.ones((size, size), bool)
    features_of(np.full((size, size), 50, np.uint8), [mask])
    wide = np.zeros((40, 40), bool)
    wide[:size, :size] = True
    features_of(grey_frame(wide), [wide], mode=None, nm_per_px=None)


def test_a_frame_without_regions_gives_an_empty_table():
    view = look_at(np.zeros((32, 32), np.uint16))
    assert measure(view, [], outline([], view.shape)).shape == (0, len(FEATURE_NAMES))
