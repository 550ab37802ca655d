"""Formats read through RosettaSciIO: Bruker BCF and JEOL .img. Other signals in them are listed, not decoded."""

import logging
import struct
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


def survey(source: Source, kind: str) -> Contents:
    """Return what a BCF or a JEOL image holds.

    Both are small overview images by their making, so they are decoded here, once.
    """
    with _quiet():
        if kind == "bcf":
            bcf_container.check_size(source)
            from rsciio.bruker._api import (
                bcf_reader,  # the public reader chooses by suffix, and ours has none
            )

            found = bcf_reader(path_of(source), select_type="image")
            declined = ["an EDS spectrum image (hypermap)"]
        else:
            found, declined = _jeol(source), []
    signals = tuple(_signal(one, kind) for one in found if _is_image(one))
    declined += [f"data of shape {np.shape(one['data'])}" for one in found if not _is_image(one)]
    return Contents(format=kind, signals=signals, declined=tuple(declined))


def _jeol(source: Source) -> list[Found]:
    position, length = struct.unpack("<II", source.at(44, 8, "the JEOL header"))
    source.at(position, min(length, 1), "the JEOL tags")
    from rsciio.jeol._api import _read_img  # as above

    found: list[Found] = _read_img(path_of(source))
    return found


def _is_image(found: Found) -> bool:
    data = found["data"]
    return np.ndim(data) == 2 and np.asarray(data).dtype.kind in "uif" and np.size(data) > 0


def _signal(found: Found, kind: str) -> Signal:
    data = np.ascontiguousarray(found["data"])
    title = str(found["metadata"].get("General", {}).get("title") or "")

    def decode(section: int, pieces: Sequence[Piece]) -> NDArray[Any]:  # noqa: ARG001 - already decoded
        return data

    facts = _facts(found, kind, title)
    return Signal(
        name=title, rows=data.shape[0], cols=data.shape[1], dtype=data.dtype, sections=1, decode=decode, ranges=None,
        facts=lambda _: facts,
    )  # fmt: skip


def _facts(found: Found, kind: str, title: str) -> Facts:
    (row, row_unit), (col, col_unit) = ((float(a["scale"]), str(a["units"] or "")) for a in found["axes"][-2:])
    row_nm, col_nm = units.nm_per(row_unit), units.nm_per(col_unit)
    instrument: dict[str, Any] = found["metadata"].get("Acquisition_instrument", {})
    sem = (ModeWord(mode=ImagingMode.SEM, said_by=f"{kind} instrument"),) if "SEM" in instrument else ()
    moment = _moment(found["metadata"].get("General", {}))
    said = next(iter(instrument.values()), {})
    metadata = {
        "voltage_kv": float(said["beam_energy"]) if said.get("beam_energy") else None,
        "magnification": float(said["magnification"]) if said.get("magnification") else None,
    }
    return Facts(
        pixel_sizes=calibration.pixel_size(row * row_nm, col * col_nm, f"{kind} axes") if row_nm and col_nm else (),
        modes=modes.words(("title", title)) + sem,
        acquired_at=moment,
        metadata={key: value for key, value in metadata.items() if value} | (moments.ASSUMED_LOCAL if moment else {}),
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
