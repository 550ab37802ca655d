"""Bruker BCF through RosettaSciIO: the electron images of the file; its spectrum image is listed, not decoded."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.model.frame import ImagingMode
from temwatch.reading import bcf_container, calibration, modes, moments, units
from temwatch.reading.contents import Contents, Facts, ModeWord, Signal
from temwatch.reading.source import Piece, Source, path_of

Found = dict[str, Any]


def survey(source: Source) -> Contents:
    """Return the electron images of a BCF.

    They are small overview images by their making, and lie compressed in a container of chunks, so they are
    decoded here, once.
    """
    bcf_container.check_size(source)
    with _quiet():
        # The public reader chooses by suffix, and an open descriptor has none.
        from rsciio.bruker._api import bcf_reader

        found: list[Found] = bcf_reader(path_of(source), select_type="image")
    declined = ["an EDS spectrum image (hypermap)"]
    declined += [f"data of shape {np.shape(one['data'])}" for one in found if not _is_image(one)]
    signals = tuple(_signal(one) for one in found if _is_image(one))
    return Contents(format="bcf", signals=signals, declined=tuple(declined))


def _is_image(found: Found) -> bool:
    data = found["data"]
    return np.ndim(data) == 2 and np.asarray(data).dtype.kind in "uif" and np.size(data) > 0


def _signal(found: Found) -> Signal:
    data = np.ascontiguousarray(found["data"])
    title = str(found["metadata"].get("General", {}).get("title") or "")

    def decode(_section: int, _pieces: Sequence[Piece]) -> NDArray[Any]:
        return data

    facts = _facts(found, title)
    return Signal(
        name=title, rows=data.shape[0], cols=data.shape[1], dtype=data.dtype, sections=1, decode=decode, ranges=None,
        facts=lambda _: facts,
    )  # fmt: skip


def _facts(found: Found, title: str) -> Facts:
    (row, row_unit), (col, col_unit) = (
        (float(a["scale"]), str(a["units"] or "")) for a in found["axes"][-2:]
    )
    row_nm, col_nm = units.nm_per(row_unit), units.nm_per(col_unit)
    instrument: dict[str, Any] = found["metadata"].get("Acquisition_instrument", {})
    sem = (ModeWord(mode=ImagingMode.SEM, said_by="BCF instrument"),) if "SEM" in instrument else ()
    moment = _moment(found["metadata"].get("General", {}))
    said: dict[str, Any] = next(iter(instrument.values()), {})
    metadata = {
        "voltage_kv": float(said["beam_energy"]) if said.get("beam_energy") else None,
        "magnification": float(said["magnification"]) if said.get("magnification") else None,
    }
    return Facts(
        pixel_sizes=calibration.pixel_size(row * row_nm, col * col_nm, "BCF axes")
        if row_nm and col_nm
        else (),
        modes=modes.words(("title", title)) + sem,
        acquired_at=moment,
        metadata={key: value for key, value in metadata.items() if value}
        | (moments.ASSUMED_LOCAL if moment else {}),
    )


def _moment(general: dict[str, Any]) -> datetime | None:
    date, time = general.get("date"), general.get("time")
    return moments.parse_local(f"{date}T{time}") if date and time else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's advice about missing accelerators and its warnings out of the daemon's log."""
    logger = logging.getLogger("rsciio")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
