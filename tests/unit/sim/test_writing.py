"""Every way of writing ends in the same bytes, and until then the file is not whole."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch.sim.specimen import CannotSimulate
from temwatch.sim.writing import Pause, Step, WriteStyle, grown_by, perform, steps

SINGLE = [style for style in WriteStyle if style is not WriteStyle.GROWING_STACK]
SLOW = [WriteStyle.PIECES, WriteStyle.PREALLOCATED, WriteStyle.RENAMED, WriteStyle.SIDECAR_LATE]
DATA = bytes(range(1, 256)) * 40


def states(planned: list[Step], folder: Path) -> list[dict[str, bytes]]:
    """Return what the folder holds at each pause, and at the end."""
    seen: list[dict[str, bytes]] = []

    def look(_: float = 0.0) -> None:
        seen.append({path.name: path.read_bytes() for path in folder.iterdir()})

    for step in planned:
        perform(step, folder, interval_s=1.0, wait=look)
    look()
    return seen


@pytest.mark.parametrize("style", SINGLE)
def test_every_style_ends_in_the_same_bytes(style: WriteStyle, tmp_path: Path) -> None:
    end = states(steps(style, "a.tif", DATA, sidecar=("a.tif.mdoc", b"facts")), tmp_path)[-1]
    assert end == {"a.tif": DATA, "a.tif.mdoc": b"facts"}


@given(st.sampled_from(SINGLE), st.binary(max_size=300))
def test_every_byte_is_written_exactly_once(style: WriteStyle, data: bytes) -> None:
    file = bytearray(len(data))
    written = 0
    for step in steps(style, "a", data, sidecar=None):
        if hasattr(step, "data"):
            file[step.offset : step.offset + len(step.data)] = step.data
            written += len(step.data)
    assert bytes(file) == data
    assert written == len(data)


@pytest.mark.parametrize("style", SLOW)
def test_a_slow_style_shows_the_file_unfinished_several_times(style: WriteStyle, tmp_path: Path) -> None:
    seen = [state.get("a.tif", b"") for state in states(steps(style, "a.tif", DATA, sidecar=None), tmp_path)]
    assert sum(content != DATA for content in seen) >= 5
    assert seen[-1] == DATA


def test_pieces_grow(tmp_path: Path) -> None:
    seen = states(steps(WriteStyle.PIECES, "a", DATA, sidecar=None), tmp_path)
    lengths = [len(state["a"]) for state in seen]
    assert lengths == sorted(lengths)
    assert 0 < lengths[0] < len(DATA)
    assert all(DATA.startswith(state["a"]) for state in seen)


def test_a_preallocated_file_has_its_full_size_and_zeros_from_the_start(tmp_path: Path) -> None:
    seen = [s["a"] for s in states(steps(WriteStyle.PREALLOCATED, "a", DATA, sidecar=None), tmp_path)]
    assert {len(content) for content in seen} == {len(DATA)}
    zeros = [content.count(0) for content in seen]
    assert zeros[0] == len(DATA)
    assert zeros == sorted(zeros, reverse=True)
    assert zeros[-1] == 0


def test_a_renamed_file_never_shows_under_its_name_before_it_is_whole(tmp_path: Path) -> None:
    seen = states(steps(WriteStyle.RENAMED, "a.tif", DATA, sidecar=None), tmp_path)
    assert all(state.get("a.tif", DATA) == DATA for state in seen)
    assert "a.tif.part" in seen[0]
    assert set(seen[-1]) == {"a.tif"}


def test_a_late_sidecar_comes_after_the_file_is_whole_and_a_pause(tmp_path: Path) -> None:
    planned = steps(WriteStyle.SIDECAR_LATE, "a", DATA, sidecar=("a.mdoc", b"facts"))
    assert {"a": DATA} in states(planned, tmp_path)


def test_a_growing_stack_shows_pixels_before_its_header_counts_them(tmp_path: Path) -> None:
    sections = [bytes([n]) * 700 for n in (1, 2, 3)]
    planned: list[Step] = []
    for number, section in enumerate(sections):
        planned += grown_by("s", bytes([number + 1]) * 8, section, number=number, opening=bytes(8))
    seen = [state["s"] for state in states(planned, tmp_path)]
    assert seen[-1] == bytes([3]) * 8 + b"".join(sections)
    assert all(one[8:] == two[8 : len(one)] for one, two in pairwise(seen))
    assert all(len(content) >= 8 + 700 * content[0] for content in seen)
    assert any(len(content) > 8 + 700 * content[0] for content in seen)


@pytest.mark.parametrize("style", SINGLE)
def test_the_pauses_of_a_frame_add_up_to_its_interval(style: WriteStyle) -> None:
    planned = steps(style, "a", DATA, sidecar=("a.mdoc", b"facts"))
    total = sum(step.share for step in planned if isinstance(step, Pause))
    assert total == pytest.approx(0 if style is WriteStyle.BURST else 1)


def test_the_pauses_of_a_section_add_up_to_its_interval() -> None:
    planned = grown_by("s", b"h", DATA, number=1, opening=b"o")
    assert sum(step.share for step in planned if isinstance(step, Pause)) == pytest.approx(1)


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(CannotSimulate, match="is there already"):
        states(steps(WriteStyle.WHOLE, "a", DATA, sidecar=None), tmp_path)
    assert (tmp_path / "a").read_bytes() == b"mine"


def test_a_growing_stack_is_no_single_file() -> None:
    with pytest.raises(CannotSimulate, match="growing stack"):
        steps(WriteStyle.GROWING_STACK, "a", DATA, sidecar=None)
