"""When workers keep dying: how long to rest before the next start, and when to call the crew degraded. Pure."""

from dataclasses import dataclass

_FIRST_REST_S = 0.5
_SLOW_REST_S = 10.0
_LONGEST_REST_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """One worker died: when (monotonic), over which job (None: while starting or idle), of what."""

    at_s: float
    job_id: int | None
    cause: str


def recent(deaths: tuple[Death, ...], *, now_s: float, window_s: float = 60.0) -> tuple[Death, ...]:
    """Return the deaths of the last `window_s` seconds."""
    return tuple(death for death in deaths if now_s - death.at_s < window_s)


def why_open(deaths: tuple[Death, ...], *, limit: int) -> str:
    """Return why the crew is degraded; empty while it is not.

    One job that kills every worker is that job's fault, and its third death sets it aside. Deaths over
    `limit` different jobs (each death without a job counts as different) are the crew's own trouble.
    """
    jobs = {death.job_id for death in deaths if death.job_id is not None}
    without_job = sum(death.job_id is None for death in deaths)
    if len(jobs) + without_job < limit:
        return ""
    return f"{len(deaths)} workers died within a minute, last: {deaths[-1].cause}"


def rest_s(*, failed_starts: int, is_open: bool) -> float:
    """Return how long to wait before the next start of a worker.

    Parameters
    ----------
    failed_starts : int
        How many starts in a row have failed; each doubles the rest.
    is_open : bool
        Whether the breaker is open: then no start follows at once.
    """
    slow_s = _SLOW_REST_S if is_open else 0.0
    if failed_starts == 0:
        return slow_s
    return max(slow_s, min(_FIRST_REST_S * 2.0 ** min(failed_starts - 1, 20), _LONGEST_REST_S))
