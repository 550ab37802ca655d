"""Gatan's tag tree (DM3 and DM4): names and small values; large arrays are only located, never read.

The layout was worked out by the community (P. Cueva's and G. Harp's descriptions of DM3; openNCEM for DM4).
"""

import struct
from dataclasses import dataclass
from typing import Any, Literal

from temwatch.reading.source import Source

MAX_TAGS = 1_000_000
MAX_DEPTH = 64
SMALL_BYTES = 4096
"""Arrays up to this size are read, longer ones (pixels, look-up tables) located."""
_WINDOW = 1 << 16

_CODES = {2: "h", 3: "i", 4: "H", 5: "I", 6: "f", 7: "d", 8: "?", 9: "b", 10: "b", 11: "q", 12: "Q"}
_STRUCT, _STRING, _ARRAY = 15, 18, 20
_GROUP, _DATA = 20, 21


@dataclass(frozen=True, slots=True)
class Located:
    """An array left in the file: where it is and how long."""

    offset: int
    bytes: int


ByteOrder = Literal["<", ">"]
Value = Any
"""A number, text, tuple, `Located`, or a dict of named (or numbered) values."""


def read_tags(source: Source) -> tuple[ByteOrder, dict[str, Value]]:
    """Return the byte order of the values (``"<"`` or ``">"``) and the tag tree.

    Unnamed entries of a group are keyed ``"0"``, ``"1"`` … by their position in it.

    Raises
    ------
    FrameIncomplete
        The tree, or an array in it, goes on past the end of the file.
    FrameUnreadable
        It is no tag tree.
    """
    version = struct.unpack(">I", source.at(0, 4, "the DM header"))[0]
    word = "I" if version == 3 else "Q"
    cursor = _Cursor(source, 4 + struct.calcsize(">" + word))
    order: ByteOrder = "<" if cursor.numbers("I")[0] else ">"
    tree = _Tree(cursor, order, word)
    root = tree.group(sized=False, depth=0)
    cursor.skip(8)  # eight zero bytes end every complete file
    return order, root


class _Cursor:
    """Reads forward through a window, so that thousands of small tags cost few reads."""

    def __init__(self, source: Source, position: int) -> None:
        self.source = source
        self.position = position
        self._start = 0
        self._window = b""

    def take(self, count: int) -> bytes:
        begin = self.position - self._start
        if begin < 0 or begin + count > len(self._window):
            if self.position + count > self.source.size:
                raise self.source.incomplete(f"its tag tree goes on past the end, at byte {self.source.size}")
            reach = min(max(count, _WINDOW), self.source.size - self.position)
            self._window = bytes(self.source.at(self.position, reach, "the DM tags"))
            self._start, begin = self.position, 0
        self.position += count
        return self._window[begin : begin + count]

    def skip(self, count: int) -> None:
        if count < 0 or self.position + count > self.source.size:
            raise self.source.incomplete(
                f"its tags and pixels need at least {self.position + count} bytes, the file has {self.source.size}"
            )
        self.position += count

    def numbers(self, codes: str) -> tuple[int, ...]:
        return struct.unpack(">" + codes, self.take(struct.calcsize(">" + codes)))


class _Tree:
    """One walk through the tree."""

    def __init__(self, cursor: _Cursor, order: str, word: str) -> None:
        self.cursor = cursor
        self.order = order
        self.word = word
        self.tags = 0

    def group(self, *, sized: bool, depth: int, called: str = "") -> dict[str, Value]:
        if depth > MAX_DEPTH:
            raise self.cursor.source.unreadable(f"its tags are nested deeper than {MAX_DEPTH}")
        self.cursor.take(2)
        if sized and self.word == "Q":
            self.cursor.take(8)
        found: dict[str, Value] = {}
        for position in range(self.cursor.numbers(self.word)[0]):
            name, value = self._entry(depth, called)
            found[name or str(position)] = value
        return found

    def _entry(self, depth: int, group: str) -> tuple[str, Value]:
        self.tags += 1
        kind, length = self.cursor.numbers("BH")
        if kind not in (_GROUP, _DATA) or self.tags > MAX_TAGS:
            at = self.cursor.position - 3
            raise self.cursor.source.unreadable(f"its tag tree is damaged: tag of kind {kind} at byte {at}")
        name = self.cursor.take(length).decode("latin-1")
        if kind == _GROUP:
            return name, self.group(sized=True, depth=depth + 1, called=name)
        if self.word == "Q":
            self.cursor.take(8)
        if self.cursor.take(4) != b"%%%%":
            raise self.cursor.source.unreadable(
                f"its tag tree is damaged: no data mark at byte {self.cursor.position - 4}"
            )
        # Pixels are located however few they are.
        return name, self._data(0 if (group, name) == ("ImageData", "Data") else SMALL_BYTES)

    def _data(self, most: int) -> Value:
        count = self.cursor.numbers(self.word)[0]
        if not 1 <= count <= 4096:
            raise self.cursor.source.unreadable(f"its tag tree is damaged: a type of {count} words")
        return self._value(self.cursor.numbers(f"{count}{self.word}"), most)

    def _value(self, kind: tuple[int, ...], most: int) -> Value:
        if len(kind) == 1:
            return self._numbers(self._code(kind[0]))[0]
        if kind[0] == _STRING:
            return self._array("H", kind[1], most)
        if kind[0] == _STRUCT:
            return self._numbers(self._fields(kind))
        if kind[0] == _ARRAY and kind[1] == _STRUCT:
            return self._array(self._fields(kind[1:-1]), kind[-1], most)
        if kind[0] == _ARRAY and len(kind) == 3:
            return self._array(self._code(kind[1]), kind[2], most)
        raise self.cursor.source.unreadable(f"its tag tree is damaged: a value of type {kind[:4]}")

    def _fields(self, kind: tuple[int, ...]) -> str:
        # (struct, length of name, number of fields, (length of name, type) for each)
        return "".join(self._code(code) for code in kind[4::2])

    def _code(self, number: int) -> str:
        if number not in _CODES:
            raise self.cursor.source.unreadable(f"its tag tree is damaged: values of type {number}")
        return _CODES[number]

    def _numbers(self, codes: str) -> tuple[Any, ...]:
        return struct.unpack(self.order + codes, self.cursor.take(struct.calcsize("=" + codes)))

    def _array(self, codes: str, count: int, most: int) -> Value:
        length = struct.calcsize("=" + codes) * count
        if length > most:
            located = Located(self.cursor.position, length)
            self.cursor.skip(length)
            return located
        if codes == "H":
            # What is text and what is numbers is not told apart; short ones are nearly always text.
            return self.cursor.take(length).decode(
                "utf-16-le" if self.order == "<" else "utf-16-be", "replace"
            )
        return self._numbers(codes * count) if length else ()
