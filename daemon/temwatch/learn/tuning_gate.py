"""Whether tuned finder weights take the place of those they came from, and how much of the change: a pure rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHARES = (0.25, 0.5, 0.75)
"""How far to go from the old weights (0) towards the tuned ones (1). Never all the way: weights in between do nearly
as well on frames like those learned from, and much better on others (Wortsman et al., CVPR 2022; here too)."""

_FEW_FRAMES, _FEW_SHARE = 4, 0.5  # with fewer frames than that, no more of the change: they may be alike

_LEAST_GAIN = 0.01  # of F1, pooled over what was held out
# Of F1, on any part that was held out: a tuned network that fails, fails on single frames. To it comes one standard
# deviation of a share of as many objects as are marked there, at most 0.5 / sqrt(n).
_LARGEST_LOSS = 0.03
_SIMULATED_LOSS = 0.05  # of F1 on simulated crops
# On frames nobody has marked, the number of finds stays between half and twice what it was, or within ten of it.
_UNMARKED_FACTOR, _UNMARKED_SLACK = 2.0, 10

Counts = tuple[int, int, int]
"""Hits, found, marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says.

    Attributes
    ----------
    share : float
        Of the change that is taken over; 0 means that the old weights stay.
    sentence : str
        Why, for people.
    before, after : float
        F1 on what was held out, with the old weights and with those of `share` (of the best share where 0).
    """

    share: float
    sentence: str
    before: float
    after: float


def f1(counts: Sequence[Counts]) -> float:
    """Return the F1 of all counts together; 0 where nothing is marked or found."""
    hits, found, marked = np.array(counts, float).reshape(-1, 3).sum(axis=0)
    return float(2 * hits / max(found + marked, 1))


def judged_shares(
    held_out: Mapping[float, Sequence[Counts]],
    simulated: Mapping[float, Sequence[Counts]],
    unmarked: Mapping[float, Sequence[int]],
) -> Verdict:
    """Return how much of a change is taken over.

    Parameters
    ----------
    held_out : mapping of share to counts
        The counts of every held-out frame for the old weights, share 0, and for each share, by networks that did
        not learn from it.
    simulated : mapping of share to counts
        The same on simulated crops.
    unmarked : mapping of share to numbers of finds
        On each of the frames that nobody marked; may be empty.

    Notes
    -----
    A share passes if F1 over everything held out grows by 0.01 and by more than one standard error of the
    difference, if no frame loses more than 0.03 and what chance makes of so few objects, if F1 on simulated crops
    falls by no more than 0.05, and if nowhere the number of finds in an unmarked frame halves or doubles. Among
    those that pass (of fewer than four frames at most half of the change), the smallest within one standard error of the best is taken, as one does when pruning trees
    (Breiman et al., Classification and Regression Trees, 1984, section 3.4.3). The standard error is by leaving
    out one frame after the other (jackknife: Efron and Stein, Annals of Statistics 9 (1981) 586).
    """
    before = f1(held_out[0.0])
    few = len(held_out[0.0]) < _FEW_FRAMES
    offered = [share for share in SHARES if share <= _FEW_SHARE or not few]
    objections = {share: _objection(held_out, simulated, unmarked, share) for share in offered}
    passed = [share for share in offered if not objections[share]]
    best = max(passed or offered, key=lambda share: f1(held_out[share]))
    if passed:
        best = next(share for share in passed if _as_good(held_out[share], held_out[best]))
    after = f1(held_out[best])
    compared = f"F1 {before:.3f} before, {after:.3f} after on held-out frames"
    if passed:
        sentence = f"taken over ({best:.0%} of the change): {compared}"
        return Verdict(share=best, sentence=sentence, before=before, after=after)
    sentence = f"the old weights stay: {compared}; {objections[best]}"
    return Verdict(share=0.0, sentence=sentence, before=before, after=after)


def _as_good(one: Sequence[Counts], best: Sequence[Counts]) -> bool:
    return f1(best) - f1(one) <= standard_error(one, best)


def _objection(
    held_out: Mapping[float, Sequence[Counts]],
    simulated: Mapping[float, Sequence[Counts]],
    unmarked: Mapping[float, Sequence[int]],
    share: float,
) -> str:
    """Return why a share does not pass, empty where it does."""
    old, new = held_out[0.0], held_out[share]
    gain = f1(new) - f1(old)
    if gain < _LEAST_GAIN:
        return f"that is no gain of {_LEAST_GAIN:g}"
    if gain <= (error := standard_error(old, new)):
        return f"the gain is no larger than its standard error, {error:.3f}"
    for before, after in zip(old, new, strict=True):
        loss = f1([before]) - f1([after])
        if loss > _LARGEST_LOSS + 0.5 / max(before[2], 1) ** 0.5:
            return f"one frame of {before[2]} objects loses {loss:.3f}"
    if (loss := f1(simulated[0.0]) - f1(simulated[share])) > _SIMULATED_LOSS:
        return f"on simulated crops F1 falls by {loss:.3f}, more than {_SIMULATED_LOSS:g}"
    for was, now in zip(unmarked[0.0], unmarked[share], strict=True):
        low, high = sorted((was, now))
        if high > max(_UNMARKED_FACTOR * low, low + _UNMARKED_SLACK):
            return f"in a frame nobody marked it finds {now}, before {was}"
    return ""


def standard_error(old: Sequence[Counts], new: Sequence[Counts]) -> float:
    """Return the standard error of the gain in F1, by leaving out one part after the other."""
    count = len(old)
    gains: NDArray[np.float64] = np.array(
        [f1([*new[:k], *new[k + 1 :]]) - f1([*old[:k], *old[k + 1 :]]) for k in range(count)]
    )
    return float(np.sqrt((count - 1) / count * ((gains - gains.mean()) ** 2).sum()))


def folds(count: int, most: int = 6) -> list[list[int]]:
    """Return which frames are held out together: one at a time up to six, then in six groups."""
    return [list(range(first, count, most)) for first in range(min(count, most))]
