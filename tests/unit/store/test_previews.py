"""Previews are whole or absent, and never lie outside their folder."""

import os
from pathlib import Path

import pytest

from temwatch.store import previews

ONE, TWO, THREE = "ab" * 10, "cd" * 10, "ef" * 10


def test_what_was_written_is_read_and_what_was_not_is_none(tmp_path: Path) -> None:
    previews.write(tmp_path, ONE, b"jpeg")
    assert previews.read(tmp_path, ONE) == b"jpeg"
    assert previews.read(tmp_path, TWO) is None
    assert [path.name for path in (tmp_path / "previews" / "ab").iterdir()] == [f"{ONE}.jpg"]


def test_a_second_writing_replaces_the_first(tmp_path: Path) -> None:
    previews.write(tmp_path, ONE, b"old")
    previews.write(tmp_path, ONE, b"new")
    assert previews.read(tmp_path, ONE) == b"new"


def test_deleting_twice_is_no_error(tmp_path: Path) -> None:
    previews.write(tmp_path, ONE, b"jpeg")
    previews.delete(tmp_path, ONE)
    previews.delete(tmp_path, ONE)
    assert previews.read(tmp_path, ONE) is None


@pytest.mark.parametrize("frame_id", ["", "../../etc/passwd", ONE + "\n", ONE.upper(), "a/" + ONE[2:]])
def test_what_is_no_frames_id_is_no_path(tmp_path: Path, frame_id: str) -> None:
    with pytest.raises(ValueError, match="no frame id"):
        previews.read(tmp_path, frame_id)
    with pytest.raises(ValueError, match="no frame id"):
        previews.write(tmp_path, frame_id, b"jpeg")


def test_the_oldest_go_until_the_rest_fits_and_what_a_crash_left_goes_too(tmp_path: Path) -> None:
    for age, frame_id in enumerate((THREE, ONE, TWO)):
        previews.write(tmp_path, frame_id, b"x" * 100)
        os.utime(previews.path_of(tmp_path, frame_id), (age, age))
    (tmp_path / "previews" / "ab" / f"{ONE}.1.tmp").write_bytes(b"half")
    assert previews.prune(tmp_path, keep_bytes=250) == 1
    assert [previews.read(tmp_path, frame_id) is None for frame_id in (THREE, ONE, TWO)] == [
        True,
        False,
        False,
    ]
    assert not list(tmp_path.rglob("*.tmp"))
    assert previews.prune(tmp_path, keep_bytes=0) == 2


def test_pruning_where_nothing_was_written_is_no_error(tmp_path: Path) -> None:
    assert previews.prune(tmp_path, keep_bytes=0) == 0
