"""What everything around the inspection costs: CPU of daemon and scanner beside that of the workers, at saturation.

    python benchmarks/pipeline.py [frames]

Frames are simulated beforehand; the daemon then finds them all at once. Printed are shares and ratios of one run.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np

from temwatch.client import Commands, Subscription
from temwatch.errors import TransientError
from temwatch.sim.microscope import Microscope, Session

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process, in seconds, its ended children included."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(int(fields[k]) for k in (11, 12, 13, 14)) / _TICKS


def children(pid: int) -> dict[int, str]:
    """Return the processes that `pid` started, with their command lines."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text("ascii").rpartition(")")[2].split()[1])
            if parent == pid:
                found[int(stat.parent.name)] = (stat.parent / "cmdline").read_text("utf-8").replace("\0", " ")
        except (OSError, ValueError):
            continue
    return found


def main(frames: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        (site / "in").mkdir()
        session = Session(seed=7, shape=(2048, 2048), objects=120)
        for _ in Microscope(site / "in", session, wait=lambda _: None).frames(frames):
            pass
        events, commands = f"ipc://{site}/e", f"ipc://{site}/c"
        (site / "config.toml").write_text(
            f'[[roots]]\nname = "in"\npath = "in"\nquiet_s = 0.2\n'
            f'[publish]\nevents = "{events}"\ncommands = "{commands}"\n[workers]\ncount = 1\n'
        )
        daemon = subprocess.Popen(
            [sys.executable, "-m", "temwatch", "-c", str(site / "config.toml"), "run"],
            stderr=subprocess.DEVNULL,
        )
        try:
            measure(daemon.pid, events, commands, frames)
        finally:
            daemon.terminate()
            daemon.wait()


def measure(pid: int, events: str, commands: str, frames: int) -> None:
    await_ready(commands)
    accepted, inspected, inspection_s = {}, {}, {}
    before = usage(pid)
    with Subscription(events, commands, since=0, timeout_s=120) as stream:
        for received in stream.messages():
            at = datetime.fromisoformat(received.header.at)
            if received.header.type == "frame.accepted":
                accepted[received.body["frame_id"]] = at
            elif received.header.type == "frame.inspected":
                inspected[received.body["frame_id"]] = at
                inspection_s[received.body["frame_id"]] = sum(received.body["timings_ms"].values()) / 1000
            if len(inspected) == frames:
                break
    used = {who: usage(pid)[who] - before[who] for who in before}
    around = used["daemon"] + used["scanner"]
    print(f"{frames} frames of 2048 x 2048, one worker")
    for who, seconds in used.items():
        print(f"  {who:8} {1000 * seconds / frames:7.1f} ms CPU a frame")
    print(f"  around the inspection: {around / (around + used['workers']):.1%} of the CPU (budget 5 %)")
    order = sorted(inspected, key=inspected.__getitem__)
    turn_s = np.diff([inspected[f].timestamp() for f in order])
    wall_s = np.array([inspection_s[f] for f in order[1:]])
    print(
        f"  from report to report over the inspection's own time, median: {np.median(turn_s / wall_s):.2f} (budget 1.2)"
    )


def usage(pid: int) -> dict[str, float]:
    own = children(pid)
    return {
        "daemon": cpu_s(pid),
        "scanner": sum(cpu_s(child) for child, line in own.items() if "scanner" in line),
        "workers": sum(cpu_s(child) for child, line in own.items() if "worker" in line),
    }


def await_ready(commands: str) -> None:
    deadline = time.monotonic() + 60
    with Commands(commands, timeout_s=1.0) as daemon:
        while time.monotonic() < deadline:
            try:
                if daemon.ask("status").result["state"] == "ready":
                    return
            except TransientError:
                continue
            time.sleep(0.05)
    raise SystemExit("the daemon did not get ready")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
