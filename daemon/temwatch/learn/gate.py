"""Whether a newly learned recognizer takes the place of the one in use: a pure rule, and the sentence that says why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from temwatch.learn.dissent import Dissent
from temwatch.recognition.evaluation import Share

Array = NDArray[np.float64]

LEAST_LABELS, LEAST_GROUPS = 10, 3
"""Fewer held-out labels, or groups they come from, judge nothing."""
_JUDGED = 8  # labels of a class from which on it is judged by itself; rarer ones count in the mean alone
_LEAST_GAIN = 0.005  # of the mean recall
# A class may lose this much of its recall, and beyond it what chance makes of its numbers.
_LARGEST_LOSS = 0.02
_LARGEST_RISE = 0.05  # of the log-loss, beyond which surer must not mean wronger
LEAST_PROBABILITY = 0.01  # no single label weighs more than this says: a class the champion never knew
_LEVEL = 0.10  # one-sided; shared among the classes that are judged (Bonferroni), or one of six would lose by chance
_SURE = NormalDist().inv_cdf(1 - _LEVEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Labels held out from both recognizers, and what each made of them.

    Attributes
    ----------
    truth, champion, candidate : tuple of str, length n
        Classes: labelled, and named by either.
    groups : tuple of str, length n
        What was held out together.
    champion_loss, candidate_loss : tuple of float, length n
        ``-ln p``, p being the probability that either gave the class labelled, at least `LEAST_PROBABILITY`; empty
        where it is not known.
    """

    truth: tuple[str, ...]
    champion: tuple[str, ...]
    candidate: tuple[str, ...]
    groups: tuple[str, ...]
    champion_loss: tuple[float, ...] = ()
    candidate_loss: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.truth)

    def recalls(self, of: str) -> dict[str, Share]:
        """Return the recall of each labelled class, of ``"champion"`` or ``"candidate"``."""
        named: Sequence[str] = getattr(self, of)
        hits = Counter(true for true, said in zip(self.truth, named, strict=True) if true == said)
        return {class_: Share(hits[class_], n) for class_, n in sorted(Counter(self.truth).items())}

    def mean_recall(self, of: str) -> float:
        """Return the mean over the classes of their recalls: each class counts the same, however rare."""
        shares = self.recalls(of).values()
        return sum(share.value for share in shares) / len(shares) if shares else 0.0

    def error(self, class_: str | None = None) -> float:
        """Return the standard error of the gain in the recall of a class, in the mean recall for None.

        By leaving out one group after the other; infinite with a single group.
        """
        truth = np.array(self.truth)
        gained = (np.array(self.candidate) == truth).astype(float) - (np.array(self.champion) == truth)
        return self._jackknife(gained, class_)

    def mean_loss(self, of: str) -> float:
        """Return the mean over the classes of their mean log-loss, of ``"champion"`` or ``"candidate"``."""
        losses: Sequence[float] = getattr(self, f"{of}_loss")
        truth = np.array(self.truth)
        return float(np.mean([np.mean(np.array(losses)[truth == class_]) for class_ in set(self.truth)]))

    def loss_error(self) -> float:
        """Return the standard error of the rise of the mean log-loss, as `error`."""
        return self._jackknife(np.array(self.candidate_loss) - np.array(self.champion_loss), None)

    def _jackknife(self, gained: Array, class_: str | None) -> float:
        """Return the standard error of the mean gain of a class, or over the classes for None."""
        classes, by_class = np.unique(self.truth, return_inverse=True)
        names, by_group = np.unique(self.groups, return_inverse=True)
        shape, cell = (len(names), len(classes)), by_group * len(classes) + by_class

        def counted(weights: Array) -> Array:
            total: Array = np.bincount(cell, weights, minlength=shape[0] * shape[1]).astype(float)
            return total.reshape(shape)

        n, gain = counted(np.ones(len(self))), counted(gained)
        columns = slice(None) if class_ is None else classes == class_
        left = n.sum(axis=0) - n
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = np.where(left > 0, (gain.sum(axis=0) - gain) / left, np.nan)[:, columns]
        seen = ~np.isnan(shares).all(axis=1)
        values = np.nanmean(shares[seen], axis=1)
        if len(values) < 2:
            return float("inf")
        return float(np.sqrt((len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says.

    Attributes
    ----------
    passed : bool
    sentence : str
        Why, for people.
    before, after : float
        Mean recall of the champion and of the candidate.
    error : float
        Standard error of the difference.
    recalls : mapping of str to (Share, Share)
        Of each class: the champion's and the candidate's.
    """

    passed: bool
    sentence: str
    before: float
    after: float
    error: float
    recalls: Mapping[str, tuple[Share, Share]] = field(default_factory=dict)


def judge(judged: Judged, *, floors: Mapping[str, float], dissents: Sequence[Dissent] = ()) -> Verdict:
    """Compare a candidate with the champion on labels that neither has learned from.

    Parameters
    ----------
    judged : Judged
    floors : mapping of str to float
        Recall below which a class must not fall: no defect of that kind may slip through.
    dissents : sequence of Dissent
        Operators whose labels disagree with everybody else's.

    Notes
    -----
    The candidate passes if the mean recall over the classes, each counting the same, grows by 0.005 and by more
    than chance makes of it (one-sided 90 %); if no class with eight labels or more loses more than 0.02 of its recall and what
    chance makes of its numbers (the 90 % shared among these classes); if no class falls below its floor; if its
    probabilities are no worse (the mean log-loss over the classes does not rise by more than 0.05 and what chance makes of it); and
    if nobody's labels are in dispute. So a rare class can win, and a common one can't hide a loss. Standard errors are
    by leaving out one group after the other (jackknife: Efron and Stein, Annals of Statistics 9 (1981) 586).
    """
    before, after = judged.mean_recall("champion"), judged.mean_recall("candidate")
    champion, candidate = judged.recalls("champion"), judged.recalls("candidate")
    error = judged.error() if len(judged) else float("inf")
    objection = (
        _too_few(judged)
        or _disputed(dissents)
        or _below_floor(champion, candidate, floors)
        or _lost(judged, champion, candidate)
        or _surer_and_wronger(judged)
        or _no_gain(after - before, error)
    )
    compared = f"mean recall {before:.1%} before, {after:.1%} after on {len(judged)} labels held out"
    word = "refused" if objection else "passed"
    return Verdict(
        passed=not objection,
        sentence=f"{word}: {compared}" + (f"; {objection}" if objection else _won(champion, candidate)),
        before=before,
        after=after,
        error=error,
        recalls={name: (champion[name], candidate[name]) for name in candidate},
    )


def judge_shadow(judged: Judged, *, floors: Mapping[str, float]) -> tuple[bool, str]:
    """Return whether a candidate that passed the gate proved itself on labels of after its training, and the sentence why.

    It has shown its gain at the gate; here it must not be worse: the mean recall over the classes may not fall by more than
    chance makes of it (one-sided 90 %), no class may lose as in `judge`, none may fall below its floor, and its
    probabilities may not be worse.
    """
    before, after = judged.mean_recall("champion"), judged.mean_recall("candidate")
    champion, candidate = judged.recalls("champion"), judged.recalls("candidate")
    fell = before - after
    objection = (
        _too_few(judged)
        or _below_floor(champion, candidate, floors)
        or _lost(judged, champion, candidate)
        or _surer_and_wronger(judged)
        or ("that is worse than chance makes of it" if fell > 0 and fell > _SURE * judged.error() else "")
    )
    compared = (
        f"mean recall {before:.1%} before, {after:.1%} after on {len(judged)} labels given since it learned"
    )
    word = "refused in the shadow" if objection else "passed the shadow"
    return not objection, f"{word}: {compared}" + (f"; {objection}" if objection else "")


def _too_few(judged: Judged) -> str:
    groups = len(set(judged.groups))
    if len(judged) < LEAST_LABELS or groups < LEAST_GROUPS:
        return (
            f"{len(judged)} labels of {groups} frame(s) or specimen(s) are too few to judge by"
            f" ({LEAST_LABELS} of {LEAST_GROUPS} are needed)"
        )
    return ""


def _disputed(dissents: Sequence[Dissent]) -> str:
    return "; ".join(dissent.sentence for dissent in dissents)


def _below_floor(
    champion: Mapping[str, Share], candidate: Mapping[str, Share], floors: Mapping[str, float]
) -> str:
    for class_, floor in floors.items():
        if class_ not in candidate or candidate[class_].n < _JUDGED:
            continue
        was, now = champion[class_].value, candidate[class_].value
        if now < floor <= was:
            return f"recall of {class_} falls to {now:.1%}, below the floor of {floor:.0%} ({was:.1%} before)"
    return ""


def _lost(judged: Judged, champion: Mapping[str, Share], candidate: Mapping[str, Share]) -> str:
    losses = []
    of_age = {class_: now for class_, now in candidate.items() if now.n >= _JUDGED}
    sure = NormalDist().inv_cdf(1 - _LEVEL / max(len(of_age), 1))
    for class_, now in of_age.items():
        loss = champion[class_].value - now.value
        if loss > _LARGEST_LOSS and loss - _LARGEST_LOSS > sure * judged.error(class_):
            losses.append(f"{class_} loses: {now.hits} of {now.n} recognised, {champion[class_].hits} before")
    return "; ".join(losses)


def _surer_and_wronger(judged: Judged) -> str:
    if not judged.candidate_loss:
        return ""
    was, now = judged.mean_loss("champion"), judged.mean_loss("candidate")
    rise = now - was - _LARGEST_RISE
    if rise <= 0 or rise <= _SURE * judged.loss_error():
        return ""
    return f"its probabilities are worse: log-loss {now:.2f}, {was:.2f} before"


def _no_gain(gain: float, error: float) -> str:
    if gain < _LEAST_GAIN:
        return f"that is no gain of {_LEAST_GAIN:.1%}"
    return f"the gain may be chance: its standard error is {error:.1%}" if gain <= _SURE * error else ""


def _won(champion: Mapping[str, Share], candidate: Mapping[str, Share]) -> str:
    gains = {name: candidate[name].value - champion[name].value for name in candidate}
    best = max(gains, key=lambda name: gains[name])
    return (
        f"; most for {best}: {candidate[best].hits} of {candidate[best].n}, {champion[best].hits} before"
        if gains[best] > 0
        else ""
    )
