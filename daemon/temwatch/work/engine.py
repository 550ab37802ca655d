"""What an engine does: takes jobs, and gives every one of them back with exactly one outcome."""

from dataclasses import dataclass
from typing import Any, Protocol

from temwatch.errors import PermanentError, TransientError
from temwatch.model.job import Failed, Job, Outcome

CANCELLED = "Cancelled"  # `Failed.error` of a job that was taken back; says nothing about the job


class EngineClosed(TransientError):
    """The engine was closed, and every outcome it had has been handed out."""


class SettingsRefused(PermanentError):
    """No worker could start with these settings; the engine goes on with what it had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """What one worker is doing.

    Attributes
    ----------
    name : str
        Stays the same when the process behind it is replaced.
    pid : int or None
        None while there is no process.
    state : str
        ``"starting"``, ``"idle"``, ``"busy"``, ``"resting"`` (before the next start after a failure) or
        ``"closed"``.
    job_id : int or None
        The job under way.
    since_s : float
        Monotonic time at which it came into this state.
    jobs_done : int
        By all processes that have stood under this name.
    rss_bytes : int
        Resident memory, 0 without a process.
    """

    name: str
    pid: int | None
    state: str
    job_id: int | None
    since_s: float
    jobs_done: int
    rss_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineHealth:
    """How the engine is doing: ``"starting"``, ``"ready"``, ``"degraded"`` or ``"closed"``, and why."""

    state: str
    reason: str = ""


class Engine(Protocol):
    """Runs one task on many bodies, elsewhere.

    Every job submitted ends in exactly one outcome, however its worker, the engine or the file ends. Whether
    it is tried again is not the engine's to say.
    """

    async def start(self) -> None:
        """Return when at least one worker can take a job.

        Raises
        ------
        SettingsRefused
            When none can start.
        """
        ...

    def free(self) -> int:
        """Return how many more jobs would be begun at once."""
        ...

    async def submit(self, job: Job) -> None:
        """Take a job; beyond `free` it waits inside, in order.

        Raises
        ------
        EngineClosed
            After `close`.
        """
        ...

    async def next_outcome(self) -> Outcome:
        """Return the next job's end, waiting for it.

        Raises
        ------
        EngineClosed
            After `close`, once every outcome has been handed out.
        """
        ...

    def cancel(self, job_id: int) -> bool:
        """Take a job back; it ends as `Failed` with the error ``"Cancelled"``. False where there is none."""
        ...

    def workers(self) -> tuple[WorkerState, ...]:
        """Return what each worker is doing."""
        ...

    def health(self) -> EngineHealth:
        """Return how the engine is doing."""
        ...

    async def reconfigure(self, settings: dict[str, Any]) -> None:
        """Give every worker new settings, each between two jobs.

        Returns when the settings are known to work; jobs begun after that use them.

        Raises
        ------
        SettingsRefused
            When a worker could not start with them; the old ones stay.
        """
        ...

    async def close(self, grace_s: float) -> None:
        """Let jobs under way finish for `grace_s` seconds, cancel the rest, leave no process."""
        ...


def cancelled(job: Job, reason: str) -> Failed:
    """Return the outcome of a job that was taken back."""
    return Failed(
        job_id=job.job_id,
        attempt=job.attempt,
        error=CANCELLED,
        reason=reason,
        next_step="",
        retryable=True,
    )
