"""HyperSpy files (.hspy): experiments with data, an attribute group for each axis, and metadata as attributes."""

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


def recognise(file: "h5py.File") -> bool:
    """Whether HyperSpy (or RosettaSciIO) wrote the file."""
    return "Experiments" in file


def survey(source: Source, file: "h5py.File") -> Contents:
    """Return what the file holds.

    Raises
    ------
    FrameUnreadable
        An experiment does not describe its axes.
    """
    signals: list[Signal] = []
    declined: list[str] = []
    for name in file["Experiments"]:
        group = file["Experiments"][name]
        if not hasattr(group, "keys") or "data" not in group:
            continue
        axes = _axes(source, group)
        reason = _no_image(group, axes)
        if reason:
            declined.append(reason)
        else:
            signals.append(_signal(source, f"Experiments/{name}", group, axes))
    return Contents(format="hspy", signals=tuple(signals), declined=tuple(declined))


def _axes(source: Source, group: "h5py.Group") -> list[dict[str, Any]]:
    axes = []
    for k in range(len(group["data"].shape)):
        axis = group.get(f"axis-{k}")
        if axis is None:
            raise source.unreadable(f"HyperSpy experiment {group.name} does not describe its axis {k}")
        said = axis.attrs
        axes.append(
            {
                "unit": hdf.text(said.get("units")),
                "scale": hdf.number(said.get("scale")) or 0.0,
                "navigate": bool(said.get("navigate", False)),
            }
        )
    return axes


def _no_image(group: "h5py.Group", axes: list[dict[str, Any]]) -> str:
    dataset = group["data"]
    size = " x ".join(map(str, dataset.shape))
    kind = hdf.text(_attributes(group, "metadata/Signal").get("signal_type"))
    in_signal = [axis for axis in axes if not axis["navigate"]]
    if kind.startswith(("EDS", "EELS", "CL", "Lumi")) or any(
        units.is_energy(axis["unit"]) for axis in in_signal
    ):
        return f"{f'{kind} ' if kind else ''}spectra of {size}"
    if len(in_signal) < 2:
        return f"spectra or profiles of {size}"
    if dataset.dtype.kind not in "uif" or 0 in dataset.shape:
        return f"complex, coloured or empty data of {size}"
    reciprocal = any(units.is_reciprocal(a["unit"]) or units.is_angle(a["unit"]) for a in in_signal)
    if reciprocal or "diffraction" in kind.lower():
        return f"a diffraction pattern of {size}"
    if len(in_signal) > 2 or len(axes) > 3:
        return f"4-D data of {size}"
    return ""


def _signal(source: Source, path: str, group: "h5py.Group", axes: list[dict[str, Any]]) -> Signal:
    dataset = group["data"]
    dtype = dataset.dtype.newbyteorder("=")
    stack = len(axes) == 3

    def decode(section: int, _pieces: Sequence[Piece]) -> NDArray[Any]:
        with hdf.opened(source) as file:
            stored = file[path]["data"]
            return np.ascontiguousarray(stored[section] if stack else stored[...], dtype)

    found = _facts(group, axes[-2:])
    return Signal(
        name=path.removeprefix("Experiments/"), rows=dataset.shape[-2], cols=dataset.shape[-1], dtype=dtype,
        sections=dataset.shape[0] if stack else 1, decode=decode, ranges=None, facts=lambda _: found,
    )  # fmt: skip


def _facts(group: "h5py.Group", axes: list[dict[str, Any]]) -> Facts:
    row, col = axes
    row_nm, col_nm = units.nm_per(row["unit"]), units.nm_per(col["unit"])
    general = _attributes(group, "metadata/General")
    title = hdf.text(general.get("title"))
    moment = moments.parse_local(
        f"{hdf.text(general.get('date'))}T{hdf.text(general.get('time'))}{_zone(hdf.text(general.get('time_zone')))}"
    )
    sem = "metadata/Acquisition_instrument/SEM" in group
    tem = _attributes(group, "metadata/Acquisition_instrument/TEM")
    metadata: dict[str, Any] = {
        "title": title,
        "instrument": hdf.text(tem.get("microscope")),
        "illumination": hdf.text(tem.get("acquisition_mode")),
        "voltage_kv": hdf.number(tem.get("beam_energy")),
        "magnification": hdf.number(tem.get("magnification")),
    }
    if moment and not general.get("time_zone"):
        metadata |= moments.ASSUMED_LOCAL
    return Facts(
        pixel_sizes=calibration.pixel_size(row["scale"] * row_nm, col["scale"] * col_nm, "HyperSpy axes")
        if row_nm and col_nm
        else (),
        modes=modes.words(("title", title))
        + ((ModeWord(mode=ImagingMode.SEM, said_by="HyperSpy metadata"),) if sem else ()),
        acquired_at=moment,
        metadata={key: value for key, value in metadata.items() if value},
    )


def _zone(said: str) -> str:
    return "+00:00" if said == "UTC" else said if said.startswith(("+", "-")) else ""


def _attributes(group: "h5py.Group", path: str) -> dict[str, Any]:
    found = group.get(path)
    return dict(found.attrs) if found is not None else {}
