"""File events as hints of where to look at once. They may be late, doubled or lost: nothing rests on them."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

_WANTED = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
_MOST_HINTS = 10_000  # beyond that, a full scan is cheaper than the bookkeeping
_PATIENCE = 2  # checks in a row that must find too few watches: new folders are watched a moment later
_log = logging.getLogger(__name__)


class Hints:
    """Paths events told of since they were last taken; bounded, each path once. Safe between threads.

    Parameters
    ----------
    root : str
        Absolute path the events carry.
    wake : callable
        Called when there is something to take.
    """

    def __init__(self, root: str, wake: Callable[[], None]) -> None:
        self._prefix = root.rstrip("/") + "/"
        self._wake = wake
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self._lost = False

    def add(self, path: str) -> None:
        """Take up a path; those outside the root are passed over."""
        if not path.startswith(self._prefix):
            return
        with self._lock:
            if len(self._paths) < _MOST_HINTS:
                self._paths.add(path[len(self._prefix) :])
            else:
                self._lost = True
        self._wake()

    def lose(self) -> None:
        """Take note that events were lost."""
        with self._lock:
            self._lost = True
        self._wake()

    def take(self) -> tuple[set[str], bool]:
        """Return the relative paths, and whether there were more than could be kept."""
        with self._lock:
            paths, lost = self._paths, self._lost
            self._paths, self._lost = set(), False
        return paths, lost


class Watch:
    """A watchdog observer on a root, built in a thread of its own since that walks the whole tree.

    Parameters
    ----------
    path : Path
        Absolute.
    wake : callable
        Called from other threads when there are hints.
    """

    def __init__(self, path: Path, wake: Callable[[], None]) -> None:
        self.hints = Hints(str(path), wake)
        self.ready = threading.Event()
        self.failure = ""
        self._path = str(path)
        self._observer: BaseObserver | None = None
        self._short = 0
        self._ear = _OverflowEar(self.hints)

    def start(self) -> None:
        """Begin to build; `ready` is set when events come."""
        logging.getLogger("watchdog").addHandler(self._ear)
        threading.Thread(target=self._build, name="watch-builder", daemon=True).start()

    def trouble(self, folders: int) -> str:
        """Return what is wrong, as far as can be seen; empty while building or well.

        Parameters
        ----------
        folders : int
            How many the scan knows; each needs an inotify watch.
        """
        if self.failure or not self.ready.is_set():
            return self.failure
        observer = self._observer
        if observer is None or not observer.is_alive() or not all(e.is_alive() for e in observer.emitters):
            return "the file event thread died"
        self._short = self._short + 1 if inotify_watches() < folders else 0
        if self._short >= _PATIENCE:
            return (
                f"watch limit: {inotify_watches()} of {folders} folders watched (fs.inotify.max_user_watches)"
            )
        return ""

    def close(self) -> None:
        """Stop listening; threads end by themselves."""
        logging.getLogger("watchdog").removeHandler(self._ear)
        observer, self._observer = self._observer, None
        if observer is not None and observer.is_alive():
            observer.stop()

    def _build(self) -> None:
        try:
            observer = Observer()
            observer.schedule(_Listener(self.hints), self._path, recursive=True, event_filter=_WANTED)
            observer.start()
        except Exception as error:  # noqa: BLE001  top of a thread; polling goes on, and the reason is published
            _log.warning("no file events", exc_info=True)
            self.failure = f"no file events: {error}"
            return
        self._observer = observer
        self.hints.lose()  # what happened while it was built
        self.ready.set()


class _Listener(FileSystemEventHandler):
    def __init__(self, hints: Hints) -> None:
        self._hints = hints

    def on_any_event(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            if path:
                self._hints.add(os.fsdecode(path))


class _OverflowEar(logging.Handler):
    """Hears watchdog say that the kernel dropped events: it tells nobody else."""

    def __init__(self, hints: Hints) -> None:
        super().__init__(logging.WARNING)
        self._hints = hints

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in record.getMessage().lower():
            self._hints.lose()


def inotify_watches() -> int:
    """Return how many inotify watches this process really has (proc_pid_fdinfo(5)): one line each."""
    count = 0
    for descriptor in Path("/proc/self/fdinfo").iterdir():
        try:
            count += descriptor.read_text("ascii", "replace").count("inotify wd:")
        except OSError:  # closed meanwhile
            continue
    return count
