"""The files are what readers of the instruments' formats expect."""

import struct
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from rsciio.mrc import file_reader as read_mrc
from rsciio.tiff import file_reader as read_tiff

from temwatch.model.frame import ImagingMode
from temwatch.sim.mrc import mdoc_text, mrc_bytes, mrc_header, section_bytes
from temwatch.sim.render import render
from temwatch.sim.specimen import MODES, draw_specimen
from temwatch.sim.tiff import tiff_bytes
from temwatch.sim.truth import Scene

AT = datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC)


@pytest.fixture(params=MODES)
def scene(request: pytest.FixtureRequest) -> Scene:
    # Neither side is a multiple of the strip height.
    return render(draw_specimen(3, mode=request.param), 1, shape=(150, 202), objects=2)


def test_a_tiff_gives_its_pixels_back(scene: Scene) -> None:
    with tifffile.TiffFile(BytesIO(tiff_bytes(scene, AT))) as file:
        assert np.array_equal(file.asarray(), scene.image)


def test_a_tiff_carries_the_vendors_tag(scene: Scene) -> None:
    with tifffile.TiffFile(BytesIO(tiff_bytes(scene, AT))) as file:
        assert file.is_fei
        facts = file.fei_metadata
    assert facts["Scan"]["PixelWidth"] == pytest.approx(scene.nm_per_px * 1e-9)
    assert facts["Detectors"]["Mode"] == scene.mode.value
    assert facts["Image"]["ResolutionX"] == 202
    assert facts["User"]["Date"] == "03/02/2026"
    assert facts["User"]["Time"] == "02:05:09 PM"


def test_a_tiff_is_calibrated_for_an_independent_reader(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff_bytes(scene, AT))
    signal = read_tiff(str(tmp_path / "a.tif"))[0]
    assert np.array_equal(signal["data"], scene.image)
    nm = {"m": 1e9, "µm": 1e3, "nm": 1.0}
    for axis in signal["axes"]:
        assert axis["scale"] * nm[axis["units"]] == pytest.approx(scene.nm_per_px)
    assert signal["metadata"]["General"]["date"] == "2026-03-02"
    assert signal["metadata"]["General"]["time"] == "14:05:09"


def test_the_directory_of_a_tiff_comes_last(scene: Scene) -> None:
    data = tiff_bytes(scene, AT)
    assert struct.unpack("<I", data[4:8])[0] >= scene.image.nbytes


def test_an_mrc_file_is_valid_and_gives_its_pixels_back(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "a.mrc"
    path.write_bytes(mrc_bytes(scene, AT))
    report: list[str] = []
    with mrcfile.open(path) as file:
        assert np.array_equal(file.data, scene.image)
        assert file.voxel_size.x == pytest.approx(scene.nm_per_px * 10)
        assert scene.mode.value in file.header.label[0].decode()
        assert file.header.mode == 6
    assert mrcfile.validate(path, print_file=Notes(report)), report


def test_a_stack_of_mrc_sections_is_valid(tmp_path: Path) -> None:
    scenes = [render(draw_specimen(3), n, shape=(64, 96), objects=1) for n in range(3)]
    path = tmp_path / "stack.mrc"
    path.write_bytes(mrc_header(scenes, AT) + b"".join(section_bytes(s) for s in scenes))
    report: list[str] = []
    with mrcfile.open(path) as file:
        assert np.array_equal(file.data, np.stack([s.image for s in scenes]))
    assert mrcfile.validate(path, print_file=Notes(report)), report


def test_an_mrc_file_is_calibrated_for_an_independent_reader(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "a.mrc").write_bytes(mrc_bytes(scene, AT))
    signal = read_mrc(str(tmp_path / "a.mrc"))[0]
    assert np.array_equal(np.squeeze(signal["data"]), scene.image)
    for axis in signal["axes"][-2:]:
        assert (axis["scale"], axis["units"]) == (pytest.approx(scene.nm_per_px), "nm")


def test_a_sidecar_names_its_image_and_has_a_block_for_each_section(scene: Scene) -> None:
    lines = mdoc_text("a.mrc", [(scene, AT), (scene, AT)]).splitlines()
    assert "ImageFile = a.mrc" in lines
    assert "ImageSize = 202 150" in lines
    assert [line for line in lines if line.startswith("[ZValue")] == ["[ZValue = 0]", "[ZValue = 1]"]
    assert lines.count("DateTime = 02-Mar-26  14:05:09") == 2
    spacing = [float(line.split("=")[1]) for line in lines if line.startswith("PixelSpacing")]
    assert spacing == [pytest.approx(scene.nm_per_px * 10, rel=1e-5)] * 3


def test_a_sidecar_names_the_detector_of_a_scanned_image(scene: Scene) -> None:
    text = mdoc_text("a.mrc", [(scene, AT)])
    assert (f"ChannelName = {scene.mode.value}" in text) is (scene.mode is not ImagingMode.BF)


class Notes:
    """A text file that keeps what `mrcfile.validate` says, to show it when a check fails."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, text: str) -> None:
        self._lines.append(text)
