"""Whole messages or none: whatever is cut, too long or nonsense is refused, and nothing is guessed."""

import asyncio
import io
import json
import os
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch.wire import pipes
from temwatch.wire.pipes import Message, PipeGarbage

NUMBERS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    NUMBERS | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8
)
BODIES = st.dictionaries(st.text(), VALUES, max_size=4)
BLOBS = st.lists(st.binary(max_size=40), max_size=4)


def read_async(data: bytes, **limits: int) -> Message | None:
    async def go() -> Message | None:
        stream = asyncio.StreamReader()
        stream.feed_data(data)
        stream.feed_eof()
        return await pipes.read(stream, **limits)

    return asyncio.run(go())


def read_blocking(data: bytes, **limits: int) -> Message | None:
    return pipes.read_blocking(io.BytesIO(data), **limits)


BOTH = pytest.mark.parametrize("read", [read_async, read_blocking])


@BOTH
@given(body=BODIES, blobs=BLOBS)
def test_a_message_comes_back_as_it_was(read: Any, body: dict[str, Any], blobs: list[bytes]) -> None:
    assert read(pipes.pack(body, blobs)) == (body, blobs)


@BOTH
def test_a_name_that_is_no_utf_8_comes_back_as_it_was(read: Any) -> None:
    assert read(pipes.pack({"path": "\udcff.mrc"}))[0] == {"path": "\udcff.mrc"}


@BOTH
def test_a_closed_pipe_between_messages_is_an_end(read: Any) -> None:
    assert read(b"") is None


@BOTH
@given(body=BODIES, blobs=BLOBS, data=st.data())
def test_a_message_cut_at_any_byte_is_refused(
    read: Any, body: dict[str, Any], blobs: list[bytes], data: st.DataObject
) -> None:
    whole = pipes.pack(body, blobs)
    cut = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(PipeGarbage, match="in the middle"):
        read(whole[:cut])


@BOTH
@given(data=st.binary(min_size=1, max_size=80))
def test_garbage_is_refused_or_a_message_but_never_anything_else(read: Any, data: bytes) -> None:
    try:
        message = read(data, max_part_bytes=1000)
    except PipeGarbage:
        return
    assert isinstance(message[0], dict)


@BOTH
@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"[]",
        b"1",
        b'"x"',
        b"{",
        b"\xff",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_json_object_is_refused(read: Any, part: bytes) -> None:
    with pytest.raises(PipeGarbage, match="JSON"):
        read(struct.pack("<II", 1, len(part)) + part)


@BOTH
@pytest.mark.parametrize("count", [0, pipes.MAX_PARTS + 1, 2**32 - 1])
def test_a_number_of_parts_that_can_not_be_is_refused_before_they_are_read(read: Any, count: int) -> None:
    with pytest.raises(PipeGarbage, match="parts"):
        read(struct.pack("<I", count))


@BOTH
def test_a_length_over_the_limit_is_refused_before_it_is_read(read: Any) -> None:
    with pytest.raises(PipeGarbage, match="at most"):
        read(struct.pack("<II", 1, 2**32 - 1))


@BOTH
def test_many_parts_can_not_get_round_the_limit(read: Any) -> None:
    message = pipes.pack({}, [b"x" * 400] * 3)
    assert read(message, max_part_bytes=1202) is not None
    with pytest.raises(PipeGarbage, match="1202 bytes or more"):
        read(message, max_part_bytes=1201)


def test_what_the_other_side_would_refuse_is_not_packed() -> None:
    with pytest.raises(ValueError, match="too large"):
        pipes.pack({}, [b""] * pipes.MAX_PARTS)
    with pytest.raises(ValueError, match="JSON compliant"):
        pipes.pack({"x": float("nan")})


def test_a_pipe_that_gives_little_at_a_time_is_read_whole() -> None:
    out, in_ = os.pipe()
    whole = pipes.pack({"a": 1}, [b"x" * 30_000])
    os.write(in_, whole + pipes.pack({"b": 2}))
    os.close(in_)

    class Drop(io.RawIOBase):
        """A raw stream that never gives more than seven bytes."""

        def read(self, n: int = -1) -> bytes:
            return os.read(out, min(n, 7))

    stream: Any = Drop()
    assert pipes.read_blocking(stream) == ({"a": 1}, [b"x" * 30_000])
    assert pipes.read_blocking(stream) == ({"b": 2}, [])
    assert pipes.read_blocking(stream) is None
    os.close(out)


def test_the_layout_is_as_documented() -> None:
    packed = pipes.pack({"a": 1}, [b"xy"])
    assert packed == struct.pack("<II", 2, 7) + json.dumps({"a": 1}, separators=(",", ":")).encode() + (
        struct.pack("<I", 2) + b"xy"
    )
