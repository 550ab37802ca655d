"""Recognizers on disk, one folder a recognizer, named by its digest. JSON and plain arrays, never pickle."""

import io
import json
import math
import os
import tempfile
import zipfile
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.errors import ModelRefused
from temwatch.recognition.portable import digest, from_arrays, to_arrays
from temwatch.recognition.recognizer import Recognizer

MANIFEST, ARRAYS = "manifest.json", "arrays.npz"
MANIFEST_BYTES = 1 << 20
ARRAYS_BYTES = 256 << 20
# A fixed date inside the archive, so that the same recognizer gives the same bytes (zip knows none before 1980).
_DATE = (1980, 1, 1, 0, 0, 0)


def save(recognizer: Recognizer, shelf: Path) -> str:
    """Put a recognizer on the shelf, whole or not at all.

    Parameters
    ----------
    recognizer : Recognizer
    shelf : Path
        The folder of all recognizers; made where it is missing.

    Returns
    -------
    str
        Its digest, the name of its folder. One that is there already is left as it is.
    """
    manifest, arrays = to_arrays(recognizer)
    name = digest(manifest, arrays)
    shelf.mkdir(parents=True, exist_ok=True)
    if (shelf / name).is_dir():
        return name
    with tempfile.TemporaryDirectory(prefix=".new-", dir=shelf) as temporary:
        folder = Path(temporary) / name
        folder.mkdir(mode=0o755)
        _write(folder / MANIFEST, json.dumps(manifest, sort_keys=True, indent=1).encode() + b"\n")
        _write(folder / ARRAYS, _packed(arrays))
        _sync(folder)
        try:
            folder.rename(shelf / name)
        except OSError:
            # Someone else put the same recognizer there in the meantime.
            if not (shelf / name).is_dir():
                raise
    _sync(shelf)
    return name


def load(folder: Path) -> Recognizer:
    """Return the recognizer of a shelf folder.

    Raises
    ------
    ModelRefused
        When files are missing, too large, damaged, don't give the digest the folder is named by, or the
        golden inputs come out differently.
    """
    try:
        manifest = json.loads(_read(folder / MANIFEST, MANIFEST_BYTES))
        arrays = _unpacked(_read(folder / ARRAYS, ARRAYS_BYTES))
        if not isinstance(manifest, dict):
            raise ModelRefused(f"{MANIFEST} holds no object", next_step=_next_step(folder))
        found = digest(manifest, arrays)
        if found != folder.name:
            raise ModelRefused(f"its content has the digest {found[:12]}…", next_step=_next_step(folder))
        return from_arrays(manifest, arrays)
    except ModelRefused as refusal:
        raise ModelRefused(f"{folder}: {refusal.message}", next_step=refusal.next_step) from refusal
    # RuntimeError is what zipfile makes of an encrypted member, and json of brackets nested without end.
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise ModelRefused(f"{folder}: can't be read ({error})", next_step=_next_step(folder)) from error


def _next_step(folder: Path) -> str:
    return f"roll back to another model; restore {folder.name[:12]}… from a backup or build it again"


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ModelRefused(
            f"{path.name} is larger than {limit >> 20} MB",
            next_step="it is not one of temwatch's recognizers",
        )
    return content


def _packed(arrays: dict[str, NDArray[Any]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _DATE), content.getvalue())
    return target.getvalue()


def _unpacked(content: bytes) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        # Only stored members are ours; a compressed one, or many over the same bytes, could unfold to any size.
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not stored or sum(entry.file_size for entry in entries) > len(content):
            raise ModelRefused(f"{ARRAYS} is compressed", next_step="it is not one of temwatch's recognizers")
        return {entry.filename.removesuffix(".npy"): _array(archive.read(entry)) for entry in entries}


def _array(content: bytes) -> NDArray[Any]:
    """Return the array of a ``.npy`` member, once its header and its length agree.

    numpy's own reader allocates whatever the header declares before it looks how much there is.
    """
    stream = io.BytesIO(content)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("an array of another version")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    body = content[stream.tell() :]
    if dtype.hasobject or fortran_order or len(body) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"an array {dtype} {shape} that its {len(body)} bytes don't hold")
    return np.frombuffer(body, dtype=dtype).reshape(shape)


def starter(finder: str, method: str = "kernel_elm") -> Path:
    """Return the folder of the recognizer that comes with the package for a finder.

    Each has learned from the regions of one finder: what they look like is part of what it knows.

    Parameters
    ----------
    finder : str
        ``"threshold"`` or ``"learned"``.
    method : str
        ``"kernel_elm"``, or ``"seeded_kmeans"`` for the paper's.

    Raises
    ------
    ModelRefused
        When there is not exactly one.
    """
    shelf = Path(str(resources.files("temwatch").joinpath("shipped", "recognizer", finder)))
    found = [folder for folder in shelf.glob("*") if _method_of(folder) == method]
    if len(found) != 1:
        raise ModelRefused(
            f"{len(found)} recognizers of method {method} in {shelf}, one is expected",
            next_step="install temwatch again",
        )
    return found[0]


def starter_rows(finder: str) -> Path:
    """Return the file of simulated rows that the starters for a finder learned from."""
    return Path(str(resources.files("temwatch").joinpath("shipped", "rows", f"{finder}.rows")))


def _method_of(folder: Path) -> object:
    """Return what the card says of the method, unchecked; None where there is no recognizer."""
    try:
        return json.loads(_read(folder / MANIFEST, MANIFEST_BYTES))["card"]["method"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
