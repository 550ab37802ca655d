"""Whether tuned finder weights take the place of those they came from, and how much of the change: a pure rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHARES = (0.25, 0.5, 0.75, 1.0)
"""How far from the old weights (0) to the new ones (1); all but the last are weights in between."""

ONE_FRAME_SHARES = (0.25, 0.5)
"""What a single frame may bring at most: its own other half says little about other frames."""

_LEAST_GAIN = 0.01  # of F1, pooled over what was held out
_ONE_FRAME_GAIN = 0.03
# Of F1, on any part that was held out: a tuned network that fails, fails on single frames. To it comes one standard
# deviation of a share of as many objects as are marked there, at most 0.5 / sqrt(n).
_LARGEST_LOSS = 0.03
_SIMULATED_LOSS = 0.02  # of F1 on simulated crops

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
    held_out: Mapping[float, Sequence[Counts]], simulated: Mapping[float, Sequence[Counts]], *, frames: int
) -> Verdict:
    """Return how much of a change is taken over.

    Parameters
    ----------
    held_out : mapping of share to counts
        The counts of every held-out part (frames, or the halves of a single one) for the old weights, share 0,
        and for each share, by networks that did not learn from the part.
    simulated : mapping of share to counts
        The same on simulated crops.
    frames : int
        How many were marked.

    Notes
    -----
    A share passes if F1 over everything held out grows by 0.01 (0.03 with a single frame) and by more than one
    standard error of the difference, if no part loses more than 0.03 and what chance makes of so few objects, and
    if F1 on simulated crops falls by no more than 0.02. Among those that pass, the one with the highest F1 is
    taken. The standard error is by leaving out one part after the other (jackknife: Efron and Stein, Annals of
    Statistics 9 (1981) 586).
    """
    single = frames == 1
    before, imitated = f1(held_out[0.0]), f1(simulated[0.0])
    objections: dict[float, str] = {}
    offered = ONE_FRAME_SHARES if single else SHARES
    for share in offered:
        found = _objection(
            held_out[0.0],
            held_out[share],
            least_gain=_ONE_FRAME_GAIN if single else _LEAST_GAIN,
            simulated_loss=imitated - f1(simulated[share]),
        )
        if found:
            objections[share] = found
    passed = [share for share in offered if share not in objections]
    best = max(passed or offered, key=lambda share: f1(held_out[share]))
    after = f1(held_out[best])
    where = "in the other half of the frame" if single else "on held-out frames"
    compared = f"F1 {before:.3f} before, {after:.3f} after {where}"
    if passed:
        part = "" if best == 1 else f" ({best:.0%} of the change)"
        return Verdict(share=best, sentence=f"taken over{part}: {compared}", before=before, after=after)
    return Verdict(
        share=0.0,
        sentence=f"the old weights stay: {compared}; {objections[best]}",
        before=before,
        after=after,
    )


def _objection(
    old: Sequence[Counts], new: Sequence[Counts], *, least_gain: float, simulated_loss: float
) -> str:
    """Return why a share does not pass, empty where it does."""
    gain = f1(new) - f1(old)
    excess = [
        f1([before]) - f1([after]) - 0.5 / max(before[2], 1) ** 0.5 - _LARGEST_LOSS
        for before, after in zip(old, new, strict=True)
    ]
    if gain < least_gain:
        return f"that is no gain of {least_gain:g}"
    if gain <= (error := standard_error(old, new)):
        return f"the gain is no larger than its standard error, {error:.3f}"
    if max(excess) > 0:
        worst = int(np.argmax(excess))
        loss = f1([old[worst]]) - f1([new[worst]])
        return f"one part of {old[worst][2]} objects loses {loss:.3f}"
    if simulated_loss > _SIMULATED_LOSS:
        return f"on simulated crops F1 falls by {simulated_loss:.3f}, more than {_SIMULATED_LOSS:g}"
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
