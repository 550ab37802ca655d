"""The page under load: results of 500 findings each, five a second, for one window and for five.

Run ``python benchmarks/dashboard.py`` (needs Chromium and the tests beside it). Real store,
publisher and page's server; the reports and previews are made up. Printed: how many of the frames the window in front drew, how long
from the commit of a result to its outlines on the screen, memory of the page's server and of the window's own objects.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import cv2
import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests")]

from browser.chromium import Chromium, Page
from integration.publish.conftest import Station
from temwatch.model.finding import Rectangle
from temwatch.store.frames import FrameRow
from temwatch.store.results import Inspected
from temwatch.vision.features import FEATURE_NAMES, FEATURE_SET
from temwatch.wire import messages
from unit.learn.history import CLASSES, report_of
from unit.store import facts

_WATCH = """
window.__drawn = [];
new MutationObserver(() => requestAnimationFrame(() => window.__drawn.push([document.getElementById('main').dataset.drawn, Date.now()])))
  .observe(document.getElementById('main'), { attributes: true, attributeFilter: ['data-drawn'] });
1
"""


class Feed:
    """Commits results as workers would bring them home."""

    def __init__(self, station: Station, findings: int) -> None:
        self._station = station
        self._findings = findings
        random = np.random.default_rng(0)
        grey = cv2.GaussianBlur(random.normal(120, 60, (1024, 1024)), (0, 0), 2)
        self._preview = bytes(cv2.imencode(".jpg", np.clip(grey, 0, 255).astype(np.uint8))[1])
        self._features = random.normal(size=(findings, len(FEATURE_NAMES))).astype("<f4").tobytes()
        self._places = random.uniform(5, 500, (findings, 4))
        self._number = 0
        self._made: tuple[FrameRow, bytes] | None = None
        self.at_ms: dict[str, float] = {}

    def one(self) -> None:
        """Commit the next frame."""
        self._station.call(self._commit)

    def _commit(self) -> None:
        store = self._station.store
        self._number += 1
        store.accept(facts.sighted(f"{self._number:06d}.tif".encode(), f"print {self._number}"), at=facts.AT)
        claimed = store.lease(until_s=1e9)
        assert claimed is not None
        job, frame = claimed
        inspected = Inspected(
            report_json=self._report(frame),
            model_id="m1",
            decision="accept",
            findings=self._findings,
            feature_set=FEATURE_SET,
            features=self._features,
            contours=b"",
            preview=self._preview,
        )
        store.finish(job.job_id, job.attempt, inspected, at=facts.AT)
        self.at_ms[frame.frame_id] = 1000 * time.time()
        self._station.publisher.poke()

    def _report(self, frame: FrameRow) -> bytes:
        # Made once and given other names: what is measured is the page, not how fast Python makes findings.
        if self._made is None:
            said = report_of(frame, [CLASSES[k % len(CLASSES)] for k in range(self._findings)], "m1")
            placed = [
                replace(
                    finding,
                    rectangle=Rectangle(
                        row=row, col=col, length_px=5 + long / 40, width_px=4 + wide / 80, angle_deg=30.0
                    ),
                )
                for finding, (row, col, long, wide) in zip(said.findings, self._places.tolist(), strict=True)
            ]
            self._made = (frame, messages.to_json(replace(said, findings=tuple(placed))))
        first, text = self._made
        return text.replace(first.frame_id.encode(), frame.frame_id.encode()).replace(
            first.path.encode(), frame.path.encode()
        )


def served(station: Station, folder: Path) -> tuple["subprocess.Popen[bytes]", str]:
    """Start the page's server and return it with its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    config = folder / "config.toml"
    (folder / "in").mkdir()
    config.write_text(
        '[state]\ndir = "elsewhere"\n[[roots]]\nname = "titan"\npath = "in"\n'
        f'[publish]\nevents = "{station.events}"\ncommands = "{station.commands}"\n'
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1] / "daemon")}
    server = subprocess.Popen(
        [sys.executable, "-m", "temwatch", "-c", str(config), "dashboard", "--port", str(port)],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return server, url
    raise RuntimeError("the page's server does not answer")


def measured(feed: Feed, pages: list[Page], server_pid: int, *, seconds: float, rate_hz: float) -> None:
    """Feed for so long and print what the windows made of it."""
    pages[0].ask(_WATCH)
    before = set(feed.at_ms)
    heap_mb = _heap_mb(pages[0])
    begun = time.monotonic()
    sent = 0
    while time.monotonic() - begun < seconds:
        feed.one()
        sent += 1
        time.sleep(max(0.0, begun + sent / rate_hz - time.monotonic()))
    took_s = time.monotonic() - begun
    time.sleep(2.0)
    fed = set(feed.at_ms) - before
    print(f"{len(pages)} window(s): {sent} results in {took_s:.0f} s ({sent / took_s:.1f} a second)")
    drawn: list[tuple[str, float]] = json.loads(pages[0].ask("JSON.stringify(window.__drawn)"))
    late = np.array([at - feed.at_ms[name] for name, at in drawn if name in fed])
    p50, p95 = np.percentile(late, [50, 95])
    print(
        f"  the one in front drew {len(late)} of them; from commit to outlines: median {p50:.0f} ms, 95 % {p95:.0f} ms,"
        f" worst {late.max():.0f} ms"
    )
    print(
        f"  page's server {_rss_mb(server_pid):.0f} MB; objects of the first window {heap_mb:.0f} MB before,"
        f" {_heap_mb(pages[0]):.0f} MB after"
    )


def _heap_mb(page: Page) -> float:
    page.call("HeapProfiler.collectGarbage")
    used: Any = page.call("Runtime.getHeapUsage")["usedSize"]
    return float(used) / 1e6


def _rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=5.0)
    parser.add_argument("--findings", type=int, default=500)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        station = Station(folder / "state", labels=True)
        station.start()
        server, url = served(station, folder)
        try:
            feed = Feed(station, said.findings)
            feed.one()
            for count in (1, 5):
                with Chromium() as browser:
                    pages = [browser.page(url) for _ in range(count)]
                    for page in pages:
                        page.until("document.getElementById('main').dataset.drawn")
                    pages[0].call("Page.bringToFront")  # those behind it are served, but not painted
                    measured(feed, pages, server.pid, seconds=said.seconds, rate_hz=said.rate)
        finally:
            server.terminate()
            server.wait(timeout=20)
            station.stop()


if __name__ == "__main__":
    main()
