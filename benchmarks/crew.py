"""What the crew itself costs: CPU of the daemon per job, for a task that does nothing with 100 kB answers.

Run as ``python benchmarks/crew.py``. The ratio printed last sets it against the inspection of a frame, which
the budget allows 400 ms.
"""

import asyncio
import os
import time
from pathlib import Path

from temwatch.clock import SystemClock
from temwatch.model.job import Job
from temwatch.work.crew import Crew, CrewSettings
from temwatch.work.hand import HandSettings

JOBS = 2000
ANSWER_BYTES = 100_000
INSPECTION_MS = 400.0
_HERE = str(Path(__file__).resolve().parent)


class Trivial:
    """The task: a hundred kilobytes, at once."""

    def __init__(self, _settings: dict[str, object]) -> None:
        self.blob = b"x" * ANSWER_BYTES

    def __call__(self, _body: dict[str, object]) -> tuple[dict[str, object], list[bytes]]:
        """Answer."""
        return {}, [self.blob]


async def measured() -> tuple[float, float]:
    """Return CPU and wall milliseconds per job."""
    path = os.pathsep.join([_HERE, *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    hands = HandSettings(task="crew:Trivial", environ={**os.environ, "PYTHONPATH": path})
    settings = CrewSettings(count=2, hands=hands, recycle_jobs=10 * JOBS)
    crew = Crew(settings, {}, clock=SystemClock(), log_line=lambda _name, line: print(line))
    await crew.start()
    await crew.submit(Job(job_id=-1, attempt=1, body={}))
    await crew.next_outcome()
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    for number in range(2):
        await crew.submit(Job(job_id=number, attempt=1, body={"path": "s1/0001.dm4"}))
    for number in range(2, JOBS + 2):
        await crew.next_outcome()
        await crew.submit(Job(job_id=number, attempt=1, body={"path": "s1/0001.dm4"}))
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    await crew.close(10.0)
    return 1000 * cpu_s / JOBS, 1000 * wall_s / JOBS


def main() -> None:
    cpu_ms, wall_ms = asyncio.run(measured())
    print(f"daemon CPU per job with a {ANSWER_BYTES // 1000} kB answer: {cpu_ms:.3f} ms")
    print(f"wall time per job, two workers: {wall_ms:.3f} ms")
    print(f"share of a {INSPECTION_MS:.0f} ms inspection: {100 * cpu_ms / INSPECTION_MS:.3f} %")


if __name__ == "__main__":
    main()
