"""CPU time of an inspection beside the same chain in scikit-image and scipy, in one run on one made-up frame.

Run as ``OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/inspection.py [--side 4096] [--objects 500]``.
Absolute times depend on the machine and on what else it does; the ratios are what counts.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from skimage.feature import graycomatrix, graycoprops, local_binary_pattern
from skimage.filters import apply_hysteresis_threshold
from skimage.measure import block_reduce, label, regionprops, regionprops_table
from skimage.morphology import closing, disk, skeletonize

from temwatch.model.frame import ImagingMode
from temwatch.store.shelf import load, starter
from temwatch.store.weights import load_weights, shipped_finder
from temwatch.vision.features import FEATURE_NAMES, contour, grey, measure, shape, texture
from temwatch.vision.features.sheet import lay_out
from temwatch.vision.finder import ThresholdFinder
from temwatch.vision.finder.learned import LearnedFinder
from temwatch.vision.outline import long_axis_degrees, outline
from temwatch.vision.view import look_at

PROPERTIES = (
    "area", "centroid", "bbox", "eccentricity", "axis_major_length", "axis_minor_length", "orientation",
    "perimeter_crofton", "solidity", "euler_number", "moments_hu", "intensity_mean", "intensity_std",
)  # fmt: skip
SMALLEST_PX = 24


def made_up_frame(side: int, objects: int, seed: int = 0) -> NDArray[np.uint16]:
    """Return a frame with uneven light, noise of 4 % and bright and dark discs, ellipses, cracks and polygons."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    light = 1 + 0.2 * x - 0.1 * y**2
    across = int(np.ceil(objects**0.5))
    cell = side // across
    for k in range(objects):
        mask = np.zeros((cell, cell), np.uint8)
        _draw(mask, k % 4, rng)
        top, left = k // across * cell, k % across * cell
        light[top : top + cell, left : left + cell] *= 1 + rng.choice([-0.25, 0.25]) * mask
    light = cv2.GaussianBlur(light, (0, 0), 1)
    return np.clip(rng.normal(light * 20000, np.sqrt(light) * 800), 0, 65535).astype(np.uint16)


def _draw(mask: NDArray[np.uint8], kind: int, rng: np.random.Generator) -> None:
    cell = len(mask)
    middle = tuple(int(v) for v in rng.uniform(0.4, 0.6, 2) * cell)
    reach = cell / 182
    if kind == 0:
        cv2.circle(mask, middle, int(rng.uniform(5, 25) * reach), 1, -1)
    elif kind == 1:
        axes = int(rng.uniform(12, 35) * reach), int(rng.uniform(5, 12) * reach)
        cv2.ellipse(mask, middle, axes, rng.uniform(0, 180), 0, 360, 1, -1)
    elif kind == 2:
        path = np.cumsum(rng.normal(0, 1, (12, 2)) + rng.normal(0, 1, 2), axis=0) * 5 * reach
        path = np.clip(path - path.mean(axis=0) + cell / 2, 15, cell - 15)
        cv2.polylines(mask, [path.astype(np.int32)], False, 1, int(rng.integers(3, 8)))
    else:
        angle = np.arange(8) * np.pi / 4
        radius = rng.uniform(9, 30, 8) * reach
        points = np.stack([middle[0] + radius * np.cos(angle), middle[1] + radius * np.sin(angle)], axis=1)
        cv2.fillPoly(mask, [points.astype(np.int32)], 1)


class Bench:
    """Runs steps, keeps the best CPU time of each and the last result."""

    def __init__(self, repeats: int) -> None:
        self.repeats = repeats
        self.ms: dict[str, float] = {}

    def __call__(self, name: str, step: Callable[[], Any], repeats: int | None = None) -> Any:
        """Return what a step returns, having run and timed it."""
        best, result = np.inf, None
        for _ in range(repeats or self.repeats):
            begin = time.process_time()
            result = step()
            best = min(best, time.process_time() - begin)
        self.ms[name] = best * 1e3
        return result


def ours(image: NDArray[np.uint16], repeats: int) -> tuple[Bench, NDArray[np.float64]]:
    bench = Bench(repeats)
    known: dict[str, Any] = {"nm_per_px": 1.0, "mode": ImagingMode.BF}
    view = bench("background", lambda: look_at(image, **known))
    found = bench("find (threshold)", lambda: ThresholdFinder().find(view))
    outlines = bench("outline, rectangle", lambda: outline(found.regions, view.shape))
    bench("all 56 features", lambda: measure(view, found.regions, outlines))
    parts = Bench(1)
    _by_group(parts, view, found.regions, outlines)
    print("  features by group (one pass, ms): " + ", ".join(f"{k} {v:.0f}" for k, v in parts.ms.items()))
    return bench, np.array([(r.row, r.col) for r in outlines.rectangles])


def with_the_learned_finder(image: NDArray[np.uint16], repeats: int) -> Bench:
    bench = Bench(repeats)
    view = bench("background", lambda: look_at(image, nm_per_px=1.0, mode=ImagingMode.BF))
    finder = LearnedFinder(load_weights(shipped_finder(), "int8"))
    found = bench("find (learned, int8)", lambda: finder.find(view))
    outlines = bench("outline, rectangle", lambda: outline(found.regions, view.shape))
    features = bench("all 56 features", lambda: measure(view, found.regions, outlines))
    recognizer = load(starter("learned"))
    bench("recognise", lambda: recognizer.recognise(features, FEATURE_NAMES))
    return bench


def _by_group(parts: Bench, view: Any, regions: Any, outlines: Any) -> None:
    direction = long_axis_degrees(outlines)
    total: dict[str, float] = {}
    sheets = parts("cut out", lambda: list(lay_out(view, regions)))
    for members, sheet in sheets:
        steps: dict[str, Callable[[], Any]] = {}
        _, perimeter = shape.measure(sheet, outlines, members, 1.0)
        around = grey.surroundings(sheet)
        steps["shape"] = lambda s=sheet, m=members: shape.measure(s, outlines, m, 1.0)
        steps["grey"] = lambda s=sheet, a=around: grey.measure(s, a, ImagingMode.BF)
        steps["texture"] = lambda s=sheet, m=members, a=around: texture.measure(s, outlines, m, direction, a)
        steps["contour"] = lambda s=sheet, m=members, p=perimeter, a=around: contour.measure(
            s, outlines, m, p, a
        )
        for name, step in steps.items():
            parts(name, step)
            total[name] = total.get(name, 0.0) + parts.ms[name]
    parts.ms.update(total)


def as_usually_written(image: NDArray[np.uint16]) -> tuple[Bench, NDArray[np.float64]]:
    """Chain A: whole-frame steps of scipy and scikit-image as tutorials write them."""
    bench = Bench(1)
    light = bench("background", lambda: ndimage.gaussian_filter(image.astype(np.float64), 64))
    flat = bench("divide, Gaussian 1.4", lambda: ndimage.gaussian_filter(image / light - 1, 1.4))
    noise = bench("noise level", lambda: 1.4826 * np.median(np.abs(flat - np.median(flat))))
    mask = bench("hysteresis", lambda: apply_hysteresis_threshold(np.abs(flat), 3 * noise, 6 * noise))
    joined = bench("closing", lambda: closing(mask, disk(4)))
    labels = bench("label", lambda: label(joined, connectivity=2))
    table = bench("regionprops_table", lambda: regionprops_table(labels, flat, properties=PROPERTIES))
    bench("textures, skeletons", lambda: textures(flat, labels, noise))
    keep = table["area"] >= SMALLEST_PX
    return bench, np.column_stack([table["centroid-0"], table["centroid-1"]])[keep]


def best_of_each(image: NDArray[np.uint16]) -> tuple[Bench, NDArray[np.float64]]:
    """Chain A2: the fastest way known to us of every step that scipy and scikit-image offer."""
    bench = Bench(1)
    light = bench("background", lambda: _block_background(image))
    flat = bench(
        "divide, Gaussian 1.4",
        lambda: ndimage.gaussian_filter(image / light - np.float32(1), 1.4, truncate=3),
    )
    few = flat[::8, ::8]
    noise = bench("noise level", lambda: 1.4826 * float(np.median(np.abs(few - np.median(few)))))
    mask = bench("hysteresis", lambda: _labelled_hysteresis(np.abs(flat), 3 * noise, 6 * noise))
    joined = bench("closing", lambda: ndimage.binary_closing(mask, disk(4)))
    labels = bench("label", lambda: ndimage.label(joined, np.ones((3, 3)))[0])
    sizes = np.bincount(labels.ravel())
    labels[(sizes < SMALLEST_PX)[labels]] = 0
    table = bench("regionprops_table", lambda: regionprops_table(labels, flat, properties=PROPERTIES))
    bench("textures, skeletons", lambda: textures(flat, labels, noise))
    return bench, np.column_stack([table["centroid-0"], table["centroid-1"]])


def _block_background(image: NDArray[np.uint16]) -> NDArray[np.float32]:
    coarse = block_reduce(image[::4, ::4], (16, 16), np.median)
    coarse = ndimage.median_filter(coarse, 9).astype(np.float32)
    return ndimage.zoom(coarse, [a / b for a, b in zip(image.shape, coarse.shape, strict=True)], order=1)


def _labelled_hysteresis(score: NDArray[np.float32], low: float, high: float) -> NDArray[np.bool_]:
    labels, count = ndimage.label(score > low, np.ones((3, 3)))
    keep = np.zeros(count + 1, bool)
    keep[labels[score > high]] = True
    keep[0] = False
    return keep[labels]


def textures(flat: NDArray[np.floating], labels: NDArray[np.integer], noise: float) -> None:
    """Co-occurrence, binary patterns and skeleton of every object, one by one, on its box."""
    for region in regionprops(labels):
        if region.area < SMALLEST_PX:
            continue
        crop = np.clip(flat[region.slice] / noise + 8, 0, 15).astype(np.uint8)
        pairs = graycomatrix(crop, [1, 3], [0, np.pi / 2], 16, symmetric=True, normed=True)
        for name in ("contrast", "homogeneity", "energy", "correlation"):
            graycoprops(pairs, name)
        local_binary_pattern(crop, 8, 1, "uniform")
        skeletonize(region.image)


def common(first: NDArray[np.float64], second: NDArray[np.float64], within_px: float = 8.0) -> int:
    """How many objects of two lists are the same, one to one."""
    distance = np.linalg.norm(first[:, None] - second[None], axis=2)
    cost = np.where(distance <= within_px, distance, 1e6)
    rows, cols = linear_sum_assignment(cost)
    return int((cost[rows, cols] < 1e6).sum())


def _print(
    name: str, bench: Bench, places: NDArray[np.float64], reference: NDArray[np.float64], total: float
) -> None:
    own = sum(bench.ms.values())
    same = common(places, reference)
    print(
        f"\n{name}: {len(places)} objects, {same} of our {len(reference)}; {own:.0f} ms, {own / total:.1f} times ours"
    )
    for step, ms in bench.ms.items():
        print(f"  {step:24s}{ms:9.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    image = made_up_frame(chosen.side, chosen.objects)
    print(
        f"{chosen.side} x {chosen.side} uint16, {chosen.objects} objects drawn; CPU time, best of {chosen.repeats}"
    )
    bench, places = ours(image, chosen.repeats)
    total = sum(bench.ms.values())
    _print("temwatch", bench, places, places, total)
    learned = with_the_learned_finder(image, chosen.repeats)
    print(f"\nwith the learned finder: {sum(learned.ms.values()):.0f} ms")
    for step, ms in learned.ms.items():
        print(f"  {step:24s}{ms:9.1f} ms")
    for name, chain in (
        ("A, as usually written", as_usually_written),
        ("A2, best of each step", best_of_each),
    ):
        _print(name, *chain(image), places, total)


if __name__ == "__main__":
    main()
