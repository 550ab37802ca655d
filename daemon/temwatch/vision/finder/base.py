"""The call every finder answers: a view of a frame in, regions out."""

from dataclasses import dataclass
from typing import Protocol

from temwatch.model.region import Region
from temwatch.vision.finder.grouping import Group
from temwatch.vision.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a finder proposes.

    Attributes
    ----------
    regions : tuple of Region
        In no particular order; they may overlap.
    groups : tuple of Group
        Regions that may together be one object; which of the two is true is for the recognizer to say.
    notes : tuple of str
        What a reader must know to trust the regions.
    """

    regions: tuple[Region, ...]
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()


class Finder(Protocol):
    """Proposes the objects of a frame. Holds settings and weights, no state between frames."""

    @property
    def name(self) -> str:
        """Short name for reports, e.g. ``"threshold"``."""
        ...

    def find(self, view: View) -> Found:
        """Return the objects of one frame."""
        ...
