"""Times of acquisition: an aware datetime, or None where a file gives none that can be true."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_YEARS = range(1980, 2100)
_FILETIME_ZERO = datetime(1601, 1, 1, tzinfo=UTC)
_SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - serial days carry no zone; see `local`
MONTH_FIRST = ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p")
DAY_FIRST = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %I:%M:%S %p")
_FORMATS = (
    "%Y:%m:%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%a %b %d %H:%M:%S %Y", "%d %b %Y %H:%M:%S",
    "%d-%b-%y %H:%M:%S", "%d-%b-%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", *MONTH_FIRST, *DAY_FIRST,
)  # fmt: skip

ASSUMED_LOCAL = {"time_zone": "not in the file; taken as this computer's"}
"""Metadata that goes with every time made by `local`."""


def sane(moment: datetime) -> datetime | None:
    """Return an aware `moment` unless its year is absurd for a microscope."""
    return moment if moment.year in _YEARS else None


def local(moment: datetime) -> datetime | None:
    """Return a time without zone as one of this computer's zone, unless absurd."""
    return sane(moment.astimezone()) if moment.year in _YEARS else None


def parse_local(text: str, formats: Sequence[str] = _FORMATS) -> datetime | None:
    """Return a written date and time, local where the text names no zone.

    None where it is not readable, and where it can be read in two ways (``03/04/2020``: March or April).
    """
    text = " ".join(text.split())
    try:
        moment = datetime.fromisoformat(text)
        return sane(moment) if moment.tzinfo else local(moment)
    except ValueError:
        pass
    found = {moment for moment in (_read(text, pattern) for pattern in formats) if moment}
    return local(found.pop()) if len(found) == 1 else None


def _read(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - `local` adds the zone
    except ValueError:
        return None


def from_unix(seconds: float) -> datetime | None:
    """Return the moment `seconds` after 1970 in UTC; None for zero, the usual word for unknown."""
    if not 0 < seconds < 1e11:
        return None
    return sane(datetime.fromtimestamp(seconds, UTC))


def from_filetime(ticks: float) -> datetime | None:
    """Return the moment `ticks` of 100 ns after 1601 in UTC (Windows FILETIME)."""
    if not 0 < ticks < 2.6e17:
        return None
    return sane(_FILETIME_ZERO + timedelta(microseconds=ticks / 10))


def from_serial_days(days: float) -> datetime | None:
    """Return the local moment `days` after 30 December 1899 (OLE automation date)."""
    if not 0 < days < 80_000:
        return None
    return local(_SERIAL_ZERO + timedelta(days=days))
