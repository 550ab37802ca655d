"""The files of a root by folder, and a scan that lists and stats only what may have changed.

A folder whose modification time moved is listed; folders with recent changes are listed and their files looked at
every time; everything else comes round slowly, spread over time. No link is followed.
"""

import errno
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from temwatch.intake.listing import Listing, differing, list_folder, open_folder
from temwatch.intake.naming import Naming
from temwatch.intake.rota import Rota
from temwatch.intake.states import State
from temwatch.model.sighting import Stamp

HOT_S = 60.0  # a folder is listed every time for so long after a change: its times may be coarse (FAT: 2 s)
_HOT_FILES = 2_000  # final files looked at in hot folders, a scan
_FOLDER_STATS = 5_000  # folders whose modification time is taken, a scan
_GONE = frozenset([errno.ENOENT, errno.ENOTDIR, errno.ELOOP])


@dataclass(frozen=True, slots=True)
class Here:
    """An entry that is new, or no longer as it was. `status` is of the entry itself, not of a link's target."""

    relpath: str
    status: os.stat_result


@dataclass(frozen=True, slots=True)
class NotHere:
    """A known file or folder is missing from a complete listing; it stays known until dropped."""

    relpath: str
    is_folder: bool


Observation = Here | NotHere


@dataclass(slots=True)
class Folder:
    """A folder as it was last listed; `files` keeps the state of each file by name."""

    device: int = -1
    mtime_ns: int = -1
    files: dict[str, State] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    hot_until_s: float = 0.0
    trouble: str = ""


class Tree:
    """What is known of a root's files.

    Paths are relative to the root, as surrogate-escaped text; the root itself is ``""``.

    Parameters
    ----------
    naming : Naming
    beat : callable
        Called between folders, so that somebody can see the scan is alive.
    sweep_s : float
        Time in which every final file is looked at once.
    retry_s : float
        Time after which a folder that could not be listed is tried again.
    """

    def __init__(
        self,
        naming: Naming,
        *,
        beat: Callable[[], None] = lambda: None,
        sweep_s: float = 600.0,
        retry_s: float = 10.0,
    ) -> None:
        self.folders: dict[str, Folder] = {"": Folder()}
        self._naming = naming
        self._beat = beat
        self._sweep_s = sweep_s
        self._retry_s = retry_s
        self._last_s: float | None = None
        self._owed = 0.0  # looks the slow sweep is behind
        self._hot: set[str] = set()
        self._troubled: dict[str, float] = {}
        self._stats_due: deque[str] = deque()
        self._hot_rota = Rota()
        self._rota = Rota()

    # --- what is known ---------------------------------------------------------------------------------------------

    def state(self, relpath: str) -> State | None:
        """Return the state of a file, None where it is not known."""
        folder, name = split(relpath)
        return self.folders[folder].files.get(name) if folder in self.folders else None

    def put(self, relpath: str, state: State) -> None:
        """Keep the state of a file; folders on the way become known."""
        folder, name = split(relpath)
        self._folder(folder).files[name] = state

    def drop(self, relpath: str) -> None:
        """Forget a file."""
        folder, name = split(relpath)
        if folder in self.folders:
            self.folders[folder].files.pop(name, None)

    def drop_folder(self, relpath: str) -> list[str]:
        """Forget a folder and all below; return the files it held."""
        folder = self.folders.pop(relpath, None)
        if folder is None:
            return []
        self._hot.discard(relpath)
        self._troubled.pop(relpath, None)
        above, name = split(relpath)
        if above in self.folders:
            self.folders[above].folders.discard(name)
        held = [_join(relpath, name) for name in folder.files]
        for name in tuple(folder.folders):
            held += self.drop_folder(_join(relpath, name))
        return held

    def count(self) -> int:
        """Return how many files are known."""
        return sum(len(folder.files) for folder in self.folders.values())

    def sample(self, count: int) -> Iterator[tuple[str, Stamp]]:
        """Yield about `count` known files, from as many folders as may be."""
        filled = [(relpath, folder) for relpath, folder in self.folders.items() if folder.files]
        for relpath, folder in filled[:: max(1, len(filled) // count)]:
            for name, state in list(folder.files.items())[: max(1, count // len(filled))]:
                yield _join(relpath, name), state.stamp

    def troubles(self) -> list[str]:
        """Return what keeps folders from being listed, by folder."""
        return [f"{relpath or '.'}: {self.folders[relpath].trouble}" for relpath in self._troubled]

    # --- scanning --------------------------------------------------------------------------------------------------

    def scan(
        self, root: int, now_s: float, *, everything: bool = False, hinted: Iterable[str] = ()
    ) -> Iterator[Observation]:
        """Yield what is new or differs, below the open folder `root`.

        Parameters
        ----------
        root : int
            Descriptor of the root.
        now_s : float
            Monotonic.
        everything : bool
            List every folder and look at every final file.
        hinted : iterable of str
            Folders to list in any case.
        """
        since_s, self._last_s = self._last_s, now_s
        if everything:
            yield from self._list_all(root, list(self.folders), now_s, thorough=True)
            return
        due = [relpath for relpath in hinted if relpath in self.folders]
        due += [relpath for relpath, at_s in self._troubled.items() if now_s >= at_s]
        due += self._still_hot(now_s)
        due += self._moved(root, set(due))
        yield from self._list_all(root, due, now_s)
        for turn in self._hot_rota.take(_HOT_FILES, self._hot, self._names_in):
            yield from self._look_at(root, turn.folder, turn.names, now_s)
        elapsed_s = 0.0 if since_s is None else now_s - since_s
        self._owed += (self.count() + len(self.folders)) * elapsed_s / self._sweep_s
        quota, self._owed = int(self._owed), self._owed % 1
        for turn in self._rota.take(quota, self.folders, self._names_in):
            if turn.begins:
                yield from self._list_all(root, [turn.folder], now_s)
            yield from self._look_at(root, turn.folder, turn.names, now_s)

    def heat(self, relpath: str, now_s: float) -> None:
        """List a folder at every scan for a while: something happened in it."""
        if relpath in self.folders:
            self.folders[relpath].hot_until_s = now_s + HOT_S
            self._hot.add(relpath)

    def _names_in(self, relpath: str) -> list[str]:
        folder = self.folders.get(relpath)
        return list(folder.files) if folder else []

    def _still_hot(self, now_s: float) -> list[str]:
        for relpath in [path for path in self._hot if now_s >= self.folders[path].hot_until_s]:
            self._hot.discard(relpath)
        return list(self._hot)

    def _moved(self, root: int, skip: Collection[str]) -> list[str]:
        """Return the folders whose modification time moved; of very large trees, a share at each scan."""
        if not self._stats_due:
            self._stats_due.extend(self.folders)
        moved = []
        for _ in range(min(_FOLDER_STATS, len(self._stats_due))):
            relpath = self._stats_due.popleft()
            folder = self.folders.get(relpath)
            if folder is None or relpath in skip or relpath in self._troubled:
                continue
            try:
                status = os.stat(relpath or ".", dir_fd=root, follow_symlinks=False)
            except OSError:
                moved.append(relpath)  # listing it says what is the matter
                continue
            if status.st_mtime_ns != folder.mtime_ns or status.st_dev != folder.device:
                moved.append(relpath)
        return moved

    def _list_all(
        self, root: int, relpaths: Iterable[str], now_s: float, *, thorough: bool = False
    ) -> Iterator[Observation]:
        """List folders, and those found in them that were not known."""
        queue, done = deque(relpaths), set()
        while queue:
            relpath = queue.popleft()
            if relpath in done or relpath not in self.folders:
                continue
            done.add(relpath)
            self._beat()
            try:
                listing = self._listed(root, relpath, thorough=thorough)
            except OSError as error:
                yield from self._unlisted(relpath, error, now_s)
                continue
            yield from self._compared(relpath, listing, now_s)
            queue.extend(_join(relpath, name) for name in listing.folders if self._is_unlisted(relpath, name))

    def _listed(self, root: int, relpath: str, *, thorough: bool) -> Listing:
        folder = self.folders[relpath]
        descriptor = open_folder(root, relpath)
        try:
            listing = list_folder(descriptor, folder.files, self._naming, thorough=thorough)
        finally:
            os.close(descriptor)
        is_other = folder.device not in (-1, listing.status.st_dev)
        if is_other and (folder.files or folder.folders) and not (listing.known or listing.folders):
            raise OSError(errno.ENODEV, "another file system is mounted here, with none of the known files")
        return listing

    def _unlisted(self, relpath: str, error: OSError, now_s: float) -> Iterator[Observation]:
        if error.errno in _GONE and relpath:
            yield NotHere(relpath, is_folder=True)
            return
        self._trouble(relpath, error.strerror or str(error), now_s)

    def _compared(self, relpath: str, listing: Listing, now_s: float) -> Iterator[Observation]:
        folder = self.folders[relpath]
        gone = [
            NotHere(_join(relpath, name), is_folder=False) for name in folder.files.keys() - listing.known
        ]
        gone += [NotHere(_join(relpath, name), is_folder=True) for name in folder.folders - listing.folders]
        moved = folder.mtime_ns not in (-1, listing.status.st_mtime_ns)
        folder.mtime_ns, folder.device = listing.status.st_mtime_ns, listing.status.st_dev
        self._trouble(relpath, listing.trouble, now_s)
        for name in listing.folders - folder.folders:
            self._folder(_join(relpath, name))
        if gone or moved or listing.differing:
            self.heat(relpath, now_s)
        yield from gone
        for name, status in listing.differing:
            yield Here(_join(relpath, name), status)

    def _look_at(self, root: int, relpath: str, names: list[str], now_s: float) -> Iterator[Observation]:
        """Compare final files of a folder with what they were."""
        folder = self.folders.get(relpath)
        if folder is None or relpath in self._troubled:
            return
        self._beat()
        try:
            descriptor = open_folder(root, relpath)
            try:
                found, missed = differing(descriptor, names, folder.files)
            finally:
                os.close(descriptor)
        except OSError as error:
            yield from self._unlisted(relpath, error, now_s)
            return
        if missed or found:
            self.heat(relpath, now_s)
        for name, status in found:
            yield Here(_join(relpath, name), status)

    def _trouble(self, relpath: str, said: str, now_s: float) -> None:
        self.folders[relpath].trouble = said
        if said:
            self._troubled[relpath] = now_s + self._retry_s
        else:
            self._troubled.pop(relpath, None)

    def _is_unlisted(self, above: str, name: str) -> bool:
        folder = self.folders.get(_join(above, name))
        return folder is not None and folder.mtime_ns == -1

    def _folder(self, relpath: str) -> Folder:
        folder = self.folders.get(relpath)
        if folder is None:
            above, name = split(relpath)
            self._folder(above).folders.add(name)
            folder = self.folders[relpath] = Folder()
        return folder


def split(relpath: str) -> tuple[str, str]:
    """Return the folder of a path and the name in it."""
    folder, _, name = relpath.rpartition("/")
    return folder, name


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
