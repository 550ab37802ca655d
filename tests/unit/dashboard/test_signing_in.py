"""The page's server over real HTTP and WebSockets: who gets what, and what a foreign page gets."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from temwatch.config import DashboardSection
from temwatch.dashboard.app import Page
from temwatch.dashboard.daemon import Addresses
from temwatch.dashboard.serve import door_of
from temwatch.dashboard.users import Users

PASSWORD = "correct horse battery"


@dataclass
class Server:
    """A page's server without a daemon behind it, and the list of who may sign in."""

    port: int
    users: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[dict[str, Any], str]:
        """Return the JSON answer and the cookie that came with it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        said = {"Origin": self.origin} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, json.dumps(body) if body is not None else None, said)
        answer = connection.getresponse()
        text = answer.read()
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        connection.close()
        return json.loads(text), cookie

    def sign_in(self, name: str, password: str = PASSWORD) -> str:
        answer, cookie = self.ask("POST", "/api/sign-in", {"name": name, "password": password})
        assert answer["ok"], answer
        return cookie

    def hello(self, cookie: str = "", origin: str = "") -> dict[str, Any]:
        headers = {"Cookie": cookie} if cookie else {}
        with connect(
            f"ws://127.0.0.1:{self.port}/live", origin=origin or self.origin, additional_headers=headers
        ) as live:
            said: dict[str, Any] = json.loads(live.recv(timeout=20))
        return said


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("page")
    users = Users(folder / "users.json")
    for name, role in (("vera", "viewer"), ("lea", "labeller"), ("ada", "admin")):
        users.add(name, role, PASSWORD)
    nobody = Addresses(events=f"ipc://{folder}/e", commands=f"ipc://{folder}/c", key=None)
    section = DashboardSection(users=folder / "users.json")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            Page(nobody, door_of(section)).app(), log_level="warning", ws="websockets-sansio"
        )
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        yield Server(listening.getsockname()[1], folder / "users.json")
        running.should_exit = True
        thread.join(timeout=20)


def _listen_on(live: ClientConnection) -> None:
    while True:
        live.recv(timeout=20)


def order(server: Server, cookie: str, cmd: str, **headers: str) -> dict[str, Any]:
    said = {"cmd_id": "12345678", "cmd": cmd, "args": {}}
    return server.ask("POST", "/api/order", said, Cookie=cookie, **headers)[0]


def test_who_has_not_signed_in_gets_no_frame_no_answer_and_no_stream(server: Server) -> None:
    for path in ("/api/frame/0123456789abcdef0123", "/api/ask/status"):
        assert server.ask("GET", path)[0]["error"]["code"] == "signed_out"
    assert order(server, "", "label.set")["error"]["code"] == "signed_out"
    with pytest.raises(ConnectionClosed) as closed:
        server.hello()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_a_wrong_password_opens_nothing(server: Server) -> None:
    answer, cookie = server.ask("POST", "/api/sign-in", {"name": "vera", "password": "wrong password"})
    assert answer["error"]["code"] == "wrong"
    assert not cookie


def test_after_too_many_wrong_ones_even_the_right_one_waits(server: Server) -> None:
    codes = [
        server.ask("POST", "/api/sign-in", {"name": "mallory", "password": f"guess {k}"})[0]["error"]["code"]
        for k in range(7)
    ]
    assert codes[:5] == ["wrong"] * 5
    assert codes[5:] == ["too_many"] * 2


def test_the_stream_says_who_somebody_is(server: Server) -> None:
    assert server.hello(server.sign_in("vera"))["signed_in"] == {"name": "vera", "role": "viewer"}


def test_a_viewer_may_not_label_and_a_labeller_may_not_promote(server: Server) -> None:
    vera, lea, ada = (server.sign_in(name) for name in ("vera", "lea", "ada"))

    def code(cookie: str, cmd: str) -> str:
        token = server.hello(cookie)["token"]
        return str(order(server, cookie, cmd, x_temwatch_token=token)["error"]["code"])

    assert code(vera, "label.set") == "forbidden"
    assert code(lea, "model.promote") == "forbidden"
    # Let through to the daemon, which is not there.
    assert code(ada, "model.promote") == "DaemonUnreachable"


def test_an_order_needs_the_token_of_its_own_session(server: Server) -> None:
    ada, lea = server.sign_in("ada"), server.sign_in("lea")
    foreign = server.hello(lea)["token"]
    assert order(server, ada, "label.set")["error"]["code"] == "stale_token"
    assert order(server, ada, "label.set", x_temwatch_token=foreign)["error"]["code"] == "stale_token"


def test_a_page_of_another_origin_gets_no_stream_no_order_and_no_session(server: Server) -> None:
    cookie = server.sign_in("ada")
    with pytest.raises(InvalidStatus):
        server.hello(cookie, origin="http://evil.example")
    token = server.hello(cookie)["token"]
    said = order(server, cookie, "label.set", x_temwatch_token=token, Origin="http://evil.example")
    assert said["error"]["code"] == "foreign_origin"
    body = {"name": "ada", "password": PASSWORD}
    answer, given = server.ask("POST", "/api/sign-in", body, Origin="http://evil.example")
    assert answer["error"]["code"] == "foreign_origin"
    assert not given


def test_the_session_is_out_of_reach_of_scripts_and_of_other_sites(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    body = json.dumps({"name": "vera", "password": PASSWORD})
    connection.request("POST", "/api/sign-in", body, {"Origin": server.origin})
    said = connection.getresponse().getheader("Set-Cookie") or ""
    assert "HttpOnly" in said
    assert "SameSite=strict" in said


def test_somebody_struck_from_the_list_is_cut_off(server: Server) -> None:
    Users(server.users).add("otto", "viewer", PASSWORD)
    cookie = server.sign_in("otto")
    headers = {"Cookie": cookie}
    with connect(
        f"ws://127.0.0.1:{server.port}/live", origin=server.origin, additional_headers=headers
    ) as live:
        live.recv(timeout=20)
        known = json.loads(server.users.read_text())
        del known["otto"]
        server.users.write_text(json.dumps(known))
        with pytest.raises(ConnectionClosed) as closed:
            _listen_on(live)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
