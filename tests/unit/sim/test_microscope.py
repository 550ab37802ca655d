"""A session writes what it says, the same way each time."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile

from temwatch.model.frame import ImagingMode
from temwatch.sim.microscope import FORMATS, Exposure, Microscope, Session, steady_wait
from temwatch.sim.specimen import CannotSimulate
from temwatch.sim.truth import read_truth, write_truth
from temwatch.sim.writing import WriteStyle

QUICK = Session(seed=7, shape=(96, 128), objects=1, frames_per_specimen=2)


def no_wait(_: float) -> None:
    """Take no time."""


def run(folder: Path, session: Session, count: int) -> list[Exposure]:
    folder.mkdir(exist_ok=True)
    return list(Microscope(folder, session, wait=no_wait).frames(count))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    ("style", "format_"),
    [(s, f) for s in WriteStyle for f in FORMATS if (s, f) != (WriteStyle.GROWING_STACK, "tif")],
)
def test_equal_sessions_write_equal_files(style: WriteStyle, format_: str, tmp_path: Path) -> None:
    session = replace(QUICK, style=style, format=format_)
    run(tmp_path / "one", session, 3)
    run(tmp_path / "two", session, 3)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_writes_other_files(tmp_path: Path) -> None:
    run(tmp_path / "one", QUICK, 2)
    run(tmp_path / "two", replace(QUICK, seed=8), 2)
    assert not set(contents(tmp_path / "one").values()) & set(contents(tmp_path / "two").values())


@pytest.mark.parametrize("style", [s for s in WriteStyle if s is not WriteStyle.GROWING_STACK])
def test_the_style_does_not_change_the_image_files(style: WriteStyle, tmp_path: Path) -> None:
    run(tmp_path / "whole", QUICK, 3)
    run(tmp_path / "styled", replace(QUICK, style=style), 3)
    styled = {name: data for name, data in contents(tmp_path / "styled").items() if name.endswith(".tif")}
    assert styled == contents(tmp_path / "whole")


def test_each_exposure_is_what_its_file_holds(tmp_path: Path) -> None:
    for exposure in Microscope(tmp_path, QUICK, wait=no_wait).frames(3):
        assert np.array_equal(tifffile.imread(exposure.path), exposure.scene.image)


def test_a_growing_stack_holds_one_specimen_a_section_for_each_frame(tmp_path: Path) -> None:
    exposures = run(tmp_path, replace(QUICK, format="mrc", style=WriteStyle.GROWING_STACK), 5)
    assert [exposure.section for exposure in exposures] == [0, 1, 0, 1, 0]
    assert len({exposure.path for exposure in exposures}) == 3
    for exposure in exposures[:4]:
        with mrcfile.open(exposure.path) as file:
            assert np.array_equal(file.data[exposure.section], exposure.scene.image)
    assert len(list(tmp_path.glob("*.mrc.mdoc"))) == 3


def test_a_section_is_announced_when_it_is_in_the_file(tmp_path: Path) -> None:
    session = replace(QUICK, format="mrc", style=WriteStyle.GROWING_STACK, frames_per_specimen=3)
    for exposure in Microscope(tmp_path, session, wait=no_wait).frames(3):
        with mrcfile.open(exposure.path) as file:
            assert int(file.header.nz) == (exposure.section or 0) + 1


def test_a_burst_is_on_disk_before_its_first_frame_is_announced(tmp_path: Path) -> None:
    session = replace(QUICK, style=WriteStyle.BURST, burst=4)
    frames = Microscope(tmp_path, session, wait=no_wait).frames(6)
    next(frames)
    assert len(list(tmp_path.iterdir())) == 4
    assert len(list(frames)) == 5
    assert len(list(tmp_path.iterdir())) == 6


def test_specimens_change_after_a_few_frames_and_come_round_again(tmp_path: Path) -> None:
    exposures = run(tmp_path, replace(QUICK, specimens=3), 8)
    names = [exposure.scene.specimen_id for exposure in exposures]
    assert names[0] == names[1] != names[2] == names[3] != names[4]
    assert names[6:] == names[:2]
    assert len(set(names)) == 3


def test_acquisition_times_go_up_evenly(tmp_path: Path) -> None:
    times = [exposure.acquired_at for exposure in run(tmp_path, QUICK, 4)]
    assert {(later - earlier).total_seconds() for earlier, later in pairwise(times)} == {2.5}


@pytest.mark.parametrize("style", [WriteStyle.WHOLE, WriteStyle.PIECES, WriteStyle.BURST])
def test_the_waits_of_a_session_add_up_to_its_rate(style: WriteStyle, tmp_path: Path) -> None:
    waits: list[float] = []
    session = replace(QUICK, style=style, rate_hz=4.0, burst=2)
    assert len(list(Microscope(tmp_path, session, wait=waits.append).frames(4))) == 4
    assert sum(waits) == pytest.approx(1.0)


def test_a_forced_mode_holds_for_every_specimen(tmp_path: Path) -> None:
    exposures = run(tmp_path, replace(QUICK, mode=ImagingMode.HAADF, frames_per_specimen=1), 4)
    assert {exposure.scene.mode for exposure in exposures} == {ImagingMode.HAADF}


def test_the_truth_of_a_session_can_be_written_down(tmp_path: Path) -> None:
    exposures = run(tmp_path / "in", replace(QUICK, objects=2, shape=(300, 300)), 2)
    write_truth(tmp_path / "truth.json", [exposure.truth for exposure in exposures])
    back = read_truth(tmp_path / "truth.json")
    assert [frame.file for frame in back] == [exposure.path.name for exposure in exposures]
    assert [len(frame.objects) for frame in back] == [len(e.scene.truth) for e in exposures]


def test_a_second_session_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    run(tmp_path, QUICK, 1)
    with pytest.raises(CannotSimulate, match="is there already"):
        run(tmp_path, QUICK, 1)


@pytest.mark.parametrize(
    "session", [replace(QUICK, format="dm4"), replace(QUICK, format="tif", style=WriteStyle.GROWING_STACK)]
)
def test_what_cannot_be_simulated_is_refused_at_once(session: Session, tmp_path: Path) -> None:
    with pytest.raises(CannotSimulate):
        Microscope(tmp_path, session, wait=no_wait)


def test_a_steady_wait_takes_the_time_of_rendering_off() -> None:
    now = 100.0
    slept: list[float] = []
    wait = steady_wait(lambda: now, slept.append)
    now += 0.25  # rendering
    wait(1.0)
    now += 0.75 + 3.0  # the sleep, then a slow frame
    wait(1.0)
    wait(1.0)
    wait(2.0)
    assert slept == [pytest.approx(0.75), pytest.approx(1.0)]
