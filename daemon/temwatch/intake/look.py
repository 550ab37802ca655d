"""A look into one settled file: opened without following links, decided on the open file, nothing left behind."""

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from temwatch.errors import FrameGone, FrameUnsafe, TemwatchError, TransientError
from temwatch.intake.states import Changed, Look, Missing, NoFrame, Unfinished, Unreachable, Whole
from temwatch.model.sighting import Stamp
from temwatch.reading.completeness import Complete, Incomplete, NotAFrame, Probe, probe
from temwatch.reading.fingerprint import file_fingerprint, section_fingerprint
from temwatch.reading.safe_open import open_beneath

Judge = Callable[[BinaryIO, str, int], Probe]


def look(root: Path, relpath: bytes, expected: Stamp, *, judge: Judge = probe) -> Look:
    """Return what the file is by its own structure, if it is still the one that had settled.

    Parameters
    ----------
    root : Path
    relpath : bytes
    expected : Stamp
        What it settled with. Directory entries of network file systems may be stale: the open file decides.
    judge : callable
        Tells a whole file from an unfinished one; given the open file, its name and size in bytes.
    """
    try:
        with open_beneath(root, relpath) as file:
            _leave_access_time(file)
            before = stamp_of(os.fstat(file.fileno()))
            if before != expected:
                return Changed(before)
            found = _examined(file, judge(file, os.fsdecode(relpath).rpartition("/")[2], before.size), before)
            after = stamp_of(os.fstat(file.fileno()))
            return found if after == before else Changed(after)
    except FrameGone:
        return Missing()
    except FrameUnsafe as error:
        return NoFrame(expected, fingerprint_of_stamp(expected), error.message, error.next_step)
    except TransientError as error:
        return Unreachable(str(error))
    except TemwatchError as error:
        return NoFrame(expected, fingerprint_of_stamp(expected), error.message, error.next_step)
    except OSError as error:
        return Unreachable(f"the file system answered: {error.strerror or error}")


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the part of a stat that tells one state of a file from another."""
    return Stamp(
        size=status.st_size, mtime_ns=status.st_mtime_ns, ctime_ns=status.st_ctime_ns, inode=status.st_ino
    )


def fingerprint_of_stamp(stamp: Stamp) -> str:
    """Return a fingerprint for what can't or must not be read (links, FIFOs, …)."""
    return f"stamp:{stamp.size:x}:{stamp.mtime_ns:x}:{stamp.ctime_ns:x}:{stamp.inode:x}"


def _examined(file: BinaryIO, found: Probe, stamp: Stamp) -> Look:
    whole_file = file_fingerprint(file, stamp.size)
    match found:
        case Complete(sections=()):
            return Unfinished(stamp, whole_file, "no image is complete yet")
        case Complete():
            sections = (
                None
                if found.sections is None
                else tuple(section_fingerprint(file, ranges) for ranges in found.sections)
            )
            return Whole(stamp, found.format, whole_file, sections, zero_tail=found.ends_in_zeros)
        case Incomplete():
            return Unfinished(stamp, whole_file, found.reason)
        case NotAFrame():
            return NoFrame(stamp, whole_file, found.reason, found.next_step)


def _leave_access_time(file: BinaryIO) -> None:
    """Keep the file's access time as it is, where we may (its owner or root)."""
    with contextlib.suppress(OSError):
        flags = fcntl.fcntl(file.fileno(), fcntl.F_GETFL)
        fcntl.fcntl(file.fileno(), fcntl.F_SETFL, flags | os.O_NOATIME)
