"""Three hundred jobs while something keeps killing workers: nothing lost, nothing twice, nothing left."""

import os
import random
import signal
from collections import Counter, deque

from contract.work.engine_contract import job
from integration.work.crews import Log, closed, new_crew
from temwatch.model.job import Crashed, Finished, Job
from temwatch.work.crew import Crew

JOBS = 300
KILLS = 45


def kill_one(crew: Crew, dice: random.Random) -> bool:
    pids = [worker.pid for worker in crew.workers() if worker.pid is not None]
    try:
        os.kill(dice.choice(pids), signal.SIGKILL)
    except (IndexError, ProcessLookupError):  # all are being replaced
        return False
    return True


async def test_every_job_finishes_once_and_every_attempt_ends_once() -> None:
    dice = random.Random(57)
    log = Log()
    crew = new_crew(log=log, count=3, breaker_deaths=10**9)
    await crew.start()
    todo = deque(job(number, blob_bytes=dice.randrange(200_000)) for number in range(JOBS))
    ends: Counter[tuple[int, int]] = Counter()
    submitted: set[tuple[int, int]] = set()
    finished: Counter[int] = Counter()
    under_way, kills = 0, 0
    while todo or under_way:
        while todo and under_way < 4:
            next_job = todo.popleft()
            submitted.add((next_job.job_id, next_job.attempt))
            await crew.submit(next_job)
            under_way += 1
        if kills < KILLS and dice.random() < 0.25:
            kills += kill_one(crew, dice)
        outcome = await crew.next_outcome()
        under_way -= 1
        ends[outcome.job_id, outcome.attempt] += 1
        if kills < KILLS and dice.random() < 0.1:
            kills += kill_one(crew, dice)
        match outcome:
            case Finished():
                finished[outcome.job_id] += 1
            case Crashed(job_id=number, attempt=attempt, cause=cause):
                assert "SIGKILL" in cause
                todo.append(Job(job_id=number, attempt=attempt + 1, body={}))
            case _:
                raise AssertionError(outcome)
    assert kills >= 40
    assert finished == Counter(range(JOBS))
    assert ends == Counter(submitted)
    crashes = sum(attempt > 1 for _, attempt in submitted)
    assert crashes >= 5, "the storm must have hit jobs, or this test shows nothing"
    lost = [fields for name, fields in log.events if name == "worker lost"]
    assert len([fields for fields in lost if fields["job_id"] is not None]) == crashes
    await closed(crew)
