"""The page for other machines: over TLS, to who signs in."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from temwatch.dashboard.users import Users

PASSWORD = "correct horse battery"
PROJECT = Path(__file__).resolve().parents[3]


def make_certificate(folder: Path) -> None:
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(folder / "page.key"), "-out", str(folder / "page.crt")),
        ],
        check=True,
        capture_output=True,
    )


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A server on all addresses of this machine, with a certificate of its own."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    make_certificate(tmp_path)
    Users(tmp_path / "users.json").add("ada", "admin", PASSWORD)
    (tmp_path / "incoming").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = tmp_path / "config.toml"
    # An address of loopback that is not its default: TLS and sign-in are the same on every address.
    config.write_text(
        f'[[roots]]\nname = "titan"\npath = "incoming"\n[publish]\nevents = "ipc://{tmp_path}/e"\n'
        f'commands = "ipc://{tmp_path}/c"\n[dashboard]\nhost = "127.0.0.1"\nport = {port}\nusers = "users.json"\n'
        'certificate = "page.crt"\ncertificate_key = "page.key"\n'
    )
    with (tmp_path / "page.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "temwatch", "-c", str(config), "dashboard"],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(PROJECT / "daemon")},
        )
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            break
        except OSError:
            assert server.poll() is None, (tmp_path / "page.log").read_text()
            assert time.monotonic() < deadline
    yield port
    server.terminate()
    server.wait(timeout=20)


def test_a_session_over_tls_never_travels_in_the_clear(port: int, tmp_path: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(tmp_path / "page.crt"))
    connection = http.client.HTTPSConnection("localhost", port, context=trusting, timeout=20)
    body = json.dumps({"name": "ada", "password": PASSWORD})
    connection.request("POST", "/api/sign-in", body, {"Origin": f"https://localhost:{port}"})
    answer = connection.getresponse()
    assert json.loads(answer.read())["ok"]
    assert "Secure" in (answer.getheader("Set-Cookie") or "")
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    plain.request("GET", "/")
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.getresponse()
