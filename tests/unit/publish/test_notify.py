"""systemd is told the truth, on the socket it listens on."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from temwatch.publish.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """What stands in NOTIFY_SOCKET, and the socket behind it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(5)
        if request.param == "path":
            address = str(tmp_path / "notify")
            listening.bind(address)
            yield address, listening
        else:
            name = f"temwatch-test-{os.getpid()}"
            listening.bind("\0" + name)
            yield "@" + name, listening


def test_every_message_arrives_as_systemd_spells_it(supervisor: tuple[str, socket.socket]) -> None:
    address, listening = supervisor
    notifier = Notifier({"NOTIFY_SOCKET": address}, pid=1)
    assert notifier.heard
    told = []
    for tell in (
        lambda: notifier.ready("2 roots"),
        lambda: notifier.status("inspecting"),
        lambda: notifier.alive(),
        lambda: notifier.extend_timeout(1.5),
        lambda: notifier.stopping("draining"),
    ):
        assert tell()
        told.append(listening.recv(4096))
    assert told == [
        b"READY=1\nSTATUS=2 roots",
        b"STATUS=inspecting",
        b"WATCHDOG=1",
        b"EXTEND_TIMEOUT_USEC=1500000",
        b"STOPPING=1\nSTATUS=draining",
    ]


def test_a_status_can_not_smuggle_in_a_second_variable(supervisor: tuple[str, socket.socket]) -> None:
    address, listening = supervisor
    Notifier({"NOTIFY_SOCKET": address}, pid=1).status("a file named\nMAINPID=1\n")
    assert listening.recv(4096) == b"STATUS=a file named MAINPID=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_systemd_nobody_is_told_and_nothing_fails(environ: dict[str, str]) -> None:
    notifier = Notifier(environ, pid=1)
    assert not notifier.heard
    assert not notifier.ready("")
    assert notifier.watchdog_s is None


def test_a_supervisor_that_is_gone_does_not_stop_the_daemon(tmp_path: Path) -> None:
    assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}, pid=1).alive()


def test_a_supervisor_that_does_not_listen_does_not_block_the_daemon(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}, pid=1)
        assert not all(notifier.alive() for _ in range(2000))


def test_the_watchdog_is_fed_twice_a_period() -> None:
    assert Notifier({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, pid=7).watchdog_s == 30.0
    assert Notifier({"WATCHDOG_USEC": "60000000"}, pid=7).watchdog_s == 30.0


@pytest.mark.parametrize(
    "environ",
    [
        {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "-5"},
    ],
)
def test_a_watchdog_for_somebody_else_or_for_nobody_is_not_fed(environ: dict[str, str]) -> None:
    assert Notifier(environ, pid=7).watchdog_s is None


def test_processes_the_daemon_starts_do_not_inherit_the_socket(tmp_path: Path) -> None:
    script = (
        "import os; from temwatch.publish.notify import from_environment; n = from_environment();"
        "print(n.heard, n.watchdog_s, sorted(k for k in os.environ if k[:6] in ('NOTIFY', 'WATCHD')))"
    )
    environ = {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "4000000",
    }
    told = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["True", "2.0", "[]"]
