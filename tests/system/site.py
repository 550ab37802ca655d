"""A real daemon on a site of its own, started as a user would start it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from temwatch.client import Commands, Received, Subscription
from temwatch.errors import TransientError

PROJECT = Path(__file__).resolve().parents[2]


class Site:
    """Folders, a configuration and a daemon process.

    Parameters
    ----------
    folder : Path
    roots : tuple of str
        Names; each is watched at ``folder/<name>``.
    """

    def __init__(self, folder: Path, roots: tuple[str, ...] = ("titan",), *, give_up_s: float = 1.0) -> None:
        self.folder = folder
        self.events = f"ipc://{folder}/events.sock"
        self.commands = f"ipc://{folder}/commands.sock"
        self.config = folder / "config.toml"
        self.log = folder / "daemon.log"
        self.key: Path | None = None
        self.process: subprocess.Popen[bytes] | None = None
        text = '[state]\ndir = "state"\n'
        for root in roots:
            (folder / root).mkdir()
            text += f'[[roots]]\nname = "{root}"\npath = "{root}"\nquiet_s = 0.2\ngive_up_s = {give_up_s}\n'
        text += f'[publish]\nevents = "{self.events}"\ncommands = "{self.commands}"\n[workers]\ncount = 1\n'
        self.config.write_text(text, "utf-8")

    def start(self, *, wait: bool = True) -> None:
        env = {**os.environ, "PYTHONPATH": str(PROJECT / "daemon")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "temwatch", "-c", str(self.config), "run"],
                stdout=log,
                stderr=log,
                env=env,
            )
        if wait:
            self.until(lambda: self.status()["state"] in ("ready", "degraded"))

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=30)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def status(self) -> dict[str, Any]:
        with Commands(self.commands, timeout_s=2.0, keys=self.key) as daemon:
            answer: dict[str, Any] = daemon.ask("status").result
        return answer

    def until(self, condition: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
        """Ask until `condition` holds; fails with the daemon's log when it does not in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except TransientError:
                assert self.process is not None
                if self.process.poll() is not None:
                    break
        raise AssertionError(
            f"not in time; the daemon's log:\n{self.log.read_text('utf-8', 'replace')[-4000:]}"
        )

    def settled(self) -> bool:
        """Whether every file seen has come to an end."""
        status = self.status()
        ledgers = status["ledger"].values()
        scanned = all(root["scan_s"] > 0 for root in status["roots"].values()) and status["roots"]
        return bool(scanned) and all(ledger["held"] == ledger["queued"] == 0 for ledger in ledgers)

    def history(self, topic: str = "") -> list[Received]:
        """Return every stored message."""
        with Subscription(self.events, self.commands, since=0, topic=topic, timeout_s=0.5) as subscription:
            return [received for received in subscription.messages() if received.header.stored]


def ends(history: list[Received]) -> list[Received]:
    """Return the messages that end a frame."""
    return [m for m in history if m.header.type in ("frame.inspected", "frame.set_aside", "frame.gone")]


def cli(site: Site, *args: str) -> "subprocess.CompletedProcess[str]":
    """Run a temwatch command on a site."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT / "daemon")}
    return subprocess.run(
        [sys.executable, "-m", "temwatch", "-c", str(site.config), *args],
        capture_output=True,
        text=True,
        timeout=60,
        env=env,
        check=False,
    )
