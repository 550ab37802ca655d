"""A drawn object whose share fails is tried again after a while, not at once and not for ever elsewhere."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from temwatch.model.job import Failed
from temwatch.store.database import Database
from temwatch.store.store import Store
from temwatch.work.drawn import Drawn
from unit.store import labelled


@dataclass
class Hands:
    """A clock that is moved by hand."""

    now_s: float = 100.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self.now_s


def test_after_trouble_it_waits_and_meanwhile_the_next_one_has_its_turn(tmp_path: Path) -> None:
    database = Database(tmp_path / "state", ballast_bytes=0)
    database.open()
    store = Store(database, instance="this run")
    there = labelled.frame(store, labelled.square(10, 10))
    for k in range(2):
        labelled.draw(store, there, labelled.square(50, 50 + 60 * k), "crack", labelled.person("anna", k))
    clock = Hands()
    drawn = Drawn(database, clock=clock, job_body=lambda frame: {"path": frame.path})
    first = drawn.next_job()
    assert first is not None
    trouble = Failed(
        job_id=first.job_id,
        attempt=first.attempt,
        error="ShareTrouble",
        reason="EIO",
        next_step="",
        retryable=True,
    )
    drawn.settle(trouble)
    second = drawn.next_job()
    assert second is not None
    assert second.job_id != first.job_id
    assert drawn.next_job() is None
    clock.now_s += 60.0
    again = drawn.next_job()
    assert again is not None
    assert (again.job_id, again.attempt) == (first.job_id, 2)
    drawn.settle(trouble)  # a late word about the first try
    assert drawn.next_job() is None
    database.close()


def test_what_lies_in_a_root_that_is_no_longer_watched_is_not_measured(tmp_path: Path) -> None:
    database = Database(tmp_path / "state", ballast_bytes=0)
    database.open()
    store = Store(database, instance="this run")
    there = labelled.frame(store, labelled.square(10, 10))
    labelled.draw(store, there, labelled.square(50, 50), "crack")
    drawn = Drawn(database, clock=Hands(), job_body=lambda frame: None)
    assert drawn.next_job() is None
    (row,) = database.read("SELECT state, reason FROM drawn")
    assert tuple(row) == ("not measured", "the root titan is not watched any more")
    database.close()
