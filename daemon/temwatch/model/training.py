"""What happened to recognizers: learned, promoted, frozen; and what that changed in frames inspected before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from temwatch.model.spelling import SPELLING

AttemptState = Literal["running", "passed", "refused", "failed", "cancelled", "interrupted"]
Why = Literal["timetable", "labels", "order", "caught up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallChange:
    """Labels of one class held out: how many there were, and how many either recognizer named right."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    n: int
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What as many labels again would bring for the class `of`: its recall now and then, None where nothing can be said."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    of: str
    n: int
    now: float | None
    then: float | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to learn from labels (``model.learned`` when it ended, and in answers).

    Attributes
    ----------
    attempt : int
    state : str
        ``running``, then ``passed`` or ``refused`` by the gate, ``failed``, ``cancelled``, or ``interrupted`` by the
        daemon's end.
    why : str
        What set it off.
    labels : int
        How many were learned from.
    newest_label : int
        Statements after this one belong to the next attempt.
    sentence : str
        The gate's reason, or what went wrong.
    model_id : str or None
        The candidate, whether it passed or not.
    recall : mapping of str to RecallChange
        By class, on labels held out.
    mean_recall : (before, after) or None
    disputed : tuple of int
        Labels of people who disagree with everybody else.
    advice : tuple of Outlook
        Whether more labels would be worth the work, the most worth it first.
    took_s : float or None
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    attempt: int
    state: AttemptState
    why: Why
    asked_by: str
    begun_at: str
    ended_at: str | None
    labels: int
    newest_label: int
    sentence: str
    model_id: str | None
    recall: Mapping[str, RecallChange]
    mean_recall: tuple[float, float] | None
    disputed: tuple[int, ...]
    advice: tuple[Outlook, ...]
    took_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPromoted:
    """Another recognizer names findings from now on (``model.promoted``)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    model_id: str
    before_id: str
    by: str
    why: Literal["gate", "order", "rollback"]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShadowed:
    """A candidate that passed the gate is tried beside the recognizer in use (``model.shadowed``), or no longer.

    Attributes
    ----------
    beside_id : str
        The recognizer in use.
    state : str
        ``passed``: it is in use now; ``refused``: it was worse; ``ended``: something else came between.
    labels, wanted : int
        Labels of after its training that both were compared on, and how many are wanted.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    model_id: str
    beside_id: str
    state: Literal["begun", "passed", "refused", "ended"]
    labels: int
    wanted: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFrozen:
    """The recognizer in use is pinned, or no longer (``model.frozen``)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    model_id: str
    frozen: bool
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictChange:
    """What another recognizer changed in a frame inspected earlier.

    Attributes
    ----------
    renamed : int
        Findings whose class changed.
    contradicts : int
        Findings whose new class a person's label contradicts, while the old one agreed with it.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    frame_id: str
    root: str
    path: str
    before: str
    after: str
    renamed: int
    contradicts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRescored:
    """Frames of before were named anew from their stored features (``model.rescored``), in portions.

    Attributes
    ----------
    done, of : int
        Results looked at so far, and in all.
    changed : tuple of VerdictChange
        Those of this portion in which a class or the verdict changed, contradicted labels first.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    model_id: str
    done: int
    of: int
    changed: tuple[VerdictChange, ...]
