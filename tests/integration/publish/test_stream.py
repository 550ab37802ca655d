"""What a subscriber can rely on, over real sockets."""

import json
import socket
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import zmq

from integration.publish.conftest import Station
from temwatch.client import CommandRefused, Commands, Received, Subscription
from temwatch.errors import DaemonUnreachable
from temwatch.publish.publisher import AddressInUse


def stored(subscription: Subscription) -> Iterator[Received]:
    """Yield the messages that are kept: no heartbeats."""
    return (received for received in subscription.messages() if received.header.stored)


def paths(subscription: Subscription, n: int) -> list[str]:
    return [received.body["path"] for received in islice(stored(subscription), n)]


def test_what_was_published_before_a_subscriber_came_is_delivered_first_and_in_order(
    station: Station,
) -> None:
    station.accept("a", "b", "c")
    with Subscription(station.events, station.commands, since=0, timeout_s=10) as subscription:
        assert paths(subscription, 3) == ["a", "b", "c"]


def test_history_and_live_messages_join_without_a_hole(station: Station) -> None:
    station.accept("a", "b")
    with Subscription(station.events, station.commands, since=1, timeout_s=10) as subscription:
        stream = stored(subscription)
        assert next(stream).body["path"] == "b"
        station.accept("c", "d")
        assert [received.body["path"] for received in islice(stream, 2)] == ["c", "d"]


def test_a_subscriber_without_since_gets_only_what_comes_from_now_on(station: Station) -> None:
    station.accept("old")
    with Subscription(station.events, station.commands, timeout_s=10) as subscription:
        stream = subscription._begin()
        assert list(stream) == []
        station.accept("new")
        assert paths_from_now(subscription, 1) == ["new"]


def paths_from_now(subscription: Subscription, n: int) -> list[str]:
    found: list[str] = []
    while len(found) < n:
        found += [received.body["path"] for received in subscription._next() if received.header.stored]
    return found


def test_messages_lost_on_the_way_are_fetched_when_the_next_one_shows_the_gap(station: Station) -> None:
    with Subscription(station.events, station.commands, since=0, timeout_s=10) as subscription:
        stream = stored(subscription)
        station.accept("a")
        assert next(stream).body["path"] == "a"
        station.call(lambda: None)
        station.accept("lost 1", "lost 2", poke=False)
        station.lose_what_is_committed()
        station.accept("z")
        assert [received.body["path"] for received in islice(stream, 3)] == ["lost 1", "lost 2", "z"]
        assert subscription.repairs == 1


def test_messages_lost_at_the_end_of_a_quiet_topic_are_found_by_the_heartbeat(station: Station) -> None:
    with Subscription(station.events, station.commands, since=0, timeout_s=10) as subscription:
        stream = stored(subscription)
        station.accept("a")
        assert next(stream).body["path"] == "a"
        station.accept("lost", poke=False)
        station.lose_what_is_committed()
        assert next(stream).body["path"] == "lost"


def test_only_the_wanted_topics_are_delivered_though_the_numbers_of_others_lie_between(
    station: Station,
) -> None:
    with Subscription(
        station.events, station.commands, since=0, topic="tw1/frame/b/", timeout_s=10
    ) as subscription:
        stream = stored(subscription)
        station.accept("one", root="a")
        station.accept("two", root="b")
        station.accept("three", root="ab")
        station.accept("four", root="b")
        assert [received.body["path"] for received in islice(stream, 2)] == ["two", "four"]
        assert subscription.repairs == 0


def test_a_daemon_with_another_history_is_followed_from_its_beginning(tmp_path: Path) -> None:
    first = Station(tmp_path / "one")
    first.start()
    first.accept("a", "b")
    with Subscription(first.events, first.commands, since=0, timeout_s=20) as subscription:
        stream = stored(subscription)
        assert [received.body["path"] for received in islice(stream, 2)] == ["a", "b"]
        first.stop()
        second = Station(tmp_path / "two")
        second.start(first.events, first.commands)
        second.accept("new a")
        assert next(stream).body["path"] == "new a"
        second.stop()


def test_a_daemon_restarted_on_its_own_state_goes_on_where_it_was(tmp_path: Path) -> None:
    first = Station(tmp_path / "state")
    first.start()
    first.accept("a")
    with Subscription(first.events, first.commands, since=0, timeout_s=20) as subscription:
        stream = stored(subscription)
        assert next(stream).body["path"] == "a"
        first.accept("committed but never sent", poke=False)
        first.stop()
        second = Station(tmp_path / "state")
        second.start(first.events, first.commands)
        second.accept("b")
        received = list(islice(stream, 2))
        assert [message.body["path"] for message in received] == ["committed but never sent", "b"]
        assert [message.header.seq for message in received] == [2, 3]
        second.stop()


def test_nobody_there_is_said_at_once_with_the_address() -> None:
    with (
        Commands("tcp://127.0.0.1:1", timeout_s=0.2) as commands,
        pytest.raises(DaemonUnreachable, match=r"tcp://127\.0\.0\.1:1"),
    ):
        commands.ask("hello")


def test_replay_comes_in_pages_that_say_whether_there_is_more(station: Station) -> None:
    station.accept("a", "b", "c")
    with Commands(station.commands) as commands:
        page = commands.ask("replay", since=0, limit=2).result
        assert [item["header"]["seq"] for item in page["messages"]] == [1, 2]
        assert page["more"] is True
        page = commands.ask("replay", since=2, limit=2).result
        assert [item["header"]["seq"] for item in page["messages"]] == [3]
        assert page["more"] is False


def test_a_plain_req_socket_is_answered(station: Station) -> None:
    context = zmq.Context()
    with context.socket(zmq.REQ) as question:
        question.setsockopt(zmq.LINGER, 0)
        question.connect(station.commands)
        question.send(json.dumps({"v": 1, "cmd_id": str(uuid.uuid4()), "cmd": "hello"}).encode())
        assert question.poll(5000)
        assert json.loads(question.recv())["ok"] is True
    context.term()


@pytest.mark.parametrize(
    "question",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"v": 1}',
        b'{"v": 2, "cmd_id": "12345678", "cmd": "hello"}',
        b'{"v": 1, "cmd_id": "12345678", "cmd": "replay", "args": {"since": -1}}',
        b'{"v": 1, "cmd_id": "12345678", "cmd": "replay", "args": {"since": 0, "limit": 100000}}',
        b'{"v": 1, "cmd_id": "12345678", "cmd": "hello", "args": {"x": 1}}',
        b"[" * 5000,
    ],
)
def test_a_malformed_command_is_refused_and_the_next_one_answered(station: Station, question: bytes) -> None:
    context = zmq.Context()
    with context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(station.commands)
        dealer.send(question)
        assert dealer.poll(5000)
        reply = json.loads(dealer.recv_multipart()[-1])
        assert reply["ok"] is False
        assert reply["error"]["code"] == "bad_message"
    context.term()
    with Commands(station.commands) as commands:
        assert commands.ask("hello").result["head"] == 0


def test_an_unknown_command_names_those_there_are(station: Station) -> None:
    with Commands(station.commands) as commands, pytest.raises(CommandRefused, match="hello"):
        commands.ask("make.coffee")


def test_garbage_on_the_ports_harms_nobody(station: Station) -> None:
    for address in (station.events, station.commands):
        host, port = address.removeprefix("tcp://").split(":")
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(range(256)) * 64)
    station.accept("a")
    with Subscription(station.events, station.commands, since=0, timeout_s=10) as subscription:
        assert paths(subscription, 1) == ["a"]


def test_a_command_too_large_to_be_one_does_not_stop_the_others(station: Station) -> None:
    context = zmq.Context()
    with context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(station.commands)
        dealer.send(b" " * 200_000)
        with Commands(station.commands) as commands:
            assert commands.ask("hello").result["head"] == 0
    context.term()


def test_an_address_in_use_is_named_with_what_to_do(station: Station, tmp_path: Path) -> None:
    other = Station(tmp_path / "other")
    other._thread.start()
    with pytest.raises(AddressInUse, match=r"can't listen at tcp://127.0.0.1:\d+ .*\[publish\]"):
        other.call(lambda: other._start(station.events, "tcp://127.0.0.1:*"))
    other.call(other.context.destroy)
    other.call(other.database.close)
    other.loop.call_soon_threadsafe(other.loop.stop)
    other._thread.join(timeout=20)
    other.loop.close()


def test_frame_get_of_an_unknown_frame_says_so(station: Station) -> None:
    with Commands(station.commands) as commands, pytest.raises(CommandRefused, match="no frame 'nope'"):
        commands.ask("frame.get", frame_id="nope")


def test_an_ipc_socket_is_closed_to_strangers(tmp_path: Path) -> None:
    station = Station(tmp_path / "state")
    station.start(f"ipc://{tmp_path}/run/events", f"ipc://{tmp_path}/run/commands")
    assert (tmp_path / "run" / "commands").stat().st_mode & 0o007 == 0
    station.accept("a")
    with Subscription(station.events, station.commands, since=0, timeout_s=10) as subscription:
        assert paths(subscription, 1) == ["a"]
    station.stop()
