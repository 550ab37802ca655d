"""Crews for tests, and what is left of them in the process table."""

import os
from pathlib import Path
from typing import Any

from temwatch.clock import SystemClock
from temwatch.limits import WorkerLimits
from temwatch.work.crew import Crew, CrewSettings
from temwatch.work.hand import HandSettings

_PROJECT = Path(__file__).resolve().parents[3]
TASK = "integration.work.tasks:Misbehave"


class Log:
    """What a crew said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    def line(self, worker: str, line: str) -> None:
        self.lines.append((worker, line))

    def event(self, name: str, fields: dict[str, Any]) -> None:
        self.events.append((name, fields))


def environ() -> dict[str, str]:
    """Return the environment from which workers find the package and the tests' tasks."""
    return {**os.environ, "PYTHONPATH": f"{_PROJECT / 'daemon'}{os.pathsep}{_PROJECT / 'tests'}"}


def new_crew(
    task_settings: dict[str, Any] | None = None,
    *,
    log: Log | None = None,
    count: int = 2,
    timeout_s: float = 10.0,
    start_s: float = 60.0,
    stop_s: float = 0.5,
    limits: WorkerLimits | None = None,
    max_answer_bytes: int = 64 << 20,
    task: str = TASK,
    **crew_settings: int,
) -> Crew:
    """Return a crew of the tests' tasks, not started."""
    log = log or Log()
    hands = HandSettings(
        task=task,
        environ=environ(),
        limits=limits or WorkerLimits(),
        timeout_s=timeout_s,
        start_s=start_s,
        stop_s=stop_s,
        max_answer_bytes=max_answer_bytes,
    )
    settings = CrewSettings(count=count, hands=hands, **crew_settings)
    return Crew(settings, task_settings or {}, clock=SystemClock(), log_line=log.line, noted=log.event)


async def closed(crew: Crew) -> None:
    """Close a crew and make sure that nothing of it is left."""
    await crew.close(0.0)
    assert left_over() == []


def left_over() -> list[int]:
    """Return the processes that descend from this one's workers: in a session a worker began, or a worker."""
    folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [int(folder.name) for folder in folders if _is_workers(folder)]


def _is_workers(folder: Path) -> bool:
    """Say whether a process is a worker this test process began, or a fork of one (same command line)."""
    try:
        command = (folder / "cmdline").read_bytes().split(b"\0")
        state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return False
    return f"--parent={os.getpid()}".encode() in command and state not in "ZX"
