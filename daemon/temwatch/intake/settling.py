"""The files that are not final: when each is looked at next, and what is said of it. Newest first, backlog behind."""

import errno
import heapq
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from temwatch.intake import settle
from temwatch.intake.look import fingerprint_of_stamp, stamp_of
from temwatch.intake.look import look as look_into
from temwatch.intake.settle import Pace
from temwatch.intake.states import (
    Accepted,
    Hold,
    Look,
    Missing,
    Notice,
    Probe,
    PutAside,
    SetAside,
    Sight,
    State,
    Step,
    Unreachable,
    Whole,
)
from temwatch.intake.tree import Tree, split
from temwatch.model.sighting import Held, Noticed, ScannerFact, Sighted, Stamp, Unfit, Vanished

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}
_SPECIAL_STEP = "Put the file itself into the watched folder"

Looker = Callable[[Path, bytes, Stamp], Look]


class Settling:
    """Carries files through their states and says what happened.

    Parameters
    ----------
    name, path
        Of the root.
    tree : Tree
        Keeps the states.
    pace : Pace
    look : callable
        Looks into a settled file.
    beat : callable
        Called after each file.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        tree: Tree,
        pace: Pace,
        *,
        look: Looker = look_into,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.pace = pace
        self._beat = beat
        self._name = name
        self._path = path
        self._tree = tree
        self._look = look
        self._timers: list[tuple[float, str]] = []
        self._timer_s: dict[str, float] = {}
        self._ready: list[tuple[float, int, str]] = []
        self._is_ready: set[str] = set()

    def resume(self, relpath: str, stamp: Stamp, now_s: float, *, held: bool) -> None:
        """Take up a file the daemon knew before."""
        self._keep(relpath, settle.resumed(stamp, now_s, held=held), now_s)

    def saw(
        self, relpath: str, status: os.stat_result, now_s: float, *, touched: bool = False
    ) -> Iterator[ScannerFact]:
        """Say what follows from an entry as it is now."""
        state = self._tree.state(relpath)
        stamp = stamp_of(status)
        if stat.S_ISREG(status.st_mode):
            yield from self._take(
                relpath, settle.seen(state, stamp, now_s, self.pace, touched=touched), now_s
            )
        elif stat.S_ISDIR(status.st_mode):
            yield from self.left(relpath)
            self._tree.heat(split(relpath)[0], now_s)  # the next listing enters it
        elif state != SetAside(stamp) and not (isinstance(state, Accepted) and state.stamp == stamp):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
            aside = PutAside(stamp, fingerprint_of_stamp(stamp), f"it is {kind}", _SPECIAL_STEP)
            yield from self._take(relpath, Step(SetAside(stamp), (aside,)), now_s)

    def left(self, relpath: str) -> Iterator[ScannerFact]:
        """Say that a file is gone, and forget it."""
        if self._tree.state(relpath) is not None:
            self._tree.drop(relpath)
            yield Vanished(root=self._name, relpath=os.fsencode(relpath))

    def left_folder(self, relpath: str) -> Iterator[ScannerFact]:
        """Say that all files below a folder are gone, and forget them."""
        for file in self._tree.drop_folder(relpath):
            yield Vanished(root=self._name, relpath=os.fsencode(file))

    def tend(self, root: int, monotonic_s: Callable[[], float], *, until_s: float) -> Iterator[ScannerFact]:
        """Take the stamp of every file whose time has come, and look into those that have settled.

        Latest first, so that a live frame does not wait behind a backlog; of a backlog, which came at one moment,
        oldest first: what is sighted last is inspected first.

        Parameters
        ----------
        root : int
            Descriptor of the root.
        monotonic_s : callable
        until_s : float
            When to leave the rest for the next time; one file at least is taken.
        """
        self._collect(monotonic_s())
        while self._ready:
            _, _, relpath = heapq.heappop(self._ready)
            self._is_ready.discard(relpath)
            state = self._tree.state(relpath)
            if state is not None:
                yield from self._tend_one(root, relpath, state, monotonic_s)
            self._beat()
            if monotonic_s() >= until_s:
                return

    def _collect(self, now_s: float) -> None:
        while self._timers and self._timers[0][0] <= now_s:
            due_s, relpath = heapq.heappop(self._timers)
            if self._timer_s.get(relpath) != due_s:
                continue  # it was set anew since
            del self._timer_s[relpath]
            state = self._tree.state(relpath)
            if state is not None and relpath not in self._is_ready:
                self._is_ready.add(relpath)
                heapq.heappush(self._ready, (-due_s, state.stamp.mtime_ns, relpath))

    def _tend_one(
        self, root: int, relpath: str, state: State, monotonic_s: Callable[[], float]
    ) -> Iterator[ScannerFact]:
        now_s = monotonic_s()
        try:
            status = os.stat(relpath, dir_fd=root, follow_symlinks=False)
        except OSError as error:
            yield from self._take(relpath, settle.looked(state, _failed(error), now_s, self.pace), now_s)
            self._tree.heat(split(relpath)[0], now_s)  # listed next: it says whether it is gone
            return
        if not stat.S_ISREG(status.st_mode):
            yield from self.saw(relpath, status, now_s)
            return
        step = settle.seen(state, stamp_of(status), now_s, self.pace)
        yield from self._take(relpath, step, now_s)
        if Probe() in step.actions:
            found = self._look(self._path, os.fsencode(relpath), step.state.stamp)
            now_s = monotonic_s()
            yield from self._take(relpath, settle.looked(step.state, found, now_s, self.pace), now_s)

    def next_s(self, now_s: float) -> float | None:
        """Return when `tend` has something to do; None while nothing is open."""
        if self._ready:
            return now_s
        return self._timers[0][0] if self._timers else None

    def _take(self, relpath: str, step: Step, now_s: float) -> Iterator[ScannerFact]:
        self._keep(relpath, step.state, now_s)
        raw = os.fsencode(relpath)
        for action in step.actions:
            match action:
                case Notice():
                    yield Noticed(root=self._name, relpath=raw, stamp=action.stamp)
                case Hold():
                    yield Held(root=self._name, relpath=raw, reason=action.reason)
                case Sight():
                    yield self._sighted(raw, action.look)
                case PutAside():
                    yield self._unfit(raw, action)
                case Probe():
                    pass

    def _keep(self, relpath: str, state: State, now_s: float) -> None:
        self._tree.put(relpath, state)
        due_s = settle.look_again_s(state, now_s, self.pace)
        if due_s is None:
            self._timer_s.pop(relpath, None)
        elif self._timer_s.get(relpath) != due_s:
            self._timer_s[relpath] = due_s
            heapq.heappush(self._timers, (due_s, relpath))

    def _sighted(self, relpath: bytes, found: Whole) -> Sighted:
        return Sighted(
            root=self._name,
            relpath=relpath,
            stamp=found.stamp,
            format=found.format,
            fingerprint=found.fingerprint,
            sections=found.sections,
        )

    def _unfit(self, relpath: bytes, aside: PutAside) -> Unfit:
        return Unfit(
            root=self._name,
            relpath=relpath,
            stamp=aside.stamp,
            fingerprint=aside.fingerprint,
            reason=aside.reason,
            next_step=aside.next_step,
        )


def _failed(error: OSError) -> Look:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Missing()
    return Unreachable(f"the file system answered: {error.strerror or error}")
