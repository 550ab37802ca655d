"""EMD files of Berkeley's layout (NCEM, Prismatic, py4DSTEM): a group with ``data`` and a ``dim`` for each axis."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from temwatch.reading import calibration, hdf, modes, units
from temwatch.reading.contents import Contents, Facts, Signal
from temwatch.reading.source import Piece, Source

if TYPE_CHECKING:
    import h5py

_DATASETS = (
    "data",
    "realslice",
    "datacube",
    "counted_datacube",
    "diffractionslice",
    "pointlist",
    "pointlistarray",
)
Axis = tuple[str, str, float]
"""Name, unit, step."""


def recognise(file: "h5py.File") -> bool:
    """Whether some group is marked as EMD data."""
    return bool(_groups(file))


def survey(source: Source, file: "h5py.File") -> Contents:
    """Return what the file holds."""
    signals: list[Signal] = []
    declined: list[str] = []
    for path, name in _groups(file):
        group = file[path]
        reason = _no_image(group, name)
        if reason:
            declined.append(reason)
        else:
            signals.append(_signal(source, path, name, group, _instrument(file)))
    return Contents(format="emd", signals=tuple(signals), declined=tuple(declined))


def _groups(file: "h5py.File") -> list[tuple[str, str]]:
    """Return (path of the group, name of the dataset in it), in file order."""
    import h5py

    found: list[tuple[str, str]] = []

    def look(path: str, item: Any) -> None:
        if isinstance(item, h5py.Group) and item.attrs.get("emd_group_type", 0):
            found.extend((path, name) for name in _DATASETS if isinstance(item.get(name), h5py.Dataset))

    file.visititems(look)
    return found


def _counted_from_zero(group: "h5py.Group") -> bool:
    """Since EMD 1.0 dims count from 0 and data lie as they are; before, they count from 1 and the first is x."""
    return "dim0" in group


def _axes(group: "h5py.Group", name: str) -> list[Axis]:
    """Return the axes in the order of the array as it is returned (see `_signal`)."""
    dataset, zero = group[name], _counted_from_zero(group)
    axes = []
    for k in range(len(dataset.shape)):
        dim = group.get(f"dim{k if zero else k + 1}")
        if dim is None or len(dim.shape) != 1 or dim.dtype.kind not in "iuf":
            axes.append(("", "", 1.0))
            continue
        step = float(dim[1] - dim[0]) if len(dim) > 1 else 1.0
        axes.append((hdf.text(dim.attrs.get("name")), hdf.text(dim.attrs.get("units")), step))
    return axes if zero or name == "datacube" else axes[::-1]


def _no_image(group: "h5py.Group", name: str) -> str:
    dataset = group[name]
    size = " x ".join(map(str, dataset.shape))
    if name.startswith("point"):
        return f"a list of points ({name})"
    if dataset.dtype.kind not in "uif":
        return f"complex or structured data of {size}"
    if len(dataset.shape) < 2 or 0 in dataset.shape:
        return f"a spectrum or profile of {size}"
    axes = _axes(group, name)
    if any(units.is_energy(unit) for _, unit, _ in axes):
        return f"a spectrum image of {size}"
    reciprocal = any(units.is_reciprocal(unit) or units.is_angle(unit) for _, unit, _ in axes[-2:])
    if reciprocal or name == "diffractionslice" or "CBED" in str(group.name):
        return f"a diffraction pattern of {size}"
    return f"4-D data of {size}" if len(dataset.shape) > 3 else ""


def _signal(source: Source, path: str, name: str, group: "h5py.Group", instrument: dict[str, Any]) -> Signal:
    dataset, axes = group[name], _axes(group, name)
    turned = not _counted_from_zero(group) and name != "datacube"
    shape = dataset.shape[::-1] if turned else dataset.shape
    dtype = dataset.dtype.newbyteorder("=")

    def decode(section: int, _pieces: Sequence[Piece]) -> NDArray[Any]:
        with hdf.opened(source) as file:
            stored = file[path][name]
            one = ... if len(shape) == 2 else (..., section) if turned else section
            found = stored[one]
        return np.ascontiguousarray(found.T if turned else found, dtype)

    title = path.rpartition("/")[2]
    found = Facts(
        pixel_sizes=_pixel_size(axes[-2:]), modes=modes.words(("EMD group name", title)), metadata=instrument
    )
    return Signal(
        name=title, rows=shape[-2], cols=shape[-1], sections=shape[0] if len(shape) == 3 else 1, dtype=dtype,
        decode=decode, ranges=None, facts=lambda _: found,
    )  # fmt: skip


def _pixel_size(axes: list[Axis]) -> Any:
    (_, row_unit, row), (_, col_unit, col) = axes
    row_nm, col_nm = units.nm_per(row_unit), units.nm_per(col_unit)
    return calibration.pixel_size(row * row_nm, col * col_nm, "EMD dims") if row_nm and col_nm else ()


def _instrument(file: "h5py.File") -> dict[str, Any]:
    group = file.get("microscope")
    said = dict(group.attrs) if group is not None else {}
    kept = {"high tension": "voltage_v", "magnification": "magnification", "camera length": "camera_length_m"}
    found = {new: hdf.number(said.get(old)) for old, new in kept.items()}
    return {key: value for key, value in found.items() if value}
