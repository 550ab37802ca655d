"""Imaging modes read from words: names of detectors, titles, an instrument's own names for its modes."""

import re

from temwatch.model.frame import ImagingMode
from temwatch.reading.contents import ModeWord

# A word stands alone between characters that are not letters; "HAADF" is unmistakable anywhere.
_WORDS = (
    (ImagingMode.HAADF, re.compile(r"HAADF", re.IGNORECASE)),
    (ImagingMode.HRTEM, re.compile(r"(?<![A-Za-z])HR-?TEM(?![A-Za-z])", re.IGNORECASE)),
    (ImagingMode.DF, re.compile(r"(?<![A-Za-z])[ML]?AADF(?![A-Za-z])|(?<![A-Za-z])A?DF(?![A-Za-z])|dark[ _-]?field", re.IGNORECASE)),
    (ImagingMode.BF, re.compile(r"(?<![A-Za-z])A?BF(?![A-Za-z])|bright[ _-]?field", re.IGNORECASE)),
    (
        ImagingMode.DIFFRACTION,
        re.compile(r"diffraction(?![ _-]?grating)|(?<![A-Za-z])(SAED|SADP|CBED)(?![A-Za-z])|(?<![A-Za-z])FFT(?![A-Za-z])", re.IGNORECASE),
    ),
)  # fmt: skip


def mode_in(text: str) -> ImagingMode | None:
    """Return the one imaging mode that `text` names; None where it names none, or several."""
    found = {mode for mode, pattern in _WORDS if pattern.search(text)}
    return found.pop() if len(found) == 1 else None


def words(*said: tuple[str, str], source: str = "file") -> tuple[ModeWord, ...]:
    """Return the modes named in (place, text) pairs, in their order."""
    found = ((place, mode_in(text)) for place, text in said)
    return tuple(ModeWord(mode=mode, said_by=place, source=source) for place, mode in found if mode)


def mode_of_operation(text: str) -> ImagingMode | None:
    """Return diffraction where an instrument's own mode is TEM diffraction.

    In STEM the projector is always in diffraction mode, so that word means nothing there. An image mode leaves
    open whether it is bright field or dark field, which the lenses don't record.
    """
    if "stem" in text.lower() or "scan" in text.lower():
        return None
    return ImagingMode.DIFFRACTION if "diffraction" in text.lower() else None
