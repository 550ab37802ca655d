"""Again, set aside or gone: every kind of end, at every count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch import errors
from temwatch.errors import PermanentError, TransientError
from temwatch.model.job import Crashed, Failed
from temwatch.work.verdict import Gone, RetrySettings, SetAside, TryAgain, Verdict, after

SETTINGS = RetrySettings()
PERMANENT = sorted(
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, PermanentError) and name != "FrameGone"
)
PASSING = sorted(
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, TransientError) and name != "ShareTrouble"
)


def failed(error: str, *, retryable: bool, job_id: int = 1, attempt: int = 1) -> Failed:
    return Failed(
        job_id=job_id, attempt=attempt, error=error, reason="why", next_step="do this", retryable=retryable
    )


def crashed(job_id: int = 1, attempt: int = 1) -> Crashed:
    return Crashed(job_id=job_id, attempt=attempt, cause="killed by SIGSEGV")


def ruled(outcome: Failed | Crashed, *, failures: int = 0, crashes: int = 0, share: int = 0) -> Verdict:
    return after(outcome, failures=failures, crashes=crashes, share_troubles=share, settings=SETTINGS)


@pytest.mark.parametrize("crashes", [1, 2])
def test_a_death_is_tried_again(crashes: int) -> None:
    again = ruled(crashed(), crashes=crashes)
    assert isinstance(again, TryAgain)
    assert "SIGSEGV" in again.reason


@pytest.mark.parametrize("crashes", [3, 4])
def test_three_deaths_set_a_job_aside(crashes: int) -> None:
    aside = ruled(crashed(), crashes=crashes)
    assert isinstance(aside, SetAside)
    assert f"died {crashes} times" in aside.reason
    assert "SIGSEGV" in aside.reason
    assert aside.next_step


def test_failures_and_share_troubles_do_not_count_as_deaths() -> None:
    assert isinstance(ruled(crashed(), crashes=1, failures=9, share=99), TryAgain)


@pytest.mark.parametrize("error", PERMANENT)
def test_what_trying_again_can_not_change_is_set_aside_at_once(error: str) -> None:
    assert ruled(failed(error, retryable=False), failures=1) == SetAside(reason="why", next_step="do this")


def test_a_frame_that_is_gone_is_gone() -> None:
    assert ruled(failed("FrameGone", retryable=False), failures=1) == Gone(reason="why")


@pytest.mark.parametrize("error", PASSING)
@pytest.mark.parametrize("failures", range(1, 10))
def test_passing_trouble_is_tried_again(error: str, failures: int) -> None:
    assert isinstance(ruled(failed(error, retryable=True), failures=failures), TryAgain)


@pytest.mark.parametrize("error", PASSING)
def test_passing_trouble_that_does_not_pass_is_set_aside(error: str) -> None:
    aside = ruled(failed(error, retryable=True), failures=10)
    assert aside == SetAside(reason="why (after 10 tries)", next_step="do this")


@pytest.mark.parametrize("error", ["FrameChanged", "FrameIncomplete"])
def test_a_file_still_being_written_is_looked_at_soon(error: str) -> None:
    again = ruled(failed(error, retryable=True), failures=1)
    assert isinstance(again, TryAgain)
    assert again.after_s <= 2.0


@pytest.mark.parametrize("share", [1, 5, 100, 100_000])
def test_a_failing_share_never_sets_a_frame_aside(share: int) -> None:
    again = ruled(failed("ShareTrouble", retryable=True), share=share, failures=50, crashes=50)
    assert isinstance(again, TryAgain)
    assert again.after_s <= 600.0


def test_a_failing_share_is_left_alone_longer_and_longer_up_to_ten_minutes() -> None:
    waits = [ruled(failed("ShareTrouble", retryable=True), share=n) for n in range(1, 12)]
    seconds = [wait.after_s for wait in waits if isinstance(wait, TryAgain)]
    assert seconds == sorted(seconds)
    assert seconds[0] <= 5.0
    assert seconds[-1] >= 450.0


@pytest.mark.parametrize("error", ["Unexpected", "MemoryError"])
@pytest.mark.parametrize(("failures", "kind"), [(1, TryAgain), (2, TryAgain), (3, SetAside), (4, SetAside)])
def test_what_nobody_foresaw_gets_three_tries(error: str, failures: int, kind: type) -> None:
    assert isinstance(ruled(failed(error, retryable=False), failures=failures), kind)


@pytest.mark.parametrize("failures", [1, 100])
def test_a_job_taken_back_is_due_at_once(failures: int) -> None:
    assert ruled(failed("Cancelled", retryable=True), failures=failures) == TryAgain(
        after_s=0.0, reason="why"
    )


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    waits = {ruled(failed("ShareTrouble", retryable=True, job_id=n), share=3) for n in range(50)}
    assert len({wait.after_s for wait in waits if isinstance(wait, TryAgain)}) > 40


@given(
    error=st.sampled_from([*PERMANENT, *PASSING, "FrameGone", "ShareTrouble", "Unexpected", "MemoryError"]),
    job_id=st.integers(0, 2**62),
    attempt=st.integers(1, 2**40),
    failures=st.integers(0, 2**40),
    crashes=st.integers(0, 2**40),
    share=st.integers(0, 2**40),
    died=st.booleans(),
)
def test_every_history_has_a_verdict_the_same_each_time_and_no_wait_over_ten_minutes(
    error: str, job_id: int, attempt: int, failures: int, crashes: int, share: int, died: bool
) -> None:
    outcome: Failed | Crashed = (
        crashed(job_id, attempt)
        if died
        else failed(error, retryable=error in [*PASSING, "ShareTrouble"], job_id=job_id, attempt=attempt)
    )
    verdict = ruled(outcome, failures=failures, crashes=crashes, share=share)
    assert verdict == ruled(outcome, failures=failures, crashes=crashes, share=share)
    if isinstance(verdict, TryAgain):
        assert 0.0 <= verdict.after_s <= 600.0
