"""How sensitive the finder is to be, where somebody said otherwise than the configuration."""

import json
from dataclasses import asdict, dataclass

from temwatch.store import meta
from temwatch.store.database import Connection

_KEY = "finder.sensitivity"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidSensitivity:
    """A value in [0, 1], who said it, and when (ISO-8601)."""

    value: float
    by: str
    at: str


def said(connection: Connection) -> SaidSensitivity | None:
    """Return what was said last; None where the configuration decides."""
    text = meta.get(connection, _KEY)
    return SaidSensitivity(**json.loads(text)) if text else None


def say(tx: Connection, what: SaidSensitivity | None) -> None:
    """Say it; None gives the word back to the configuration."""
    meta.put(tx, _KEY, json.dumps(asdict(what)) if what else "")
