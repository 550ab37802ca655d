"""Messages over a pipe between the daemon and the processes it starts: JSON and bytes, never pickles.

One message is a JSON object and any number of blobs:
``u32 parts, then for each part u32 length and the bytes``, little-endian; part 0 is the JSON.
"""

import asyncio
import json
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

from temwatch.errors import PermanentError

_U32 = struct.Struct("<I")
MAX_PARTS = 64
MAX_PART_BYTES = 256 * 1024 * 1024  # of any part, and of all together

Message = tuple[dict[str, Any], list[bytes]]


class PipeGarbage(PermanentError):
    """The other side does not speak this protocol (or stopped in the middle of a message)."""


def pack(body: dict[str, Any], blobs: Sequence[bytes] = ()) -> bytes:
    """Return the bytes of one message.

    Raises
    ------
    ValueError
        When it has too many parts or bytes for the other side to take, or a number that is none.
    """
    parts = [json.dumps(body, allow_nan=False, separators=(",", ":")).encode(), *blobs]
    if len(parts) > MAX_PARTS or sum(map(len, parts)) > MAX_PART_BYTES:
        raise ValueError(f"a message of {len(parts)} parts and {sum(map(len, parts))} bytes is too large")
    pieces = [_U32.pack(len(parts))]
    for part in parts:
        pieces += (_U32.pack(len(part)), part)
    return b"".join(pieces)


def _checked_parts(count: int) -> int:
    if not 1 <= count <= MAX_PARTS:
        raise PipeGarbage(f"a message of {count} parts (at most {MAX_PARTS})")
    return count


def _checked_length(length: int, before: list[bytes], limit: int) -> int:
    whole = length + sum(map(len, before))
    if whole > limit:
        raise PipeGarbage(f"a message of {whole} bytes or more (at most {limit})")
    return length


def _parsed(part: bytes) -> dict[str, Any]:
    try:
        body = json.loads(part, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise PipeGarbage(f"not JSON: {part[:60]!r}") from error
    if not isinstance(body, dict):
        raise PipeGarbage(f"not a JSON object: {part[:60]!r}")
    return body


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


async def read(stream: asyncio.StreamReader, *, max_part_bytes: int = MAX_PART_BYTES) -> Message | None:
    """Return the next message, or None when the other side closed between messages.

    Raises
    ------
    PipeGarbage
        On anything else.
    """
    try:
        head = await stream.readexactly(_U32.size)
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise PipeGarbage("closed in the middle of a message") from error
    parts: list[bytes] = []
    try:
        for _ in range(_checked_parts(_U32.unpack(head)[0])):
            length = _U32.unpack(await stream.readexactly(_U32.size))[0]
            parts.append(await stream.readexactly(_checked_length(length, parts, max_part_bytes)))
    except asyncio.IncompleteReadError as error:
        raise PipeGarbage("closed in the middle of a message") from error
    return _parsed(parts[0]), parts[1:]


def read_blocking(stream: BinaryIO, *, max_part_bytes: int = MAX_PART_BYTES) -> Message | None:
    """Return the next message from a blocking stream, or None when the other side closed.

    Raises
    ------
    PipeGarbage
        When it closed in the middle of a message, or sent something else.
    """

    def exactly(n: int) -> bytes:
        data = _up_to(stream, n)
        if len(data) != n:
            raise PipeGarbage("closed in the middle of a message")
        return data

    head = _up_to(stream, _U32.size)
    if not head:
        return None
    if len(head) != _U32.size:
        raise PipeGarbage("closed in the middle of a message")
    parts: list[bytes] = []
    for _ in range(_checked_parts(_U32.unpack(head)[0])):
        length = _U32.unpack(exactly(_U32.size))[0]
        parts.append(exactly(_checked_length(length, parts, max_part_bytes)))
    return _parsed(parts[0]), parts[1:]


def _up_to(stream: BinaryIO, n: int) -> bytes:
    """Return `n` bytes, fewer only at the end: an unbuffered pipe gives what it has."""
    data = b""
    while len(data) < n and (piece := stream.read(n - len(data))):
        data = data + piece if data else piece
    return data
