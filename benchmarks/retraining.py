"""What learning from very many labels costs, and what it costs the frames that come meanwhile.

Run ``python benchmarks/retraining.py --labels 50000``. Labels are rows of the shipped simulation, each with noise of a
tenth of its feature's spread, over so many files of 40. Printed: time and memory of the process that learns, and the
time of an inspection (1024 x 1024, simulated) beside its beginning and without it, one inspecting process on every
core.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from temwatch import limits
from temwatch.learn.trainer import LABELS, ORDER, OUTCOME
from temwatch.learn.training_set import TrainingSet, packed, read_training_set
from temwatch.store.shelf import starter, starter_rows

_INSPECT = """
import sys, time
from temwatch.sim.specimen import draw_specimen
from temwatch.sim.render import render
from temwatch.store.shelf import load, starter
from temwatch.vision.features import FEATURE_NAMES
from temwatch.vision.inspection import inspect
from temwatch.work.task import finder_of
finder = finder_of({"method": "learned", "sensitivity": 0.5})
recognizer = load(starter("learned"))
scene = render(draw_specimen(5), 0, shape=(1024, 1024))
while True:
    begun = time.perf_counter()
    made = inspect(scene.image, finder=finder, nm_per_px=scene.nm_per_px, mode=scene.mode, tick=time.perf_counter)
    recognizer.recognise(made.features, FEATURE_NAMES)
    print(f"{time.perf_counter():.3f} {time.perf_counter() - begun:.4f}", flush=True)
"""


def many(count: int) -> TrainingSet:
    """Return so many labels like the simulated rows."""
    random = np.random.default_rng(0)
    rows = read_training_set(starter_rows("learned"))
    chosen = random.integers(0, len(rows), count)
    known = np.where(np.isfinite(rows.features), rows.features, np.nan)
    spread = np.nanstd(known, axis=0)
    features = rows.features[chosen] + 0.1 * spread * random.normal(size=(count, len(spread)))
    return TrainingSet(
        features=features.astype(np.float32),
        classes=tuple(rows.classes[k] for k in chosen),
        groups=tuple(f"file {k // 40}" for k in range(count)),
        objects=tuple(str(k) for k in range(count)),
        operators=tuple(f"operator {k % 3}" for k in range(count)),
        label_ids=np.arange(1, count + 1),
        feature_names=rows.feature_names,
        feature_set=rows.feature_set,
    )


def order(folder: Path) -> None:
    """Write what the process that learns is told."""
    said = {
        "champion": str(starter("learned")),
        "champion_recipe": "",
        "champion_labels": [],
        "simulated": str(starter_rows("learned")),
        "shelf": str(folder / "models"),
        "method": "kernel_elm",
        "confidence": 0.9,
        "floors": {"crack": 0.8},
    }
    (folder / ORDER).write_text(json.dumps(said))


def inspections(seconds: float) -> list[float]:
    """Return how long each inspection took, on every core at once, for so long."""
    env = limits.environment(os.environ)
    hands = [
        subprocess.Popen([sys.executable, "-c", _INSPECT], stdout=subprocess.PIPE, env=env, text=True)
        for _ in os.sched_getaffinity(0)
    ]
    taken: list[float] = []
    try:
        for hand in hands:
            assert hand.stdout is not None
            for _ in range(3):  # warm
                hand.stdout.readline()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for hand in hands:
                assert hand.stdout is not None
                taken.append(float(hand.stdout.readline().split()[1]))
    finally:
        for hand in hands:
            hand.kill()
            hand.wait()
    return taken


def learning(folder: Path) -> "subprocess.Popen[bytes]":
    """Start the process that learns, as the daemon does."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "temwatch.learn.trainer", str(folder)),
            *(f"--parent={os.getpid()}", "--memory-mb=4096", "--nice=15"),
        ],
        env=limits.environment(os.environ),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=50_000)
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="Of inspections, without learning and with."
    )
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / LABELS).write_bytes(packed(many(said.labels)))
        order(folder)
        alone = np.array(inspections(said.seconds))
        process = learning(folder)
        beside = np.array(inspections(said.seconds))
        process.kill()
        process.wait()
        begun = time.monotonic()
        learning(folder).wait()
        took_s = time.monotonic() - begun
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        outcome = json.loads((folder / OUTCOME).read_text())
    print(
        f"{said.labels} labels: {took_s:.0f} s with a core of its own; no process above {usage.ru_maxrss / 1024:.0f} MB"
    )
    print(f"gate: {outcome.get('sentence', outcome)}")
    for what, part in (("alone", alone), ("while it learns", beside)):
        p50, p95 = np.percentile(part, [50, 95])
        print(f"inspection {what:<16} median {1000 * p50:.0f} ms, 95 % {1000 * p95:.0f} ms ({len(part)})")
    print(f"ratio of medians {np.median(beside) / np.median(alone):.2f}")


if __name__ == "__main__":
    main()
