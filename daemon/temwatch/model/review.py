"""What is worth a label next, and how far people and machine agree: the nouns of reviewing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from temwatch.model.finding import Rectangle
from temwatch.model.label import Previous
from temwatch.model.spelling import SPELLING

Why = Literal["margin", "novelty", "disagreement", "control", "doubtful", "anchor"]
Between = Literal["operator and machine", "operator and operator", "operator and self"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Findings that could be offered, n of them, entry i of everything belonging to finding i.

    Attributes
    ----------
    finding_ids, class_ : tuple of str
        `class_` is the machine's most probable one.
    margin : ndarray of float64, shape (n,)
        Probability of the most probable class less that of the next; 0: undecided.
    novelty : ndarray of float64, shape (n,)
        In [0, 1].
    features : ndarray of float32, shape (n, p)
    """

    finding_ids: tuple[str, ...]
    class_: tuple[str, ...]
    margin: NDArray[np.float64] = field(repr=False)
    novelty: NDArray[np.float64] = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """One label, as far as agreement and accuracy are concerned.

    Attributes
    ----------
    label_id : int
    object_id : int
        What was labelled; two opinions with the same one are about the same thing.
    finding_id : str
    class_ : str
    by : str
    at : str
    blind : bool
        Given without having seen the machine's verdict.
    predicted : str or None
        The machine's class before any label.
    model_id : str or None
    """

    label_id: int
    object_id: int
    finding_id: str
    class_: str
    by: str
    at: str
    blind: bool
    predicted: str | None
    model_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A finding that was chosen, and why; `blind`: it is to be shown without the machine's verdict."""

    finding_id: str
    why: Why
    blind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """A finding worth a label (in the answer to ``review.next``).

    Attributes
    ----------
    class_, probability, prediction_set, novelty, revision
        None where the item is blind.
    said : Previous or None
        The label that stands and needs a second look (``doubtful``, ``anchor``, or contradicted by a blind opinion).
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = {
        **SPELLING,
        "alias_generator": lambda name: name.rstrip("_"),
    }

    finding_id: str
    frame_id: str
    root: str
    path: str
    why: Why
    blind: bool
    class_: str | None
    probability: Mapping[str, float] | None
    prediction_set: tuple[str, ...] | None
    novelty: float | None
    rectangle: Rectangle
    revision: int | None
    said: Previous | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewNext:
    """The answer to ``review.next``: items, the most worth first; how many findings wait, how many are labelled."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    items: tuple[ReviewItem, ...]
    waiting: int
    labelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Cohen's kappa between two who looked at the same things.

    Attributes
    ----------
    between : {'operator and machine', 'operator and operator', 'operator and self'}
    who : tuple of str
        The operators; ``"all"`` for all together.
    n : int
        Findings both judged.
    agreed : float or None
        The share called alike; None for n = 0.
    kappa, low, high : float or None
        With its 95 % interval; None where it is not defined (nothing judged, or everybody always says the same).
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    between: Between
    who: tuple[str, ...]
    n: int
    agreed: float | None
    kappa: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementReport:
    """The answer to ``review.agreement``."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    agreements: tuple[Agreement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How often the machine was right, by labels that came after its verdict.

    Attributes
    ----------
    of : str
        A class as people say it, a model, or ``"all"``.
    n, right : int
    accuracy, low, high : float or None
        The share and its Wilson 95 % interval.
    recent, recent_low, recent_high : float or None
        The same with older labels fading; `recent_n` is how many labels that is worth.
    recent_n : float
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    of: str
    n: int
    right: int
    accuracy: float | None
    low: float | None
    high: float | None
    recent: float | None
    recent_low: float | None
    recent_high: float | None
    recent_n: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The fading accuracy after a label."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    label_id: int
    at: str
    of: str
    n: int
    recent: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """The machine has become worse than it used to be: when that was noticed, and how often it erred until then."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    label_id: int
    at: str
    error_before: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfamiliar:
    """What a root shows has become less like what the recognizer learned: the frame at which that was noticed.

    `before` is the mean over the `n` frames until then of each frame's upper decile of novelty.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    root: str
    frame_id: str
    path: str
    before: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyReport:
    """The answer to ``review.accuracy``.

    Attributes
    ----------
    classes : tuple of Score
        By what people say; first ``"all"``.
    blind : tuple of Score
        The same over labels given without having seen the verdict: a random sample, not led by it.
    models : tuple of Score
        By the model that predicted.
    course : tuple of Moment
        Over time, thinned out.
    alarms : tuple of Alarm
    unfamiliar : tuple of Unfamiliar
        Where the newest frames of a root (as far back as Review looks) became unlike those before them.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    classes: tuple[Score, ...]
    blind: tuple[Score, ...]
    models: tuple[Score, ...]
    course: tuple[Moment, ...]
    alarms: tuple[Alarm, ...]
    unfamiliar: tuple[Unfamiliar, ...] = ()
