"""Opens a root only while it is believed to be the folder it was; see `guard` for the rule."""

import contextlib
import os
from pathlib import Path

from temwatch.intake.guard import Identity, distrust, from_json, identity_of, to_json
from temwatch.intake.tree import Tree
from temwatch.mounts import Filesystem, filesystem_of

_SAMPLE = 64  # known files looked up to recognise a root


class Gate:
    """Keeps the identity of a root.

    Parameters
    ----------
    path : Path
    tree : Tree
        What the root should hold.
    recorded : str or None
        What `news` said the last time.
    """

    def __init__(self, path: Path, tree: Tree, *, recorded: str | None) -> None:
        self.filesystem = Filesystem("unknown", "", "")
        self._path = path
        self._tree = tree
        self._recorded = from_json(recorded)
        self._here: Identity | None = None

    @property
    def is_open(self) -> bool:
        """Whether the root was itself when last asked."""
        return self._here is not None

    def shut(self) -> None:
        """Take the root as not there."""
        self._here = None

    def doubt(self, root: int) -> str:
        """Return why the open folder is not believed to be the root; empty when it is.

        Raises
        ------
        OSError
            When the file system fails.
        """
        status = os.fstat(root)
        if self._here is None or (self._here.device, self._here.inode) != (status.st_dev, status.st_ino):
            # Only in this process, which may hang: links above the root are followed to find its mount.
            self.filesystem = filesystem_of(Path(os.path.realpath(self._path)))
        now = identity_of(status, self.filesystem)
        said = distrust(
            self._recorded,
            now,
            known_files=self._tree.count(),
            is_empty=_is_empty(root),
            is_network=self.filesystem.is_network,
            recognised=lambda: self._recognises(root),
        )
        if not said:
            self._here = now
        return said

    def is_still_itself(self) -> bool:
        """Whether the path leads to the same folder as at the last `doubt`, and nothing speaks against it."""
        here = self._here
        try:
            root = open_root(self._path)
        except OSError:
            return False
        try:
            return not self.doubt(root) and self._here == here
        except OSError:
            return False
        finally:
            os.close(root)

    def news(self) -> str | None:
        """Return the identity to be recorded, where it is not the recorded one."""
        if self._here is None or self._here == self._recorded:
            return None
        self._recorded = self._here
        return to_json(self._here)

    def _recognises(self, root: int) -> bool:
        for relpath, stamp in self._tree.sample(_SAMPLE):
            with contextlib.suppress(OSError):
                status = os.stat(relpath, dir_fd=root, follow_symlinks=False)
                if (status.st_size, status.st_mtime_ns) == (stamp.size, stamp.mtime_ns):
                    return True
        return False


def open_root(path: Path) -> int:
    """Return a descriptor of a root; links to it are the administrator's business and are followed."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK
    with contextlib.suppress(PermissionError):  # O_NOATIME is for owners and root
        return os.open(path, flags | os.O_NOATIME)
    return os.open(path, flags)


def _is_empty(root: int) -> bool:
    with os.scandir(root) as entries:
        return next(entries, None) is None
