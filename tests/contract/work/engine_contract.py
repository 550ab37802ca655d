"""What every engine must keep, written once: subclass `EngineContract` and say how an engine is made.

An engine under test runs `integration.work.tasks:Misbehave` with two workers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from temwatch.model.job import Crashed, Failed, Finished, Job, Outcome
from temwatch.work.engine import Engine, EngineClosed, SettingsRefused

Made = Callable[..., Awaitable[Engine]]


def job(number: int, attempt: int = 1, **body: Any) -> Job:
    return Job(job_id=number, attempt=attempt, body=body)


async def outcomes(engine: Engine, n: int) -> dict[int, Outcome]:
    found = [await engine.next_outcome() for _ in range(n)]
    assert len({outcome.job_id for outcome in found}) == n
    return {outcome.job_id: outcome for outcome in found}


async def there(path: Path) -> None:
    """Return when a worker has made this file."""
    while not path.exists():  # noqa: ASYNC110  another process makes it
        await asyncio.sleep(0.01)


class EngineContract:
    @pytest.fixture
    def make(self) -> Made:
        """A function (task_settings, *, timeout_s=60) -> engine, started; engines are closed after the test."""
        raise NotImplementedError

    async def test_a_job_comes_back_with_its_answer_and_attempt(self, make: Made) -> None:
        engine = await make({"model": "a"})
        await engine.submit(job(7, attempt=3, text="µ/äöü", blob_bytes=100_000))
        outcome = await engine.next_outcome()
        assert isinstance(outcome, Finished)
        assert (outcome.job_id, outcome.attempt) == (7, 3)
        assert outcome.body["echo"]["text"] == "µ/äöü"
        assert outcome.blobs == (b"x" * 100_000,)

    async def test_every_job_ends_exactly_once(self, make: Made) -> None:
        engine = await make({})
        for number in range(50):
            await engine.submit(job(number))
        ended = await outcomes(engine, 50)
        assert all(isinstance(outcome, Finished) for outcome in ended.values())

    async def test_free_counts_the_workers_nobody_has_claimed(self, make: Made, tmp_path: Path) -> None:
        engine = await make({})
        for number in range(4):
            started = tmp_path / f"started-{number}"
            await engine.submit(job(number, do="wait_for", started=str(started), file=str(tmp_path / "go")))
        await there(tmp_path / "started-0")
        await there(tmp_path / "started-1")
        assert engine.free() == 0
        assert not (tmp_path / "started-2").exists()
        (tmp_path / "go").touch()
        await outcomes(engine, 4)
        await asyncio.wait_for(until(lambda: engine.free() == 2), 10)

    async def test_an_error_comes_back_with_its_name_and_next_step(self, make: Made) -> None:
        engine = await make({})
        await engine.submit(job(1, do="raise_error", error="FrameChanged"))
        assert await engine.next_outcome() == Failed(
            job_id=1,
            attempt=1,
            error="FrameChanged",
            reason="frame a.dm4: a reason",
            next_step="a next step",
            retryable=True,
        )

    async def test_an_unforeseen_error_says_what_and_where(self, make: Made) -> None:
        engine = await make({})
        await engine.submit(job(1, do="raise_value_error"))
        outcome = await engine.next_outcome()
        assert isinstance(outcome, Failed)
        assert (outcome.error, outcome.retryable) == ("Unexpected", False)
        assert "ValueError: nobody thought of this (tasks.py:" in outcome.reason

    async def test_a_death_is_one_jobs_and_the_others_go_on(self, make: Made, tmp_path: Path) -> None:
        engine = await make({})
        sibling, go = tmp_path / "sibling", tmp_path / "go"
        await engine.submit(job(1, do="wait_for", started=str(sibling), file=str(go)))
        await there(sibling)
        await engine.submit(job(2, do="segfault"))
        assert isinstance(await engine.next_outcome(), Crashed)
        go.touch()
        assert isinstance(await engine.next_outcome(), Finished)
        await engine.submit(job(3))
        assert isinstance(await engine.next_outcome(), Finished)

    async def test_a_job_past_its_deadline_is_a_crash(self, make: Made) -> None:
        engine = await make({}, timeout_s=0.5)
        await engine.submit(job(1, do="hang"))
        outcome = await engine.next_outcome()
        assert isinstance(outcome, Crashed)
        assert "within" in outcome.cause

    async def test_a_waiting_job_can_be_taken_back(self, make: Made, tmp_path: Path) -> None:
        engine = await make({})
        for number in (1, 2, 3):
            started, go = str(tmp_path / str(number)), str(tmp_path / "go")
            await engine.submit(job(number, do="wait_for", started=started, file=go))
        await there(tmp_path / "1")
        await there(tmp_path / "2")
        assert engine.cancel(3)
        outcome = await engine.next_outcome()
        assert isinstance(outcome, Failed)
        assert (outcome.job_id, outcome.error) == (3, "Cancelled")
        assert not (tmp_path / "3").exists()
        (tmp_path / "go").touch()
        await outcomes(engine, 2)

    async def test_a_running_job_can_be_taken_back(self, make: Made, tmp_path: Path) -> None:
        engine = await make({})
        started = tmp_path / "started"
        await engine.submit(job(1, do="wait_for", started=str(started), file=str(tmp_path / "never")))
        await there(started)
        assert engine.cancel(1)
        outcome = await engine.next_outcome()
        assert isinstance(outcome, Failed)
        assert outcome.error == "Cancelled"

    async def test_taking_back_what_is_not_there_says_so(self, make: Made) -> None:
        engine = await make({})
        assert not engine.cancel(99)

    async def test_workers_say_what_they_are_doing(self, make: Made, tmp_path: Path) -> None:
        engine = await make({})
        started, go = tmp_path / "started", tmp_path / "go"
        await engine.submit(job(5, do="wait_for", started=str(started), file=str(go)))
        await there(started)
        (busy,) = [state for state in engine.workers() if state.state == "busy"]
        assert busy.job_id == 5
        assert len(engine.workers()) == 2
        go.touch()
        await engine.next_outcome()
        assert sum(state.jobs_done for state in engine.workers()) == 1

    async def test_new_settings_hold_for_jobs_begun_later_never_within_one(
        self, make: Made, tmp_path: Path
    ) -> None:
        engine = await make({"model": "old"})
        started, go = tmp_path / "started", tmp_path / "go"
        await engine.submit(job(1, do="wait_for", started=str(started), file=str(go)))
        await there(started)
        await engine.reconfigure({"model": "new"})
        for number in (2, 3, 4):
            await engine.submit(job(number))
        later = await outcomes(engine, 3)
        go.touch()
        first = await engine.next_outcome()
        assert isinstance(first, Finished)
        assert first.body["settings"] == {"model": "old"}
        assert [later[n].body["settings"]["model"] for n in (2, 3, 4)] == ["new"] * 3  # type: ignore[union-attr]
        for number in (5, 6, 7, 8):
            await engine.submit(job(number))
        last = await outcomes(engine, 4)
        assert {o.body["settings"]["model"] for o in last.values()} == {"new"}  # type: ignore[union-attr]

    async def test_settings_that_do_not_work_are_refused_and_the_old_ones_stay(self, make: Made) -> None:
        engine = await make({"model": "old"})
        with pytest.raises(SettingsRefused, match="model abc is damaged"):
            await engine.reconfigure({"refuse": True})
        await engine.submit(job(1))
        outcome = await engine.next_outcome()
        assert isinstance(outcome, Finished)
        assert outcome.body["settings"] == {"model": "old"}

    async def test_an_engine_whose_first_settings_fail_does_not_start(self, make: Made) -> None:
        with pytest.raises(SettingsRefused, match="model abc is damaged"):
            await make({"refuse": True})

    async def test_close_lets_a_job_finish_within_the_grace(self, make: Made, tmp_path: Path) -> None:
        engine = await make({})
        started, go = tmp_path / "started", tmp_path / "go"
        await engine.submit(job(1, do="wait_for", started=str(started), file=str(go)))
        await there(started)
        closing = asyncio.create_task(engine.close(30.0))
        await asyncio.sleep(0)
        go.touch()
        await closing
        assert isinstance(await engine.next_outcome(), Finished)
        with pytest.raises(EngineClosed):
            await engine.next_outcome()

    async def test_close_gives_back_every_job_it_does_not_finish(self, make: Made, tmp_path: Path) -> None:
        engine = await make({})
        for number in (1, 2, 3, 4):
            await engine.submit(job(number, do="hang", started=str(tmp_path / str(number))))
        await there(tmp_path / "1")
        await there(tmp_path / "2")
        await engine.close(0.0)
        ended = await outcomes(engine, 4)
        assert {outcome.error for outcome in ended.values()} == {"Cancelled"}  # type: ignore[union-attr]
        assert engine.free() == 0
        with pytest.raises(EngineClosed):
            await engine.submit(job(5))
        with pytest.raises(EngineClosed):
            await engine.next_outcome()


async def until(true: Callable[[], bool]) -> None:
    """Return when something has become so."""
    while not true():  # noqa: ASYNC110  engines announce outcomes, not states
        await asyncio.sleep(0.01)
