"""What a worker's message means for its job."""

from typing import Any

from temwatch.model.job import Failed, Finished, Job


def unsendable(job: Job, error: Exception) -> Failed:
    """Return the end of a job that can't be given to any worker."""
    return Failed(
        job_id=job.job_id,
        attempt=job.attempt,
        error="Unexpected",
        reason=f"the job can't be written as JSON ({error})",
        next_step="report it with the log",
        retryable=False,
    )


def outcome(job: Job, body: dict[str, Any], blobs: list[bytes]) -> Finished | Failed:
    """Return the end of `job` that a worker's message spells.

    Raises
    ------
    KeyError, TypeError, ValueError
        When it spells none: decoders run in workers, so what they send is not believed.
    """
    if body["answer"] == "finished":
        if not isinstance(body["body"], dict):
            raise TypeError("a body that is no object")
        return Finished(job_id=job.job_id, attempt=job.attempt, body=body["body"], blobs=tuple(blobs))
    if body["answer"] != "failed":
        raise ValueError(str(body["answer"]))
    return Failed(
        job_id=job.job_id,
        attempt=job.attempt,
        error=str(body["error"]),
        reason=str(body["reason"]),
        next_step=str(body["next_step"]),
        retryable=bool(body["retryable"]),
    )
