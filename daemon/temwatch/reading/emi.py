"""TIA's .emi: the sidecar of one or more .ser files, a binary file with XML in it."""

import re
from typing import Any

from temwatch.model.frame import ImagingMode
from temwatch.reading import modes, moments, xml
from temwatch.reading.contents import Facts, ModeWord
from temwatch.reading.source import Source

MOST_BYTES = 256 << 20
_OBJECT = re.compile(rb"<ObjectInfo>.*?</ObjectInfo>", re.DOTALL)
_SERIES = re.compile(r"^(?P<stem>.*)_(?P<number>[1-9])\.ser$", re.IGNORECASE | re.DOTALL)
_KEPT = {
    "Microscope": "instrument", "Mode": "mode_of_operation", "High tension": "voltage_kv",
    "Magnification": "magnification", "Camera length": "camera_length_m", "Stage A": "tilt_alpha_deg",
}  # fmt: skip


def sidecar_of(name: str) -> tuple[str, int] | None:
    """Return the name of the .emi that belongs to a .ser, and the place of the .ser in it; None for other names."""
    found = _SERIES.match(name)
    return (found["stem"] + ".emi", int(found["number"]) - 1) if found else None


def series_of(name: str) -> tuple[str, ...]:
    """Return the names the .ser files of an .emi may have."""
    return tuple(f"{name[:-4]}_{number}.ser" for number in range(1, 10))


def facts(source: Source, position: int) -> Facts:
    """Return what an .emi says about its series number `position` (from 0); nothing where it is not readable."""
    if source.size > MOST_BYTES:
        return Facts()
    found = _OBJECT.findall(bytes(source.at(0, source.size, "the .emi")))
    root = xml.parse(found[position]) if position < len(found) else None
    if root is None:
        return Facts()
    said = {
        xml.word(data, "Label"): xml.word(data, "Value")
        for data in root.iter("Data")
        if xml.first(data, "Label") is not None
    }
    moment = moments.parse_local(xml.word(root, "AcquireDate"))
    camera = xml.word(root, "CameraNamePath")
    metadata: dict[str, Any] = {new: said[old] for old, new in _KEPT.items() if said.get(old)}
    if camera:
        metadata["camera"] = camera
    if moment:
        metadata |= moments.ASSUMED_LOCAL
    return Facts(modes=_mode(said.get("Mode", ""), camera), acquired_at=moment, metadata=metadata)


def _mode(operation: str, camera: str) -> tuple[ModeWord, ...]:
    """In STEM a camera sees diffraction; in TEM the projector says; an image alone is neither BF nor DF."""
    diffraction = bool(camera) if "STEM" in operation else "Diffraction" in operation
    if diffraction:
        return (ModeWord(mode=ImagingMode.DIFFRACTION, said_by="EMI mode", source="sidecar"),)
    return modes.words(("EMI mode", operation.replace("Diffraction", "")), source="sidecar")
