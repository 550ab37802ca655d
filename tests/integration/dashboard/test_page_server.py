"""The page's server over real sockets, with no daemon behind it: what it serves, and whom it refuses."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

PROJECT = Path(__file__).resolve().parents[3]
STATIC = files("temwatch.dashboard") / "static"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("page")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "temwatch", "dashboard", "--port", str(number)),
            *("--events", f"ipc://{folder}/events.sock", "--commands", f"ipc://{folder}/commands.sock"),
        ],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "daemon")},
        cwd=folder,
    )
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", number), timeout=1).close()
            break
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < deadline
    yield number
    process.terminate()
    process.wait(timeout=15)


def ask(
    port: int, path: str, *, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body, {name.replace("_", "-"): said for name, said in headers.items()})
    response = connection.getresponse()
    return response, response.read()


@pytest.mark.parametrize("path", sorted(one.name for one in STATIC.iterdir()))
def test_every_file_of_the_page_is_served_under_a_strict_policy(port: int, path: str) -> None:
    response, body = ask(port, f"/{path}")
    assert (response.status, body) == (200, (STATIC / path).read_bytes())
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_strangers_name_for_this_machine_is_refused(port: int) -> None:
    assert ask(port, "/", Host="evil.example")[0].status == 403


def test_a_websocket_of_another_sites_page_is_refused(port: int) -> None:
    address = f"ws://127.0.0.1:{port}/live"
    with pytest.raises(InvalidStatus) as refused, connect(address, origin="http://evil.example"):
        pass
    assert refused.value.response.status_code == 403


def test_a_websocket_without_origin_is_refused(port: int) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://127.0.0.1:{port}/live"):
        pass
    assert refused.value.response.status_code == 403


def test_an_order_needs_our_origin_and_the_pages_token(port: int) -> None:
    order = json.dumps({"cmd": "label.set", "cmd_id": "12345678", "args": {}})
    own = f"http://127.0.0.1:{port}"
    foreign, _ = ask(port, "/api/order", method="POST", body=order, Origin="http://evil.example")
    without, said = ask(port, "/api/order", method="POST", body=order, Origin=own)
    assert (foreign.status, without.status, json.loads(said)["error"]["code"]) == (403, 403, "stale_token")


def test_an_order_that_no_daemon_answers_is_not_said_to_be_done(port: int) -> None:
    own = f"http://127.0.0.1:{port}"
    with connect(f"ws://127.0.0.1:{port}/live", origin=own) as socket_:
        hello = json.loads(socket_.recv(timeout=10))
    order = json.dumps(
        {"cmd": "label.set", "cmd_id": "12345678", "args": {"finding_id": "a.0", "class": "pore"}}
    )
    response, said = ask(
        port, "/api/order", method="POST", body=order, Origin=own, X_Temwatch_Token=hello["token"]
    )
    assert hello["silent"] is True
    assert (response.status, json.loads(said)["error"]["code"]) == (503, "DaemonUnreachable")


def test_commands_that_the_page_does_not_use_are_not_passed_on(port: int) -> None:
    response, said = ask(port, "/api/ask/drain")
    assert (response.status, json.loads(said)["error"]["code"]) == (404, "unknown_command")


def test_a_path_out_of_the_pages_folder_is_not_served(port: int) -> None:
    assert ask(port, "/../app.py")[0].status == 404
    assert ask(port, "/api/preview/..%2f..%2fetc.jpg")[0].status == 404


def test_a_browser_that_talks_too_much_is_cut_off(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/live", origin=f"http://127.0.0.1:{port}") as socket_:
        socket_.recv(timeout=10)
        socket_.send("x" * 10_000)
        with pytest.raises(ConnectionClosed) as closed:
            list(socket_)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009  # too big


def test_an_address_that_others_reach_is_refused_by_the_command_too() -> None:
    done = run("--host", "0.0.0.0")
    assert (done.returncode, "0.0.0.0" in done.stderr) == (78, True)


def test_a_port_in_use_is_said_with_a_way_out(port: int) -> None:
    done = run("--port", str(port))
    assert (done.returncode, "choose another --port" in done.stderr) == (75, True)


def run(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "temwatch", "dashboard", *args],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "daemon")},
    )
