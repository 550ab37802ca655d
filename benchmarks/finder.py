"""What finding costs: seconds of CPU and memory for a 4096 x 4096 frame, each way of finding in a process of its own.

Run ``python benchmarks/finder.py``; one thread everywhere. Compare the ratios: they hold on other machines too.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from avx2_runtime import blind_copy
from numpy.typing import NDArray

WAYS = ("nothing", "int8", "fp32", "int8 full resolution", "threshold", "scikit-image")


def frame(side: int, seed: int = 1) -> NDArray[np.uint16]:
    """Return a frame of simulated crops side by side, in the grey values of a 16-bit camera."""
    from temwatch.sim.crops import crop

    made = [crop(seed, number).image for number in range(16)]
    across = -(-side // 256)
    chosen = np.random.default_rng(seed).integers(0, len(made), (across, across))
    rows = [np.hstack([made[number] for number in row]) for row in chosen]
    picture: NDArray[np.uint16] = np.vstack(rows)[:side, :side].astype(np.uint16) * 100 + 2000
    return picture


def finding(way: str) -> Callable[[NDArray[np.uint16]], int]:
    """Return a function from a frame to how many objects are found in it."""
    if way == "nothing":
        return lambda image: int(image[0, 0] * 0)
    if way == "scikit-image":
        return with_scikit_image
    from temwatch.store.weights import load_weights, shipped_finder
    from temwatch.vision.finder.base import Finder
    from temwatch.vision.finder.learned import LearnedFinder
    from temwatch.vision.finder.threshold import ThresholdFinder
    from temwatch.vision.view import look_at

    finder: Finder
    if way == "threshold":
        finder = ThresholdFinder()
    else:
        weights = load_weights(shipped_finder(), "fp32" if way == "fp32" else "int8")
        finder = LearnedFinder(weights, full_resolution="full" in way)
    return lambda image: len(finder.find(look_at(image)).regions)


def with_scikit_image(image: NDArray[np.uint16]) -> int:
    """Find objects as a textbook does: background, threshold, opening, distance, watershed, properties."""
    from scipy import ndimage
    from skimage import feature, filters, measure, morphology, segmentation

    grey = image.astype(np.float32)
    flat = filters.gaussian(grey, 1.4) - filters.gaussian(grey, 40)
    far = np.abs(flat)
    mask = morphology.opening(far > filters.threshold_otsu(far), morphology.disk(2))
    depth = ndimage.distance_transform_edt(mask)
    peaks = feature.peak_local_max(depth, min_distance=5, labels=measure.label(mask))
    marks = np.zeros(mask.shape, np.int32)
    marks[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = segmentation.watershed(-depth, marks, mask=mask)
    return sum(1 for region in measure.regionprops(labels) if region.area >= 24 and region.centroid)


def measured(way: str, side: int, repeats: int) -> dict[str, Any]:
    """Return CPU seconds (the least of several), objects, and the most memory this process ever held."""
    import cv2

    cv2.setNumThreads(1)
    image = frame(side)
    find = finding(way)
    count = find(image[:512, :512].copy())
    taken = []
    for _ in range(repeats):
        begun = time.process_time()
        count = find(image)
        taken.append(time.process_time() - begun)
    return {
        "way": way,
        "cpu_s": round(min(taken), 3),
        "cpu_s_per_Mpx": round(min(taken) / side**2 * 1e6, 4),
        "objects": count,
        "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def alone(way: str, side: int, repeats: int, path: Path | None = None) -> dict[str, Any]:
    """Return what one way of finding costs in a process of its own, `path` before everything else it imports."""
    command = [sys.executable, __file__, "--way", way, "--side", str(side), "--repeats", str(repeats)]
    paths = [str(path)] if path else []
    paths += [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **threads})
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def main() -> None:
    """Print a table; each way is measured in a process of its own, so that memory is its own too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--way", choices=WAYS)
    said = parser.parse_args()
    if said.way:
        print(json.dumps(measured(said.way, said.side, said.repeats)))
        return
    load = os.getloadavg()[0]
    print(f"{said.side} x {said.side} px, least of {said.repeats}; load of the machine before: {load:.1f}")
    print(f"{'':24}{'CPU s':>8}{'s/Mpx':>9}{'/ int8':>8}{'objects':>9}{'peak MB':>9}")
    rows = {way: alone(way, said.side, said.repeats) for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        blind = blind_copy(Path(folder))
        for way in ("int8", "fp32") if blind else ():
            rows[f"{way}, AVX2 only"] = alone(way, said.side, said.repeats, blind)
    for name, row in rows.items():
        ratio = row["cpu_s"] / rows["int8"]["cpu_s"]
        print(
            f"{name:24}{row['cpu_s']:8.3f}{row['cpu_s_per_Mpx']:9.4f}{ratio:8.2f}{row['objects']:9}{row['peak_MB']:9}"
        )
    if blind is None:
        print("no figure for AVX2 alone: this build of onnxruntime looks different")


if __name__ == "__main__":
    main()
