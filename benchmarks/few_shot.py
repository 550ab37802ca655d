"""What tuning on a few frames brings on the others: F1 untuned, with the gate, and with all of the change ungated.

Run ``python benchmarks/few_shot.py FOLDER --frames 1 3 5 --seeds 1 2 3`` (extra `train`), FOLDER a marked set by the
name it was published under. One line of JSON for each run, then a table; compare within a row, test frames differ
between rows.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from temwatch.learn.finder_training.graph import between, numbers_of, with_numbers
from temwatch.learn.finder_training.tuned import Outcome, counts_of, tune
from temwatch.learn.finder_training.tuning import Lesson
from temwatch.learn.marked_frames import SETS
from temwatch.learn.reviewed_frames import ReviewedFrame, count_of, reviewed_whole
from temwatch.learn.tuning_gate import SHARES, f1
from temwatch.store.weights import load_weights, shipped_finder
from temwatch.vision.finder.learned import LearnedFinder


def trial(
    weights: bytes, frames: Sequence[ReviewedFrame], count: int, seed: int, *, short: bool
) -> dict[str, Any]:
    """Tune on `count` frames drawn by a seed and return F1 on all the others, JSON-ready."""
    order = np.random.default_rng(seed).permutation(len(frames))
    learn_from, test_on = ([frames[k] for k in part] for part in (order[:count], order[count:]))
    begun = time.process_time()
    outcome: Outcome = tune(
        weights, learn_from, Lesson(seed=seed, short=short), say=lambda said: print("#", said, flush=True)
    )
    taken = time.process_time() - begun
    row: dict[str, Any] = {"frames": count, "seed": seed, "objects": count_of(learn_from)}
    old = numbers_of(weights)
    by_share = {}
    for share in (0.0, *SHARES):
        finder = LearnedFinder(with_numbers(weights, between(old, outcome.learned, share)), with_lines=False)
        by_share[share] = round(f1([counts_of(finder, frame) for frame in test_on]), 3)
    verdict = outcome.verdict
    return {
        **row,
        "untuned": by_share[0.0],
        "gated": by_share[verdict.share],
        "ungated": by_share[1.0],
        "share": verdict.share,
        "gate": verdict.sentence,
        "by_share": by_share,
        "held_out": outcome.held_out,
        "simulated": {share: round(f1(counts), 3) for share, counts in outcome.simulated.items()},
        "cpu_s": round(taken),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return mean and spread over the seeds for each number of frames."""
    lines = ["frames  objects  untuned      gated        ungated      worst change, gated / ungated"]
    for count in sorted({row["frames"] for row in rows}):
        mine = [row for row in rows if row["frames"] == count]
        cells = [
            f"{np.mean([r[name] for r in mine]):.3f} ±{np.std([r[name] for r in mine]):.3f}"
            for name in ("untuned", "gated", "ungated")
        ]
        worst = [min(row[name] - row["untuned"] for row in mine) for name in ("gated", "ungated")]
        objects = "-".join(str(extreme(r["objects"] for r in mine)) for extreme in (min, max))
        lines.append(f"{count:<7} {objects:<8} {'  '.join(cells)}  {worst[0]:+.3f} / {worst[1]:+.3f}")
    return "\n".join(lines)


def main() -> None:
    """Run all trials and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, nargs="+", default=[1, 3, 6])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--weights", type=Path, help="A shelf folder; default: the shipped one.")
    parser.add_argument("--bfloat16", action="store_true", help="Faster where the processor has it.")
    said = parser.parse_args()
    weights = load_weights(said.weights or shipped_finder(), "fp32")
    frames = [reviewed_whole(frame) for frame in SETS[said.folder.name](said.folder)]
    rows = []
    for seed in said.seeds:
        for count in said.frames:
            rows.append(trial(weights, frames, count, seed, short=said.bfloat16))
            print(json.dumps(rows[-1]), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
