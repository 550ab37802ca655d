"""A frame larger than its preview, looked at from near: its own pixels and the findings' own outlines."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np
import pytest
import tifffile

from browser.chromium import Chromium, chromium
from system.site import PROJECT, Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A daemon that has seen one frame of 1600 px, and its page's server."""
    if chromium() is None:
        pytest.skip("no Chromium on this machine (Debian package `chromium`)")
    site = Site(tmp_path)
    noise = np.random.default_rng(3).normal(20_000, 600, (1600, 1600))
    rows, cols = np.mgrid[0:1600, 0:1600]
    for row, col in ((300, 400), (800, 800), (1200, 500), (900, 1300)):
        noise[(rows - row) ** 2 + (cols - col) ** 2 < 40**2] -= 9000
    tifffile.imwrite(tmp_path / "titan" / "large.tif", noise.astype(np.uint16))
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [sys.executable, "-m", "temwatch", "-c", str(site.config), "dashboard", "--port", str(port)]
    with (tmp_path / "page.log").open("wb") as log:
        server = subprocess.Popen(
            program, stdout=log, stderr=log, env={"PYTHONPATH": str(PROJECT / "daemon")}
        )
    url = f"http://127.0.0.1:{port}/"
    site.until(answers(url))
    yield site, url
    server.terminate()
    server.wait(timeout=20)
    site.stop()


def answers(url: str) -> Callable[[], bool]:
    """Return a question whether somebody answers there."""

    def ask() -> bool:
        try:
            urlopen(url, timeout=5).close()
        except URLError:
            return False
        return True

    return ask


def test_from_near_a_frame_shows_its_own_pixels_and_its_findings_their_outlines(
    site: tuple[Site, str],
) -> None:
    with Chromium() as browser:
        page = browser.page(site[1])
        page.until("document.querySelectorAll('.finding').length >= 4")
        assert page.ask("document.querySelector('.view').dataset.ownPixels") is None
        assert page.ask("document.querySelectorAll('.contour').length") == 0
        page.press("ArrowRight")
        page.press("1")
        page.until("document.querySelector('.view').dataset.ownPixels")
        page.until("document.querySelectorAll('.contour').length >= 4")
        outside = """[...document.querySelectorAll('.finding')].filter((one) => {
            const [line, contour] = [one.querySelector('.line').getBBox(), one.querySelector('.contour').getBBox()];
            return contour.x < line.x - 1 || contour.y < line.y - 1 || contour.width > line.width + 2;
        }).length"""
        assert page.ask(outside) == 0
        assert page.errors == []
