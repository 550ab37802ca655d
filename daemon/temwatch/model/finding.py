"""A finding: a region with its rectangle, its measures and what the recognizer makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from temwatch.model.spelling import SPELLING

ARTEFACT = "artefact"  # the class of a region that is no defect and no particle


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """The minimum circumscribed rectangle.

    Attributes
    ----------
    row, col : float
        Centre; pixel centres lie at integers, origin top left.
    length_px, width_px : float
        Long and short side, length >= width, measured over pixel corners.
    angle_deg : float
        Direction of the long axis from +col towards +row (downwards), in (-90, 90].
    """

    row: float
    col: float
    length_px: float
    width_px: float
    angle_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One object of a frame. Numbers in nm are None where the calibration is unknown.

    Attributes
    ----------
    finding_id : str
        ``<frame_id>.<k>``, k from 0 in reading order of the frame.
    class_ : str
        The most probable class (``"class"`` on the wire).
    probability : mapping of str to float
        Over all classes; sums to 1.
    prediction_set : tuple of str
        The classes that can't be ruled out at the configured confidence, most probable first; may be empty,
        which means: like nothing that was learned.
    novelty : float
        In [0, 1]: the share of the training objects that lie nearer to what was learned than this one.
    grade : str or None
        ``"I"`` to ``"VI"`` by the acceptance rule; None for classes without grades and without calibration.
    zone : str or None
        Region of the part, where the configuration assigns one.
    touches_edge : bool
        The object may go on outside the frame; excluded from size statistics.
    """

    # How the wire spells it: `class` is a word Python keeps for itself.
    __pydantic_config__: ClassVar[dict[str, object]] = {
        **SPELLING,
        "alias_generator": lambda name: name.rstrip("_"),
    }

    finding_id: str
    class_: str
    probability: Mapping[str, float]
    prediction_set: tuple[str, ...]
    novelty: float
    score: float
    rectangle: Rectangle
    area_px: int
    area_nm2: float | None
    equivalent_diameter_nm: float | None
    grade: str | None
    zone: str | None
    touches_edge: bool
