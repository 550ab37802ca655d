"""The process in which files are decoded: builds its task once, then does one job at a time until told to end.

Started as ``python -P -m temwatch.work.worker --task package.module:Class``. A task is any class with
``__init__(settings: dict)`` and ``__call__(body: dict) -> tuple[dict, list[bytes]]``.
"""

import argparse
import contextlib
import faulthandler
import fcntl
import importlib
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from temwatch import errors, limits
from temwatch.errors import TemwatchError, TransientError
from temwatch.limits import WorkerLimits
from temwatch.wire import pipes

Task = Callable[[dict[str, Any]], tuple[dict[str, Any], list[bytes]]]
_PIPE_BYTES = 1 << 20


def main(arguments: list[str] | None = None) -> None:
    """Run the worker on its own standard streams until the daemon closes them."""
    parser = argparse.ArgumentParser(prog="temwatch.work.worker")
    parser.add_argument("--task", required=True)
    parser.add_argument("--memory-mb", type=int, required=True)
    parser.add_argument("--open-files", type=int, required=True)
    parser.add_argument("--nice", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    given = parser.parse_args(arguments)
    questions, answers = _take_the_pipes()
    faulthandler.enable()
    allowed = WorkerLimits(memory_mb=given.memory_mb, open_files=given.open_files, nice=given.nice)
    limits.apply(allowed, parent_pid=given.parent)
    serve(questions, answers, make_task=_class_named(given.task), allowed=allowed)


def serve(
    questions: BinaryIO,
    answers: BinaryIO,
    *,
    make_task: Callable[[dict[str, Any]], Task],
    allowed: WorkerLimits,
) -> None:
    """Answer until the other side closes: first settings, then jobs, new settings at any time between."""
    task: Task | None = None
    while (question := pipes.read_blocking(questions)) is not None:
        body, _ = question
        if "settings" in body:
            task, answer = _configured(make_task, body["settings"], allowed)
        elif task is not None:
            answer = _done(task, body, allowed)
        else:
            answer = pipes.pack({"answer": "refused", "reason": "a job before any settings"})
        answers.write(answer)
        answers.flush()


def _take_the_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the two pipes to descriptors nobody knows, so that what a decoder prints can't corrupt them.

    Standard output becomes standard error, which goes into the log; standard input becomes empty.
    """
    questions, answers = os.dup(0), os.dup(1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.dup2(2, 1)
    with contextlib.suppress(OSError):  # the user's share of pipe memory is used up: only slower
        fcntl.fcntl(answers, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)  # a whole answer in one go, mostly
    return os.fdopen(questions, "rb"), os.fdopen(answers, "wb")


def _class_named(name: str) -> Callable[[dict[str, Any]], Task]:
    """Return the class of ``package.module:Class``, imported when it is first called."""
    module, _, attribute = name.partition(":")

    def make(settings: dict[str, Any]) -> Task:
        task: Task = getattr(importlib.import_module(module), attribute)(settings)
        return task

    return make


def _configured(
    make_task: Callable[[dict[str, Any]], Task], settings: dict[str, Any], allowed: WorkerLimits
) -> tuple[Task | None, bytes]:
    try:
        task = make_task(settings)
        limits.one_thread_only()
    except Exception as error:  # noqa: BLE001  top of the worker's loop: the answer and the log carry it
        traceback.print_exc()
        return None, pipes.pack({"answer": "refused", **_told(error, allowed)})
    return task, pipes.pack({"answer": "ready"})


def _done(task: Task, question: dict[str, Any], allowed: WorkerLimits) -> bytes:
    names = {"job_id": question["job_id"], "attempt": question["attempt"]}
    try:
        body, blobs = task(question["body"])
        return pipes.pack({"answer": "finished", **names, "body": body, "worn": _worn(allowed)}, blobs)
    except Exception as error:  # noqa: BLE001  top of the worker's loop: the answer and the log carry it
        worn = "ran out of memory" if isinstance(error, MemoryError) else ""
        if not isinstance(error, TemwatchError | MemoryError):
            traceback.print_exc()
        told = _told(error, allowed)
        error.__traceback__ = None  # frees what the task held before the next job
        return pipes.pack({"answer": "failed", **names, **told, "worn": worn or _worn(allowed)})


def _told(error: Exception, allowed: WorkerLimits) -> dict[str, Any]:
    """Return an error as the fields of `Failed`.

    `error` is the nearest class that temwatch/errors.py names, because that is what verdicts are made of.
    """
    match error:
        case TemwatchError():
            nearest = next(c.__name__ for c in type(error).__mro__ if c.__module__ == errors.__name__)
            return {
                "error": nearest,
                "reason": error.message,
                "next_step": error.next_step,
                "retryable": isinstance(error, TransientError),
            }
        case MemoryError():
            return {
                "error": "MemoryError",
                "reason": f"needed more than {allowed.memory_mb} MB",
                "next_step": "raise [workers] memory_mb, or lower their count",
                "retryable": False,
            }
    return {
        "error": "Unexpected",
        "reason": f"{type(error).__name__}: {_shortened(str(error))} ({_origin(error)})",
        "next_step": "report it with the file and the log around this moment",
        "retryable": False,
    }


def _origin(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{Path(last[0].filename).name}:{last[0].lineno}" if last else "nowhere"


def _shortened(text: str, most: int = 500) -> str:
    return text if len(text) <= most else text[:most] + "…"


def _worn(allowed: WorkerLimits) -> str:
    """Return why this process should be replaced after this job; empty where it should not."""
    try:
        open_now = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return "it can open no more files"
    return f"{open_now} files left open" if open_now > allowed.open_files // 2 else ""


if __name__ == "__main__":
    main()
