"""Events get lost, or there are none; scans find everything all the same, and it is said."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from integration.intake.conftest import Station, paths, settings_of
from unit.intake.frames import mrc, write

DEADLINE_S = 60.0
_PROGRAM = """
import asyncio, sys
from pathlib import Path
from temwatch.clock import SystemClock
from temwatch.intake.roots import Roots
from temwatch.intake.settings import RootSettings
from temwatch.model.sighting import RootState, Sighted

async def main():
    settings = RootSettings(name="r", path=Path(sys.argv[1]), quiet_s=0.05, discovery="events")
    roots = Roots([settings], known=lambda _: [], guard=lambda _: None, clock=SystemClock())
    sighted, reason = 0, ""
    async for fact in roots.facts():
        sighted += isinstance(fact, Sighted)
        if isinstance(fact, RootState) and fact.state == "degraded":
            reason = f"{fact.discovery}: {fact.reason}"
        if sighted == int(sys.argv[2]) and reason:
            break
    print(reason)
    await roots.close()

asyncio.run(main())
"""


def run_with_limit(limit: str, value: int, root: Path, files: int) -> str:
    """Return what is said of a root whose scanner may have only so many inotify resources."""
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-Ur", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("user namespaces are not allowed here: inotify limits can't be set for a test")
    result = subprocess.run(
        [
            *(unshare, "-Ur", "sh", "-c"),
            f'echo {value} > /proc/sys/user/{limit} && exec "$@"',
            *("sh", sys.executable, "-c", _PROGRAM, str(root), str(files)),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_with_too_few_watches_the_root_is_polled_and_every_file_found(root: Path) -> None:
    for n in range(60):
        write(root / f"d{n}" / f"{n}.mrc", mrc(seed=n))
    said = run_with_limit("max_inotify_watches", 20, root, 60)
    assert said.startswith("polling: ")
    assert "watch limit" in said


def test_without_inotify_the_root_is_polled_and_every_file_found(root: Path) -> None:
    write(root / "1.mrc", mrc())
    assert run_with_limit("max_inotify_instances", 0, root, 1).startswith("polling: no file events")


async def test_what_happened_while_events_overflowed_is_found(station: Station, root: Path) -> None:
    for n in range(300):
        write(root / "old" / f"{n}.mrc", mrc(seed=n))
    write(root / "junk" / "0.txt", b"watched from the start")
    settings = settings_of(root, discovery="events", sweep_s=1e6)
    await station.watch(settings)
    await station.sighted(300)
    await station.stop()
    station.facts.clear()
    await station.watch(settings)  # again, with every folder cold
    await station.until(lambda: station.of_discovery("events"))
    scanner = station.roots.scanner_pid("r")
    assert scanner is not None
    os.kill(scanner, signal.SIGSTOP)
    flood(root / "junk", 12_000)
    write(root / "old" / "7.mrc", mrc(seed=999))
    os.kill(scanner, signal.SIGCONT)
    assert paths(await station.sighted(1)) == [b"old/7.mrc"]


def flood(folder: Path, files: int) -> None:
    """Make more events than the kernel keeps for a reader (fs.inotify.max_queued_events)."""
    kept = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for n in range(max(files, kept)):
        (folder / f"{n % 50}.txt").write_bytes(b"x")
        (folder / f"{n % 50}.txt").unlink()
