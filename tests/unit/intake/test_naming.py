"""Which names are frames."""

import pytest

from temwatch.intake.naming import Naming

NAMING = Naming(["*.mrc", "*.tif"], ["*_preview.tif", "scratch"])


@pytest.mark.parametrize(
    "name", ["a.mrc", "A.MRC", "b.Tif", "new\nline.mrc", "\udcff\udcfe.mrc", "$HOME;rm.tif", "ü‮.mrc"]
)
def test_frames_are_wanted_whatever_their_case_or_characters(name: str) -> None:
    assert NAMING.wants_file(name)


@pytest.mark.parametrize(
    "name",
    [
        "a.mrc.tmp",
        "a.mrc.part",
        "a.mrc.filepart",
        "~a.mrc",
        ".a.mrc.Xy12Zz",
        "a.mrcdownloading",
        ".nfs0001.mrc",
        ".syncthing.a.mrc.tmp",
        "~syncthing~a.mrc",
        "x_preview.tif",
        "a.txt",
        "mrc",
    ],
)
def test_copies_in_progress_and_other_files_are_passed_over(name: str) -> None:
    assert not NAMING.wants_file(name)


@pytest.mark.parametrize("name", [".~tmp~", "@eaDir", "$RECYCLE.BIN", "system volume information", "scratch"])
def test_folders_of_machines_are_not_entered(name: str) -> None:
    assert not NAMING.enters(name)


def test_case_counts_where_it_is_asked_for() -> None:
    naming = Naming(["*.tif"], case_sensitive=True)
    assert naming.wants_file("a.tif")
    assert not naming.wants_file("A.TIF")


def test_nothing_is_wanted_where_nothing_is_included() -> None:
    assert not Naming([]).wants_file("a.mrc")
