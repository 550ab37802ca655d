"""How long a steady scan of 100 000 known files takes, against walking and stat-ing them all; prints ratios.

Run as ``python benchmarks/scan.py [FILES] [FOLDERS]``. All times are CPU time of one process.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from temwatch.intake.look import stamp_of
from temwatch.intake.rounds import Rounds
from temwatch.intake.settings import RootSettings
from temwatch.intake.tree import HOT_S

_SCANS = 20
_EVERY_S = 1.0  # between scans, as on a local disk


def main() -> None:
    files, folders = (int(n) for n in (*sys.argv[1:], "100000", "1000")[:2])
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make(root, files, folders)
        compare(root, files, folders)


def make(root: Path, files: int, folders: int) -> None:
    for n in range(folders):
        (root / f"session{n % 20}" / f"square{n}").mkdir(parents=True, exist_ok=True)
    for n in range(files):
        (root / f"session{n % folders % 20}" / f"square{n % folders}" / f"{n}.mrc").write_bytes(b"x")


def compare(root: Path, files: int, folders: int) -> None:
    before_kb = memory_kb()
    rounds, now = started(root)
    known_kb = memory_kb() - before_kb
    everything_s = spent(lambda: scan(rounds, now, everything=True))
    now.append(now[-1] + HOT_S + 1)
    scan(rounds, now)  # folders grow cold
    steady = sorted(spent(lambda: scan(rounds, now)) for _ in range(_SCANS))
    naive_s = min(spent(lambda: walk_and_stat(root)) for _ in range(3))
    median_s = steady[_SCANS // 2]
    print(f"{files} files in {folders} folders")
    print(
        f"steady scan        {1000 * median_s:8.1f} ms median, {1000 * steady[-1]:.1f} ms longest of {_SCANS}"
    )
    print(
        f"everything         {1000 * everything_s:8.1f} ms (at start, after lost events, every 10 min in parts)"
    )
    print(f"os.walk + os.stat  {1000 * naive_s:8.1f} ms")
    print(
        f"ratio              {naive_s / median_s:8.1f} x less than walking; {naive_s / everything_s:.2f} x for everything"
    )
    print(f"memory             {1024 * known_kb / files:8.0f} bytes a known file ({known_kb / 1024:.0f} MB)")


def started(root: Path) -> tuple[Rounds, list[float]]:
    """Return rounds that know every file, and their clock: the last entry is now."""
    now = [1000.0]
    settings = RootSettings(name="bench", path=root, discovery="polling")
    rounds = Rounds(settings, guard=None, monotonic_s=lambda: now[-1])
    for folder, _, names in os.walk(root):
        for name in names:
            path = f"{folder}/{name}"
            rounds.resume(os.path.relpath(path, root), stamp_of(os.lstat(path)), held=False)
    return rounds, now


def scan(rounds: Rounds, now: list[float], *, everything: bool = False) -> None:
    """Make one round and check that it had nothing to say of any file."""
    now.append(now[-1] + _EVERY_S)
    if everything:
        rounds.want_everything()
    told = [fact for fact in rounds.go() if hasattr(fact, "relpath")]
    assert not told, told[0]


def walk_and_stat(root: Path) -> None:
    for folder, _, names in os.walk(root):
        for name in names:
            os.lstat(f"{folder}/{name}")


def spent(work: Callable[[], None]) -> float:
    begun_s = time.process_time()
    work()
    return time.process_time() - begun_s


def memory_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
