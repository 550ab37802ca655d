"""Accuracy as it happened: each verdict stood before its label. With fading, intervals, and an alarm when it drops.

What the review queue offers is not a random sample, and who sees a verdict is led by it: the scores of blind labels
are free of both.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from temwatch.model.review import AccuracyReport, Alarm, Moment, Opinion, Score
from temwatch.recognition.evaluation import wilson

# A label counts 0.98 of the one after it, so that about the last fifty weigh (J. Gama, R. Sebastião and P. P. Rodrigues,
# Machine Learning 90 (2013) 317).
FADING = 0.98
# Page-Hinkley (E. S. Page, Biometrika 41 (1954) 100; as in Gama et al.): drops below DELTA pass, LAMBDA is the sum
# of what exceeds it at which the alarm is given. Measured on simulated labels: of 200 steady streams of 1000 labels with 2,
# 10, 20, 30 % errors 0, 0, 7, 15 % give a false alarm; 20 % more errors are noticed after 54 to 71 labels (median).
DELTA, LAMBDA = 0.05, 10.0
_MOMENTS = 200  # of the course of each class: more than a screen is wide shows nothing
ALL = "all"


@dataclass(frozen=True, slots=True)
class Fading:
    """A share whose older terms fade: weighted sum of hits, of weights, and of squared weights."""

    hits: float = 0.0
    weight: float = 0.0
    squares: float = 0.0

    def then(self, *, right: bool, factor: float = FADING) -> Self:
        """Return it with one more term."""
        return type(self)(right + factor * self.hits, 1 + factor * self.weight, 1 + factor**2 * self.squares)

    @property
    def n(self) -> float:
        """How many equal terms it is worth (L. Kish, *Survey Sampling* (1965))."""
        return self.weight**2 / self.squares if self.squares else 0.0

    @property
    def share(self) -> float:
        """The share; NaN without any term."""
        return self.hits / self.weight if self.weight else float("nan")


@dataclass(slots=True)
class PageHinkley:
    """Tells when the mean of a stream has risen; begins anew after each alarm."""

    delta: float = DELTA
    threshold: float = LAMBDA
    n: int = 0
    mean: float = 0.0
    excess: float = 0.0
    least: float = 0.0

    def add(self, value: float) -> bool:
        """Take the next value, and say whether the mean has risen."""
        self.n += 1
        self.mean += (value - self.mean) / self.n
        self.excess += value - self.mean - self.delta
        self.least = min(self.least, self.excess)
        return self.excess - self.least > self.threshold

    def begin_anew(self) -> None:
        """Forget what was."""
        self.n, self.mean, self.excess, self.least = 0, 0.0, 0.0, 0.0


@dataclass(slots=True)
class _Count:
    n: int = 0
    right: int = 0
    fading: Fading = field(default_factory=Fading)

    def add(self, *, right: bool) -> None:
        self.n += 1
        self.right += right
        self.fading = self.fading.then(right=right)


def accuracy(opinions: Iterable[Opinion]) -> AccuracyReport:
    """Return how right the machine was.

    Parameters
    ----------
    opinions : iterable of Opinion
        One for each object, in the order of their first labels: what stands now, and what was predicted before the
        first. Objects the machine did not find are passed over.
    """
    judged = [opinion for opinion in opinions if opinion.predicted is not None]
    blind = [opinion for opinion in judged if opinion.blind]
    return AccuracyReport(
        classes=_scores(judged, lambda opinion: (ALL, opinion.class_)),
        blind=_scores(blind, lambda opinion: (ALL, opinion.class_)),
        models=_scores(judged, lambda opinion: (opinion.model_id or "",)),
        course=_course(judged),
        alarms=_alarms(judged),
    )


def _scores(judged: Sequence[Opinion], of: Callable[[Opinion], Iterable[str]]) -> tuple[Score, ...]:
    counts: dict[str, _Count] = {}
    for opinion in judged:
        for name in of(opinion):
            counts.setdefault(name, _Count()).add(right=_right(opinion))
    return tuple(_score(name, counts[name]) for name in sorted(counts, key=lambda name: (name != ALL, name)))


def _score(name: str, count: _Count) -> Score:
    low, high = wilson(count.right / count.n, count.n)
    recent_low, recent_high = wilson(count.fading.share, count.fading.n)
    return Score(
        of=name,
        n=count.n,
        right=count.right,
        accuracy=count.right / count.n,
        low=low,
        high=high,
        recent=count.fading.share,
        recent_low=recent_low,
        recent_high=recent_high,
        recent_n=count.fading.n,
    )


def _course(judged: Sequence[Opinion]) -> tuple[Moment, ...]:
    counts: dict[str, _Count] = {}
    course: dict[str, list[Moment]] = {}
    for opinion in judged:
        for name in (ALL, opinion.class_):
            count = counts.setdefault(name, _Count())
            count.add(right=_right(opinion))
            low, high = wilson(count.fading.share, count.fading.n)
            moment = Moment(
                label_id=opinion.label_id,
                at=opinion.at,
                of=name,
                n=count.n,
                recent=count.fading.share,
                low=low,
                high=high,
            )
            course.setdefault(name, []).append(moment)
    thinned = [moment for moments in course.values() for moment in _thinned(moments)]
    return tuple(sorted(thinned, key=lambda moment: (moment.label_id, moment.of != ALL)))


def _thinned(moments: Sequence[Moment]) -> Sequence[Moment]:
    """Return at most `_MOMENTS`, evenly, the last among them."""
    step = -(-len(moments) // _MOMENTS)
    return moments[(len(moments) - 1) % step :: step]


def _alarms(judged: Sequence[Opinion]) -> tuple[Alarm, ...]:
    watch, found = PageHinkley(), []
    for opinion in judged:
        if watch.add(float(not _right(opinion))):
            found.append(Alarm(label_id=opinion.label_id, at=opinion.at, error_before=watch.mean, n=watch.n))
            watch.begin_anew()
    return tuple(found)


def _right(opinion: Opinion) -> bool:
    return opinion.class_ == opinion.predicted
