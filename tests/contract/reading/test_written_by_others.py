"""Files that other programs' own writers make are read as those programs read them."""

import importlib
import logging
import warnings
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from temwatch.errors import FrameDeclined
from temwatch.reading.reader import read_frame, read_frames

IMAGE = ((np.arange(20)[:, None] * 37 + np.arange(30)[None] * 11) % 251).astype("u2")
STACK = np.stack([IMAGE + k for k in range(3)]).astype("u2")


def axis(name: str, size: int, scale: float, units: str, navigate: bool) -> dict[str, Any]:
    return {
        "name": name,
        "size": size,
        "scale": scale,
        "offset": 0.0,
        "units": units,
        "navigate": navigate,
        "_type": "UniformDataAxis",
    }


def write(
    path: Path,
    plugin: str,
    data: np.ndarray[Any, Any],
    units: tuple[str, str] = ("nm", "nm"),
    title: str = "BF image",
    row_scale: float = 0.5,
) -> Path:
    logging.getLogger("rsciio").setLevel(logging.CRITICAL)
    names = ["t", "z", "y", "x"][-data.ndim :]
    all_units = ["", "", *units][-data.ndim :]
    axes = [
        axis(name, size, row_scale if name == "y" else 0.5, unit, navigate=k < data.ndim - 2)
        for k, (name, size, unit) in enumerate(zip(names, data.shape, all_units, strict=True))
    ]
    signal = {
        "data": data, "axes": axes, "metadata": {"General": {"title": title}, "Signal": {"signal_type": ""}},
        "original_metadata": {}, "attributes": {"_lazy": False, "ragged": False}, "package_info": {"package": "", "package_version": ""},
        "learning_results": {}, "models": {}, "tmp_parameters": {},
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(f"rsciio.{plugin}").file_writer(str(path), signal)
    return path


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8"])
@pytest.mark.parametrize(("plugin", "suffix"), [("hspy", "hspy"), ("emd", "emd")])
def test_an_image_written_by_rosettasciio_is_read_back(
    tmp_path: Path, plugin: str, suffix: str, dtype: str
) -> None:
    frame = read_frame(write(tmp_path / f"x.{suffix}", plugin, IMAGE.astype(dtype)))
    np.testing.assert_array_equal(frame.image, IMAGE.astype(dtype))
    assert frame.image.dtype == np.dtype(dtype)
    assert frame.calibration.nm_per_px == pytest.approx(0.5)
    assert frame.imaging_mode.value == "BF"


@pytest.mark.parametrize(("plugin", "suffix"), [("hspy", "hspy"), ("emd", "emd")])
def test_a_stack_written_by_rosettasciio_is_read_back(tmp_path: Path, plugin: str, suffix: str) -> None:
    frames = list(read_frames(write(tmp_path / f"x.{suffix}", plugin, STACK)))
    np.testing.assert_array_equal([frame.image for frame in frames], STACK)


@pytest.mark.parametrize(("plugin", "suffix"), [("hspy", "hspy"), ("emd", "emd")])
@pytest.mark.parametrize("unit", ["1/nm", "nm^-1", "mrad"])
def test_diffraction_written_by_rosettasciio_is_declined(
    tmp_path: Path, plugin: str, suffix: str, unit: str
) -> None:
    with pytest.raises(FrameDeclined, match="diffraction"):
        read_frame(write(tmp_path / f"x.{suffix}", plugin, IMAGE, (unit, unit)))


@pytest.mark.parametrize(("plugin", "suffix"), [("hspy", "hspy"), ("emd", "emd")])
def test_4d_data_written_by_rosettasciio_is_declined(tmp_path: Path, plugin: str, suffix: str) -> None:
    with pytest.raises(FrameDeclined, match="4-D"):
        read_frame(write(tmp_path / f"x.{suffix}", plugin, np.stack([STACK, STACK])))


@pytest.mark.parametrize("dtype", ["i1", "i2", "u2", "f4"])
def test_a_stack_written_by_mrcfile_is_read_back(tmp_path: Path, dtype: str) -> None:
    stack = (STACK // 2).astype(dtype)
    with mrcfile.new(tmp_path / "x.mrc") as file:
        file.set_data(stack)
        file.set_image_stack()
        file.voxel_size = 3.0
    frames = list(read_frames(tmp_path / "x.mrc"))
    np.testing.assert_array_equal([frame.image for frame in frames], stack)
    assert frames[0].calibration.nm_per_px == pytest.approx(0.3)


def test_an_mrc_is_read_as_rosettasciio_reads_it(tmp_path: Path) -> None:
    from rsciio.mrc import file_reader

    with mrcfile.new(tmp_path / "x.mrc") as file:
        file.set_data(IMAGE)
        file.voxel_size = 3.0
    frame, signal = read_frame(tmp_path / "x.mrc"), file_reader(str(tmp_path / "x.mrc"))[0]
    np.testing.assert_array_equal(frame.image, signal["data"])
    assert frame.calibration.nm_per_px == pytest.approx(signal["axes"][-1]["scale"])
    assert signal["axes"][-1]["units"] == "nm"


def test_a_tiff_written_by_rosettasciio_keeps_its_scale(tmp_path: Path) -> None:
    frame = read_frame(write(tmp_path / "x.tif", "tiff", IMAGE))
    np.testing.assert_array_equal(frame.image, IMAGE)
    assert frame.calibration.nm_per_px == pytest.approx(0.5)


@pytest.mark.parametrize(("plugin", "suffix"), [("hspy", "hspy"), ("emd", "emd"), ("tiff", "tif")])
def test_rows_and_columns_keep_their_own_scale(tmp_path: Path, plugin: str, suffix: str) -> None:
    frame = read_frame(write(tmp_path / f"x.{suffix}", plugin, IMAGE, row_scale=0.55))
    assert frame.metadata["pixel_nm"] == pytest.approx([0.55, 0.5])
