"""What a frame is called: set when it is accepted, carried through to its report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameName:
    """A frame's identity, as reports print it.

    Attributes
    ----------
    path : str
        Relative to the root, printable.
    """

    frame_id: str
    root: str
    path: str
    revision: int
