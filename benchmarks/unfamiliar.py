"""How soon another material is noticed by its novelty alone, and how often steady frames give a false alarm.

Run ``python benchmarks/unfamiliar.py FOLDER [FOLDER ...]`` with folders of images of other materials. Streams are drawn with
replacement from simulated frames and from those images; the rule is `temwatch.learn.unfamiliar`.
"""

import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.learn.unfamiliar import unfamiliar
from temwatch.sim.render import render
from temwatch.sim.specimen import draw_specimen
from temwatch.store.shelf import load, starter
from temwatch.vision.features import FEATURE_NAMES
from temwatch.vision.inspection import inspect
from temwatch.work.task import finder_of

SIMULATED, STREAMS, LONG, BEFORE, AFTER = 120, 200, 1000, 60, 300
_SUFFIXES = (".png", ".jpg", ".tif", ".tiff")
Frames = list[list[float]]


def novelties(
    image: NDArray[Any], *, nm_per_px: float | None, mode: Any, finder: Any, recognizer: Any
) -> list[float]:
    """Return the novelty of every finding of a frame."""
    found = inspect(image, finder=finder, nm_per_px=nm_per_px, mode=mode, tick=time.perf_counter)
    told: list[float] = recognizer.recognise(found.features, FEATURE_NAMES).novelty.tolist()
    return told


def simulated(magnified: float, count: int, **tools: Any) -> Frames:
    """Return frames of simulated ceramics, as if taken at another magnification."""
    frames = []
    for number in range(count):
        scene = render(draw_specimen(7000 + number), 0)
        frames.append(novelties(scene.image, nm_per_px=scene.nm_per_px * magnified, mode=scene.mode, **tools))
    return frames


def real(folder: Path, **tools: Any) -> Frames:
    """Return frames of the images below a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    images = [
        image for path in paths[:40] if (image := cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) is not None
    ]
    return [
        novelties(image, nm_per_px=None, mode=None, **tools) for image in images if min(image.shape) >= 200
    ]


def noticed(stream: list[list[float]]) -> list[int]:
    """Return the numbers of the frames at which the rule gives an alarm."""
    return [
        int(one.frame_id) for one in unfamiliar(("r", str(k), "", frame) for k, frame in enumerate(stream))
    ]


def main() -> None:
    """Measure and print."""
    tools = {
        "finder": finder_of({"method": "learned", "sensitivity": 0.5}),
        "recognizer": load(starter("learned")),
    }
    usual = simulated(1.0, SIMULATED, **tools)
    others = {"simulated, 2.5 times the magnification": simulated(2.5, 40, **tools)}
    others |= {folder: real(Path(folder), **tools) for folder in sys.argv[1:]}
    random = np.random.default_rng(0)

    def drawn(frames: Frames, count: int) -> Frames:
        return [frames[k] for k in random.integers(0, len(frames), count)]

    false = sum(bool(noticed(drawn(usual, LONG))) for _ in range(STREAMS))
    print(
        f"{STREAMS} steady streams of {LONG} frames drawn from {len(usual)} simulated ones: {false} with a false alarm"
    )
    for name, frames in others.items():
        delays = []
        for _ in range(STREAMS):
            alarms = noticed(drawn(usual, BEFORE) + drawn(frames, AFTER))
            delays.append(next((at - BEFORE for at in alarms if at >= BEFORE), AFTER))
        late = sum(delay >= AFTER for delay in delays)
        p50, p90 = np.percentile(delays, [50, 90])
        print(
            f"{name} ({len(frames)} frames): noticed after {p50:.0f} frames (median), {p90:.0f} (nine in ten)",
            end="",
        )
        print(f"; not within {AFTER} in {late} of {STREAMS}")


if __name__ == "__main__":
    main()
