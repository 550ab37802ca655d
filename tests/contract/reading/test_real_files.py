"""Every real file gives what RosettaSciIO gives of it, or says in plain words why not."""

import hashlib
import importlib
import io
import logging
import math
import shutil
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from temwatch.errors import FrameDeclined, FrameIncomplete, FrameUnreadable, TemwatchError
from temwatch.reading.completeness import Complete, Incomplete, NotAFrame, probe
from temwatch.reading.databar import find_data_bar
from temwatch.reading.fingerprint import file_fingerprint
from temwatch.reading.reader import read_frame, read_frames

# File: reader of rsciio, images, nm per pixel, mode, whose word the mode is, data bar rows.
IMAGES: dict[str, tuple[str, int, float, str | None, str, int]] = {
    "gatan/JEOL HAADF Image.dm4": ("digitalmicrograph", 1, 1.24901, "HAADF", "file", 0),
    "gatan/multi_signal.dm3": ("digitalmicrograph", 1, 0.0177516, "HAADF", "file", 0),
    "gatan/HAADF.dm3": ("digitalmicrograph", 91, 17.9949, "HAADF", "file", 0),
    "hyperspy/SiO2 HAADF Image.hspy": ("hspy", 1, 8.55245, "HAADF", "file", 0),
    "tia/03_Scanning Preview.emi": ("tia", 5, 0.384352, None, "unknown", 0),
    "tia/03_Scanning Preview_1.ser": ("tia", 5, 0.384352, None, "unknown", 0),
    "tia/16_STOimage.emi": ("tia", 1, 0.0100127, None, "unknown", 0),
    "tia/16_STOimage_1.ser": ("tia", 1, 0.0100127, None, "unknown", 0),
    "tia/After HAADF 130mm.emi": ("tia", 1, 3.27036, "HAADF", "file", 0),
    "tia/After HAADF 130mm_1.ser": ("tia", 1, 3.27036, "HAADF", "file", 0),
    "tia/128x128-TEM_search.emi": ("tia", 1, 5.26121, None, "unknown", 0),
    "tia/128x128-TEM_search_1.ser": ("tia", 1, 5.26121, None, "unknown", 0),
    "velox/FFTComplexEven.emd": ("emd", 1, 27.1153, "HAADF", "file", 0),
    "ncem/Acquisition_18.emd": ("emd", 1, 0.0122465, None, "unknown", 0),
    "bruker/bcf_v2_50x50px.bcf": ("bruker", 2, 12.2607, "SEM", "file", 0),
    "jeol/View000_0000000.img": ("jeol", 1, 8.69141, None, "unknown", 0),
    "zeiss/test_tiff_Zeiss_SEM_512pix.tif": ("tiff", 1, 11.649976, "SEM", "file", 34),
    "tvips/TVIPS_bin4.tif": ("tiff", 1, 1.4208, None, "unknown", 0),
}
# File: error, words of the message, what the probe answers.
REFUSED: dict[str, tuple[type[TemwatchError], str, type]] = {
    "gatan/test_diffraction_pattern.dm3": (FrameDeclined, "diffraction pattern", Complete),
    "gatan/test-EDS_spectrum.dm3": (FrameDeclined, "EDS spectrum of 4096 channels", Complete),
    "velox/EDS-STO.emd": (FrameDeclined, "EDS spectrum", Complete),
    "msa/647_leo_edax_test.msa": (FrameDeclined, "spectrum", NotAFrame),
    "blockfile/test1.blo": (FrameDeclined, "4-D data", NotAFrame),
    "serialem/frame_set_multiple.mdoc": (FrameDeclined, "SerialEM", NotAFrame),
    "serialem/frame_set_single.mdoc": (FrameDeclined, "SerialEM", NotAFrame),
    "serialem/montage_section.mdoc": (FrameDeclined, "SerialEM", NotAFrame),
    "serialem/montage_section_multiple.mdoc": (FrameDeclined, "SerialEM", NotAFrame),
    "serialem/tilt_series.mdoc": (FrameDeclined, "SerialEM", NotAFrame),
    "damaged/quad1image_001_no_beam_scan_or_system_meta.tif": (
        FrameUnreadable,
        "lists strips of 3324 bytes",
        NotAFrame,
    ),
}
WITH_STRUCTURE = [name for name in IMAGES if not name.endswith(".emi")]
_LENGTHS_NM = {"nm": 1.0, "n_m": 1.0, "µm": 1e3, "m": 1e9}


@pytest.fixture(scope="session")
def formats(data_dir: Path) -> Path:
    return data_dir / "formats"


def reference_images(path: Path, reader: str) -> list[tuple[np.ndarray[Any, Any], float, float]]:
    """Return (pixels, nm per row, nm per column) of every real image RosettaSciIO finds, stacks taken apart."""
    logging.getLogger("rsciio").setLevel(logging.CRITICAL)
    options = {"select_type": "image"} if reader == "bruker" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signals = importlib.import_module(f"rsciio.{reader}").file_reader(str(path), **options)
    found = []
    for signal in signals:
        data = np.asarray(signal["data"])
        units = [str(axis["units"] or "") for axis in signal["axes"][-2:]]
        if data.ndim < 2 or data.dtype.kind not in "uif" or any(unit not in _LENGTHS_NM for unit in units):
            continue
        row, col = (
            float(axis["scale"]) * _LENGTHS_NM[unit]
            for axis, unit in zip(signal["axes"][-2:], units, strict=True)
        )
        found += [(image, row, col) for image in data.reshape(-1, *data.shape[-2:])]
    return found


def test_every_file_of_the_collection_is_in_a_table(formats: Path) -> None:
    there = {str(path.relative_to(formats)) for path in formats.rglob("*") if path.is_file()}
    assert there == IMAGES.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", IMAGES)
def test_a_real_file_gives_the_pixels_and_scale_that_rosettasciio_gives(formats: Path, name: str) -> None:
    reader, images, nm_per_px, mode, said_by, bar_rows = IMAGES[name]
    frames = list(read_frames(formats / name))
    expected = reference_images(formats / name, reader)
    assert len(frames) == len(expected) == images
    for number, (frame, (pixels, row_nm, col_nm)) in enumerate(zip(frames, expected, strict=True)):
        assert (frame.section, frame.sections) == (number, images)
        np.testing.assert_array_equal(frame.image, pixels[: len(pixels) - bar_rows])
        assert frame.image.dtype == pixels.dtype.newbyteorder("=")
        assert frame.calibration.nm_per_px == pytest.approx(math.sqrt(row_nm * col_nm), rel=1e-6)
        assert frame.calibration.nm_per_px == pytest.approx(nm_per_px, rel=1e-4)
        assert frame.calibration.source == "file"
        assert (frame.imaging_mode.value, frame.imaging_mode.source) == (mode, said_by)
        assert (frame.data_bar.rows if frame.data_bar else 0) == bar_rows


@pytest.mark.parametrize("name", IMAGES)
def test_a_single_section_is_the_same_as_the_one_of_all(formats: Path, name: str) -> None:
    frames = list(read_frames(formats / name))
    last = read_frame(formats / name, section=len(frames) - 1)
    np.testing.assert_array_equal(last.image, frames[-1].image)
    assert last.sha256 == frames[-1].sha256


@pytest.mark.parametrize("name", WITH_STRUCTURE)
def test_the_digest_is_of_the_file_or_of_the_sections_bytes(formats: Path, name: str) -> None:
    data = (formats / name).read_bytes()
    answer = probe(io.BytesIO(data), name, len(data))
    assert isinstance(answer, Complete)
    for frame in read_frames(formats / name):
        if frame.sha256_of == "file":
            assert frame.sha256 == hashlib.sha256(data).hexdigest()
        else:
            assert answer.sections is not None
            pieces = [data[offset : offset + count] for offset, count in answer.sections[frame.section]]
            assert frame.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()


@pytest.mark.parametrize("name", REFUSED)
def test_a_real_file_without_an_image_is_refused_by_name(formats: Path, name: str) -> None:
    error, words, _ = REFUSED[name]
    with pytest.raises(error, match=words) as caught:
        read_frame(formats / name)
    assert Path(name).name in caught.value.message
    assert caught.value.next_step


@pytest.mark.parametrize("name", REFUSED)
def test_the_probe_answers_for_files_without_an_image(formats: Path, name: str) -> None:
    data = (formats / name).read_bytes()
    assert isinstance(probe(io.BytesIO(data), name, len(data)), REFUSED[name][2])


@pytest.mark.parametrize(
    ("name", "moment"),
    [("gatan/multi_signal.dm3", "2019-12-10T20:32:41"), ("velox/FFTComplexEven.emd", "2022-09-28T00:27:07"),
     ("tia/After HAADF 130mm_1.ser", "2018-11-30T06:41:51")],
)  # fmt: skip
def test_a_time_in_utc_is_taken_as_such(formats: Path, name: str, moment: str) -> None:
    frame = read_frame(formats / name)
    assert frame.acquired_at is not None
    assert frame.acquired_at.isoformat().startswith(moment)
    assert "time_zone" not in frame.metadata


def test_a_local_time_is_marked_as_assumed(formats: Path) -> None:
    frame = read_frame(formats / "gatan/JEOL HAADF Image.dm4")
    assert frame.acquired_at is not None
    assert frame.acquired_at.replace(tzinfo=None).isoformat() == "2018-08-17T16:32:56"
    assert "time_zone" in frame.metadata


def test_the_pixels_of_a_bcf_that_are_not_square_are_reported_as_such(formats: Path) -> None:
    frame = read_frame(formats / "bruker/bcf_v2_50x50px.bcf")
    assert frame.metadata["pixel_nm"] == pytest.approx([11.80808, 12.73059], rel=1e-5)
    assert frame.calibration.relative_uncertainty == pytest.approx(0.0376, abs=1e-3)


def test_what_else_a_file_holds_is_listed(formats: Path) -> None:
    assert read_frame(formats / "velox/FFTComplexEven.emd").metadata["declined"] == [
        "a complex transform of 70 x 36"
    ]
    assert read_frame(formats / "gatan/multi_signal.dm3").metadata["declined"] == [
        "a line profile of 512 channels"
    ]


def test_a_series_reads_without_its_emi(formats: Path, tmp_path: Path) -> None:
    shutil.copy(formats / "tia/16_STOimage_1.ser", tmp_path)
    alone, together = (
        read_frame(tmp_path / "16_STOimage_1.ser"),
        read_frame(formats / "tia/16_STOimage_1.ser"),
    )
    np.testing.assert_array_equal(alone.image, together.image)
    assert "mode_of_operation" in together.metadata.keys() - alone.metadata.keys()


@pytest.mark.parametrize("name", WITH_STRUCTURE)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(share=st.floats(0, 1, exclude_max=True))
@example(share=0.5)
@example(share=0.999)
def test_a_real_file_cut_off_anywhere_never_gives_wrong_pixels(
    formats: Path, tmp_path: Path, name: str, share: float
) -> None:
    data = (formats / name).read_bytes()
    cut = data[: int(share * len(data))]
    path = tmp_path / Path(name).name
    path.write_bytes(cut)
    answer = probe(io.BytesIO(cut), name, len(cut))
    try:
        frames = list(read_frames(path))
    except (FrameIncomplete, FrameUnreadable):
        assert isinstance(answer, Incomplete)
        return
    # A series or stack gives the images that are there in full; padding behind the last is no loss.
    whole = list(read_frames(formats / name))
    assert frames
    assert isinstance(answer, Complete)
    for frame, true in zip(frames, whole, strict=False):
        np.testing.assert_array_equal(frame.image, true.image)


@pytest.mark.parametrize("name", [name for name in WITH_STRUCTURE if not name.endswith(".bcf")])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_real_file_with_flipped_bits_is_read_or_refused_and_nothing_else(
    formats: Path, tmp_path: Path, name: str, data: st.DataObject
) -> None:
    broken = bytearray((formats / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, min(len(broken), 8192) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / Path(name).name
    path.write_bytes(broken)
    assert isinstance(probe(io.BytesIO(broken), name, len(broken)), Complete | Incomplete | NotAFrame)
    with suppress(TemwatchError):
        assert read_frame(path).image.ndim == 2


def test_no_other_real_picture_is_taken_to_have_a_data_bar(data_dir: Path) -> None:
    looked = 0
    for folder in (
        "tem_defects/images",
        "tem_loops/images",
        "stem_particles/images",
        "neu_det/images",
        "magnetic_tile/crack",
    ):
        for path in sorted((data_dir / "labelled" / folder).glob("*.jpg")):
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            assert image is not None
            assert find_data_bar(image) is None, path.name
            looked += 1
    assert looked > 400


def test_all_real_files_have_different_fingerprints(formats: Path) -> None:
    paths = [path for path in formats.rglob("*") if path.is_file()]
    prints = set()
    for path in paths:
        with path.open("rb") as file:
            prints.add(file_fingerprint(file, path.stat().st_size))
    assert len(prints) == len(paths)
