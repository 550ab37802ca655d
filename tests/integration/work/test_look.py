"""A window of a frame at full resolution, read by a process of its own."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from temwatch.errors import FrameUnreadable
from temwatch.reading.fingerprint import file_fingerprint
from temwatch.vision.overlay import window
from temwatch.work.look import Look, LookDelayed, look


def frame() -> "np.ndarray[tuple[int, int], np.dtype[np.uint16]]":
    """Return a frame larger than its preview: a smooth field with one bright square."""
    row, col = np.mgrid[0:1300, 0:1500]
    image = 1000 + 4 * row + 2 * col
    image[700:730, 900:940] = 9000
    return image.astype(np.uint16)


@pytest.fixture
def wanted(tmp_path: Path) -> Look:
    path = tmp_path / "frame.tif"
    tifffile.imwrite(path, frame())
    with path.open("rb") as file:
        fingerprint = file_fingerprint(file, path.stat().st_size)
    return Look(
        root_path=str(tmp_path),
        relpath="frame.tif",
        section=0,
        fingerprint=fingerprint,
        row=640,
        col=880,
        rows=256,
        cols=128,
    )


async def test_a_window_shows_the_frames_own_pixels_in_the_previews_greys(wanted: Look) -> None:
    seen = cv2.imdecode(np.frombuffer(await look(wanted), np.uint8), cv2.IMREAD_UNCHANGED)
    assert seen is not None
    meant = window(frame(), slice(640, 896), slice(880, 1008))
    assert seen.shape == meant.shape == (256, 128)
    assert np.abs(seen.astype(int) - meant.astype(int)).max() <= 12  # what JPEG costs at the square's edge
    assert seen[75, 40] > seen[20, 100] + 50


async def test_a_window_over_the_edge_is_cut_there(wanted: Look) -> None:
    seen = cv2.imdecode(np.frombuffer(await look(replace(wanted, row=1200)), np.uint8), cv2.IMREAD_UNCHANGED)
    assert seen is not None
    assert seen.shape == (100, 128)


async def test_a_window_outside_the_frame_is_refused(wanted: Look) -> None:
    with pytest.raises(FrameUnreadable, match="outside"):
        await look(replace(wanted, row=5000))


async def test_another_content_under_the_same_name_is_not_shown(wanted: Look) -> None:
    tifffile.imwrite(Path(wanted.root_path) / "frame.tif", frame()[::-1])
    with pytest.raises(LookDelayed, match="not what was accepted"):
        await look(wanted)


async def test_a_path_out_of_the_watched_folder_is_refused(wanted: Look, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.tif").symlink_to(tmp_path / "frame.tif")
    for relpath in ("../frame.tif", "link.tif"):
        with pytest.raises(FrameUnreadable):
            await look(replace(wanted, root_path=str(inside), relpath=relpath))


async def test_a_look_that_takes_too_long_is_given_up(wanted: Look) -> None:
    with pytest.raises(LookDelayed, match="not read within"):
        await look(wanted, timeout_s=0.01)
