"""The daemon under a service manager: ready when it works, alive while it turns, stopping when told."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from system.site import PROJECT, Site

MakeSite = Callable[..., Site]


def told_until(listening: socket.socket, wanted: str) -> list[str]:
    """Return what the daemon said up to and with the first message that holds `wanted`."""
    said: list[str] = []
    while not said or wanted not in said[-1]:
        said.append(listening.recv(4096).decode())
    return said


def test_the_daemon_says_ready_feeds_the_watchdog_and_says_stopping(
    make_site: MakeSite, tmp_path: Path
) -> None:
    site = make_site()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        env = {
            **os.environ,
            "PYTHONPATH": str(PROJECT / "daemon"),
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "400000",
        }
        env.pop("WATCHDOG_PID", None)
        site.process = subprocess.Popen(
            [sys.executable, "-m", "temwatch", "-c", str(site.config), "run"],
            env=env,
            stderr=subprocess.DEVNULL,
        )
        before = told_until(listening, "READY=1")
        assert not any("STOPPING=1" in message for message in before)
        told_until(listening, "WATCHDOG=1")
        told_until(listening, "STATUS=ready")
        site.process.send_signal(signal.SIGTERM)
        told_until(listening, "STOPPING=1")
        assert site.process.wait(timeout=60) == 0


def test_a_bad_configuration_ends_it_with_the_code_that_is_not_restarted(make_site: MakeSite) -> None:
    site = make_site()
    site.config.write_text("nonsense = true\n")
    site.start(wait=False)
    assert site.process is not None
    assert site.process.wait(timeout=60) == 78
    assert "RestartPreventExitStatus=78" in (PROJECT / "systemd" / "temwatch.service").read_text()
