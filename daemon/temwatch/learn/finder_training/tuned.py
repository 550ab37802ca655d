"""From marked frames to tuned weights on a shelf: hold out, tune, judge, tune on all, quantise, write the card."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from temwatch import __version__
from temwatch.errors import PermanentError
from temwatch.learn.finder_evaluation import compared
from temwatch.learn.finder_training.course import as_marked as simulated_frame
from temwatch.learn.finder_training.export import quantised
from temwatch.learn.finder_training.graph import Numbers, between, numbers_of, with_numbers
from temwatch.learn.finder_training.material import Material
from temwatch.learn.finder_training.tuning import Lesson, tuned
from temwatch.learn.marked_frames import MarkedFrame
from temwatch.learn.reviewed_frames import (
    ReviewedFrame,
    as_marked,
    count_of,
    found_where_reviewed,
    halves,
)
from temwatch.learn.tuning_gate import SHARES, Counts, Verdict, f1, folds, judged_shares
from temwatch.store.weights import card_of, load_weights, save_weights
from temwatch.vision.finder.base import Finder
from temwatch.vision.finder.learned import LearnedFinder
from temwatch.vision.view import look_at

_SIMULATED_START = 30_000_000  # numbers that neither training nor calibration reaches
_FEWEST_OBJECTS = 10
_INT8_LOSS = 0.03  # of F1, against the 32-bit weights on the same frames

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of tuning.

    Attributes
    ----------
    weights : bytes
        ``fp32.onnx``; the old ones where the gate kept them.
    verdict : Verdict
    learned : dict of str to ndarray
        All that was learned, whatever the gate said of it.
    held_out, simulated : dict of float to list of Counts
        What the gate saw; see `judged_shares`.
    """

    weights: bytes
    verdict: Verdict
    learned: Numbers
    held_out: dict[float, list[Counts]]
    simulated: dict[float, list[Counts]]


def tune(weights: bytes, frames: Sequence[ReviewedFrame], lesson: Lesson, *, say: Say) -> Outcome:
    """Tune weights on frames, and take over as much as held-out parts of the frames bear out.

    Parameters
    ----------
    weights : bytes
        ``fp32.onnx`` of the present weights.
    frames : sequence of ReviewedFrame
    lesson : Lesson
    say : callable
        Told how it goes.

    Raises
    ------
    PermanentError
        Fewer than ten objects are marked, or nothing was reviewed.
    """
    _check(frames)
    old = numbers_of(weights)
    replay = Material(lesson.seed, pool=lesson.pool, fresh=0)
    held_out: dict[float, list[Counts]] = {share: [] for share in (0.0, *SHARES)}
    for number, (learn_from, test_on) in enumerate(parts(frames), 1):
        say(f"part {number}: tuning without it")
        new = tuned(weights, learn_from, lesson, replay=replay)
        for share, counts in held_out.items():
            finder = _finder(weights, old, new, share)
            counts.extend(counts_of(finder, frame) for frame in test_on)
        said = ", ".join(f"{f1([counts[-1]]):.3f} at {share:g}" for share, counts in held_out.items())
        say(f"part {number}: F1 {said} of the change")
    say("tuning on everything")
    new = tuned(weights, frames, lesson, replay=replay, say=say)
    imitated = [simulated_frame(lesson.seed, _SIMULATED_START + k) for k in range(lesson.checked)]
    simulated = {share: simulated_counts(_finder(weights, old, new, share), imitated) for share in held_out}
    verdict = judged_shares(held_out, simulated, frames=len(frames))
    say(verdict.sentence)
    return Outcome(
        weights=with_numbers(weights, between(old, new, verdict.share)),
        verdict=verdict,
        learned=new,
        held_out=held_out,
        simulated=simulated,
    )


def parts(
    frames: Sequence[ReviewedFrame],
) -> list[tuple[Sequence[ReviewedFrame], Sequence[ReviewedFrame]]]:
    """Return what to learn from and what to test on, so that every part is tested once."""
    if len(frames) > 1:
        return [
            ([f for k, f in enumerate(frames) if k not in held], [frames[k] for k in held])
            for held in folds(len(frames))
        ]
    first, second = (frames[0].within(area) for area in halves(frames[0]))
    return [([first], [second]), ([second], [first])]


def counts_of(finder: Finder, frame: ReviewedFrame) -> Counts:
    """Return hits, finds and marks of a frame, where it was reviewed."""
    score = compared(found_where_reviewed(finder, frame), as_marked(frame))
    return score.hits, score.found, score.marked


def simulated_counts(finder: Finder, frames: Sequence[MarkedFrame]) -> list[Counts]:
    """Return the counts on simulated crops."""
    scores = [compared(finder.find(look_at(frame.image)).regions, frame) for frame in frames]
    return [(score.hits, score.found, score.marked) for score in scores]


def tune_and_shelve(
    parent: Path, frames: Sequence[ReviewedFrame], lesson: Lesson, shelf: Path, *, say: Say
) -> tuple[Path | None, Verdict]:
    """Tune the weights of a folder and put the result on a shelf.

    Parameters
    ----------
    parent : Path
        Folder of the present weights; nothing in it is changed.
    frames, lesson, say
        As in `tune`.
    shelf : Path
        Gets a folder named by the digest of its card.

    Returns
    -------
    Path or None
        The new folder; None where the gate kept the old weights.
    Verdict
    """
    outcome = tune(load_weights(parent, "fp32"), frames, lesson, say=say)
    if not outcome.verdict.share:
        return None, outcome.verdict
    small = quantised(outcome.weights, seed=lesson.seed)
    exact, rough = (
        f1([counts_of(LearnedFinder(weights, with_lines=False), frame) for frame in frames])
        for weights in (outcome.weights, small)
    )
    if rough < exact - _INT8_LOSS:
        raise PermanentError(
            f"in 8 bits the tuned weights lose {exact - rough:.3f} of F1",
            next_step="tune with another --seed; the old weights stay",
        )
    card = _card(parent, frames, lesson, outcome.verdict, {"int8": round(rough, 3), "fp32": round(exact, 3)})
    return save_weights(shelf, {"int8.onnx": small, "fp32.onnx": outcome.weights}, card), outcome.verdict


def _card(
    parent: Path,
    frames: Sequence[ReviewedFrame],
    lesson: Lesson,
    verdict: Verdict,
    own: dict[str, float],
) -> dict[str, Any]:
    before = card_of(parent)
    return {
        **{name: value for name, value in before.items() if name not in ("files", "scores_on_unseen_crops")},
        "data": f"{len(frames)} marked frames, on top of: {before.get('data', 'not said')}",
        "tuning": {
            "parent": parent.name,
            "temwatch": __version__,
            "frames": [
                {
                    "name": frame.name,
                    "sha256": frame.digest,
                    "objects": len(frame.centre),
                    "reviewed": round(float(frame.reviewed.mean()), 3),
                }
                for frame in frames
            ],
            "objects": count_of(frames),
            "seed": lesson.seed,
            "steps": lesson.steps,
            "rate": lesson.rate,
            "crops_a_step": {"real": lesson.real, "simulated": lesson.simulated},
            "share_of_change": verdict.share,
            "f1_held_out": {"before": round(verdict.before, 3), "after": round(verdict.after, 3)},
            "f1_on_the_frames_learned_from": own,
            "gate": verdict.sentence,
        },
    }


def _check(frames: Sequence[ReviewedFrame]) -> None:
    objects = count_of(frames)
    if objects < _FEWEST_OBJECTS:
        raise PermanentError(
            f"{objects} objects are marked in {len(frames)} frames: too few to learn from",
            next_step=f"mark {_FEWEST_OBJECTS} or more; a few dozen in three frames do more",
        )
    if not any(frame.reviewed.any() for frame in frames):
        raise PermanentError(
            "no area was reviewed in whole: nobody knows what is background",
            next_step='name reviewed areas, or mark every object and say "reviewed": "all"',
        )
    for frame in frames:
        if not np.isfinite(frame.image).all():
            raise PermanentError(f"{frame.name}: holds pixels that are no number", next_step="leave it out")


def _finder(weights: bytes, old: Numbers, new: Numbers, share: float) -> Finder:
    return LearnedFinder(with_numbers(weights, between(old, new, share)), with_lines=False)
