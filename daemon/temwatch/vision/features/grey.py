"""Grey: how a region stands out from the ring around it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from temwatch.model.frame import ImagingMode
from temwatch.vision.features.sheet import Sheet

NAMES = (
    "contrast_bf",
    "log_contrast",
    "contrast_to_noise_bf",
    "log_contrast_to_noise",
    "log_noise_ratio",
    "skewness",
    "kurtosis",
    "low_decile",
    "high_decile",
    "fringe",
    "core_over_rim",
    "grey_entropy",
)

# Where the surroundings are looked at, in px from the region: beyond the Fresnel fringe, and the fringe itself.
_RING = (4.0, 11.0)
_FRINGE = 3.0
_FEWEST_RING_PX = 10
_BINS = 16
_RIM = 1.5
_CORE_SHARE = 0.6
_SIGN = {
    ImagingMode.BF: 1.0,
    ImagingMode.HRTEM: 1.0,
    ImagingMode.DF: -1.0,
    ImagingMode.HAADF: -1.0,
    ImagingMode.SEM: -1.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the ring around every region looks like, and how the region differs; each of shape (n,).

    Attributes
    ----------
    level, noise : ndarray of float64
        Median and standard deviation of the flattened grey values in the ring.
    contrast : ndarray of float64
        Mean of the region minus `level`.
    direction : ndarray of float64
        +1 where the region is brighter than its ring, else -1.
    """

    level: NDArray[np.float64]
    noise: NDArray[np.float64]
    contrast: NDArray[np.float64]
    direction: NDArray[np.float64]


def mode_sign(mode: ImagingMode | None) -> float:
    """Return what turns contrast into that of a bright field image: +1, -1, or 0 where the mode is unknown."""
    return 0.0 if mode is None else _SIGN.get(mode, 0.0)


def surroundings(sheet: Sheet) -> Surroundings:
    """Look at the ring of 4 to 11 px around every region, other regions left out.

    Regions whose ring has fewer than 10 pixels (a crowded or tiny frame) take all of their tile that belongs
    to no region; where even that is empty, the flattened background, 0.
    """
    ring = sheet.within(*_RING)
    values = ring.take(sheet.values)
    level = ring.quantiles(values, (0.5,))[:, 0]
    noise = ring.std(values, ring.mean(values))
    poor = ring.count < _FEWEST_RING_PX
    if poor.any():
        around = sheet.pixels(sheet.free > 0)
        values = around.take(sheet.values)
        level = np.where(poor, around.quantiles(values, (0.5,))[:, 0], level)
        noise = np.where(poor, around.std(values, around.mean(values)), noise)
    contrast = sheet.inside.mean(sheet.inside.take(sheet.values)) - level
    # Without noise every ratio to it would be infinite; a thousandth of the contrast stands for none.
    noise = np.maximum(noise, 1e-3 * np.abs(contrast) + 1e-9)
    return Surroundings(
        level=level, noise=noise, contrast=contrast, direction=np.where(contrast < 0, -1.0, 1.0)
    )


def measure(sheet: Sheet, around: Surroundings, mode: ImagingMode | None) -> NDArray[np.float64]:
    """Return the grey features, shape (n, 12).

    All but the two named ``_bf`` stay the same when the contrast is inverted: skewness, deciles, fringe and
    core are counted in the direction of the region's own contrast. Those two carry the sign a bright field
    image would show, and are 0 where the imaging mode is unknown.
    """
    inside = sheet.inside
    values = inside.take(sheet.values)
    mean = inside.mean(values)
    spread = inside.std(values, mean)
    safe = np.maximum(spread, 1e-3 * around.noise)
    # Grey values counted from the ring, in the direction of the contrast: an object is positive here.
    ahead = (values - inside.spread(around.level)) * inside.spread(around.direction)
    low, high = inside.quantiles(ahead, (0.1, 0.9)).T
    z = (ahead - inside.spread(np.abs(around.contrast))) * inside.spread(1 / safe)
    cube = z * z * z  # the power operator of arrays is far slower
    size = np.abs(around.contrast)
    ratio = around.contrast / around.noise
    sign = mode_sign(mode)
    fringe, core = _fringe_and_core(sheet, around, ahead)
    return np.column_stack(
        [
            sign * around.contrast,
            np.log(size + 1e-4),
            sign * ratio,
            np.log(np.abs(ratio) + 1e-3),
            np.log(safe / around.noise),
            inside.mean(cube),
            inside.mean(cube * z),
            low / around.noise,
            high / around.noise,
            fringe,
            core,
            _entropy(sheet, values),
        ]
    )


def _fringe_and_core(
    sheet: Sheet, around: Surroundings, ahead: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the contrast of the 3 px around a region, and of its core over its rim, in units of its contrast."""
    size = np.abs(around.contrast) + 1e-4
    inside = sheet.inside
    near = sheet.within(0.0, _FRINGE)
    fringe = (near.mean(near.take(sheet.values)) - around.level) * around.direction / size
    fringe[near.count == 0] = 0
    depth = inside.take(sheet.depth)
    deepest = inside.largest(depth)
    is_core = depth > inside.spread(np.maximum(_CORE_SHARE * deepest, 1.0))
    is_rim = depth <= _RIM
    core, rim = inside.where(is_core), inside.where(is_rim)
    over = (core.mean(ahead[is_core]) - rim.mean(ahead[is_rim])) / size
    over[(core.count == 0) | (rim.count == 0)] = 0
    return fringe, over


def _entropy(sheet: Sheet, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the entropy, in nats, of the histogram of 16 bins between each region's darkest and brightest."""
    inside = sheet.inside
    top, bottom = inside.largest(values), -inside.largest(-values)
    width = np.maximum(top - bottom, 1e-12)
    bins = ((values - inside.spread(bottom)) * inside.spread(_BINS / width)).astype(np.intp)
    np.minimum(bins, _BINS - 1, out=bins)
    counts = np.bincount(inside.region * _BINS + bins, minlength=len(sheet.tiles) * _BINS)
    share = counts.reshape(-1, _BINS) / inside.count[:, None]
    entropy: NDArray[np.float64] = -(share * np.log(np.maximum(share, 1e-12))).sum(axis=1)
    return entropy
