"""One folder, listed: opened step by step beneath its root, following no link, changing no access time if it may."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from temwatch.intake.naming import Naming
from temwatch.intake.settle import is_at_rest
from temwatch.intake.states import State
from temwatch.model.sighting import Stamp

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(slots=True)
class Listing:
    """What a folder holds.

    Attributes
    ----------
    status : os.stat_result
        Of the folder, from before it was listed.
    known : set of str
        Names of known files that are there.
    differing : list of (str, os.stat_result)
        Wanted names that are new, and known settled ones that are not as they were.
    folders : set of str
        Names of folders worth entering.
    trouble : str
        What kept a name in it from being looked at.
    """

    status: os.stat_result
    known: set[str] = field(default_factory=set)
    differing: list[tuple[str, os.stat_result]] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    trouble: str = ""


def open_folder(root: int, relpath: str) -> int:
    """Return a descriptor of a folder beneath the open folder `root`; every step refuses links.

    Raises
    ------
    OSError
        ENOENT, ENOTDIR or ELOOP where no folder is there any more; what the file system says otherwise.
    """
    descriptor = _open(".", root)
    for part in relpath.split("/") if relpath else ():
        above = descriptor
        try:
            descriptor = _open(part, above)
        finally:
            os.close(above)
    return descriptor


def list_folder(descriptor: int, known: Mapping[str, State], naming: Naming, *, thorough: bool) -> Listing:
    """Return what the open folder holds.

    Parameters
    ----------
    descriptor : int
    known : mapping of str to State
        The files known in it, by name.
    naming : Naming
    thorough : bool
        Compare known settled files too, instead of their names alone.

    Raises
    ------
    OSError
        When the listing could not be finished: then nothing can be said of what is missing.
    """
    found = Listing(os.fstat(descriptor))
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = entry.name
            state = known.get(name)
            if state is not None:
                found.known.add(name)
                if thorough and is_at_rest(state):
                    _compare(entry, state.stamp, found)
            elif entry.is_dir(follow_symlinks=False):
                if naming.enters(name):
                    found.folders.add(name)
            elif naming.wants_file(name):
                _compare(entry, None, found)
    return found


def differing(
    descriptor: int, names: Iterable[str], known: Mapping[str, State]
) -> tuple[list[tuple[str, os.stat_result]], bool]:
    """Return which of the known settled files are not as they were, and whether any could not be found."""
    found, missed = [], False
    for name in names:
        state = known.get(name)
        if state is None or not is_at_rest(state):
            continue
        try:
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except OSError:
            missed = True
            continue
        if differs(status, state.stamp):
            found.append((name, status))
    return found, missed


def differs(status: os.stat_result, stamp: Stamp) -> bool:
    """Whether a file is not as `stamp` says."""
    return (
        status.st_mtime_ns != stamp.mtime_ns
        or status.st_size != stamp.size
        or status.st_ctime_ns != stamp.ctime_ns
        or status.st_ino != stamp.inode
    )


def _compare(entry: os.DirEntry[str], stamp: Stamp | None, found: Listing) -> None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return  # gone since it was listed
    except OSError as error:
        found.trouble = f"{entry.name}: {error.strerror or error}"
        return
    if stamp is None or differs(status, stamp):
        found.differing.append((entry.name, status))


def _open(name: str, above: int) -> int:
    with contextlib.suppress(PermissionError):  # O_NOATIME is for owners and root
        return os.open(name, _FOLDER | os.O_NOATIME, dir_fd=above)
    return os.open(name, _FOLDER, dir_fd=above)
