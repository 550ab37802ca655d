"""Again, set aside or gone: what becomes of a job that did not finish. Pure rules, no clock, no dice."""

import zlib
from dataclasses import dataclass

from temwatch.model.job import Crashed, Failed
from temwatch.work.engine import CANCELLED

_EXPECTED_TO_PASS = frozenset({"FrameChanged", "FrameIncomplete"})
_NOT_TEMWATCHS = "Unexpected"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """How patient temwatch is.

    Attributes
    ----------
    max_crashes : int
        Deaths of workers over one job that set it aside.
    max_unexpected : int
        Tries of a job that fails with an error nobody foresaw.
    max_unsettled : int
        Tries of a file that keeps changing or stays incomplete, and of any other passing trouble.
    first_wait_s, unsettled_wait_s, share_wait_s : float
        Wait before the second try after a crash or unforeseen error, on an unsettled file, on a failing
        share; each doubles from try to try.
    max_wait_s : float
        The longest wait between two tries.
    """

    max_crashes: int = 3
    max_unexpected: int = 3
    max_unsettled: int = 10
    first_wait_s: float = 1.0
    unsettled_wait_s: float = 2.0
    share_wait_s: float = 5.0
    max_wait_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """The job goes back into the queue, not before `after_s` seconds."""

    after_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """Trying again changes nothing; a person may re-inject it."""

    reason: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """There is nothing left to inspect."""

    reason: str


Verdict = TryAgain | SetAside | Gone


def after(
    outcome: Failed | Crashed, *, failures: int, crashes: int, share_troubles: int, settings: RetrySettings
) -> Verdict:
    """Say what becomes of a job.

    Parameters
    ----------
    outcome : Failed or Crashed
        How this try ended.
    failures, crashes, share_troubles : int
        How often the job has ended so in all its tries, this one counted.
    settings : RetrySettings

    Returns
    -------
    TryAgain, SetAside or Gone
    """
    if isinstance(outcome, Crashed):
        return _after_crash(outcome, crashes, settings)
    if outcome.error == CANCELLED:
        return TryAgain(after_s=0.0, reason=outcome.reason)
    if outcome.error == "FrameGone":
        return Gone(reason=outcome.reason)
    if outcome.error == "ShareTrouble":
        # The share's failure says nothing about the frame, so it never counts against it.
        wait_s = _wait_s(settings.share_wait_s, share_troubles, outcome, settings)
        return TryAgain(after_s=wait_s, reason=outcome.reason)
    if outcome.retryable:
        return _after_passing_trouble(outcome, failures, settings)
    if outcome.error in (_NOT_TEMWATCHS, "MemoryError"):
        return _after_unexpected(outcome, failures, settings)
    return SetAside(reason=outcome.reason, next_step=outcome.next_step)


def _after_crash(outcome: Crashed, crashes: int, settings: RetrySettings) -> Verdict:
    if crashes >= settings.max_crashes:
        return SetAside(
            reason=f"the worker died {crashes} times over this frame, last: {outcome.cause}",
            next_step="open the file with the microscope's software; if it is sound, report it with the log",
        )
    wait_s = _wait_s(settings.first_wait_s, crashes, outcome, settings)
    return TryAgain(after_s=wait_s, reason=f"the worker died: {outcome.cause}")


def _after_passing_trouble(outcome: Failed, failures: int, settings: RetrySettings) -> Verdict:
    if failures >= settings.max_unsettled:
        return SetAside(
            reason=f"{outcome.reason} (after {failures} tries)",
            next_step=outcome.next_step or "re-inject it when the cause is gone",
        )
    first_s = settings.unsettled_wait_s if outcome.error in _EXPECTED_TO_PASS else settings.share_wait_s
    return TryAgain(after_s=_wait_s(first_s, failures, outcome, settings), reason=outcome.reason)


def _after_unexpected(outcome: Failed, failures: int, settings: RetrySettings) -> Verdict:
    if failures >= settings.max_unexpected:
        return SetAside(reason=f"{outcome.reason} (after {failures} tries)", next_step=outcome.next_step)
    wait_s = _wait_s(settings.first_wait_s, failures, outcome, settings)
    return TryAgain(after_s=wait_s, reason=outcome.reason)


def _wait_s(first_s: float, tries: int, outcome: Failed | Crashed, settings: RetrySettings) -> float:
    """Return the wait after the `tries`-th failure: doubling, at most `max_wait_s`, less up to a quarter.

    The quarter keeps jobs that failed together from coming back together; it comes from the job's number and
    attempt, so the same history gives the same wait.
    """
    doublings = min(max(tries, 1) - 1, 40)  # beyond that any wait is at its limit, and floats stay finite
    wait_s = min(first_s * 2.0**doublings, settings.max_wait_s)
    spread = zlib.crc32(f"{outcome.job_id}/{outcome.attempt}".encode()) / 0xFFFFFFFF
    return wait_s * (1.0 - 0.25 * spread)
