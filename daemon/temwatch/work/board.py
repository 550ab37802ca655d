"""What the whole crew shares: jobs nobody has begun, how they ended, the settings in force, recent deaths."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from temwatch.clock import Clock
from temwatch.model.job import Job, Outcome
from temwatch.work import breaker
from temwatch.work.breaker import Death
from temwatch.work.engine import cancelled
from temwatch.work.hand import Hand

Noted = Callable[[str, dict[str, Any]], None]


class Board:
    """The crew's board.

    Parameters
    ----------
    task_settings : dict
        What each worker builds its task from.
    breaker_deaths : int
        See `breaker.why_open`.
    clock : Clock
    noted : callable
        Given an event and its fields, for the log.
    """

    def __init__(
        self, task_settings: dict[str, Any], *, breaker_deaths: int, clock: Clock, noted: Noted
    ) -> None:
        self.task_settings = task_settings
        self.version = 1
        self.waiting: deque[Job] = deque()
        self.outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self.closed = False
        self.noted = noted
        self._breaker_deaths = breaker_deaths
        self._clock = clock
        self._deaths: tuple[Death, ...] = ()
        self._undying: list[Hand] = []

    def now_s(self) -> float:
        """Return monotonic seconds."""
        return self._clock.monotonic_s()

    def change(self, task_settings: dict[str, Any]) -> None:
        """Put new settings in force."""
        self.task_settings = task_settings
        self.version += 1

    def died(self, name: str, *, job: Job | None, cause: str) -> None:
        """Write down that a worker died."""
        death = Death(at_s=self.now_s(), job_id=job.job_id if job else None, cause=cause)
        self._deaths = (*breaker.recent(self._deaths, now_s=death.at_s), death)
        self.noted("worker lost", {"worker": name, "cause": cause, "job_id": death.job_id})

    def why_open(self) -> str:
        """Return why the crew is degraded by deaths; empty while it is not."""
        deaths = breaker.recent(self._deaths, now_s=self.now_s())
        return breaker.why_open(deaths, limit=self._breaker_deaths)

    def abandon(self, hand: Hand, *, name: str) -> None:
        """Keep count of a process that even SIGKILL does not end."""
        self._undying.append(hand)
        self.noted("worker abandoned", {"worker": name, "pid": hand.pid, "cause": hand.lost})

    def undying(self) -> int:
        """Return how many such processes there still are."""
        self._undying = [hand for hand in self._undying if not hand.exited.is_set()]
        return len(self._undying)

    def cancel_waiting(self, reason: str, *, job_id: int | None = None) -> bool:
        """Take jobs that nobody has begun off the board: one, or all."""
        taken = [job for job in self.waiting if job_id in (None, job.job_id)]
        for job in taken:
            self.waiting.remove(job)
            self.outcomes.put_nowait(cancelled(job, reason))
        return bool(taken)
