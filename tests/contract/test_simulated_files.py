"""What the simulated microscope writes, the reader reads: pixels, pixel size and imaging mode."""

from pathlib import Path

import numpy as np
import pytest

from temwatch.model.frame import ImagingMode
from temwatch.reading.reader import read_frame
from temwatch.sim.microscope import Microscope, Session


@pytest.mark.parametrize("mode", [ImagingMode.BF, ImagingMode.DF, ImagingMode.HAADF])
@pytest.mark.parametrize("format_", ["tif", "mrc"])
def test_a_simulated_file_gives_its_pixels_its_pixel_size_and_its_mode(
    tmp_path: Path, format_: str, mode: ImagingMode
) -> None:
    session = Session(seed=2, shape=(96, 128), objects=2, format=format_, mode=mode)
    (exposure,) = Microscope(tmp_path, session, wait=lambda _: None).frames(1)
    frame = read_frame(exposure.path)
    assert np.array_equal(frame.image, exposure.scene.image)
    assert frame.calibration.nm_per_px == pytest.approx(exposure.scene.nm_per_px, rel=1e-4)
    assert frame.imaging_mode.value == mode
