"""A look into one file."""

import os
from pathlib import Path
from typing import BinaryIO

import pytest

from temwatch.intake.look import look, stamp_of
from temwatch.intake.states import Changed, Missing, NoFrame, Unfinished, Whole
from temwatch.model.sighting import Stamp
from temwatch.reading.completeness import Complete, Probe, probe
from unit.intake.frames import mrc, section, write

WHOLE = mrc()


def stamp(path: Path) -> Stamp:
    return stamp_of(path.lstat())


def test_a_whole_file_is_told_with_its_sections(tmp_path: Path) -> None:
    path = write(tmp_path / "1.mrc", mrc(sections=3))
    found = look(tmp_path, b"1.mrc", stamp(path))
    assert isinstance(found, Whole)
    assert (found.format, len(set(found.sections or ())), found.stamp) == ("mrc", 3, stamp(path))


def test_another_file_than_the_settled_one_is_not_judged(tmp_path: Path) -> None:
    old = stamp(write(tmp_path / "1.mrc", WHOLE))
    path = write(tmp_path / "1.mrc", WHOLE + section(2))
    assert look(tmp_path, b"1.mrc", old) == Changed(stamp(path))


def test_a_file_that_grows_while_it_is_looked_at_is_not_told_as_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "1.mrc", mrc(declared=2))

    def write_meanwhile(file: BinaryIO, name: str, size: int) -> Probe:
        found = probe(file, name, size)
        with path.open("ab") as more:
            more.write(section(1, 1))
        return found

    found = look(tmp_path, b"1.mrc", stamp(path), judge=write_meanwhile)
    assert found == Changed(stamp(path))


def test_a_stack_without_a_whole_section_is_unfinished(tmp_path: Path) -> None:
    path = write(tmp_path / "1.mrc", WHOLE)
    found = look(tmp_path, b"1.mrc", stamp(path), judge=lambda *_: Complete(format="mrc", sections=()))
    assert isinstance(found, Unfinished)


@pytest.mark.parametrize("cut", [*range(17, 1024, 97), 1024, len(WHOLE) - 1])
def test_a_file_cut_anywhere_is_not_whole(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "1.mrc", WHOLE[:cut])
    assert not isinstance(look(tmp_path, b"1.mrc", stamp(path)), Whole)


def test_nothing_is_opened_through_a_link(tmp_path: Path) -> None:
    write(tmp_path / "outside" / "1.mrc", WHOLE)
    root = tmp_path / "root"
    root.mkdir()
    (root / "1.mrc").symlink_to(tmp_path / "outside" / "1.mrc")
    (root / "folder").symlink_to(tmp_path / "outside")
    for relpath in (b"1.mrc", b"folder/1.mrc", b"../outside/1.mrc"):
        assert isinstance(look(root, relpath, stamp(root / "1.mrc")), NoFrame)


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.mrc")
    assert isinstance(look(tmp_path, b"1.mrc", stamp(tmp_path / "1.mrc")), NoFrame)


def test_a_file_that_left_is_missing(tmp_path: Path) -> None:
    old = stamp(write(tmp_path / "1.mrc", WHOLE))
    (tmp_path / "1.mrc").unlink()
    assert look(tmp_path, b"1.mrc", old) == Missing()


def test_looking_leaves_no_access_time(tmp_path: Path) -> None:
    path = write(tmp_path / "1.mrc", WHOLE)
    os.utime(path, ns=(1, path.stat().st_mtime_ns))  # older than the modification: relatime would move it
    look(tmp_path, b"1.mrc", stamp(path))
    assert path.stat().st_atime_ns == 1
