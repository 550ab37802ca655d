"""A label: what a person says a finding is. It is never changed; taking it back is another statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from temwatch.model.caller import Known
from temwatch.model.finding import ARTEFACT, Rectangle
from temwatch.model.spelling import SPELLING

State = Literal["predicted", "confirmed", "corrected", "doubtful", "rejected"]
Measured = Literal["measured", "waiting", "not measured"]
# How the wire spells them: `class` is a word Python keeps for itself.
_CLASS: Mapping[str, object] = {**SPELLING, "alias_generator": lambda name: name.rstrip("_")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What the machine said of a finding before the label came.

    Attributes
    ----------
    class_ : str
        The most probable one.
    probability : mapping of str to float
        Over all classes the model knew.
    model_id : str
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLASS

    class_: str
    probability: Mapping[str, float]
    model_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The label that stood before."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLASS

    label_id: int
    class_: str
    state: State
    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """A label was taken back: which one, by whom, when; `id` is the number of this statement."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = SPELLING

    id: int
    label_id: int
    by: str
    known: Known
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label and what belongs to it; or, with `class_` None, that no label stands on a finding any more.

    Attributes
    ----------
    label_id : int or None
        Grows over all statements of all findings; None where no label stands.
    finding_id : str
        The finding it lies on today. It moves with the object when a frame is segmented anew.
    said_of : str
        The finding it was said of.
    frame_id, root, path : str
        Of today's finding.
    class_ : str or None
    state : {'predicted', 'confirmed', 'corrected', 'doubtful', 'rejected'}
        Rejected: it is an artefact, no object.
    revision : int
        Of the finding's labels: 1, 2, …; what `expect_revision` is compared with.
    by, known, at : str or None
        Who, how that is known, and when; None where no label stands.
    predicted : Predicted or None
        None for an object that the machine did not find.
    previous : Previous or None
        What stood before this one; never told in answer to a blind label.
    blind : bool
        Said without having been shown the machine's verdict.
    undone : bool
        Taken back since.
    stands : bool
        It is what counts for its finding now. A blind second opinion never stands: it is only compared.
    drawn : bool
        The object was drawn by a person.
    measured : {'measured', 'waiting', 'not measured'}
        Whether its features are known; only drawn objects may be without.
    why_not_measured : str
    rectangle : Rectangle
        Of the object when the label was given.
    undo : Undo or None
        In an answer to `label.undo` and its message what was taken back; in a history, by whom this one was.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = _CLASS

    label_id: int | None
    finding_id: str
    said_of: str
    frame_id: str
    root: str
    path: str
    class_: str | None
    state: State
    revision: int
    by: str | None
    known: Known | None
    at: str | None
    note: str
    predicted: Predicted | None
    previous: Previous | None
    blind: bool
    undone: bool
    stands: bool
    drawn: bool
    measured: Measured
    why_not_measured: str
    rectangle: Rectangle
    undo: Undo | None


def state_of(class_: str, predicted: str | None, *, doubtful: bool) -> State:
    """Return the state of a finding that a person calls `class_` and the machine called `predicted`."""
    if doubtful:
        return "doubtful"
    if class_ == predicted:
        return "confirmed"
    return "rejected" if class_ == ARTEFACT else "corrected"
