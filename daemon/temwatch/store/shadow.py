"""The candidate that is tried beside the recognizer in use, if there is one."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from temwatch.clock import iso
from temwatch.model.training import ModelShadowed
from temwatch.store import meta, outbox
from temwatch.store.database import Connection
from temwatch.wire import messages, topics

_KEY = "model.shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A candidate on trial.

    Attributes
    ----------
    model_id, beside_id : str
        The candidate, and the recognizer in use.
    newest_label : int
        The newest it has learned from: those after it judge.
    wanted : int
        How many labels are to judge.
    begun_at : str
        ISO-8601.
    """

    model_id: str
    beside_id: str
    newest_label: int
    wanted: int
    begun_at: str


def present(connection: Connection) -> Shadow | None:
    """Return the candidate on trial; None where there is none."""
    text = meta.get(connection, _KEY)
    return Shadow(**json.loads(text)) if text else None


def begin(
    tx: Connection, model_id: str, *, beside_id: str, newest_label: int, wanted: int, at: datetime
) -> None:
    """Put a candidate on trial, and publish it; one that was on trial makes way."""
    end(tx, "ended", "a newer candidate passed the gate", at=at)
    shadow = Shadow(
        model_id=model_id, beside_id=beside_id, newest_label=newest_label, wanted=wanted, begun_at=iso(at)
    )
    meta.put(tx, _KEY, json.dumps(asdict(shadow)))
    _publish(tx, shadow, "begun", f"tried beside the one in use on the next {wanted} labels", 0, at)


def last_word(connection: Connection, model_id: str) -> str:
    """Return how a recognizer's last trial ended; empty where it never was on trial, or still is."""
    return meta.get(connection, f"{_KEY}.{model_id}") or ""


def end(
    tx: Connection,
    state: Literal["passed", "refused", "ended"],
    sentence: str,
    *,
    at: datetime,
    labels: int = 0,
) -> None:
    """End the trial, if there is one, and publish how."""
    shadow = present(tx)
    if shadow is not None:
        meta.put(tx, _KEY, "")
        meta.put(tx, f"{_KEY}.{shadow.model_id}", sentence)
        _publish(tx, shadow, state, sentence, labels, at)


def _publish(
    tx: Connection,
    shadow: Shadow,
    state: Literal["begun", "passed", "refused", "ended"],
    sentence: str,
    labels: int,
    at: datetime,
) -> None:
    event = ModelShadowed(
        model_id=shadow.model_id,
        beside_id=shadow.beside_id,
        state=state,
        labels=labels,
        wanted=shadow.wanted,
        sentence=sentence,
    )
    name = f"shadow:{shadow.model_id}:{shadow.newest_label}:{shadow.begun_at}:{state}"
    outbox.append(tx, id=name, topic=topics.MODEL, type="model.shadowed", at=at, body=messages.to_json(event))
