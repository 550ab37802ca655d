"""Scanners die, hang and lie; the daemon's side carries on."""

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from integration.intake.conftest import DEADLINE_S, Station, paths, settings_of
from temwatch.clock import SystemClock
from temwatch.intake.roots import Roots
from temwatch.model.sighting import RootState, Sighted, Vanished
from unit.intake.frames import mrc, write


def scanner_of(station: Station, root: str = "r") -> int:
    pid = station.roots.scanner_pid(root)
    assert pid is not None
    return pid


async def test_a_killed_scanner_is_replaced_and_every_file_is_sighted_once(
    station: Station, root: Path
) -> None:
    await station.watch(settings_of(root))
    for n in range(300):
        write(root / f"{n % 5}" / f"{n}.mrc", mrc(seed=n))
        if n % 60 == 30:
            await station.until(lambda: station.roots.scanner_pid("r"))
            killed = scanner_of(station)
            os.kill(killed, signal.SIGKILL)
            await station.until(lambda: station.state() == "degraded")
    # What was sighted and lost on the way to the daemon may be told again; the daemon knows it by its stamp.
    await station.until(lambda: len({fact.relpath for fact in station.of(Sighted)}) == 300)
    assert len(station.of(Sighted)) == 300
    assert station.of(Vanished) == []


async def test_a_scanner_that_falls_silent_is_replaced_and_others_go_on(
    station: Station, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    await station.watch(settings_of(root), settings_of(tmp_path / "other", name="other"), silence_s=4.0)
    await station.until(lambda: station.state() == station.state("other") == "online")
    stopped = scanner_of(station)
    os.kill(stopped, signal.SIGSTOP)
    write(tmp_path / "other" / "1.mrc", mrc())
    await station.sighted(1, "other")
    assert station.state() == "online"  # it has time to answer
    write(root / "2.mrc", mrc())
    await station.until(lambda: "stalled" in [state.state for state in station.of(RootState)])
    await station.sighted(1)
    await station.until(lambda: station.state() == "online")
    assert scanner_of(station) != stopped
    assert not Path(f"/proc/{stopped}").exists()
    assert "stalled" not in [state.state for state in station.of(RootState, "other")]


async def test_files_that_came_and_went_while_nothing_ran_are_told_at_the_next_start(
    station: Station, root: Path
) -> None:
    for name in ("same", "changed", "gone"):
        write(root / f"{name}.mrc", mrc())
    await station.watch(settings_of(root))
    await station.sighted(3)
    await station.stop()
    station.facts.clear()
    write(root / "changed.mrc", mrc(seed=2))
    write(root / "new.mrc", mrc(seed=3))
    (root / "gone.mrc").unlink()
    await station.watch(settings_of(root))
    assert paths(await station.sighted(2)) == [b"changed.mrc", b"new.mrc"]
    assert paths(station.of(Vanished)) == [b"gone.mrc"]


async def test_a_daemon_that_is_slow_to_write_down_does_not_take_its_scanner_for_stalled(root: Path) -> None:
    for n in range(1500):
        write(root / f"{n}.mrc", mrc(seed=n))
    silence_s = 4.0
    roots = Roots(
        [settings_of(root)],
        known=lambda _: [],
        guard=lambda _: None,
        clock=SystemClock(),
        silence_s=silence_s,
    )
    facts = roots.facts()
    try:
        await anext(facts)
        with contextlib.suppress(TimeoutError):  # a full disk, for longer than a scanner may be silent
            await asyncio.wait_for(asyncio.Event().wait(), silence_s + 1.0)
        sighted = 0
        async with asyncio.timeout(DEADLINE_S):
            while sighted < 1500:
                fact = await anext(facts)
                assert not (isinstance(fact, RootState) and fact.state == "stalled")
                sighted += isinstance(fact, Sighted)
    finally:
        await roots.close()


async def test_scanners_end_with_the_daemon(station: Station, root: Path) -> None:
    await station.watch(settings_of(root))
    await station.until(lambda: station.state() == "online")
    pid = scanner_of(station)
    await station.stop()
    assert not Path(f"/proc/{pid}").exists()


def test_a_scanner_ends_when_its_daemon_is_killed(root: Path) -> None:
    """A small daemon starts a scanner, says its pid and is killed."""
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from temwatch.clock import SystemClock\n"
        "from temwatch.intake.roots import Roots\n"
        "from temwatch.intake.settings import RootSettings\n"
        "async def main():\n"
        "    settings = RootSettings(name='r', path=Path(sys.argv[1]))\n"
        "    roots = Roots([settings], known=lambda _: [], guard=lambda _: None, clock=SystemClock())\n"
        "    async for fact in roots.facts():\n"
        "        print(roots.scanner_pid('r'), flush=True)\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(root)], stdout=subprocess.PIPE, text=True, env=environment
    ) as daemon:
        assert daemon.stdout is not None
        scanner = os.pidfd_open(int(daemon.stdout.readline()))
        daemon.kill()
    assert _ends(scanner)


def test_a_scanner_survives_noise_on_its_standard_output_and_refuses_garbage(root: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-P", "-m", "temwatch.intake.scanner"],
        input=b"\x01\x00\x00\x00\x05\x00\x00\x00nope!",
        capture_output=True,
        timeout=DEADLINE_S,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        check=False,
    )
    assert result.returncode != 0
    assert b"not JSON" in result.stderr
    assert result.stdout == b""


def _ends(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], DEADLINE_S)[0])
