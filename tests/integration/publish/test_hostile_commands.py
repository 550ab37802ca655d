"""Whatever is sent to the command socket is answered with a code or not let in, and the daemon goes on."""

import asyncio
import contextlib
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.publish.conftest import Station
from temwatch.client import Commands
from temwatch.publish import keys
from temwatch.publish.replies import MAX_COMMAND_BYTES, Answer, Replies
from temwatch.wire import keyfile
from temwatch.wire.keyfile import KeyFile
from temwatch.wire.messages import Reply

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODES = {
    "bad_message",
    "too_large",
    "unknown_command",
    "forbidden",
    "revoked",
    "CommandIdUsed",
    "not_found",
}
Parts = list[bytes]


def command(cmd: object = "hello", **other: object) -> dict[str, object]:
    return {"v": 1, "cmd_id": str(uuid.uuid4()), "cmd": cmd, "args": {}, **other}


def said(value: object) -> Parts:
    return [json.dumps(value).encode()]


def with_args(text: bytes) -> Parts:
    return [b'{"v":1,"cmd_id":"12345678","cmd":"replay","args":' + text + b"}"]


def wrong_type(dice: random.Random) -> Parts:
    odd: list[object] = [None, False, -1, 1.5, "a\nb", [], [[]], {"a": None}, 10**30, "x" * 70]
    field = dice.choice(["v", "cmd_id", "cmd", "args", "operator"])
    if field == "args":
        odd = [None, 1, "x", [], [["since", 0]]]
    return said({**command("replay", args={"since": 0}), field: dice.choice(odd)})


def nested(dice: random.Random) -> Parts:
    opening, closing = dice.choice([(b"[", b"]"), (b'{"a":', b"}")])
    depth = dice.choice([200, 1000, (MAX_COMMAND_BYTES - 100) // len(opening + closing)])
    text = opening * depth + b"1" + closing * dice.choice([0, depth])
    return dice.choice([[text], with_args(text)])


def truncated(dice: random.Random) -> Parts:
    whole = said(command("replay", args={"since": 3}))[0]
    return [whole[: dice.randrange(1, len(whole) - 1)]]


def parts(dice: random.Random) -> Parts:
    whole = said(command())[0]
    return dice.choice(
        [
            [whole, whole],
            [b"", b"", whole],
            [b"", whole, b""],
            [b""],
            [b"", b""],
            [whole] * 200,
            [b"x", whole],
        ]
    )


# Every kind of message that is malformed whoever sends it.
MALFORMED: tuple[Callable[[random.Random], Parts], ...] = (
    lambda dice: [dice.randbytes(dice.randrange(1, 400))],
    lambda dice: [b" " * dice.randrange(MAX_COMMAND_BYTES + 1, 3 * MAX_COMMAND_BYTES)],
    lambda dice: [
        dice.choice([b"null", b"true", b"[]", b"{}", b'"hello"', b"7", b"\xef\xbb\xbf{}", b"\x00"])
    ],
    lambda dice: with_args(
        b'{"since":' + dice.choice([b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"-1"]) + b"}"
    ),
    lambda dice: with_args(
        b'{"since":0,"topic":"' + dice.choice([rb"\ud800", rb"\udfff\ud800", rb"\u12"]) + b'"}'
    ),
    lambda dice: with_args(b'{"since":0,"since":' + dice.choice([b"0", b"1"]) + b"}"),
    lambda dice: [b'{"cmd":"drain",' + said(command())[0][1:]],
    lambda dice: said(command(f"{dice.choice(['', 'root.', 'label'])}{dice.random()}")),
    lambda dice: said(command(extra=dice.random())),
    lambda dice: said(command("replay", args={"since": dice.choice(["zero", None, 0.5, [], {}])})),
    wrong_type,
    nested,
    truncated,
    parts,
)


@contextlib.contextmanager
def connected(station: Station, key: Path | KeyFile) -> "Iterator[zmq.Socket[bytes]]":
    context = zmq.Context()
    with context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        (key if isinstance(key, KeyFile) else keyfile.read(key)).identify(dealer)
        dealer.connect(station.commands)
        yield dealer
    context.term()


def codes_of(dealer: "zmq.Socket[bytes]", messages: list[Parts]) -> Counter[str]:
    """Send messages, ten at a time, and count the codes of the replies; there is one for each."""
    found: Counter[str] = Counter()
    for start in range(0, len(messages), 10):
        batch = messages[start : start + 10]
        for message in batch:
            dealer.send_multipart(message)
        for _ in batch:
            assert dealer.poll(20_000), f"no reply after {found}"
            reply = Reply.model_validate_json(dealer.recv_multipart()[-1])
            found["ok" if reply.error is None else reply.error.code] += 1
    return found


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def test_ten_thousand_hostile_messages_are_all_refused_with_a_code_and_the_loop_goes_on(
    guarded: Station, keys_folder: Path
) -> None:
    dice = random.Random(5)
    revoked = keyfile.read(keys_folder / "labeller.key")
    taken = command("root.pause", args={"root": "titan"})
    with connected(guarded, revoked) as old, connected(guarded, keys_folder / "admin.key") as admin:
        assert codes_of(old, [said(command("label.set"))]) == {"ok": 1}
        assert codes_of(admin, [said(taken)]) == {"ok": 1}
        keys.revoke(keys_folder, "labeller", at=NOW)
        calls, before_mb = len(guarded.calls), resident_mb()
        found = codes_of(
            old, [said(command(dice.choice(["hello", "label.set", "drain"]))) for _ in range(2000)]
        )
        found += codes_of(old, [dice.choice(MALFORMED)(dice) for _ in range(1000)])
        found += codes_of(admin, [said({**taken, "args": {"root": str(k)}}) for k in range(500)])
        found += codes_of(admin, [dice.choice(MALFORMED)(dice) for _ in range(4000)])
        with connected(guarded, keys_folder / "viewer.key") as viewer:
            orders = ("label.set", "drain", "root.pause", "audit.recent")
            found += codes_of(viewer, [said(command(dice.choice(orders))) for _ in range(2500)])
        assert found.total() == 10_000
        assert set(found) <= CODES, found
        assert len(found) >= 6
        assert len(guarded.calls) == calls
        assert codes_of(admin, [said(command())]) == {"ok": 1}
    assert resident_mb() - before_mb < 60
    assert not any(task.done() for task in guarded._tasks)


def test_a_stranger_may_send_what_he_likes(guarded: Station, keys_folder: Path) -> None:
    nobody = keyfile.new("eve", server=keys.server_key(keys_folder).public)
    with (
        connected(guarded, nobody) as eve,
        Commands(guarded.commands, keys=keys_folder / "viewer.key") as viewer,
    ):
        with contextlib.suppress(zmq.Again):  # once refused, ZeroMQ itself takes no more
            for _ in range(500):
                eve.send(said(command("drain"))[0], zmq.NOBLOCK)
        assert viewer.ask("hello").result["head"] == 0
        assert not eve.poll(200)
    assert guarded.calls == []


def test_a_message_far_too_large_costs_its_sender_the_connection_and_nobody_else(
    guarded: Station, keys_folder: Path
) -> None:
    with (
        connected(guarded, keys_folder / "admin.key") as loud,
        Commands(guarded.commands, keys=keys_folder / "viewer.key") as viewer,
    ):
        for _ in range(20):
            loud.send(b" " * 5_000_000)
        assert viewer.ask("hello").result["head"] == 0


def test_one_who_floods_and_never_reads_does_not_keep_others_from_their_answers(
    guarded: Station, keys_folder: Path
) -> None:
    guarded.accept(*(f"frame {k}" for k in range(200)))
    before_mb = resident_mb()
    with (
        connected(guarded, keys_folder / "viewer.key") as flood,
        Commands(guarded.commands, keys=keys_folder / "admin.key", timeout_s=20) as daemon,
    ):
        flood.setsockopt(zmq.SNDHWM, 100_000)
        for k in range(3000):
            flood.send(said(command("replay", args={"since": 0}))[0])
            if k % 1000 == 500:
                assert daemon.ask("hello").result["head"] == 200
        turns = []
        for _ in range(5):
            asked = time.monotonic()
            daemon.ask("hello")
            turns.append(time.monotonic() - asked)
        assert flood.poll(5000)
    assert min(turns) < 5
    assert resident_mb() - before_mb < 150


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
COMMANDS = st.fixed_dictionaries(
    {},
    optional={
        "v": st.just(1) | JSON,
        "cmd_id": st.text(max_size=70) | JSON,
        "cmd": st.sampled_from(["hello", "drain", "label.set"]) | st.text(max_size=70),
        "args": st.dictionaries(st.text(max_size=8), JSON, max_size=3) | JSON,
        "operator": st.text(max_size=70) | JSON,
    },
)


async def _done(args: dict[str, Any], _: object) -> Answer:
    return Answer(json.dumps(args, default=str).encode())


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    running = asyncio.new_event_loop()
    yield running
    running.close()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    question=st.binary(max_size=200)
    | JSON.map(json.dumps).map(str.encode)
    | COMMANDS.map(json.dumps).map(str.encode)
)
def test_any_bytes_get_a_reply_of_the_protocols_form(
    loop: asyncio.AbstractEventLoop, question: bytes
) -> None:
    replies = Replies({"hello": _done, "drain": _done, "label.set": _done})
    (head,) = loop.run_until_complete(replies.reply_to(question))
    reply = Reply.model_validate_json(head)
    assert reply.ok == (reply.error is None)
    assert reply.error is None or reply.error.code in CODES
