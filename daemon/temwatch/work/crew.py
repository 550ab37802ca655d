"""A crew of local worker processes. A worker that dies takes nobody with it and is replaced."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temwatch.clock import Clock
from temwatch.model.job import Job, Outcome
from temwatch.work.board import Board, Noted
from temwatch.work.engine import EngineClosed, EngineHealth, SettingsRefused, WorkerState
from temwatch.work.hand import Hand, HandLost, HandSettings, LogLine
from temwatch.work.seat import Seat


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewSettings:
    """How many workers, and when one has done enough.

    Attributes
    ----------
    count : int
    hands : HandSettings
    recycle_jobs : int
        A process is replaced after so many jobs: leaks of decoders stay small.
    recycle_rss_mb : int
        A process is replaced when it holds more resident memory than this between two jobs.
    breaker_deaths : int
        Deaths of workers over so many different jobs within a minute: degraded.
    """

    count: int
    hands: HandSettings
    recycle_jobs: int = 500
    recycle_rss_mb: int = 2048
    breaker_deaths: int = 10


class Crew:
    """Local worker processes, as an `Engine`.

    Parameters
    ----------
    settings : CrewSettings
    task_settings : dict
        What each worker builds its task from, JSON-ready.
    clock : Clock
        For states and deaths; deadlines run on the event loop's clock, which is monotonic too.
    log_line : callable
        Given a worker's name and a line it wrote to standard error.
    noted : callable
        Given an event and its fields, for the log: ``worker ready``, ``worker lost``, ``worker replaced``,
        ``worker abandoned``, ``keeper failed``.
    """

    def __init__(
        self,
        settings: CrewSettings,
        task_settings: dict[str, Any],
        *,
        clock: Clock,
        log_line: LogLine,
        noted: Noted = lambda _event, _fields: None,
    ) -> None:
        self._new_hand: Callable[[str], Hand] = lambda name: Hand(
            name, settings.hands, clock=clock, log_line=log_line
        )
        self._board = Board(task_settings, breaker_deaths=settings.breaker_deaths, clock=clock, noted=noted)
        self._seats = [
            Seat(
                f"worker-{number}",
                self._board,
                new_hand=self._new_hand,
                recycle_jobs=settings.recycle_jobs,
                recycle_rss_mb=settings.recycle_rss_mb,
                most_undying=2 * settings.count,
            )
            for number in range(1, settings.count + 1)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._changing = asyncio.Lock()
        self._rehearsing: Hand | None = None

    def prepare(self, settings: dict[str, Any]) -> None:
        """Take other settings before the first worker starts."""
        self._board.change(settings)

    async def start(self) -> None:
        """Start the first worker, then the others beside it; see `Engine.start`."""
        first = self._seats[0]
        first.adopt(await self._rehearsed(self._board.task_settings, name=first.name))
        self._tasks = [asyncio.create_task(seat.keep(), name=seat.name) for seat in self._seats]
        for task in self._tasks:
            task.add_done_callback(self._note_failure)

    def free(self) -> int:
        """Return how many idle workers no job is waiting for."""
        if self._board.closed:
            return 0
        idle = sum(seat.state == "idle" for seat in self._seats)
        return max(0, idle - len(self._board.waiting))

    async def submit(self, job: Job) -> None:
        """Give the job to whoever is idle, or next is; see `Engine.submit`."""
        if self._board.closed:
            raise EngineClosed(f"job {job.job_id} came after the crew was closed")
        self._board.waiting.append(job)
        self._wake(only_idle=True)

    async def next_outcome(self) -> Outcome:
        """Return the next job's end; see `Engine.next_outcome`."""
        outcome = await self._board.outcomes.get()
        if outcome is None:
            self._board.outcomes.put_nowait(None)  # for the next who asks
            raise EngineClosed("the crew is closed")
        return outcome

    def cancel(self, job_id: int) -> bool:
        """Take a waiting job off the board, or kill the worker that does it; see `Engine.cancel`."""
        return self._board.cancel_waiting("cancelled while waiting", job_id=job_id) or any(
            seat.take_back(job_id) for seat in self._seats
        )

    def workers(self) -> tuple[WorkerState, ...]:
        """Return what each worker is doing."""
        return tuple(seat.seen() for seat in self._seats)

    def health(self) -> EngineHealth:
        """Return how the crew is doing."""
        if self._board.closed:
            return EngineHealth(state="closed")
        if undying := self._board.undying():
            reason = f"{undying} worker processes hang on a share that doesn't answer"
            return EngineHealth(state="degraded", reason=reason)
        if reason := self._board.why_open():
            return EngineHealth(state="degraded", reason=reason)
        if broken := [task for task in self._tasks if task.done()]:
            return EngineHealth(state="degraded", reason=f"the keeper of {broken[0].get_name()} failed")
        manned = any(seat.state in ("idle", "busy") for seat in self._seats)
        return EngineHealth(state="ready" if manned else "starting")

    async def reconfigure(self, settings: dict[str, Any]) -> None:
        """Try the settings on a worker apart, then have all change; see `Engine.reconfigure`."""
        async with self._changing:  # in the order they were asked for, however long each rehearsal takes
            rehearsed = await self._rehearsed(settings, name="rehearsal")
            await rehearsed.end(politely=True)
            self._board.change(settings)
            self._wake()

    async def close(self, grace_s: float) -> None:
        """End the crew; see `Engine.close`."""
        self._board.closed = True
        self._board.cancel_waiting("the daemon is stopping")
        self._wake()
        if self._rehearsing is not None:
            self._rehearsing.lose("the crew is closing")
        at_work = [t for t, s in zip(self._tasks, self._seats, strict=False) if s.state in ("idle", "busy")]
        if at_work:
            await asyncio.wait(at_work, timeout=grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(seat.leave() for seat in self._seats))
        async with self._changing:  # the rehearsal's process is gone too
            pass
        self._board.outcomes.put_nowait(None)

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._board.noted("keeper failed", {"worker": task.get_name(), "error": repr(error)})

    def _wake(self, *, only_idle: bool = False) -> None:
        for seat in self._seats:
            if seat.state == "idle" or not only_idle:
                seat.changed.set()

    async def _rehearsed(self, task_settings: dict[str, Any], *, name: str) -> Hand:
        """Return a new worker that is ready with these settings."""
        if self._board.closed:
            raise EngineClosed("new settings came after the crew was closed")
        self._rehearsing = hand = self._new_hand(name)
        ready = False
        try:
            await hand.start()
            await hand.configure(task_settings)
            ready = True
        except HandLost as error:
            raise SettingsRefused(f"a worker could not start: {error.message}") from error
        finally:
            self._rehearsing = None
            if not ready:
                await hand.end(politely=False)
        return hand
