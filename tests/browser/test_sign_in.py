"""Signing in to the page, in a real browser."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from browser.chromium import Chromium, Page, chromium
from temwatch.dashboard.users import Users

PASSWORD = "correct horse battery"
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A page's server where people sign in; no daemon is behind it."""
    if chromium() is None:
        pytest.skip("no Chromium on this machine (Debian package `chromium`)")
    Users(tmp_path / "users.json").add("lea", "labeller", PASSWORD)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "incoming").mkdir()
    config = tmp_path / "config.toml"
    config.write_text(
        f'[[roots]]\nname = "titan"\npath = "incoming"\n[dashboard]\nport = {port}\nusers = "users.json"\n'
        f'[publish]\nevents = "ipc://{tmp_path}/e"\ncommands = "ipc://{tmp_path}/c"\n'
    )
    program = [sys.executable, "-m", "temwatch", "-c", str(config), "dashboard"]
    with (tmp_path / "page.log").open("wb") as log:
        server = subprocess.Popen(
            program, stdout=log, stderr=log, env={"PYTHONPATH": str(PROJECT / "daemon")}
        )
    deadline = time.monotonic() + 30
    while True:
        try:
            urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            break
        except OSError:
            assert server.poll() is None, (tmp_path / "page.log").read_text()
            assert time.monotonic() < deadline
    yield f"http://127.0.0.1:{port}/"
    server.terminate()
    server.wait(timeout=20)


def fill_in(page: Page, password: str) -> None:
    """Sign in as a person does, by keyboard alone."""
    page.until("document.activeElement?.getAttribute('aria-label') === 'Name'")
    page.ask("document.activeElement.select()")
    page.type("lea")
    page.press("Tab")
    page.ask("document.activeElement.select()")
    page.type(password)
    page.press("Enter")


def test_a_person_signs_in_sees_the_page_and_signs_out(url: str) -> None:
    with Chromium() as browser:
        page = browser.page(url)
        fill_in(page, "not the password")
        page.until("document.querySelector('form.sign-in [role=alert]').textContent.includes('wrong')")
        page.ask("document.querySelector('form.sign-in input').focus()")
        fill_in(page, PASSWORD)
        page.until("document.getElementById('who').textContent.startsWith('lea (labeller)')")
        page.until("!document.querySelector('form.sign-in')")
        # No daemon is there; that is another matter than not being signed in.
        page.until("document.getElementById('state').dataset.word === 'silent'")
        page.ask("document.getElementById('who').click()")
        page.until("document.querySelector('form.sign-in')!==null")
        assert page.errors == []
