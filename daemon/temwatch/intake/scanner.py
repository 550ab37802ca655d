"""The scanner process: one root, settings and commands in by stdin, facts out by stdout. Made to be thrown away.

Everything that may hang on a share happens here. Run as ``python -m temwatch.intake.scanner``.
"""

import ctypes
import os
import queue
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from temwatch import logs
from temwatch.intake.rounds import Rounds
from temwatch.intake.settings import RootSettings
from temwatch.intake.telling import stamp_from, to_json
from temwatch.intake.watch import Watch
from temwatch.model.sighting import ScannerFact
from temwatch.wire import pipes

_BATCH = 200
_BEAT_S = 1.0
_GAP_S = 0.05  # between rounds that events ask for
_WATCH_CHECK_S = 5.0
_WATCH_RETRY_S = 600.0
_ASLEEP_S = 5.0
_MEMORY_BYTES = 4 << 30
_PR_SET_PDEATHSIG = 1
_WAKE: dict[str, Any] = {}


class Outlet:
    """Facts and beats to the daemon; blocks while the daemon does not read.

    Parameters
    ----------
    stream : BinaryIO
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._facts: list[dict[str, Any]] = []
        self._last_s = 0.0

    def tell(self, fact: ScannerFact) -> None:
        """Send a fact, with others."""
        self._facts.append(to_json(fact))
        if len(self._facts) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Send what is waiting."""
        if self._facts:
            self._send({"facts": self._facts})
            self._facts = []

    def beat(self) -> None:
        """Send what waits, or a sign of life, if nothing went out for a second."""
        if time.monotonic() >= self._last_s + _BEAT_S:
            self._send({"facts": self._facts})
            self._facts = []

    def _send(self, body: dict[str, Any]) -> None:
        self._stream.write(pipes.pack(body))
        self._stream.flush()
        self._last_s = time.monotonic()


class Scanner:
    """The loop: obey, make a round, wait.

    Parameters
    ----------
    rounds : Rounds
    outlet : Outlet
    inbox : queue
        Commands; None when the daemon is gone.
    paused : bool
    """

    def __init__(
        self,
        rounds: Rounds,
        outlet: Outlet,
        inbox: "queue.SimpleQueue[dict[str, Any] | None]",
        *,
        paused: bool,
    ) -> None:
        self._rounds = rounds
        self._outlet = outlet
        self._inbox = inbox
        self._paused = paused
        self._watch: Watch | None = None
        self._watch_check_s = 0.0
        self._woken = threading.Event()
        self._asleep_s = _asleep_s()

    def run(self) -> None:
        """Go on until the daemon is gone."""
        if self._paused:
            self._say_paused()
        while True:
            if not self._paused:
                self._round()
            self._outlet.flush()
            self._outlet.beat()
            if not self._wait():
                return

    def _round(self) -> None:
        if _asleep_s() > self._asleep_s + _ASLEEP_S:
            self._rounds.want_everything()
        self._asleep_s = _asleep_s()
        for fact in self._rounds.go(self._hinted()):
            self._outlet.tell(fact)
        self._tend_watch(time.monotonic())

    def _hinted(self) -> set[str]:
        self._woken.clear()
        if self._watch is None:
            return set()
        paths, lost = self._watch.hints.take()
        if lost:
            self._rounds.want_everything()
        return paths

    def _wait(self) -> bool:
        """Wait for the next round, a beat, a hint or a command; return whether to go on."""
        begun_s = time.monotonic()
        until_s = begun_s + _BEAT_S
        if not self._paused:
            until_s = min(until_s, self._rounds.next_s())
        while True:
            try:
                order = self._inbox.get(timeout=max(0.0, until_s - time.monotonic()))
            except queue.Empty:
                return True
            if order is None:
                return False
            if order is not _WAKE:
                self._obey(order)
                return True
            until_s = min(until_s, begun_s + _GAP_S)

    def _obey(self, order: dict[str, Any]) -> None:
        match order:
            case {"do": "pause"}:
                self._paused = True
                self._say_paused()
            case {"do": "resume"}:
                self._paused = False
                self._rounds.want_everything()
            case {"do": "rescan"}:
                self._rounds.want_everything()
            case {"do": "forget", "relpath": str(relpath)}:
                self._rounds.forget(relpath)
            case _:
                raise pipes.PipeGarbage(f"no such order: {str(order)[:200]}")

    def _say_paused(self) -> None:
        self._outlet.tell(self._rounds.paused())

    # --- events ----------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._woken.is_set():
            self._woken.set()
            self._inbox.put(_WAKE)

    def _tend_watch(self, now_s: float) -> None:
        """Have events where they are wanted and work; say so where they are wanted and don't."""
        rounds = self._rounds
        if not (rounds.is_online and rounds.settings.wants_events(rounds.filesystem)):
            self._end_watch()
            rounds.is_watching, rounds.watch_trouble, self._watch_check_s = False, "", 0.0
            return
        if self._watch is None:
            if now_s >= self._watch_check_s:
                self._watch = Watch(rounds.settings.path, self._wake)
                self._watch.start()
                rounds.watch_again()
            return
        rounds.is_watching = self._watch.ready.is_set()
        if rounds.is_watching:
            rounds.watch_trouble = ""
        if self._watch.failure or now_s >= self._watch_check_s:
            self._watch_check_s = now_s + _WATCH_CHECK_S
            trouble = self._watch.trouble(len(rounds.tree.folders)) or rounds.disagreement()
            if trouble:
                self._end_watch()
                rounds.is_watching, rounds.watch_trouble = False, f"{trouble}; polling instead"
                self._watch_check_s = now_s + _WATCH_RETRY_S
                rounds.want_everything()

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None


# --- the process -----------------------------------------------------------------------------------------------------


def main() -> int:
    """Serve one root until stdin closes."""
    logs.set_up()
    _bind_to_parent()
    stdin, stdout = _private_pipes()
    outlet = Outlet(stdout)
    hello = _read(stdin)
    if hello is None:
        return 0
    rounds = Rounds(
        RootSettings.from_json(hello["settings"]),
        guard=hello["guard"],
        monotonic_s=time.monotonic,
        beat=outlet.beat,
    )
    if not _take_known(stdin, rounds, outlet):
        return 0
    inbox: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(stdin, inbox.put), name="orders", daemon=True).start()
    try:
        Scanner(rounds, outlet, inbox, paused=hello["paused"]).run()
    except BrokenPipeError:  # the daemon is gone
        return 0
    return 0


def _take_known(stdin: BinaryIO, rounds: Rounds, outlet: Outlet) -> bool:
    while (body := _read(stdin)) is not None:
        if "known" not in body:
            return True
        for relpath, *stamp, held in body["known"]:
            rounds.resume(relpath, stamp_from(stamp), held=bool(held))
        outlet.beat()
    return False


def _read(stdin: BinaryIO) -> dict[str, Any] | None:
    message = pipes.read_blocking(stdin)
    return None if message is None else message[0]


def _listen(stdin: BinaryIO, put: Callable[[dict[str, Any] | None], None]) -> None:
    try:
        while (body := _read(stdin)) is not None:
            put(body)
    finally:
        put(None)


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout away from everybody else: what a library prints goes to stderr."""
    stdin = os.fdopen(os.dup(0), "rb")
    stdout = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return stdin, stdout


def _bind_to_parent() -> None:
    """Die with the daemon; bound the memory a hostile header can ask for; leave no core files about."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the daemon, which closes our stdin


def _asleep_s() -> float:
    """Return how long this machine has been suspended since it was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()


if __name__ == "__main__":
    sys.exit(main())
