"""Two recognizers on a site's shelf, without learning: the shipped one with two of its classes exchanged."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from temwatch.store import models
from temwatch.store.database import Database
from temwatch.store.shelf import load, save, starter

EXCHANGED = (("pore", "slag_inclusion"), ("artefact", "particle"))


def put_two(state: Path) -> list[str]:
    """Put them there while no daemon runs; return their ids."""
    shipped = starter("learned")
    recognizer = load(shipped)
    database = Database(state, ballast_bytes=0)
    database.open()
    made = []
    for day, (one, other) in enumerate(EXCHANGED, start=1):
        swap = {one: other, other: one}
        names = tuple(swap.get(name, name) for name in recognizer.classes)
        card = replace(recognizer.card, classes=names, provenance=f"{one} and {other} exchanged, for tests")
        made.append(save(replace(recognizer, card=card), state / "models"))
        training = {"method": "kernel_elm", "finder": "learned", "recipe": "labels", "labels": 10 * day}
        with database.transaction() as tx:
            at = datetime(2026, 1, day, tzinfo=UTC)
            models.keep(tx, made[-1], parent_id=shipped.name, training=training, label_ids=(), at=at)
    database.close()
    return made
