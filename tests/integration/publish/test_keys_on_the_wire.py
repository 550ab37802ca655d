"""What keys keep out, over real sockets: strangers, roles too low, keys taken back, other people's orders."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio
from zmq.utils import z85

from integration.publish.conftest import Station
from temwatch.client import (
    CommandDelayed,
    CommandForbidden,
    CommandRefused,
    Commands,
    KeyNotAccepted,
    Subscription,
)
from temwatch.clock import SystemClock
from temwatch.errors import DaemonUnreachable, KeyRefused
from temwatch.publish import keys
from temwatch.publish.admission import Admission
from temwatch.publish.keyring import Keyring
from temwatch.publish.self_test import DoorOpen, DoorUnproven, prove_closed, reachable
from temwatch.wire import keyfile
from temwatch.wire.keyfile import KeyFile

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def stranger(keys_folder: Path) -> KeyFile:
    return keyfile.new("stranger", server=keys.server_key(keys_folder).public)


@contextmanager
def asking(station: Station, key: Path | KeyFile | None, **options: Any) -> Iterator[Commands]:
    with Commands(station.commands, keys=key, **{"timeout_s": 5.0, **options}) as commands:
        yield commands


@pytest.mark.parametrize("role", ["viewer", "labeller", "admin"])
def test_each_role_may_do_its_part_and_no_more(guarded: Station, keys_folder: Path, role: str) -> None:
    needs = {"hello": 0, "replay": 0, "label.set": 1, "root.pause": 2, "audit.recent": 2}
    rank = ["viewer", "labeller", "admin"].index(role)
    with asking(guarded, keys_folder / f"{role}.key") as daemon:
        for cmd, needed in needs.items():
            args = {"since": 0} if cmd == "replay" else {}
            if needed <= rank:
                daemon.ask(cmd, **args)
            else:
                with pytest.raises(CommandForbidden, match=f"{role} has {role}"):
                    daemon.ask(cmd, **args)
    assert {caller.role for caller in guarded.calls} <= {role}


def test_the_name_comes_from_the_key_and_not_from_the_message(guarded: Station, keys_folder: Path) -> None:
    with asking(guarded, keys_folder / "labeller.key", operator="admin") as daemon:
        daemon.ask("label.set", operator="admin")
    (caller,) = guarded.calls
    assert (caller.name, caller.role, caller.known) == ("labeller", "labeller", "key")
    assert caller.key == keyfile.fingerprint(keyfile.read(keys_folder / "labeller.key").public)


@pytest.mark.parametrize("how", ["as the sender", "as an argument"])
def test_without_keys_the_declared_name_is_recorded_as_declared(station: Station, how: str) -> None:
    if how == "as the sender":
        with asking(station, None, operator="anna") as daemon:
            daemon.ask("label.set")
    else:
        with asking(station, None) as daemon:
            daemon.ask("label.set", operator="anna")
    (caller,) = station.calls
    assert (caller.name, caller.known, caller.key) == ("anna", "declared", "")


def test_who_declares_no_name_is_nobody(station: Station) -> None:
    with asking(station, None) as daemon:
        daemon.ask("label.set", operator=["anna"])
    assert [caller.name for caller in station.calls] == ["nobody"]


def test_a_strangers_key_is_told_apart_from_a_daemon_that_is_not_there(
    guarded: Station, keys_folder: Path
) -> None:
    with (
        asking(guarded, stranger(keys_folder)) as daemon,
        pytest.raises(KeyNotAccepted, match="does not accept the key of stranger"),
    ):
        daemon.ask("hello")
    with (
        Commands("tcp://127.0.0.1:1", timeout_s=0.3, keys=stranger(keys_folder)) as daemon,
        pytest.raises(DaemonUnreachable),
    ):
        daemon.ask("hello")


def test_a_client_without_a_key_is_told_that_it_needs_one(guarded: Station) -> None:
    with asking(guarded, None) as daemon, pytest.raises(KeyNotAccepted, match=r"wants a key.*--key"):
        daemon.ask("hello")


def test_a_client_with_a_key_does_not_talk_to_a_daemon_without(station: Station, keys_folder: Path) -> None:
    with (
        asking(station, keys_folder / "admin.key") as daemon,
        pytest.raises(KeyNotAccepted, match="uses no keys"),
    ):
        daemon.ask("hello")


def test_a_client_does_not_talk_to_a_daemon_with_another_key(guarded: Station, keys_folder: Path) -> None:
    own = keyfile.read(keys_folder / "admin.key")
    other = KeyFile(name=own.name, public=own.public, secret=own.secret, server=keyfile.new("other").public)
    with (
        asking(guarded, other, timeout_s=1.5) as daemon,
        pytest.raises(KeyNotAccepted, match="is not the daemon"),
    ):
        daemon.ask("hello")


def test_a_key_file_others_can_read_is_refused_before_anything_is_sent(
    guarded: Station, keys_folder: Path
) -> None:
    (keys_folder / "admin.key").chmod(0o644)
    with pytest.raises(KeyRefused, match="chmod 600"), asking(guarded, keys_folder / "admin.key"):
        pass
    with (
        pytest.raises(KeyRefused, match="chmod 600"),
        Subscription(guarded.events, guarded.commands, keys=str(keys_folder / "admin.key")),
    ):
        pass


def test_a_subscriber_with_a_key_gets_the_stream(guarded: Station, keys_folder: Path) -> None:
    guarded.accept("a", "b")
    with Subscription(
        guarded.events,
        guarded.commands,
        since=0,
        topic="tw1/frame/",
        timeout_s=10,
        keys=keys_folder / "viewer.key",
    ) as stream:
        assert [received.body["path"] for received in islice(stream.messages(), 2)] == ["a", "b"]
        guarded.accept("c")
        assert next(stream.messages()).body["path"] == "c"


@pytest.mark.parametrize("who", ["a stranger", "nobody"])
def test_nothing_is_published_to_those_without_a_valid_key(
    guarded: Station, keys_folder: Path, who: str
) -> None:
    context = zmq.Context()
    with context.socket(zmq.SUB) as ear:
        ear.setsockopt(zmq.LINGER, 0)
        ear.setsockopt(zmq.SUBSCRIBE, b"")
        if who == "a stranger":
            stranger(keys_folder).identify(ear)
        ear.connect(guarded.events)
        with asking(guarded, keys_folder / "viewer.key") as daemon:
            daemon.ask("hello")
        guarded.accept("secret")
        assert not ear.poll(500)
    context.term()


def test_a_subscriber_the_daemon_does_not_know_is_told_so(guarded: Station, keys_folder: Path) -> None:
    with (
        Subscription(guarded.events, guarded.commands, timeout_s=10, keys=stranger(keys_folder)) as stream,
        pytest.raises(KeyNotAccepted),
    ):
        next(stream.messages())


def test_a_key_taken_back_is_refused_on_its_open_connection_at_the_next_command(
    guarded: Station, keys_folder: Path
) -> None:
    with asking(guarded, keys_folder / "labeller.key") as daemon:
        daemon.ask("label.set")
        keys.revoke(keys_folder, "labeller", at=NOW)
        with pytest.raises(CommandForbidden, match="taken back on 2026-03-01") as refused:
            daemon.ask("label.set")
        assert refused.value.code == "revoked"
    assert len(guarded.calls) == 1


def test_a_role_made_lower_counts_at_the_next_command(guarded: Station, keys_folder: Path) -> None:
    with asking(guarded, keys_folder / "admin.key") as daemon:
        daemon.ask("root.pause")
        listed = (keys_folder / "roles.json").read_text()
        (keys_folder / "roles.json").write_text(listed.replace('"role": "admin"', '"role": "viewer"'))
        with pytest.raises(CommandForbidden, match="admin has viewer"):
            daemon.ask("root.pause")


def test_a_subscriber_whose_key_is_taken_back_is_cut_and_the_others_miss_nothing(
    guarded: Station, keys_folder: Path
) -> None:
    viewer = keyfile.read(keys_folder / "viewer.key")
    with (
        Subscription(guarded.events, guarded.commands, since=0, topic="tw1/frame/", keys=viewer) as cut,
        Subscription(
            guarded.events,
            guarded.commands,
            since=0,
            topic="tw1/frame/",
            timeout_s=20,
            keys=keys_folder / "admin.key",
        ) as kept,
    ):
        guarded.accept("before")
        for stream in (cut, kept):
            assert next(stream.messages()).body["path"] == "before"
        keys.revoke(keys_folder, "viewer", at=NOW)
        heard, told, k = [], "", 0
        while not told and k < 1000:
            guarded.accept(f"after {k}")
            k += 1
            try:
                heard += [received.body["path"] for received in cut._next()]
            except KeyNotAccepted as error:
                told = str(error)
        assert "does not accept the key of viewer" in told
        assert heard == [f"after {j}" for j in range(len(heard))]
        assert len(heard) < k
        assert [received.body["path"] for received in islice(kept.messages(), k)] == [
            f"after {j}" for j in range(k)
        ]


def test_while_the_list_of_keys_is_damaged_nobody_is_served_and_then_everybody_again(
    guarded: Station, keys_folder: Path
) -> None:
    listed = (keys_folder / "roles.json").read_text()
    with asking(guarded, keys_folder / "admin.key") as daemon:
        daemon.ask("root.pause")
        (keys_folder / "roles.json").write_text("{")
        with pytest.raises(CommandDelayed, match="can't read who may do what"):
            daemon.ask("root.pause")
        (keys_folder / "roles.json").write_text(listed)
        daemon.ask("root.pause")
    assert len(guarded.calls) == 2


def test_every_order_leaves_a_row_and_no_question_does(guarded: Station, keys_folder: Path) -> None:
    with (
        asking(guarded, keys_folder / "admin.key") as admin,
        asking(guarded, keys_folder / "labeller.key") as anna,
    ):
        admin.ask("hello")
        admin.ask("root.pause", root="titan")
        anna.ask("label.set", finding_id="f1")
        with pytest.raises(CommandRefused):
            admin.ask("drain", refuse=True)
        with pytest.raises(CommandForbidden):
            anna.ask("drain")
        page = admin.ask("audit.recent").result
    assert [(row["name"], row["cmd"], row["args"], row["outcome"]) for row in page["orders"]] == [
        ("admin", "drain", '{"refuse": true}', "not_found"),
        ("labeller", "label.set", '{"finding_id": "f1"}', "done"),
        ("admin", "root.pause", '{"root": "titan"}', "done"),
    ]
    assert {row["known"] for row in page["orders"]} == {"key"}


def raw(station: Station, key: Path, *questions: dict[str, Any]) -> list[dict[str, Any]]:
    """Send commands as they are, over one connection, and return the replies."""
    context = zmq.Context()
    with context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        keyfile.read(key).identify(dealer)
        dealer.connect(station.commands)
        replies = []
        for question in questions:
            dealer.send(json.dumps(question).encode())
            assert dealer.poll(5000)
            replies.append(json.loads(dealer.recv()))
    context.term()
    return replies


def order(cmd: str, cmd_id: str | None = None, **args: Any) -> dict[str, Any]:
    return {"v": 1, "cmd_id": cmd_id or str(uuid.uuid4()), "cmd": cmd, "args": args}


def test_an_order_sent_again_has_its_effect_once_and_its_old_reply(
    guarded: Station, keys_folder: Path
) -> None:
    pause = order("root.pause", root="titan")
    first, again = raw(guarded, keys_folder / "admin.key", pause, pause)
    assert first == again
    assert first["ok"] is True
    assert len(guarded.calls) == 1


def test_a_refused_order_sent_again_is_refused_again(guarded: Station, keys_folder: Path) -> None:
    drain = order("drain", refuse=True)
    replies = raw(guarded, keys_folder / "admin.key", drain, drain)
    assert [reply["error"]["code"] for reply in replies] == ["not_found", "not_found"]
    assert len(guarded.calls) == 1


def test_somebody_elses_or_another_order_under_an_old_id_is_refused(
    guarded: Station, keys_folder: Path
) -> None:
    keys.create(keys_folder, "eve", "admin", at=NOW)
    pause = order("root.pause", root="titan")
    raw(guarded, keys_folder / "admin.key", pause)
    (stolen,) = raw(guarded, keys_folder / "eve.key", pause)
    (changed,) = raw(guarded, keys_folder / "admin.key", order("drain", pause["cmd_id"]))
    assert [reply["error"]["code"] for reply in (stolen, changed)] == ["CommandIdUsed", "CommandIdUsed"]
    assert len(guarded.calls) == 1


def test_the_self_test_is_content_where_strangers_are_refused(guarded: Station, keys_folder: Path) -> None:
    async def prove() -> None:
        server = keys.server_key(keys_folder).public
        await prove_closed(guarded.context, guarded.events, kind=zmq.SUB, server=server)
        await prove_closed(guarded.context, guarded.commands, kind=zmq.DEALER, server=server)

    finished(guarded, prove())
    assert guarded.admission.refused == 2


def finished(station: Station, work: Any) -> None:
    asyncio.run_coroutine_threadsafe(work, station.loop).result(timeout=30)


async def test_the_self_test_notices_a_door_that_lets_everybody_in() -> None:
    context = zmq.asyncio.Context()
    server = keyfile.new("server")
    with context.socket(zmq.ROUTER) as open_door:
        open_door.setsockopt(zmq.LINGER, 0)
        open_door.setsockopt(zmq.CURVE_SERVER, 1)  # and nobody at it: ZeroMQ lets in every key then
        open_door.setsockopt(zmq.CURVE_SECRETKEY, server.secret.reveal())
        open_door.bind("tcp://127.0.0.1:*")
        address = open_door.getsockopt_string(zmq.LAST_ENDPOINT)
        with pytest.raises(DoorOpen, match="nobody granted"):
            await prove_closed(context, address, kind=zmq.DEALER, server=server.public)
    context.term()


async def test_the_self_test_is_not_content_where_nobody_answers() -> None:
    context = zmq.asyncio.Context()
    with pytest.raises(DoorUnproven, match="IPAddressAllow"):
        await prove_closed(
            context,
            "tcp://127.0.0.1:1",
            kind=zmq.DEALER,
            server=keyfile.new("server").public,
            patience_s=0.2,
        )
    context.term()


async def test_a_guarded_socket_with_nobody_at_the_door_lets_no_valid_key_in(keys_folder: Path) -> None:
    context = zmq.asyncio.Context()
    admission = Admission(Keyring(keys_folder), keys.server_key(keys_folder), clock=SystemClock())
    with context.socket(zmq.ROUTER) as socket, context.socket(zmq.DEALER) as dealer:
        for each in (socket, dealer):
            each.setsockopt(zmq.LINGER, 0)
        admission.guard(socket)
        socket.bind("tcp://127.0.0.1:*")
        keyfile.read(keys_folder / "admin.key").identify(dealer)
        dealer.connect(socket.getsockopt_string(zmq.LAST_ENDPOINT))
        await dealer.send(b"hello")
        assert not await socket.poll(500)
    context.term()


@pytest.mark.parametrize(
    "question",
    [[], [b"1.0"], [b"2.0", b"1", b"temwatch", b"", b"", b"CURVE", b"x" * 32], [b"1.0"] * 8],
)
def test_a_question_at_the_door_that_is_none_is_refused(keys_folder: Path, question: list[bytes]) -> None:
    admission = Admission(Keyring(keys_folder), keys.server_key(keys_folder), clock=SystemClock())
    assert admission.answer_to(question)[2] == b"500"


@pytest.mark.parametrize(
    ("domain", "mechanism", "credential"),
    [
        (b"other", b"CURVE", b"k"),
        (b"temwatch", b"NULL", b""),
        (b"temwatch", b"PLAIN", b"k"),
        (b"temwatch", b"CURVE", b""),
    ],
)
def test_only_curve_and_only_our_own_sockets_open_the_door(
    keys_folder: Path, domain: bytes, mechanism: bytes, credential: bytes
) -> None:
    admission = Admission(Keyring(keys_folder), keys.server_key(keys_folder), clock=SystemClock())
    valid = z85.decode(keyfile.read(keys_folder / "admin.key").public)
    given = valid if credential == b"k" else credential
    asked = [b"1.0", b"1", domain, b"127.0.0.1", b"", mechanism, given]
    assert admission.answer_to(asked)[2] == b"400"
    assert admission.answer_to([b"1.0", b"1", b"temwatch", b"", b"", b"CURVE", valid])[2] == b"200"


@pytest.mark.parametrize(
    ("bound", "reached"),
    [
        ("tcp://0.0.0.0:5560", "tcp://127.0.0.1:5560"),
        ("tcp://[::]:5560", "tcp://[::1]:5560"),
        ("tcp://192.0.2.7:5560", "tcp://192.0.2.7:5560"),
        ("ipc:///run/temwatch/events", "ipc:///run/temwatch/events"),
    ],
)
def test_what_listens_everywhere_is_reached_over_loopback(bound: str, reached: str) -> None:
    assert reachable(bound) == reached


def test_keys_work_over_ipc_too(tmp_path: Path, keys_folder: Path) -> None:
    station = Station(tmp_path / "state", keys_in=keys_folder)
    station.start(f"ipc://{tmp_path}/run/events", f"ipc://{tmp_path}/run/commands")
    with asking(station, keys_folder / "viewer.key") as daemon:
        assert daemon.ask("hello").result["head"] == 0
    with asking(station, stranger(keys_folder)) as daemon, pytest.raises(KeyNotAccepted):
        daemon.ask("hello")
    station.stop()
