"""One worker process as the daemon sees it: asked one thing at a time, killed when it doesn't answer."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import SubprocessStreamProtocol
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from temwatch import limits
from temwatch.clock import Clock
from temwatch.errors import TransientError
from temwatch.limits import WorkerLimits
from temwatch.model.job import Failed, Finished, Job
from temwatch.wire import pipes
from temwatch.wire.pipes import Message, PipeGarbage
from temwatch.work import answers
from temwatch.work.chatter import Chatter
from temwatch.work.engine import SettingsRefused

LogLine = Callable[[str, str], None]
_BUFFER_BYTES = 1 << 20
_FLOOD_PAUSE_S = 0.05


class HandLost(TransientError):
    """The worker process died, was killed, or said something that is not an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandSettings:
    """How worker processes are run.

    Attributes
    ----------
    task : str
        ``package.module:Class``, see `temwatch.work.worker`.
    environ : mapping of str to str
        What `limits.environment` picks a worker's environment from.
    timeout_s : float
        For one job.
    start_s : float
        For the imports and the model.
    stop_s : float
        Between asking, SIGTERM and SIGKILL, and after it.
    max_answer_bytes : int
        For each part of an answer.
    """

    task: str
    environ: Mapping[str, str]
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    timeout_s: float = 120.0
    start_s: float = 60.0
    stop_s: float = 2.0
    max_answer_bytes: int = 64 << 20


class _Streams(SubprocessStreamProtocol):
    """The three pipes, and the moment of the process's end (which may come long before that of its pipes)."""

    def __init__(self, at_exit: Callable[[], None]) -> None:
        super().__init__(limit=_BUFFER_BYTES, loop=asyncio.get_running_loop())
        self._at_exit = at_exit

    def process_exited(self) -> None:
        super().process_exited()
        self._at_exit()


class Hand:
    """A worker process.

    Parameters
    ----------
    name : str
        For the log.
    settings : HandSettings
    clock : Clock
    log_line : callable
        Given the name and a line the process wrote to its standard error.
    """

    def __init__(self, name: str, settings: HandSettings, *, clock: Clock, log_line: LogLine) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._log_line = log_line
        self._transport: asyncio.SubprocessTransport | None = None
        self._streams: _Streams | None = None
        self._answer: asyncio.Future[Message] | None = None
        self._spawning: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.exited = asyncio.Event()
        self.lost = ""
        self.at_loss: Callable[[], None] = lambda: None

    @property
    def pid(self) -> int | None:
        """The process's number; None before the start and after the end."""
        if self._transport is None or self.exited.is_set():
            return None
        return self._transport.get_pid()

    async def start(self) -> None:
        """Start the process, in a session and process group of its own.

        Raises
        ------
        HandLost
            When the system has no process to give.
        """
        # Shielded, because a process that was begun must be known to `end` even if nobody waits for it any more.
        self._spawning = asyncio.create_task(self._spawn())
        await asyncio.shield(self._spawning)

    async def configure(self, task_settings: dict[str, Any]) -> None:
        """Have the task built, and return when it is ready for jobs.

        Raises
        ------
        SettingsRefused
            With the task's own words.
        HandLost
            When the process ended over it, or took too long.
        """
        body, _ = await self._ask(pipes.pack({"settings": task_settings}), within_s=self._settings.start_s)
        if body.get("answer") == "ready":
            return
        if body.get("answer") == "refused":
            raise SettingsRefused(str(body.get("reason", "")), next_step=str(body.get("next_step", "")))
        raise self._nonsense(body)

    async def do(self, job: Job) -> tuple[Finished | Failed, str]:
        """Have one job done.

        Returns
        -------
        outcome : Finished or Failed
        worn : str
            Why the process should be replaced now; empty where it should not.

        Raises
        ------
        HandLost
            When there is no answer, or none that is one.
        """
        try:
            question = pipes.pack({"job_id": job.job_id, "attempt": job.attempt, "body": job.body})
        except (TypeError, ValueError) as error:
            return answers.unsendable(job, error), ""
        body, blobs = await self._ask(question, within_s=self._settings.timeout_s)
        if (body.get("job_id"), body.get("attempt")) != (job.job_id, job.attempt):
            raise self._nonsense(body)
        try:
            return answers.outcome(job, body, blobs), str(body["worn"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._nonsense(body) from error

    def lose(self, cause: str) -> None:
        """Give the process up, for the first cause given; whoever waits for its answer gets `HandLost`."""
        if self.lost:
            return
        self.lost = cause
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(HandLost(cause))
        self.at_loss()

    async def end(self, *, politely: bool) -> bool:
        """End the process and its group, and return whether it is gone.

        Parameters
        ----------
        politely : bool
            Close its questions and let it go by itself first; then SIGTERM, then SIGKILL.

        Returns
        -------
        bool
            False where even SIGKILL did nothing: it sleeps in the kernel, on a share that doesn't answer.
        """
        if self._spawning is not None:
            await asyncio.wait({self._spawning})
        self.lose("ended")
        if self._transport is None or self._streams is None:
            return True
        if politely and self._streams.stdin is not None:
            self._streams.stdin.close()
            await self._exits_within(self._settings.stop_s)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.exited.is_set():
                self._signal_group(number)
                await self._exits_within(self._settings.stop_s)
        await asyncio.wait(self._tasks, timeout=self._settings.stop_s if self.exited.is_set() else 0.0)
        for task in self._tasks:
            task.cancel()
        self._transport.close()
        return self.exited.is_set()

    def _on_exit(self) -> None:
        # What it started must go with it, and holds our pipes open until then.
        self._signal_group(signal.SIGKILL)
        self.exited.set()
        # An answer may still be in the pipe. Its end may never come: what left the group can hold it open.
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.stop_s, lambda: self.lose(self._how_it_ended()))

    def _signal_group(self, number: signal.Signals) -> None:
        # The group keeps its number while any process is in it, so a stranger can't be hit.
        if self._transport is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._transport.get_pid(), number)

    async def _spawn(self) -> None:
        settings = self._settings
        try:
            self._transport, self._streams = await asyncio.get_running_loop().subprocess_exec(
                lambda: _Streams(self._on_exit),
                *(sys.executable, "-P", "-m", "temwatch.work.worker"),
                *(f"--task={settings.task}", f"--parent={os.getpid()}", *settings.limits.arguments()),
                env=limits.environment(settings.environ),
                start_new_session=True,
            )
        except OSError as error:
            self.lose(f"no process could be started ({error})")
            raise HandLost(self.lost) from error
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._overhear())]

    async def _exits_within(self, limit_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self.exited.wait()

    async def _ask(self, question: bytes, *, within_s: float) -> Message:
        if self.lost or self._streams is None or self._streams.stdin is None:
            raise HandLost(self.lost or "not started")
        self._answer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within_s):
                self._streams.stdin.write(question)
                with contextlib.suppress(ConnectionError):  # the listener says why it is closed
                    await self._streams.stdin.drain()
                return await self._answer
        except TimeoutError:
            self.lose(f"no answer within {within_s:g} s")
            raise HandLost(self.lost) from None
        finally:
            self._answer = None

    async def _listen(self) -> None:
        """Pass every message to who asked; anything unasked for, or the end, is a loss."""
        assert self._streams is not None
        assert self._streams.stdout is not None
        stdout = self._streams.stdout
        garbage = "it closed its pipe"
        try:
            while not self.lost:
                message = await pipes.read(stdout, max_part_bytes=self._settings.max_answer_bytes)
                if message is None:
                    break
                if self._answer is None or self._answer.done():
                    self.lose("it spoke without being asked")
                    return
                self._answer.set_result(message)
        except PipeGarbage as error:
            garbage = str(error)
        if stdout.at_eof():
            await self._exits_within(self._settings.stop_s)  # its exit says more than its silence
        self.lose(self._how_it_ended() or garbage)

    async def _overhear(self) -> None:
        """Pass standard error to the log, in portions."""
        assert self._streams is not None
        assert self._streams.stderr is not None
        chatter = Chatter()
        while data := await self._streams.stderr.read(65536):
            for line in chatter.feed(data, now_s=self._clock.monotonic_s()):
                self._log_line(self._name, line)
            if chatter.flooding:
                await asyncio.sleep(_FLOOD_PAUSE_S)  # the full pipe slows the worker down, not the daemon
        for line in chatter.rest():
            self._log_line(self._name, line)

    def _how_it_ended(self) -> str:
        code = self._transport.get_returncode() if self._transport is not None else None
        if code is None:
            return ""
        if code >= 0:
            return f"exited with code {code}"
        name = signal.Signals(-code).name
        return f"killed by {name}" + (" (the kernel does so when memory runs out)" if code == -9 else "")

    def _nonsense(self, body: dict[str, Any]) -> HandLost:
        self.lose(f"not an answer: {str(body)[:80]}")
        return HandLost(self.lost)
