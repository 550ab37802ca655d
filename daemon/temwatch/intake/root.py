"""One root seen from the daemon: its scanner process, replaced when it dies or falls silent. Never touches the root."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import structlog

import temwatch
from temwatch.clock import Clock
from temwatch.intake.settings import RootSettings
from temwatch.intake.telling import from_json
from temwatch.model.sighting import RootState, ScannerFact, Stamp
from temwatch.wire import pipes
from temwatch.wire.names import to_text

_log = structlog.get_logger("intake")
_CHUNK = 1_000
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 30.0
_LIVED_S = 60.0  # a scanner that lived so long starts the back-off anew
_DYING_S = 2.0
_STUCK_S = 60.0  # wait for a stuck scanner to die before another is tried beside it


class Known(Protocol):
    """A file the store knows of."""

    @property
    def relpath(self) -> bytes:
        """Relative to the root."""

    @property
    def stamp(self) -> Stamp:
        """As it was when last told of."""

    @property
    def held(self) -> bool:
        """Whether it was noticed and waits; False when it was accepted or set aside."""


class Root:
    """Keeps one scanner running.

    Parameters
    ----------
    settings : RootSettings
    known : callable
        Gives the files the store knows of.
    guard : callable
        Gives what `RootIdentified` said last.
    put : callable
        Takes a fact; waits while the daemon has no room for it.
    purge : callable
        Waits until no fact told before is still under way.
    clock : Clock
    silence_s : float
        A scanner that says nothing for so long is stalled: it beats every second while it gets on.
    """

    def __init__(
        self,
        settings: RootSettings,
        *,
        known: Callable[[], Iterable[Known]],
        guard: Callable[[], str | None],
        put: Callable[[ScannerFact], Awaitable[None]],
        purge: Callable[[], Awaitable[None]],
        clock: Clock,
        silence_s: float,
    ) -> None:
        self.settings = settings
        self.pid: int | None = None
        self._known = known
        self._guard = guard
        self._put = put
        self._purge = purge
        self._clock = clock
        self._silence_s = silence_s
        self._process: Process | None = None
        self._stuck: list[Process] = []
        self._paused = False

    async def run(self) -> None:
        """Keep a scanner running until cancelled."""
        wait_s = _FIRST_WAIT_S
        while True:
            await self._room_for_another()
            await self._purge()
            begun_s = self._clock.monotonic_s()
            state, reason = await self._live()
            _log.warning("scanner lost", root=self.settings.name, reason=reason)
            await self._say(state, reason)
            if self._clock.monotonic_s() - begun_s >= _LIVED_S:
                wait_s = _FIRST_WAIT_S
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def pause(self) -> None:
        """Leave the root alone until it is resumed; survives a new scanner."""
        self._paused = True
        self.order({"do": "pause"})

    def resume(self) -> None:
        """Go on."""
        self._paused = False
        self.order({"do": "resume"})

    def order(self, body: dict[str, Any]) -> None:
        """Tell the scanner something; one that is not there learns of the root's state when it starts."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(pipes.pack(body))

    # --- one scanner's life ----------------------------------------------------------------------------------------

    async def _live(self) -> tuple[str, str]:
        """Start a scanner and pass its facts on until it ends; return the root's state then, and why."""
        process = await _started()
        self.pid = process.pid
        try:
            async with asyncio.timeout(self._silence_s):
                await self._introduce(process)
            await self._pass_on(process)
        except TimeoutError:
            return "stalled", f"the file system did not answer for {self._silence_s:g} s"
        except (pipes.PipeGarbage, ConnectionError) as error:
            return "degraded", f"the scanner was ended: {error}"
        finally:
            self._process = None
            if not await _killed(process):
                _log.error("scanner can't be killed", root=self.settings.name, pid=process.pid)
                self._stuck.append(process)
        return "degraded", f"the scanner ended by itself ({process.returncode}) and is started again"

    async def _introduce(self, process: Process) -> None:
        paused = self._paused
        hello = {"settings": self.settings.to_json(), "guard": self._guard(), "paused": paused}
        await _send(process, hello)
        files = iter(self._known())
        while chunk := [_row(known) for known in islice(files, _CHUNK)]:
            await _send(process, {"known": chunk})
        await _send(process, {"go": True})
        self._process = process
        if self._paused != paused:  # meanwhile
            self.order({"do": "pause" if self._paused else "resume"})

    async def _pass_on(self, process: Process) -> None:
        assert process.stdout is not None
        while True:
            # Timed while reading only: a daemon that has no room for facts says nothing about the scanner.
            # Not wait_for, which before Python 3.12 loses a cancellation that meets a finished read.
            async with asyncio.timeout(self._silence_s):
                message = await pipes.read(process.stdout)
            if message is None:
                return
            facts = message[0].get("facts")
            if not isinstance(facts, list):
                raise pipes.PipeGarbage(f"no facts: {str(message[0])[:200]}")
            for fact in facts:
                await self._put(from_json(fact, root=self.settings.name))

    async def _room_for_another(self) -> None:
        """Wait while scanners hang in the kernel: one may be left behind for good, a second is waited for."""
        self._stuck = [process for process in self._stuck if process.returncode is None]
        if self._stuck:
            ends = [asyncio.ensure_future(process.wait()) for process in self._stuck]
            try:
                timeout_s = _STUCK_S if len(ends) == 1 else None
                await asyncio.wait(ends, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for end in ends:
                    end.cancel()

    async def _say(self, state: str, reason: str) -> None:
        said = RootState(
            root=self.settings.name,
            state=state,
            discovery="polling",
            reason=reason,
            files=0,
            folders=0,
            scan_s=0.0,
        )
        await self._put(said)


async def _started() -> Process:
    # -P: what lies in the working folder is not imported. The package is found where this one was.
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(temwatch.__file__).parents[1]),
        "PYTHONUTF8": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "temwatch.intake.scanner",
        stdin=PIPE,
        stdout=PIPE,
        start_new_session=True,
        env=environment,
    )


async def _send(process: Process, body: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(pipes.pack(body))
    await process.stdin.drain()


async def _killed(process: Process) -> bool:
    """Kill a scanner, which holds nothing worth keeping; return whether it died."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    try:
        async with asyncio.timeout(_DYING_S):
            assert process.stdout is not None
            while await process.stdout.read(1 << 16):  # its end is seen only behind what it had said
                pass
            await process.wait()
    except TimeoutError:
        return False
    return True


def _row(known: Known) -> list[Any]:
    stamp = known.stamp
    return [
        to_text(known.relpath), stamp.size, stamp.mtime_ns, stamp.ctime_ns, stamp.inode, known.held
    ]  # fmt: skip
