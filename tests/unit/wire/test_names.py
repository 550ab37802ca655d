"""Names as bytes inside, as text outside: no two alike, nothing that moves a cursor."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from temwatch.wire.names import from_text, printable, to_text

NAMES = st.binary(max_size=12) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(str.encode)


@given(one=NAMES, two=NAMES)
@example(one=b"\x80", two="\x80".encode())
@example(one=b"\\x80", two=b"\x80")
@example(one=b"\\", two=b"\\\\")
@example(one="\u2028".encode(), two=b"\\u2028")
@example(one=b"\xed\xb2\x80", two=b"\x80")
def test_two_names_never_print_alike(one: bytes, two: bytes) -> None:
    assert (printable(one) == printable(two)) == (one == two)


@given(name=NAMES)
def test_what_is_shown_is_printable_and_survives_json(name: bytes) -> None:
    shown = printable(name)
    assert shown.isprintable()
    shown.encode("utf-8")
    assert json.loads(json.dumps(shown)) == shown
    assert json.dumps(shown).isascii()


@given(name=NAMES)
def test_a_name_passed_as_text_comes_back_byte_for_byte(name: bytes) -> None:
    assert from_text(json.loads(json.dumps(to_text(name)))) == name


def test_plain_names_are_shown_as_they_are() -> None:
    assert printable("Gerät 7/über.dm4".encode()) == "Gerät 7/über.dm4"


def test_escapes_of_a_terminal_are_shown_harmless() -> None:
    assert printable(b"\x1b[2J\n") == "\\x1b[2J\\x0a"
