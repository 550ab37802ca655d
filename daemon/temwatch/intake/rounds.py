"""A scanner's rounds through its root: scan, settle, look, and say the facts. Runs where a share may hang it."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from temwatch.intake.agreement import Agreement
from temwatch.intake.gate import Gate, open_root
from temwatch.intake.look import look
from temwatch.intake.naming import Naming
from temwatch.intake.settings import RootSettings, round_s
from temwatch.intake.settling import Looker, Settling
from temwatch.intake.tree import Here, NotHere, Observation, Tree, split
from temwatch.model.sighting import RootIdentified, RootState, ScannerFact, Stamp
from temwatch.mounts import Filesystem

_TENDING_S = 0.25  # spent on open files before the next scan has its turn
_NEWS_S = 1.0  # between two root states that differ in counts only
_IDLE_SHARE = (
    10  # a scan that took 1 s is followed by 10 s without one: at most a tenth of a core, or of a share
)
_LONGEST_IDLE_S = 30.0
_MISSING = frozenset([errno.ENOENT, errno.ENOTDIR])


class Rounds:
    """Everything a scanner does with its root, without the process around it.

    Parameters
    ----------
    settings : RootSettings
    guard : str or None
        What `RootIdentified` said the last time.
    monotonic_s : callable
        The clock.
    beat : callable
        Called often while working.
    look : callable
        Looks into a file.
    """

    def __init__(
        self,
        settings: RootSettings,
        *,
        guard: str | None,
        monotonic_s: Callable[[], float],
        beat: Callable[[], None] = lambda: None,
        look: Looker = look,
    ) -> None:
        self.settings = settings
        self.watch_trouble = ""
        self.is_watching = False
        self._monotonic_s = monotonic_s
        self._beat = beat
        pace = settings.pace(Filesystem("unknown", "", ""))
        naming = Naming(settings.include, settings.ignore, case_sensitive=settings.case_sensitive)
        self.tree = Tree(naming, beat=beat, sweep_s=settings.sweep_s, retry_s=10 * round_s(pace))
        self._naming = naming
        self._gate = Gate(settings.path, self.tree, recorded=guard)
        self.settling = Settling(settings.name, settings.path, self.tree, pace, look=look, beat=beat)
        self._everything = True
        self._next_scan_s = 0.0
        self._scan_s = 0.0
        self._agreement = Agreement()
        self._told: RootState | None = None
        self._told_s = 0.0

    # --- what the loop calls ---------------------------------------------------------------------------------------

    def resume(self, relpath: str, stamp: Stamp, *, held: bool) -> None:
        """Take up a file the daemon knew before."""
        self.settling.resume(relpath, stamp, self._monotonic_s(), held=held)

    def forget(self, relpath: str) -> None:
        """Take a file as never seen, so that it is noticed and sighted once more."""
        self.tree.drop(relpath)
        self.tree.heat(split(relpath)[0], self._monotonic_s())
        self._next_scan_s = 0.0

    def want_everything(self) -> None:
        """List every folder and compare every file at the next round."""
        self._everything = True
        self._next_scan_s = 0.0

    @property
    def filesystem(self) -> Filesystem:
        """The file system the root lies on."""
        return self._gate.filesystem

    @property
    def is_online(self) -> bool:
        """Whether the root was itself at the last round."""
        return self._gate.is_open

    def watch_again(self) -> None:
        """Judge the events afresh: they come from a new observer."""
        self._agreement = Agreement()

    def disagreement(self) -> str:
        """Return what scans have against the events; empty when they agree."""
        return self._agreement.disagreement(self._monotonic_s())

    def paused(self) -> RootState:
        """Return the state of a root nobody looks at; the next round says how it is again."""
        self._told = None
        return self._root_state(("paused", ""))

    def next_s(self) -> float:
        """Return the monotonic time of the next round."""
        open_s = self.settling.next_s(self._monotonic_s())
        return self._next_scan_s if open_s is None or not self.is_online else min(self._next_scan_s, open_s)

    def go(self, touched: Iterable[str] = ()) -> Iterator[ScannerFact]:
        """Make one round and yield what it found.

        Parameters
        ----------
        touched : iterable of str
            Paths events told of.
        """
        now_s = self._monotonic_s()
        try:
            root = open_root(self.settings.path)
        except OSError as error:
            yield from self._offline(_why(error), now_s)
            return
        try:
            yield from self._go_in(root, now_s, touched)
        except OSError as error:
            yield from self._offline(_why(error), now_s)
        finally:
            os.close(root)

    # --- one round -------------------------------------------------------------------------------------------------

    def _go_in(self, root: int, now_s: float, touched: Iterable[str]) -> Iterator[ScannerFact]:
        doubt = self._gate.doubt(root)
        if doubt:
            yield from self._offline(doubt, now_s)
            return
        if (guard := self._gate.news()) is not None:
            yield RootIdentified(root=self.settings.name, guard=guard)
        self.settling.pace = self.settings.pace(self._gate.filesystem)
        hinted: set[str] = set()
        for relpath in touched:
            yield from self._touched(root, relpath, now_s, hinted)
        if now_s >= self._next_scan_s or hinted:
            yield from self._scan(root, now_s, hinted)
        yield from self.settling.tend(root, self._monotonic_s, until_s=self._monotonic_s() + _TENDING_S)
        yield from self._state(self._health(), now_s)

    def _scan(self, root: int, now_s: float, hinted: set[str]) -> Iterator[ScannerFact]:
        everything, self._everything = self._everything, False
        gone: list[NotHere] = []
        stopwatch = _Stopwatch(self._monotonic_s)
        for observation in stopwatch.over(self.tree.scan(root, now_s, everything=everything, hinted=hinted)):
            match observation:
                case Here():
                    if self.is_watching and not everything:
                        self._agreement.found(observation.relpath, now_s)
                    yield from self.settling.saw(observation.relpath, observation.status, now_s)
                case NotHere():
                    gone.append(observation)
        yield from self._departures(gone)
        self._scan_s = stopwatch.spent_s
        idle_s = 0.0 if everything else min(self._scan_s * _IDLE_SHARE, _LONGEST_IDLE_S)
        self._next_scan_s = now_s + max(round_s(self.settling.pace), idle_s)

    def _departures(self, gone: list[NotHere]) -> Iterator[ScannerFact]:
        """Believe that files are gone only if the root is still itself after the scan that missed them."""
        if not gone:
            return
        if not self._gate.is_still_itself():
            self._everything = True
            return
        for missing in gone:
            if missing.is_folder:
                yield from self.settling.left_folder(missing.relpath)
            else:
                yield from self.settling.left(missing.relpath)

    def _touched(self, root: int, relpath: str, now_s: float, hinted: set[str]) -> Iterator[ScannerFact]:
        """Look at what an event told of; folders to be listed are added to `hinted`."""
        self._agreement.told(relpath)
        folder, name = split(relpath)
        if relpath in self.tree.folders:
            hinted.add(relpath)
        elif folder not in self.tree.folders:
            hinted.add(self._nearest(folder))
        elif self.tree.state(relpath) is None and not self._naming.enters(name):
            return
        else:
            try:
                status = os.stat(relpath, dir_fd=root, follow_symlinks=False)
            except OSError:
                hinted.add(folder)
                return
            if stat.S_ISDIR(status.st_mode):
                hinted.add(folder)
            elif self.tree.state(relpath) is not None or self._naming.wants_file(name):
                self.tree.heat(folder, now_s)
                self._agreement.found(relpath, now_s)
                yield from self.settling.saw(relpath, status, now_s, touched=True)

    def _nearest(self, folder: str) -> str:
        while folder not in self.tree.folders:
            folder = split(folder)[0]
        return folder

    # --- how is it? ----------------------------------------------------------------------------

    def _offline(self, reason: str, now_s: float) -> Iterator[ScannerFact]:
        self._gate.shut()
        self._everything = True
        self._next_scan_s = now_s + round_s(self.settling.pace)
        yield from self._state(("offline", reason), now_s)

    def _health(self) -> tuple[str, str]:
        troubles = self.tree.troubles()
        said = [self.watch_trouble] if self.watch_trouble else []
        if troubles:
            more = f" (and {len(troubles) - 1} more folders)" if len(troubles) > 1 else ""
            said.append(f"can't list {troubles[0]}{more}")
        return ("degraded", "; ".join(said)) if said else ("online", "")

    def _state(self, health: tuple[str, str], now_s: float) -> Iterator[ScannerFact]:
        now = self._root_state(health)
        if self._told is not None and replace(self._told, scan_s=now.scan_s) == now:
            return
        told = self._told
        only_counts = told and (told.state, told.reason, told.discovery) == (
            now.state,
            now.reason,
            now.discovery,
        )
        if only_counts and now_s < self._told_s + _NEWS_S:
            return
        self._told, self._told_s = now, now_s
        yield now

    def _root_state(self, health: tuple[str, str]) -> RootState:
        return RootState(
            root=self.settings.name,
            state=health[0],
            discovery="events" if self.is_watching else "polling",
            reason=health[1],
            files=self.tree.count(),
            folders=len(self.tree.folders),
            scan_s=self._scan_s,
        )


class _Stopwatch:
    """Times a scan without what the reader of its facts takes."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self.spent_s = 0.0

    def over(self, observations: Iterator[Observation]) -> Iterator[Observation]:
        """Yield the same, and add up the time between."""
        while True:
            begun_s = self._monotonic_s()
            observation = next(observations, None)
            self.spent_s += self._monotonic_s() - begun_s
            if observation is None:
                return
            yield observation


def _why(error: OSError) -> str:
    if error.errno in _MISSING:
        return "there is no such folder"
    return f"the file system answered: {error.strerror or error}"
