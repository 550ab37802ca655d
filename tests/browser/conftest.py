"""A daemon, its page's server and a browser, shared by the tests of this folder; frames are rendered once."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from browser.chromium import Chromium, Page, chromium
from browser.shelf import put_two
from system.site import PROJECT, Site
from temwatch.client import Commands
from temwatch.sim.microscope import Microscope, Session
from temwatch.sim.writing import WriteStyle


class Lab:
    """A site with a daemon, a page's server and frames still to be written."""

    def __init__(self, folder: Path, waiting: list[Path]) -> None:
        self.site = Site(folder)
        self._waiting = waiting
        self.models = put_two(folder / "state")
        with self.site.config.open("a") as config:  # nothing is learned: what is in use changes by hand alone
            config.write('[retrain]\ncron = ""\nmin_new_labels = 100000\n')
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.server: subprocess.Popen[bytes] | None = None

    def serve(self) -> None:
        env = {**os.environ, "PYTHONPATH": str(PROJECT / "daemon")}
        with (self.site.folder / "page.log").open("ab") as log:
            self.server = subprocess.Popen(
                [
                    *(sys.executable, "-m", "temwatch", "-c", str(self.site.config)),
                    *("dashboard", "--port", str(self.port)),
                ],
                stdout=log,
                stderr=log,
                env=env,
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                urlopen(self.url, timeout=5).close()
                return
            except OSError:
                said = (self.site.folder / "page.log").read_text()
                assert self.server.poll() is None, said
                assert time.monotonic() < deadline, said

    def kill_server(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.wait(timeout=30)

    def expose(self, n: int = 1) -> list[str]:
        """Let the microscope write so many frames; return their names once they are inspected."""
        names = []
        for _ in range(n):
            source = self._waiting.pop(0)
            names.append(source.name)
            shutil.copy(source, self.site.folder / "titan" / source.name)
        self.site.until(lambda: set(names) <= {report["path"] for report in self.reports()})
        return names

    def reports(self) -> list[dict[str, Any]]:
        """Return every report, newest first."""
        return [end for end in self.ask("snapshot")["reports"] if "verdict" in end]

    def ask(self, cmd: str, **args: Any) -> Any:
        with Commands(self.site.commands, timeout_s=5.0) as daemon:
            return daemon.ask(cmd, **args).result

    def history(self, finding_id: str) -> list[dict[str, Any]]:
        labels: list[dict[str, Any]] = self.ask("label.history", finding_id=finding_id)["labels"]
        return labels


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine (Debian package `chromium`)")
    folder = tmp_path_factory.mktemp("lab")
    spool = tmp_path_factory.mktemp("spool")
    microscope = Microscope(spool, Session(seed=5, style=WriteStyle.RENAMED), wait=lambda _: None)
    lab = Lab(folder, [exposure.path for exposure in microscope.frames(10)])
    lab.site.start()
    lab.serve()
    lab.expose(4)
    yield lab
    lab.kill_server()
    lab.site.stop()


@pytest.fixture(scope="package")
def browser(lab: Lab) -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Chromium, lab: Lab) -> Iterator[Page]:
    """The page on its Live screen, with an operator's name; its errors and requests are looked at by `faults`."""
    page = browser.page(lab.url)
    name_operator(page, "anna")
    yield page
    browser.close_pages()


def name_operator(page: Page, name: str) -> None:
    page.ask(f"""(() => {{
        const input = document.getElementById('operator');
        input.value = {name!r};
        input.dispatchEvent(new Event('input'));
    }})()""")


def faults(page: Page, lab: Lab) -> list[str]:
    """Return console errors and requests to anybody but the page's own server."""
    own = (lab.url, lab.url.replace("http", "ws"), "blob:", "about:", "data:")
    return page.errors + [url for url in page.requests if not url.startswith(own)]


def faults_beside_lost_connections(page: Page, lab: Lab) -> list[str]:
    """Return faults; a browser reports a lost connection by itself, and nothing can keep it from it."""
    lost = ("WebSocket connection", "ERR_CONNECTION_REFUSED", "status of 503", "net::ERR_")
    return [fault for fault in faults(page, lab) if not any(words in fault for words in lost)]


def goto(page: Page, screen: str) -> None:
    """Open a screen without a reload."""
    page.ask(f"location.hash = '#/{screen}'")
    page.until(f"document.getElementById('main').dataset.screen === '{screen.split('/')[0]}'")
