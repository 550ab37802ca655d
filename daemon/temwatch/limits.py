"""What a worker process does to itself before it touches a file: less memory, no core, one thread."""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_MIB = 1 << 20
_OOM_SCORE = "500"  # of 1000; raising it needs no privilege

# What a decoder needs to run. Not on the list on purpose: systemd's notify socket and credentials.
_PASSED_ON = frozenset(
    {"HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "TMPDIR", "TZ", "VIRTUAL_ENV"}
)
# One thread each: the crew already has a process for every core.
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What one worker process may use.

    Attributes
    ----------
    memory_mb : int
        Address space, MiB.
    open_files : int
    nice : int
        Added to the daemon's own niceness, so that the daemon answers while all workers are busy.
    """

    memory_mb: int = 4096
    open_files: int = 256
    nice: int = 5

    def arguments(self) -> list[str]:
        """Return them as arguments of the process."""
        return [
            f"--memory-mb={self.memory_mb}",
            f"--open-files={self.open_files}",
            f"--nice={self.nice}",
        ]


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a worker: what it needs of `base`, one thread, no HDF5 plug-ins.

    An HDF5 file can name a filter, which the library would load as code from a plug-in folder; ``::`` is a
    search path with no folder in it.
    """
    kept = {name: value for name, value in base.items() if name in _PASSED_ON or name.startswith("LC_")}
    return kept | dict.fromkeys(_ONE_THREAD, "1") | {"HDF5_PLUGIN_PATH": "::", "PYTHONUNBUFFERED": "1"}


def apply(limits: WorkerLimits, *, parent_pid: int) -> None:
    """Limit this process, and tie its life to the daemon's.

    The kernel sends SIGKILL when the daemon dies, whatever it dies of; a daemon that died before that was
    arranged is noticed by its number.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit("the daemon ended before this worker began")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _lower(resource.RLIMIT_AS, limits.memory_mb * _MIB)
    _lower(resource.RLIMIT_NOFILE, limits.open_files)
    _lower(resource.RLIMIT_CORE, 0)
    os.nice(limits.nice)
    # Where memory runs out, the kernel takes a worker, not the daemon.
    with contextlib.suppress(OSError):  # a daemon that runs with a higher score has said its own
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (allowed, allowed))


def one_thread_only() -> None:
    """Hold the libraries that are loaded by now to one thread each."""
    # Imported here: it looks through every library of the process, so it must come after they are loaded.
    import threadpoolctl

    threadpoolctl.threadpool_limits(limits=1)
    cv2 = sys.modules.get("cv2")
    if cv2 is not None:
        cv2.setNumThreads(1)


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 where it is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:  # noqa: PTH123  a third of the time of Path, per job
            pages = int(statm.read().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * resource.getpagesize()
