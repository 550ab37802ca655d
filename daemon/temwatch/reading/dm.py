"""DigitalMicrograph files (DM3, DM4): images, stacks, spectra and spectrum images in one tag tree."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.model.frame import ImagingMode
from temwatch.reading import calibration, modes, moments, units
from temwatch.reading.contents import Contents, Facts, ModeWord, Signal
from temwatch.reading.dm_tags import ByteOrder, Located, Value, read_tags
from temwatch.reading.fingerprint import ByteRanges
from temwatch.reading.source import Piece, Source

_REAL = {1: "i2", 2: "f4", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8", 39: "i8", 40: "u8"}
_COMPLEX = (3, 5, 13, 27, 28)
_COLOUR = (8, 23)


def survey(source: Source) -> Contents:
    """Return what the file holds; thumbnails are passed over.

    Raises
    ------
    FrameIncomplete, FrameUnreadable
        The tag tree is cut short or damaged.
    """
    order, tree = read_tags(source)
    version = source.head(4)[3]
    thumbnails = {str(_get(entry, "ImageIndex")) for entry in _group(tree, "Thumbnails").values()}
    signals: list[Signal] = []
    declined: list[str] = []
    for key, entry in _group(tree, "ImageList").items():
        if key in thumbnails or not isinstance(entry, dict):
            continue
        reason = _no_image(entry)
        if reason:
            declined.append(reason)
        else:
            signals.append(_signal(source, order, entry))
    return Contents(format=f"dm{version}", signals=tuple(signals), declined=tuple(declined))


def _no_image(entry: dict[str, Value]) -> str:
    """Say what an entry is when it holds no image to inspect; empty when it does."""
    shape, axis_units = _shape(entry), _units(entry)
    size = " x ".join(map(str, shape))
    kind = _get(entry, "ImageTags", "Meta Data", "Signal")
    layout = _get(entry, "ImageTags", "Meta Data", "Format")
    number = _get(entry, "ImageData", "DataType")
    named = f"{_spectrum(kind)}{'line profile' if not kind and layout != 'Spectrum' else 'spectrum'}"
    if len(shape) < 2:
        return f"{named} of {size or 0} channels"
    if number in _COMPLEX:
        return f"a complex transform of {size}"
    if number in _COLOUR:
        return f"a colour picture of {size}"
    if number not in _REAL:
        return f"data of {size} in DM's type {number}"
    if (
        layout in ("Spectrum", "Spectrum image")
        or any(map(units.is_energy, axis_units))
        or _has(entry, "spim")
    ):
        return f"{_spectrum(kind)}spectrum image of {size}"
    if len(shape) > 3:
        return f"4-D data of {size}"
    if any(units.is_reciprocal(unit) or units.is_angle(unit) for unit in axis_units[-2:]):
        return f"a diffraction pattern or transform of {size}"
    return ""


def _spectrum(kind: Value) -> str:
    names = {"X-ray": "an EDS ", "EELS": "an EELS ", "CL": "a cathodoluminescence "}
    return names.get(kind, "a ") if isinstance(kind, str) else "a "


def _signal(source: Source, order: ByteOrder, entry: dict[str, Value]) -> Signal:
    shape = _shape(entry)
    rows, cols = shape[-2:]
    dtype = np.dtype(_REAL[_get(entry, "ImageData", "DataType")])
    where, sections = _pixels(source, entry, dtype), int(np.prod(shape[:-2], dtype=object))
    length = rows * cols * dtype.itemsize

    def decode(_section: int, pieces: Sequence[Piece]) -> NDArray[Any]:
        return (
            np.frombuffer(pieces[0], dtype.newbyteorder(order)).astype(dtype, copy=False).reshape(rows, cols)
        )

    def ranges(section: int) -> ByteRanges:
        return ((where + section * length, length),)

    return Signal(
        name=str(_get(entry, "Name") or ""), rows=rows, cols=cols, dtype=dtype, sections=sections,
        decode=decode, ranges=ranges, facts=lambda _: _facts(entry),
    )  # fmt: skip


def _pixels(source: Source, entry: dict[str, Value], dtype: np.dtype[Any]) -> int:
    """Return where the pixels begin."""
    data = _get(entry, "ImageData", "Data")
    needed = int(np.prod(_shape(entry), dtype=object)) * dtype.itemsize
    if not isinstance(data, Located) or data.bytes < needed:
        have = data.bytes if isinstance(data, Located) else 0
        raise source.unreadable(
            f"an image of {_shape(entry)} needs {needed} bytes of pixels, its tag has {have}"
        )
    return data.offset


def _shape(entry: dict[str, Value]) -> tuple[int, ...]:
    """Return the shape with the fastest axis last; axes of length one in front are dropped."""
    dimensions = [
        int(n) for n in _group(_group(entry, "ImageData"), "Dimensions").values() if isinstance(n, int)
    ]
    while len(dimensions) > 2 and dimensions[-1] == 1:
        dimensions.pop()
    return tuple(reversed(dimensions)) if all(n > 0 for n in dimensions) else ()


def _axes(entry: dict[str, Value]) -> list[tuple[float, str]]:
    """Return (scale, unit) of each axis, in the order of `_shape`; missing ones as (1, "")."""
    said = _group(_group(_group(entry, "ImageData"), "Calibrations"), "Dimension")
    axes = [
        (float(_get(axis, "Scale") or 0.0), str(_get(axis, "Units") or ""))
        for axis in said.values()
        if isinstance(axis, dict)
    ]
    count = len(_shape(entry))
    return (axes + [(1.0, "")] * count)[:count][::-1]


def _units(entry: dict[str, Value]) -> list[str]:
    return [unit for _, unit in _axes(entry)]


def _facts(entry: dict[str, Value]) -> Facts:
    (row_scale, row_unit), (col_scale, col_unit) = _axes(entry)[-2:]
    row_nm, col_nm = units.nm_per(row_unit), units.nm_per(col_unit)
    # Stacks made by DM's own stack builder keep the tags of the first image one level down.
    tags = _group(_group(_group(entry, "ImageTags"), "source"), "Tags at creation") or _group(
        entry, "ImageTags"
    )
    moment, assumed = _moment(tags)
    return Facts(
        pixel_sizes=calibration.pixel_size(row_scale * row_nm, col_scale * col_nm, "DM axes")
        if row_nm and col_nm
        else (),
        modes=_modes(tags, str(_get(entry, "Name") or "")),
        acquired_at=moment,
        metadata=_metadata(tags) | (moments.ASSUMED_LOCAL if assumed else {}),
    )


def _modes(tags: dict[str, Value], name: str) -> tuple[ModeWord, ...]:
    """1. the detector, 2. the instrument's mode of operation, 3. the image's name."""
    detector = str(_get(tags, "DataBar", "Signal Name") or _get(tags, "DigiScan", "Signal Name") or "")
    operation = " ".join(
        str(_get(tags, "Microscope Info", key) or "")
        for key in ("Illumination Mode", "Operation Mode", "Imaging Mode")
    )
    said = modes.words(("DM signal name", detector))
    if modes.mode_of_operation(operation):
        said += (ModeWord(mode=ImagingMode.DIFFRACTION, said_by="DM Microscope Info"),)
    if str(_get(tags, "Microscope Info", "Illumination Mode") or "") == "SEM":
        said += (ModeWord(mode=ImagingMode.SEM, said_by="DM Microscope Info"),)
    return said + modes.words(("image name", name))


def _moment(tags: dict[str, Value]) -> tuple[Any, bool]:
    """Return the time of acquisition, and whether its zone was assumed. Times in UTC are taken first."""
    os_time = _get(tags, "DataBar", "Acquisition Time (OS)")
    epoch_ms = _get(tags, "Acquisition", "Frame", "Sequence", "Acquisition Start Time (epoch)")
    if isinstance(os_time, int | float) and (moment := moments.from_filetime(os_time)):
        return moment, False
    if isinstance(epoch_ms, int | float) and (moment := moments.from_unix(epoch_ms / 1000)):
        return moment, False
    date, time = _get(tags, "DataBar", "Acquisition Date"), _get(tags, "DataBar", "Acquisition Time")
    if not date:
        date, time = _get(tags, "SI", "Acquisition", "Date"), _get(tags, "SI", "Acquisition", "Start time")
    moment = moments.parse_local(f"{date} {time}") if date and time else None
    return moment, moment is not None


def _metadata(tags: dict[str, Value]) -> dict[str, Any]:
    said = {
        "instrument": _get(tags, "Microscope Info", "Name"),
        "illumination": _get(tags, "Microscope Info", "Illumination Mode"),
        "voltage_v": _get(tags, "Microscope Info", "Voltage"),
        "magnification": _get(tags, "Microscope Info", "Indicated Magnification"),
        "camera_length_mm": _get(tags, "Microscope Info", "STEM Camera Length"),
        "device": _get(tags, "DataBar", "Device Name"),
        "exposure_s": _get(tags, "DataBar", "Exposure Time (s)"),
    }
    return {key: value for key, value in said.items() if value and isinstance(value, str | int | float)}


def _has(entry: dict[str, Value], tag: str) -> bool:
    return tag in _group(entry, "ImageTags")


def _group(tree: Value, key: str) -> dict[str, Value]:
    found = tree.get(key) if isinstance(tree, dict) else None
    return found if isinstance(found, dict) else {}


def _get(tree: Value, *keys: str) -> Value:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
