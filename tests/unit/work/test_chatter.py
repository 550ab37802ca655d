"""A worker's standard error reaches the log, but can't fill it."""

from hypothesis import given
from hypothesis import strategies as st

from temwatch.work.chatter import Chatter


def test_lines_come_whole_however_the_bytes_arrive() -> None:
    chatter = Chatter()
    assert chatter.feed("grün".encode()[:3], now_s=0.0) == []
    assert chatter.feed("grün".encode()[3:] + b" line\n\nnext", now_s=0.0) == ["grün line"]
    assert chatter.rest() == ["next"]


def test_bytes_that_are_no_text_are_shown_escaped() -> None:
    assert Chatter().feed(b"\xff\xfe\n", now_s=0.0) == ["\\xff\\xfe"]


def test_a_long_line_is_cut_and_says_so() -> None:
    assert Chatter(max_line_bytes=5).feed(b"123456789\n", now_s=0.0) == ["12345 …"]


def test_a_line_without_end_takes_no_memory() -> None:
    chatter = Chatter(max_line_bytes=5)
    for _ in range(1000):
        assert chatter.feed(b"x" * 1000, now_s=0.0) == []
    assert chatter.rest() == ["xxxxx …"]


def test_a_flood_is_cut_and_counted() -> None:
    chatter = Chatter(burst=3, lines_per_s=1.0)
    assert chatter.feed(b"a\nb\nc\nd\ne\n", now_s=0.0) == ["a", "b", "c"]
    assert chatter.flooding
    assert chatter.feed(b"f\n", now_s=1.0) == ["(2 lines left out)", "f"]
    assert not chatter.flooding


def test_what_was_left_out_is_told_at_the_end() -> None:
    chatter = Chatter(burst=1)
    chatter.feed(b"a\nb\n", now_s=0.0)
    assert chatter.rest() == ["(1 lines left out)"]


@given(pieces=st.lists(st.binary(max_size=200), max_size=50))
def test_never_more_than_the_burst_at_one_moment(pieces: list[bytes]) -> None:
    chatter = Chatter(max_line_bytes=20, burst=4)
    shown = [line for piece in pieces for line in chatter.feed(piece, now_s=5.0)]
    assert len(shown) <= 4
    assert all(len(line) <= 20 * 4 + 2 for line in shown)
