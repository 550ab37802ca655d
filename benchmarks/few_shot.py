"""What tuning on a few frames brings on the others: F1 untuned, with the gate, and with all of the change ungated.

Run ``python benchmarks/few_shot.py FOLDER --frames 1 3 6 --seeds 1 2 3`` (extra `train`), FOLDER a marked set by the
name it was published under; ``--frames out`` leaves one frame out after the other. One line of JSON for each run,
then a table. Compare within a row: test frames differ between rows. "Watched" is the gate that also counts the finds
in the test frames, without their marks, as a site would in frames nobody marked.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from temwatch.learn.finder_training.graph import between, numbers_of, with_numbers
from temwatch.learn.finder_training.material import Material
from temwatch.learn.finder_training.tuned import counts_of, tune
from temwatch.learn.finder_training.tuning import Lesson, tuned
from temwatch.learn.marked_frames import SETS
from temwatch.learn.reviewed_frames import ReviewedFrame, count_of, reviewed_whole
from temwatch.learn.tuning_gate import SHARES, Counts, f1, judged_shares
from temwatch.store.weights import load_weights, shipped_finder
from temwatch.vision.finder.learned import LearnedFinder

WAYS = ("untuned", "gated", "watched", "ungated")


def trial(
    weights: bytes, learn_from: Sequence[ReviewedFrame], test_on: Sequence[ReviewedFrame], lesson: Lesson
) -> dict[str, Any]:
    """Tune and return the counts on the test frames, JSON-ready."""
    begun = time.process_time()
    if len(learn_from) == 1:
        # One frame is refused; what it would have done is measured all the same.
        learned = tuned(weights, learn_from, lesson, replay=Material(lesson.seed, pool=lesson.pool, fresh=0))
        outcome = None
    else:
        outcome = tune(weights, learn_from, lesson, say=lambda said: print("#", said, flush=True))
        learned = outcome.learned
    taken = time.process_time() - begun
    old = numbers_of(weights)
    counts: dict[float, list[Counts]] = {}
    for share in (0.0, *SHARES, 1.0):
        finder = LearnedFinder(with_numbers(weights, between(old, learned, share)), with_lines=False)
        counts[share] = [counts_of(finder, frame) for frame in test_on]
    gated = watched = 0.0
    sentences = ["one frame is refused"]
    if outcome:
        finds = {share: [found for _, found, _ in counts[share]] for share in (0.0, *SHARES)}
        guarded = judged_shares(outcome.held_out, outcome.simulated, finds)
        gated, watched = outcome.verdict.share, guarded.share
        sentences = [outcome.verdict.sentence, guarded.sentence]
    return {
        "learned_from": [frame.name for frame in learn_from],
        "objects": count_of(learn_from),
        "seed": lesson.seed,
        "shares": {"gated": gated, "watched": watched},
        "sentences": sentences,
        "untuned": counts[0.0],
        "gated": counts[gated],
        "watched": counts[watched],
        "ungated": counts[1.0],
        "f1_by_share": {share: round(f1(one), 3) for share, one in counts.items()},
        "held_out": outcome.held_out if outcome else None,
        "simulated": {share: round(f1(one), 3) for share, one in outcome.simulated.items()}
        if outcome
        else None,
        "cpu_s": round(taken),
    }


def row(name: str, trials: Sequence[Sequence[dict[str, Any]]]) -> str:
    """Return a line of the table: mean and standard deviation over the draws, each the F1 of its trials together."""
    scores = {way: np.array([f1([c for one in draw for c in one[way]]) for draw in trials]) for way in WAYS}
    objects = [one["objects"] for draw in trials for one in draw]
    cells = "  ".join(f"{scores[way].mean():.3f} ±{scores[way].std():.3f}" for way in WAYS)
    worst = " / ".join(f"{(scores[way] - scores['untuned']).min():+.3f}" for way in WAYS[1:])
    return f"{name:<8}{min(objects):>5}-{max(objects):<5}{cells}  {worst}"


def main() -> None:
    """Run all trials and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", nargs="+", default=["1", "3", "6"], help="Numbers, or out.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--weights", type=Path, help="A shelf folder; default: the shipped one.")
    parser.add_argument("--bfloat16", action="store_true", help="Faster where the processor has it.")
    said = parser.parse_args()
    weights = load_weights(said.weights or shipped_finder(), "fp32")
    frames = [reviewed_whole(frame) for frame in SETS[said.folder.name](said.folder)]
    lines = []
    for count in said.frames:
        draws = []
        for seed in said.seeds:
            lesson = Lesson(seed=seed, short=said.bfloat16)
            order = np.random.default_rng(seed).permutation(len(frames))
            parted = (
                [([f for k, f in enumerate(frames) if k != out], [frames[out]]) for out in order]
                if count == "out"
                else [([frames[k] for k in order[: int(count)]], [frames[k] for k in order[int(count) :]])]
            )
            draws.append([trial(weights, *parts, lesson) for parts in parted])
            for one in draws[-1]:
                print(json.dumps({"frames": count, **one}), flush=True)
        lines.append(row(count, draws))
    print(
        f"{'frames':<8}{'objects':<11}"
        + "  ".join(f"{way:<12}" for way in WAYS)
        + "  worst change, gated / watched / ungated"
    )
    print("\n".join(lines))


if __name__ == "__main__":
    main()
