"""From marked frames to tuned weights on a shelf: hold frames out, tune, judge, tune on all, quantise, write the card."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
)
from temwatch.learn.tuning_gate import SHARES, Counts, Verdict, f1, folds, judged_shares
from temwatch.store.weights import card_of, save_weights
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


def tune(
    weights: bytes,
    frames: Sequence[ReviewedFrame],
    lesson: Lesson,
    *,
    unmarked: Sequence[NDArray[Any]] = (),
    say: Say,
) -> Outcome:
    """Tune weights on frames, and take over as much as held-out frames bear out.

    Parameters
    ----------
    weights : bytes
        ``fp32.onnx`` of the present weights.
    frames : sequence of ReviewedFrame
    lesson : Lesson
    unmarked : sequence of ndarray, shape (row, col)
        Other frames of the site, on which the number of finds must stay about what it is.
    say : callable
        Told how it goes.

    Raises
    ------
    PermanentError
        A single frame, fewer than ten objects, or nothing reviewed.
    """
    check(frames)
    old = numbers_of(weights)
    replay = Material(lesson.seed, pool=lesson.pool, fresh=0)
    held_out: dict[float, list[Counts]] = {share: [] for share in (0.0, *SHARES)}
    for number, held in enumerate(folds(len(frames)), 1):
        learn_from = [frame for k, frame in enumerate(frames) if k not in held]
        new = tuned(weights, learn_from, lesson, replay=replay)
        for share, counts in held_out.items():
            finder = _finder(weights, old, new, share)
            counts.extend(counts_of(finder, frames[k]) for k in held)
        said = ", ".join(f"{f1(c[-len(held) :]):.3f} at {share:g}" for share, c in held_out.items())
        say(f"held out {', '.join(frames[k].name for k in held)} ({number}): F1 {said} of the change")
    say("tuning on all frames")
    new = tuned(weights, frames, lesson, replay=replay, say=say)
    imitated = [simulated_frame(lesson.seed, _SIMULATED_START + k) for k in range(lesson.checked)]
    finders = {share: _finder(weights, old, new, share) for share in held_out}
    simulated = {share: simulated_counts(finder, imitated) for share, finder in finders.items()}
    elsewhere = {
        share: [len(finder.find(look_at(image)).regions) for image in unmarked]
        for share, finder in finders.items()
    }
    verdict = judged_shares(held_out, simulated, elsewhere)
    say(verdict.sentence)
    return Outcome(
        weights=with_numbers(weights, between(old, new, verdict.share)),
        verdict=verdict,
        learned=new,
        held_out=held_out,
        simulated=simulated,
    )


def counts_of(finder: Finder, frame: ReviewedFrame) -> Counts:
    """Return hits, finds and marks of a frame, where it was reviewed."""
    score = compared(found_where_reviewed(finder, frame), as_marked(frame))
    return score.hits, score.found, score.marked


def simulated_counts(finder: Finder, frames: Sequence[MarkedFrame]) -> list[Counts]:
    """Return the counts on simulated crops."""
    scores = [compared(finder.find(look_at(frame.image)).regions, frame) for frame in frames]
    return [(score.hits, score.found, score.marked) for score in scores]


def shelve(
    parent: Path, outcome: Outcome, frames: Sequence[ReviewedFrame], lesson: Lesson, shelf: Path
) -> Path:
    """Quantise tuned weights and put them on a shelf with their card; return their folder.

    Parameters
    ----------
    parent : Path
        Folder of the weights they come from; nothing in it is changed.
    outcome : Outcome
        Of `tune`, with something taken over.
    frames, lesson
        What `tune` was given.
    shelf : Path
        Gets a folder named by the digest of its card.

    Raises
    ------
    PermanentError
        In 8 bits they are worse than in 32.
    """
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
    own = {"int8": round(rough, 3), "fp32": round(exact, 3)}
    card = _card(parent, frames, lesson, outcome.verdict, own)
    return save_weights(shelf, {"int8.onnx": small, "fp32.onnx": outcome.weights}, card)


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


def check(frames: Sequence[ReviewedFrame]) -> None:
    """Raise PermanentError where there is too little to learn from, or to judge by."""
    if len(frames) == 1:
        raise PermanentError(
            "one frame can't show what it would do to others: the old weights stay",
            next_step="mark two more, best of other specimens; in trials the two halves of a frame agreed on a gain "
            "of 0.11 in F1 where other frames lost 0.13",
        )
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
