"""Whether more labels are worth the work: the learning curve of each class, and where it would go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_FEWEST = 8  # labels of a class below which its curve says nothing
_WORTH = 0.01  # of recall, from as many labels again


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Recall by class, (hits, n), of a recognizer that learned from so many labels, on labels held out."""

    labels: int
    recall: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What as many labels again would bring for a class.

    Attributes
    ----------
    class_ : str
    n : int
        Labels of it that were held out.
    now, then : float or None
        Recall with the labels there are, and expected with twice as many; None where nothing can be said.
    sentence : str
    """

    class_: str
    n: int
    now: float | None
    then: float | None
    sentence: str


def outlooks(curve: Sequence[Point]) -> list[Outlook]:
    """Return what as many labels again would bring, class by class, the most worth it first.

    Parameters
    ----------
    curve : sequence of Point
        In any order; three numbers of labels or more make a curve.

    Notes
    -----
    The error falls as a power of the number of labels (Cortes, Jackel, Solla, Vapnik, Denker, "Learning curves:
    asymptotic values and rate of convergence", NIPS 6 (1993) 327), here to zero: a straight line through the logarithms, with
    half an error added everywhere so that none is zero. A curve that does not fall promises nothing.
    """
    points = sorted(curve, key=lambda point: point.labels)
    classes = sorted({name for point in points for name in point.recall})
    found = [_outlook(name, points) for name in classes]
    return sorted(found, key=lambda one: -((one.then or 0.0) - (one.now or 0.0)))


def _outlook(class_: str, points: Sequence[Point]) -> Outlook:
    seen = [(point.labels, *point.recall[class_]) for point in points if class_ in point.recall]
    n = seen[-1][2]
    if n < _FEWEST:
        said = f"{class_}: {n} labels held out are too few to say; label more of them"
        return Outlook(class_=class_, n=n, now=None, then=None, sentence=said)
    now = seen[-1][1] / n
    if len(seen) < 3:
        return Outlook(
            class_=class_, n=n, now=now, then=None, sentence=f"{class_}: {now:.0%} right; no curve yet"
        )
    labels, hits, counts = (np.array(column, float) for column in zip(*seen, strict=True))
    errors = (counts - hits + 0.5) / (counts + 0.5)
    slope = min(float(np.polyfit(np.log(labels), np.log(errors), 1)[0]), 0.0)
    then = 1.0 - (1.0 - now) * 2.0**slope
    if then - now < _WORTH:
        said = f"{class_}: {now:.0%} right; as many labels again would hardly change that"
    else:
        said = f"{class_}: {now:.0%} right; as many labels again would bring about {then:.0%}"
    return Outlook(class_=class_, n=n, now=now, then=then, sentence=said)
