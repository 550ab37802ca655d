"""When deaths are one job's fault, and when they are the crew's."""

from temwatch.work import breaker
from temwatch.work.breaker import Death


def deaths(*jobs: int | None) -> tuple[Death, ...]:
    return tuple(Death(at_s=float(n), job_id=job, cause=f"cause {n}") for n, job in enumerate(jobs))


def test_one_job_that_kills_again_and_again_does_not_open_the_breaker() -> None:
    assert breaker.why_open(deaths(7, 7, 7, 7, 7, 7), limit=3) == ""


def test_deaths_over_different_jobs_open_it_and_the_reason_names_the_last_cause() -> None:
    assert breaker.why_open(deaths(1, 2), limit=3) == ""
    assert "cause 2" in breaker.why_open(deaths(1, 2, 3), limit=3)


def test_starts_that_fail_open_it() -> None:
    assert breaker.why_open(deaths(None, None, None), limit=3)


def test_deaths_are_forgotten_after_a_minute() -> None:
    old, new = Death(at_s=0.0, job_id=1, cause=""), Death(at_s=30.0, job_id=2, cause="")
    assert breaker.recent((old, new), now_s=60.0) == (new,)
    assert breaker.recent((old, new), now_s=59.9) == (old, new)


def test_a_death_over_a_job_is_replaced_at_once() -> None:
    assert breaker.rest_s(failed_starts=0, is_open=False) == 0.0


def test_failed_starts_rest_longer_and_longer_up_to_a_minute() -> None:
    rests = [breaker.rest_s(failed_starts=n, is_open=False) for n in range(1, 2000)]
    assert rests[:3] == [0.5, 1.0, 2.0]
    assert rests == sorted(rests)
    assert rests[-1] == 60.0


def test_an_open_breaker_still_tries_but_slowly() -> None:
    assert breaker.rest_s(failed_starts=0, is_open=True) == 10.0
    assert breaker.rest_s(failed_starts=20, is_open=True) == 60.0
