"""EMD files of Thermo Fisher's Velox: each image has its pixels as (row, col, frame) and JSON beside them."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from temwatch.model.frame import ImagingMode
from temwatch.reading import calibration, hdf, modes, moments, units
from temwatch.reading.contents import Contents, Facts, ModeWord, Signal
from temwatch.reading.source import Piece, Source

if TYPE_CHECKING:
    import h5py

_NO_IMAGES = {
    "Spectrum": "an EDS spectrum",
    "SpectrumImage": "an EDS spectrum image",
    "SpectrumStream": "an EDS event stream",
    "LineProfile": "a line profile",
}


def recognise(file: "h5py.File") -> bool:
    """Whether Velox (or its kit) wrote the file."""
    if "Version" not in file or "Data" not in file:
        return False
    stated = hdf.text(file["Version"][0])
    return '"Velox"' in stated or '"DevelopersKit"' in stated


def survey(source: Source, file: "h5py.File") -> Contents:
    """Return what the file holds."""
    data = file["Data"]
    signals: list[Signal] = []
    declined: list[str] = []
    for key in data.get("Image", {}):
        group = data["Image"][key]
        if "Data" not in group:
            continue
        said = _metadata(group, 0)
        reason = _no_image(group["Data"], said)
        if reason:
            declined.append(reason)
        else:
            signals.append(_signal(source, f"Data/Image/{key}", group["Data"], said))
    for kind, words in _NO_IMAGES.items():
        declined += [f"{words}{_channels(data[kind][key])}" for key in data.get(kind, {})]
    return Contents(format="velox", signals=tuple(signals), declined=tuple(declined))


def _channels(group: "h5py.Group") -> str:
    shape = getattr(group.get("Data"), "shape", None) if hasattr(group, "get") else None
    return f" of {' x '.join(map(str, shape))}" if shape else ""


def _no_image(dataset: "h5py.Dataset", said: dict[str, Any]) -> str:
    size = " x ".join(map(str, dataset.shape[:2]))
    if dataset.dtype.fields or dataset.dtype.kind not in "uif":
        return f"a complex transform of {size}"
    if len(dataset.shape) != 3 or 0 in dataset.shape:
        return f"data of shape {dataset.shape}"
    binary = said.get("BinaryResult", {})
    unit = str(binary.get("PixelUnitX", ""))
    if units.is_reciprocal(unit) or units.is_angle(unit):
        return f"a diffraction pattern or transform of {size}"
    return ""


def _signal(source: Source, path: str, dataset: "h5py.Dataset", said: dict[str, Any]) -> Signal:
    rows, cols, frames = dataset.shape
    dtype = dataset.dtype.newbyteorder("=")

    def decode(section: int, _pieces: Sequence[Piece]) -> NDArray[Any]:
        with hdf.opened(source) as file:
            found: NDArray[Any] = file[path]["Data"][:, :, section]
        return np.ascontiguousarray(found, dtype)

    def facts(section: int) -> Facts:
        with hdf.opened(source) as file:
            return _facts(_metadata(file[path], section) or said)

    return Signal(
        name=_detector(said), rows=rows, cols=cols, dtype=dtype, sections=frames, decode=decode, ranges=None,
        facts=facts,
    )  # fmt: skip


def _metadata(group: "h5py.Group", section: int) -> dict[str, Any]:
    stored = group.get("Metadata")
    if stored is None or len(stored.shape) != 2 or stored.shape[1] == 0:
        return {}
    raw = stored[:, min(section, stored.shape[1] - 1)].tobytes().split(b"\0")[0]
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _detector(said: dict[str, Any]) -> str:
    binary = said.get("BinaryResult", {})
    named = binary.get("Detector") or said.get("Detectors", {}).get(
        f"Detector-{binary.get('DetectorIndex', '')}", {}
    ).get("DetectorName")
    return str(named or "")


def _facts(said: dict[str, Any]) -> Facts:
    binary, optics, instrument = (said.get(key) or {} for key in ("BinaryResult", "Optics", "Instrument"))
    size = binary.get("PixelSize") or {}
    row, col = hdf.number(size.get("height")), hdf.number(size.get("width"))
    row_nm, col_nm = (units.nm_per(str(binary.get(f"PixelUnit{axis}", "m"))) for axis in "YX")
    start = (said.get("Acquisition") or {}).get("AcquisitionStartDatetime") or {}
    detector = _detector(said)
    metadata = {
        "instrument": " ".join(
            filter(None, (instrument.get("InstrumentClass"), instrument.get("InstrumentModel")))
        ),
        "detector": detector,
        "voltage_v": hdf.number(optics.get("AccelerationVoltage")),
        "camera_length_m": hdf.number(optics.get("CameraLength")),
        "defocus_m": hdf.number(optics.get("Defocus")),
    }
    return Facts(
        pixel_sizes=calibration.pixel_size(row * row_nm, col * col_nm, "Velox PixelSize")
        if row and col and row_nm and col_nm
        else (),
        modes=modes.words(("Velox detector", detector)) + _projector(optics),
        acquired_at=moments.from_unix(hdf.number(start.get("DateTime")) or 0.0),
        metadata={key: value for key, value in metadata.items() if value},
    )


def _projector(optics: dict[str, Any]) -> tuple[ModeWord, ...]:
    """Operating mode 1 is TEM (2 is STEM); projector mode 1 is diffraction."""
    if str(optics.get("OperatingMode")) == "1" and str(optics.get("ProjectorMode")) == "1":
        return (ModeWord(mode=ImagingMode.DIFFRACTION, said_by="Velox projector mode"),)
    return ()
