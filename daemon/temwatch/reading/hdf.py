"""HDF5 containers: opened without plugins, locks or links to other files; the layout inside decides the reader."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from temwatch.errors import FrameUnsafe
from temwatch.reading.contents import Contents
from temwatch.reading.hdf_heap import check_heaps
from temwatch.reading.source import Source

if TYPE_CHECKING:
    import h5py

MAX_OBJECTS = 500_000


def survey(source: Source) -> Contents:
    """Return what the file holds.

    Raises
    ------
    FrameDeclined
        It is sound HDF5 in a layout without microscope images.
    FrameUnsafe
        It leads to other files.
    """
    from temwatch.reading import emd_ncem, emd_velox, hspy

    check_heaps(source)
    with opened(source) as file:
        refuse_other_files(source, file)
        if emd_velox.recognise(file):
            return emd_velox.survey(source, file)
        if hspy.recognise(file):
            return hspy.survey(source, file)
        if emd_ncem.recognise(file):
            return emd_ncem.survey(source, file)
        held = ", ".join(sorted(file)[:5]) or "nothing"
    raise source.declined(f"is HDF5, but neither Velox, EMD nor HyperSpy (at its top: {held})")


@contextlib.contextmanager
def opened(source: Source) -> "Iterator[h5py.File]":
    """Open the file for reading. No plugin is loaded: decoders here are those built into the library."""
    import h5py

    while h5py.h5pl.size():
        h5py.h5pl.remove(0)
    # Through the open file (or the bytes held of it), never by a path that may lead elsewhere by now.
    with h5py.File(source.file, "r") as file:
        yield file


def refuse_other_files(source: Source, file: "h5py.File") -> None:
    """Raise FrameUnsafe where a link or a dataset leads out of the file."""
    import h5py

    waiting = [file["/"]]
    seen: set[Any] = set()
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise _unsafe(source, f"links to another file ({name} -> {link.filename})")
            if not isinstance(link, h5py.HardLink):
                continue
            found = group[name]
            if isinstance(found, h5py.Dataset) and (found.is_virtual or found.external):
                raise _unsafe(source, f"keeps the data of {found.name} in another file")
            if isinstance(found, h5py.Group):
                key = h5py.h5o.get_info(found.id).addr
                if key not in seen:
                    seen.add(key)
                    waiting.append(found)
        if len(seen) > MAX_OBJECTS:
            raise source.unreadable(f"holds more than {MAX_OBJECTS} groups")


def text(value: Any) -> str:
    """Return an attribute as text, whichever way it was written."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """Return an attribute as a number, or None."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _unsafe(source: Source, why: str) -> FrameUnsafe:
    return FrameUnsafe(f"{source.name}: {why}", next_step="Save the image into one file of its own.")
