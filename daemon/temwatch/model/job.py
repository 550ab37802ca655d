"""A job for a worker, and the ways it can end."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work. `attempt` fences: an outcome counts only for the attempt that is current.

    Attributes
    ----------
    job_id : int
    attempt : int
        1 for the first lease of this job.
    body : dict
        JSON-ready; what the worker's task is given.
    """

    job_id: int
    attempt: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The worker did it."""

    job_id: int
    attempt: int
    body: dict[str, Any]
    blobs: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The worker lives and says why it could not.

    `error` is the class name of the `TemwatchError` child (or of an unexpected exception), `retryable` whether
    it was a `TransientError`, `next_step` what a person can do.
    """

    job_id: int
    attempt: int
    error: str
    reason: str
    next_step: str
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashed:
    """The worker died or had to be killed over this job (`cause`: signal, exit code, deadline, memory, garbage)."""

    job_id: int
    attempt: int
    cause: str


Outcome = Finished | Failed | Crashed
