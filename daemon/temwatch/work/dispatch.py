"""Queue to workers, outcomes to the store. Newest frames first; nothing is forgotten before it is committed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog

from temwatch.clock import Clock
from temwatch.errors import TransientError
from temwatch.model.events import WorkerHealth
from temwatch.model.job import Crashed, Failed, Finished, Job, Outcome
from temwatch.store import previews
from temwatch.store.frames import FrameRow
from temwatch.store.jobs import JobRow
from temwatch.store.store import Store
from temwatch.wire.messages import MessageRefused
from temwatch.work.believed import checked, counted_sections
from temwatch.work.drawn import Drawn
from temwatch.work.engine import CANCELLED, Engine, EngineClosed
from temwatch.work.verdict import Gone, RetrySettings, SetAside, TryAgain, after

_log = structlog.get_logger("dispatch")
_TROUBLE_S = 2.0  # between tries while the state disk is full or failing
_LONGEST_IDLE_S = 0.5  # a worker that gets ready tells nobody
_LEASE_GRACE_S = 60.0  # the engine has its own deadline; a lease only ends for an engine that lost a job


@dataclass(slots=True)
class _Leased:
    job: JobRow
    frame: FrameRow


class Dispatch:
    """Feeds an engine from the queue and writes down how each job ended.

    Parameters
    ----------
    store : Store
    engine : Engine
        Started.
    clock : Clock
    job_body : callable
        Frame -> what the worker's task is given.
    committed : callable
        Called after every commit that wrote a message.
    timeout_s : float
        The engine's deadline for one job; leases last a little longer.
    trouble : callable
        Told the reason while the store can't be written, and "" when it can again.
    drawn : Drawn, optional
        Objects that people drew; somebody waits for them, so they go before frames.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        *,
        clock: Clock,
        job_body: Callable[[FrameRow], dict[str, Any]],
        committed: Callable[[], None],
        timeout_s: float,
        trouble: Callable[[str], None],
        retries: RetrySettings | None = None,
        drawn: Drawn | None = None,
    ) -> None:
        self._drawn = drawn
        self._store = store
        self._engine = engine
        self._clock = clock
        self._job_body = job_body
        self._committed = committed
        self._timeout_s = timeout_s
        self._trouble = trouble
        self._retries = retries or RetrySettings()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._leased: dict[tuple[int, int], _Leased] = {}
        self._idle_s = _LONGEST_IDLE_S
        self.draining = False

    def poke(self) -> None:
        """Say that there may be something to do."""
        self._wake.set()

    @property
    def under_way(self) -> int:
        """How many jobs workers hold."""
        return len(self._leased)

    def workers(self) -> tuple[WorkerHealth, ...]:
        """Return what each worker is doing, in words."""
        paths = {job_id: leased.frame.path for (job_id, _), leased in self._leased.items()}
        now_s = self._clock.monotonic_s()
        return tuple(
            WorkerHealth(
                name=worker.name,
                state=worker.state,
                doing=paths.get(worker.job_id, "") if worker.job_id is not None else "",
                for_s=round(now_s - worker.since_s, 1),
                jobs_done=worker.jobs_done,
            )
            for worker in self._engine.workers()
        )

    async def run(self) -> None:
        """Feed and collect until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed())
            tasks.create_task(self._collect())

    async def drained(self) -> None:
        """Take no new jobs, and return when those under way have ended."""
        self.draining = True
        if self._leased:
            self._idle.clear()
            await self._idle.wait()

    async def _feed(self) -> None:
        while True:
            self._wake.clear()
            async with self._riding_out_trouble():
                self._store.wake(now_s=self._clock.monotonic_s())
                while not self.draining and self._engine.free() > 0:
                    if self._drawn is not None and (job := self._drawn.next_job()) is not None:
                        await self._engine.submit(job)
                    elif not self._store.has_ready() or not await self._submit_next():
                        break
                self._idle_s = self._until_due()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._idle_s):
                    await self._wake.wait()

    def _until_due(self) -> float:
        """Return how long there is nothing to do, unless somebody pokes."""
        due_s = self._store.next_due_s()
        if due_s is None:
            return _LONGEST_IDLE_S
        return min(max(due_s - self._clock.monotonic_s(), 0.001), _LONGEST_IDLE_S)

    async def _submit_next(self) -> bool:
        now_s = self._clock.monotonic_s()
        claimed = self._store.lease(until_s=now_s + self._timeout_s + _LEASE_GRACE_S)
        if claimed is None:
            return False
        job, frame = claimed
        self._leased[job.job_id, job.attempt] = _Leased(job, frame)
        await self._engine.submit(Job(job_id=job.job_id, attempt=job.attempt, body=self._job_body(frame)))
        return True

    async def _collect(self) -> None:
        while True:
            try:
                outcome = await self._engine.next_outcome()
            except EngineClosed:
                return
            if self._drawn is not None and self._drawn.owns(outcome):
                await self._until_written(partial(self._drawn.settle, outcome))
                self._committed()
                self._wake.set()
                continue
            leased = self._leased.pop((outcome.job_id, outcome.attempt), None)
            if leased is None:
                _log.warning("outcome of an unknown job", job_id=outcome.job_id, attempt=outcome.attempt)
                continue
            await self._until_written(partial(self._settle, outcome, leased))
            if not self._leased:
                self._idle.set()
            self._committed()
            self._wake.set()

    async def _until_written(self, write: Callable[[], None]) -> None:
        while True:
            done = False
            async with self._riding_out_trouble():
                write()
                done = True
            if done:
                return

    @contextlib.asynccontextmanager
    async def _riding_out_trouble(self) -> AsyncIterator[None]:
        """Wait a little when the state disk is full or fails; whoever is inside tries again."""
        try:
            yield
            self._trouble("")
        except TransientError as error:
            self._trouble(str(error))
            _log.error("store in trouble", error=str(error))
            await asyncio.sleep(_TROUBLE_S)

    def _settle(self, outcome: Outcome, leased: _Leased) -> None:
        match outcome:
            case Finished():
                self._finish(outcome, leased)
            case Failed() | Crashed():
                self._fail(outcome, leased)

    def _finish(self, outcome: Finished, leased: _Leased) -> None:
        now = self._clock.now()
        try:
            if "sections" in outcome.body:
                sections = counted_sections(outcome)
                self._store.unfold(outcome.job_id, outcome.attempt, sections=sections, at=now)
                return
            inspected, report = checked(outcome, leased.frame)
        except MessageRefused as error:
            failed = Failed(
                job_id=outcome.job_id,
                attempt=outcome.attempt,
                error="MessageRefused",
                reason=f"the worker's report is not one ({error})",
                next_step="please report this with the file",
                retryable=False,
            )
            self._fail(failed, leased)
            return
        self._keep_preview(leased.frame.frame_id, inspected.preview)
        frame = self._store.finish(outcome.job_id, outcome.attempt, inspected, at=now)
        if frame is None:
            _log.info("late report dropped", frame_id=leased.frame.frame_id)
            return
        _log.info(
            "frame inspected",
            frame_id=frame.frame_id,
            root=frame.root,
            path=frame.path,
            z=frame.z,
            decision=report.verdict.decision.value,
            findings=len(report.findings),
            took_ms=round(sum(report.timings_ms.values())),
        )

    def _keep_preview(self, frame_id: str, jpeg: bytes) -> None:
        try:
            previews.write(self._store.database.folder, frame_id, jpeg)
        except OSError as error:
            # A picture for people; the report does without.
            _log.warning("preview not kept", frame_id=frame_id, error=str(error))

    def _fail(self, outcome: Failed | Crashed, leased: _Leased) -> None:
        job, frame = counted(outcome, leased.job), leased.frame
        step = after(
            outcome,
            failures=job.failures,
            crashes=job.crashes,
            share_troubles=job.share_troubles,
            settings=self._retries,
        )
        now = self._clock.now()
        match step:
            case TryAgain(after_s=after_s, reason=reason):
                self._store.try_again(job, until_s=self._clock.monotonic_s() + after_s, error=reason)
                _log.warning(
                    "frame tried again", path=frame.path, root=frame.root, in_s=after_s, reason=reason
                )
            case SetAside(reason=reason, next_step=next_step):
                self._store.set_aside(job, reason=reason, next_step=next_step, at=now)
                _log.warning("frame set aside", path=frame.path, root=frame.root, reason=reason)
            case Gone():
                self._store.gone(job, at=now)
                _log.info("frame gone", path=frame.path, root=frame.root)


def counted(outcome: Failed | Crashed, job: JobRow) -> JobRow:
    """Return the job with this outcome counted: a crash, a share's trouble, or a failure."""
    if isinstance(outcome, Crashed):
        return replace(job, crashes=job.crashes + 1)
    if outcome.error == CANCELLED:
        return job
    if outcome.error == "ShareTrouble":
        return replace(job, share_troubles=job.share_troubles + 1)
    return replace(job, failures=job.failures + 1)
