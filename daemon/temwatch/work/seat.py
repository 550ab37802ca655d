"""A place in the crew: it has a name, and somebody in it for as long as somebody can be found."""

import asyncio
from collections.abc import Callable

from temwatch import limits
from temwatch.model.job import Crashed, Failed, Job, Outcome
from temwatch.work import breaker
from temwatch.work.board import Board
from temwatch.work.engine import SettingsRefused, WorkerState, cancelled
from temwatch.work.hand import Hand, HandLost

TAKEN_BACK = "taken back"
_MIB = 1 << 20
_UNDYING_PAUSE_S = 1.0


class Seat:
    """One worker's place.

    Parameters
    ----------
    name : str
    board : Board
    new_hand : callable
        Name -> a worker process, not started.
    recycle_jobs, recycle_rss_mb : int
        When a process has done enough.
    most_undying : int
        No process is started while so many hang in the kernel.
    """

    def __init__(
        self,
        name: str,
        board: Board,
        *,
        new_hand: Callable[[str], Hand],
        recycle_jobs: int,
        recycle_rss_mb: int,
        most_undying: int,
    ) -> None:
        self.name = name
        self.state = "starting"
        self.changed = asyncio.Event()
        self._board = board
        self._new_hand = new_hand
        self._recycle_jobs = recycle_jobs
        self._recycle_rss_mb = recycle_rss_mb
        self._most_undying = most_undying
        self._hand: Hand | None = None
        self._version = 0
        self._job: Job | None = None
        self._jobs_by_hand = 0
        self._jobs_done = 0
        self._failed_starts = 0
        self._since_s = board.now_s()

    def seen(self) -> WorkerState:
        """Return what it is doing."""
        pid = self._hand.pid if self._hand else None
        return WorkerState(
            name=self.name,
            pid=pid,
            state=self.state,
            job_id=self._job.job_id if self._job else None,
            since_s=self._since_s,
            jobs_done=self._jobs_done,
            rss_bytes=limits.rss_bytes(pid) if pid else 0,
        )

    def adopt(self, hand: Hand) -> None:
        """Take a worker that is ready with the settings in force."""
        self._hand = hand
        self._version = self._board.version
        self._jobs_by_hand = 0
        hand.at_loss = self.changed.set

    def take_back(self, job_id: int) -> bool:
        """Give the worker up that does this job; False where it is not this one."""
        if self._job is None or self._job.job_id != job_id or self._hand is None:
            return False
        self._hand.lose(TAKEN_BACK)
        return True

    async def keep(self) -> None:
        """Keep the place manned and working until the board is closed."""
        try:
            while not self._board.closed:
                if self._hand is None:
                    await self._man()
                if self._hand is not None:
                    worn = await self._serve(self._hand)
                    await self._dismiss(politely=True, why=worn)
        finally:
            await self.leave()

    async def leave(self) -> None:
        """Leave no process in this place (a keeper that was cancelled before its first step left one)."""
        await self._dismiss(politely=False)
        self._enter("closed")

    def _enter(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._since_s = self._board.now_s()

    async def _man(self) -> None:
        """Start a process, after the rest that past failures demand."""
        await self._rest()
        self._enter("starting")
        hand = self._new_hand(self.name)
        self.adopt(hand)
        try:
            await hand.start()
            await hand.configure(self._board.task_settings)
        except (HandLost, SettingsRefused) as error:
            self._failed_starts += 1
            self._board.died(self.name, job=None, cause=f"no start: {error.message}")
            await self._dismiss(politely=False)
        else:
            self._failed_starts = 0
            self._board.noted("worker ready", {"worker": self.name, "pid": hand.pid})

    async def _rest(self) -> None:
        rest_s = breaker.rest_s(failed_starts=self._failed_starts, is_open=bool(self._board.why_open()))
        if rest_s > 0:
            self._enter("resting")
            await asyncio.sleep(rest_s)
        while self._board.undying() >= self._most_undying:  # the kernel tells nobody when
            self._enter("resting")
            await asyncio.sleep(_UNDYING_PAUSE_S)

    async def _serve(self, hand: Hand) -> str:
        """Have jobs done until the worker is lost or worn; returns why it is worn, else empty."""
        while not self._board.closed:
            self.changed.clear()
            if hand.lost:
                self._board.died(self.name, job=None, cause=hand.lost)
                return ""
            if self._version != self._board.version:
                await self._change(hand)
            elif self._board.waiting:
                worn = await self._do(hand, self._board.waiting.popleft())
                if worn or self._hand is None:
                    return worn
            else:
                self._enter("idle")
                await self.changed.wait()
        return ""

    async def _change(self, hand: Hand) -> None:
        """Have the task built anew; a worker that can't is given up (others could: it was rehearsed)."""
        self._enter("starting")
        version = self._board.version
        try:
            await hand.configure(self._board.task_settings)
        except (HandLost, SettingsRefused) as error:
            hand.lose(f"no change of settings: {error.message}")
        self._version = version

    async def _do(self, hand: Hand, job: Job) -> str:
        """Have one job done and report its one outcome; returns why the worker is worn."""
        self._job = job
        self._enter("busy")
        outcome: Outcome = cancelled(job, "the daemon is stopping")  # true if what follows is cancelled
        worn = ""
        try:
            outcome, worn = await hand.do(job)
        except HandLost as lost:
            # Only when nothing of it is left may the job be begun again.
            gone = await self._dismiss(politely=False)
            outcome = _ended(job, cause=lost.message, gone=gone)
            if isinstance(outcome, Crashed):
                self._board.died(self.name, job=job, cause=lost.message)
        finally:
            self._job = None
            self._jobs_done += 1
            self._jobs_by_hand += 1
            self._board.outcomes.put_nowait(outcome)
        return worn or self._worn(hand)

    def _worn(self, hand: Hand) -> str:
        if self._jobs_by_hand >= self._recycle_jobs:
            return f"{self._jobs_by_hand} jobs done"
        rss_mb = limits.rss_bytes(hand.pid) // _MIB if hand.pid else 0
        return f"{rss_mb} MB resident" if rss_mb > self._recycle_rss_mb else ""

    async def _dismiss(self, *, politely: bool, why: str = "") -> bool:
        """End the process that is here, if any; False where it does not end, and is given up."""
        hand = self._hand
        if hand is None:
            return True
        if why:
            self._board.noted("worker replaced", {"worker": self.name, "why": why})
        gone = await hand.end(politely=politely and not hand.lost)
        if not gone:
            self._board.abandon(hand, name=self.name)
        self._hand = None
        return gone


def _ended(job: Job, *, cause: str, gone: bool) -> Outcome:
    if cause == TAKEN_BACK:
        return cancelled(job, "cancelled while under way")
    if not gone:
        return Failed(
            job_id=job.job_id,
            attempt=job.attempt,
            error="ShareTrouble",
            reason="the worker hangs in the kernel and can't be killed: the share doesn't answer",
            next_step="look after the share; the frame is tried again by itself",
            retryable=True,
        )
    return Crashed(job_id=job.job_id, attempt=job.attempt, cause=cause)
