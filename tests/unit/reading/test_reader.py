"""Files in, frames out: the right pixels with their provenance, or one clear error."""

import hashlib
import io
import os
import struct
from contextlib import suppress
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_files import dm, gradient, mrc, png, ser, velox
from temwatch.errors import (
    FrameChanged,
    FrameDeclined,
    FrameIncomplete,
    FrameTooLarge,
    FrameUnreadable,
    FrameUnsafe,
    TemwatchError,
)
from temwatch.model.frame import ImagingMode
from temwatch.reading.reader import Limits, Overrides, read_frame, read_frames

STACK = np.stack([gradient() + k for k in range(3)]).astype("u2")


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def tif(images: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, images, **options)
    return file.getvalue()


@pytest.mark.parametrize("dtype", ["i1", "i2", "u2", "f4", "f2"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_an_mrc_gives_its_pixels_in_either_byte_order(tmp_path: Path, dtype: str, order: str) -> None:
    image = (gradient() / 4).astype(dtype)
    frame = read_frame(put(tmp_path, "x.mrc", mrc(image, order=order)))
    np.testing.assert_array_equal(frame.image, image)
    assert frame.image.dtype == (np.dtype("f4") if dtype == "f2" else np.dtype(dtype))
    assert frame.calibration.nm_per_px == pytest.approx(0.5)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4", "f8"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"compression": "lzw", "predictor": True},
                                     {"tile": (16, 16)}, {"byteorder": ">"}, {"bigtiff": True}, {"rowsperstrip": 7}],
                         ids=["plain", "zlib", "lzw", "tiles", "big-endian", "bigtiff", "strips"])  # fmt: skip
def test_a_tiff_gives_its_pixels_however_it_is_packed(
    tmp_path: Path, dtype: str, options: dict[str, object]
) -> None:
    image = gradient(40, 48, dtype)
    data = tif(image, metadata=None, photometric="minisblack", **options)
    frame = read_frame(put(tmp_path, "x.tif", data))
    np.testing.assert_array_equal(frame.image, image)
    assert frame.image.dtype == np.dtype(dtype)
    assert (frame.sha256, frame.sha256_of) == (hashlib.sha256(data).hexdigest(), "file")


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("dtype", "number"), [("i2", 1), ("f4", 2), ("u1", 6), ("i4", 7), ("u2", 10), ("u4", 11), ("f8", 12)]
)
def test_a_dm_file_gives_its_pixels(
    tmp_path: Path, version: int, order: str, dtype: str, number: int
) -> None:
    image = gradient(dtype=dtype)
    data = dm(
        [{"data": image, "type": number, "axes": [(0.5, "nm"), (0.5, "nm")]}], version=version, order=order
    )
    frame = read_frame(put(tmp_path, "x.dm", data))
    np.testing.assert_array_equal(frame.image, image)
    assert (frame.format, frame.calibration.nm_per_px) == (f"dm{version}", 0.5)


def test_a_series_gives_its_pixels_top_row_first(tmp_path: Path) -> None:
    frames = list(read_frames(put(tmp_path, "x_1.ser", ser(STACK))))
    np.testing.assert_array_equal([frame.image for frame in frames], STACK)
    assert frames[0].calibration.nm_per_px == pytest.approx(0.2)
    assert [frame.section for frame in frames] == [0, 1, 2]


def test_velox_frames_are_sections(tmp_path: Path) -> None:
    frames = list(read_frames(put(tmp_path, "x.emd", velox(STACK))))
    np.testing.assert_array_equal([frame.image for frame in frames], STACK)
    assert frames[2].calibration.nm_per_px == pytest.approx(2.0)
    assert frames[2].imaging_mode.value == ImagingMode.HAADF
    assert frames[2].acquired_at is not None
    assert frames[2].acquired_at.isoformat() == "2022-09-28T00:27:07+00:00"


def test_a_grey_png_gives_its_pixels(tmp_path: Path) -> None:
    image = gradient(dtype="u1")
    frame = read_frame(put(tmp_path, "x.png", png(image)))
    np.testing.assert_array_equal(frame.image, image)
    assert frame.calibration.nm_per_px is None


def test_the_content_decides_before_the_suffix(tmp_path: Path) -> None:
    assert read_frame(put(tmp_path, "really.tif", mrc(gradient()))).format == "mrc"


def test_a_section_of_a_stack_is_hashed_by_itself_and_keeps_its_digest_as_the_stack_grows(
    tmp_path: Path,
) -> None:
    path = put(tmp_path, "x.mrc", mrc(STACK[:2]))
    before = read_frame(path, section=1)
    path.write_bytes(mrc(STACK))
    after = read_frame(path, section=1)
    assert before.sha256 == after.sha256 == hashlib.sha256(STACK[1].tobytes()).hexdigest()
    assert (after.sha256_of, before.sections, after.sections) == ("section", 2, 3)


def test_images_are_numbered_through_several_signals(tmp_path: Path) -> None:
    entries = [
        {"data": gradient(dtype="u1"), "type": 6, "name": "thumbnail"},
        {"data": STACK, "type": 10, "name": "stack"},
        {"data": np.arange(50, dtype="f4"), "type": 2, "name": "plot"},
        {"data": gradient(8, 9, "f4"), "type": 2, "name": "HAADF"},
    ]
    frames = list(read_frames(put(tmp_path, "x.dm4", dm(entries, thumbnails=1))))
    assert [(frame.section, frame.signal, frame.image.shape) for frame in frames] == [
        (0, "stack", (24, 32)), (1, "stack", (24, 32)), (2, "stack", (24, 32)), (3, "HAADF", (8, 9)),
    ]  # fmt: skip
    assert frames[3].imaging_mode.value == ImagingMode.HAADF
    assert frames[0].metadata["declined"] == ["a line profile of 50 channels"]


def test_a_section_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FrameUnreadable, match=r"no image 7; it holds 3"):
        read_frame(put(tmp_path, "x.mrc", mrc(STACK)), section=7)


@pytest.mark.parametrize(
    ("entry", "words"),
    [({"data": np.zeros((9, 9), "c8"), "type": 3}, "complex transform of 9 x 9"),
     ({"data": np.zeros((9, 9), "u4"), "type": 23}, "colour picture"),
     ({"data": np.zeros((3, 9, 9), "f4"), "type": 2, "tags": {"Meta Data": {"Format": "Spectrum image", "Signal": "EELS"}}}, "EELS"),
     ({"data": np.zeros((9, 50), "f4"), "type": 2, "axes": [(1.0, "nm"), (1.0, "eV")]}, "spectrum image"),
     ({"data": gradient(), "type": 10, "axes": [(0.1, "1/nm"), (0.1, "1/nm")]}, "diffraction"),
     ({"data": np.zeros((2, 3, 9, 9), "u1"), "type": 6}, "4-D data"),
     ({"data": gradient(), "type": 10, "tags": {"Microscope Info": {"Illumination Mode": "TEM", "Operation Mode": "DIFFRACTION"}}}, "diffraction")],
    ids=["complex", "colour", "eels", "energy", "reciprocal", "4d", "mode"],
)  # fmt: skip
def test_what_is_no_image_is_declined_by_name(tmp_path: Path, entry: dict[str, object], words: str) -> None:
    with pytest.raises(FrameDeclined, match=words):
        read_frame(put(tmp_path, "x.dm4", dm([entry])))


def test_the_configuration_overrides_and_the_contradiction_is_noted(tmp_path: Path) -> None:
    path = put(tmp_path, "x.mrc", mrc(gradient()))
    frame = read_frame(path, overrides=Overrides(nm_per_px=0.6, imaging_mode=ImagingMode.BF))
    assert (frame.calibration.nm_per_px, frame.calibration.source) == (0.6, "config")
    assert (frame.imaging_mode.value, frame.imaging_mode.source) == (ImagingMode.BF, "config")
    assert frame.metadata["conflicts"] == ["pixel size: 0.6 nm is used, MRC cell says 0.5 nm"]


@pytest.mark.parametrize("angstrom", [0.0, 1.0])
def test_an_mrc_header_nobody_set_gives_no_calibration(tmp_path: Path, angstrom: float) -> None:
    assert (
        read_frame(put(tmp_path, "x.mrc", mrc(gradient(), angstrom=angstrom))).calibration.nm_per_px is None
    )


@pytest.mark.parametrize("dpi", [72, 96, 300])
def test_dots_per_inch_are_not_believed(tmp_path: Path, dpi: int) -> None:
    data = tif(gradient(), resolution=(dpi, dpi), resolutionunit="INCH", metadata=None)
    assert read_frame(put(tmp_path, "x.tif", data)).calibration.nm_per_px is None


@pytest.mark.parametrize(("unit", "nm"), [("micron", 1000.0), ("nm", 1.0), ("\\u00B5m", 1000.0)])
def test_an_imagej_scale_is_believed(tmp_path: Path, unit: str, nm: float) -> None:
    data = tif(gradient(), imagej=True, resolution=(4.0, 4.0), metadata={"unit": unit})
    assert read_frame(put(tmp_path, "x.tif", data)).calibration.nm_per_px == pytest.approx(nm / 4)


def test_gatans_tiff_tags_are_believed(tmp_path: Path) -> None:
    tags = [
        (65003, "s", 3, "nm", False),
        (65004, "s", 3, "nm", False),
        (65009, "d", 1, 0.25, False),
        (65010, "d", 1, 0.25, False),
    ]
    frame = read_frame(put(tmp_path, "x.tif", tif(gradient(), extratags=tags, metadata=None)))
    assert (frame.calibration.nm_per_px, frame.calibration.source) == (0.25, "file")


def test_gatans_reciprocal_tiff_is_declined(tmp_path: Path) -> None:
    tags = [
        (65003, "s", 5, "1/nm", False),
        (65004, "s", 5, "1/nm", False),
        (65009, "d", 1, 0.1, False),
        (65010, "d", 1, 0.1, False),
    ]
    with pytest.raises(FrameDeclined, match="diffraction"):
        read_frame(put(tmp_path, "x.tif", tif(gradient(), extratags=tags, metadata=None)))


def test_feis_scan_section_is_believed(tmp_path: Path) -> None:
    said = "[User]\r\nDate=02/22/2018\r\nTime=10:11:12 AM\r\n[System]\r\nSystemType=Quanta\r\n[Scan]\r\nPixelWidth=3e-9\r\nPixelHeight=3e-9\r\n"
    data = tif(gradient(), extratags=[(34682, "s", len(said) + 1, said, True)], metadata=None)
    frame = read_frame(put(tmp_path, "x.tif", data))
    assert frame.calibration.nm_per_px == pytest.approx(3.0)
    assert frame.imaging_mode.value == ImagingMode.SEM
    assert frame.acquired_at is not None
    assert frame.acquired_at.replace(tzinfo=None).isoformat() == "2018-02-22T10:11:12"
    assert "time_zone" in frame.metadata


def test_veloxs_tiff_xml_is_believed(tmp_path: Path) -> None:
    said = (
        "<Metadata><Acquisition><AcquisitionStartDatetime>2020-05-01T10:00:00+00:00</AcquisitionStartDatetime></Acquisition>"
        "<BinaryResult><Detector>BF-S</Detector><PixelSize><X unit='m'>2e-10</X><Y unit='m'>2e-10</Y></PixelSize></BinaryResult></Metadata>"
    )
    data = tif(gradient(), extratags=[(34683, "s", len(said) + 1, said, True)], metadata=None)
    frame = read_frame(put(tmp_path, "x.tif", data))
    assert frame.calibration.nm_per_px == pytest.approx(0.2)
    assert frame.imaging_mode.value == ImagingMode.BF


def test_a_colour_tiff_is_declined(tmp_path: Path) -> None:
    with pytest.raises(FrameDeclined, match="colour picture of 9 x 9"):
        read_frame(put(tmp_path, "x.tif", tif(np.zeros((9, 9, 3), "u1"), photometric="rgb")))


def test_an_emi_reads_its_series_and_a_series_reads_its_emi(tmp_path: Path) -> None:
    put(tmp_path, "x_1.ser", ser(STACK))
    said = (
        b"JK\0\x02junk<ObjectInfo><ExperimentalDescription><Root><Data><Label>Mode</Label><Value>STEM HAADF</Value><Unit/></Data>"
        b"</Root></ExperimentalDescription><AcquireDate>Thu Apr 25 09:30:09 2019</AcquireDate></ObjectInfo>junk"
    )
    emi = put(tmp_path, "x.emi", said)
    for path in (emi, tmp_path / "x_1.ser"):
        frame = read_frame(path, section=1)
        np.testing.assert_array_equal(frame.image, STACK[1])
        assert (frame.imaging_mode.value, frame.imaging_mode.source) == (ImagingMode.HAADF, "sidecar")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"JK\0\x02<ObjectInfo><broken></ObjectInfo>",
        b'<ObjectInfo><!DOCTYPE x [<!ENTITY a "a">]>&a;</ObjectInfo>',
    ],
)
def test_a_broken_sidecar_is_no_fault_of_the_frame(tmp_path: Path, said: bytes) -> None:
    put(tmp_path, "x.emi", said)
    assert read_frame(put(tmp_path, "x_1.ser", ser(STACK))).sections == 3


def test_an_emi_without_its_series_says_so(tmp_path: Path) -> None:
    with pytest.raises(FrameDeclined, match="none is beside it"):
        read_frame(put(tmp_path, "x.emi", b"JK\0\x02" + b"x" * 40))


def test_a_header_of_absurd_size_is_refused_before_anything_is_reserved(tmp_path: Path) -> None:
    path = tmp_path / "x.mrc"
    head = bytearray(mrc(gradient())[:1024])
    struct.pack_into("<3i", head, 0, 1 << 19, 1 << 19, 1)
    path.write_bytes(head)
    os.truncate(path, 1024 + (1 << 39))  # sparse: costs no disk
    with pytest.raises(FrameTooLarge, match="524288 x 524288"):
        read_frame(path)


def test_a_stack_of_more_sections_than_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameTooLarge, match="3 images; the limit is 2"):
        read_frame(put(tmp_path, "x.mrc", mrc(STACK)), limits=Limits(max_sections=2))


def test_a_small_hdf5_file_that_declares_400_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.emd"
    with h5py.File(path, "w") as file:
        file["Version"] = ['{"format": "Velox"}']
        file.create_group("Data/Image/0").create_dataset(
            "Data", (1 << 18, 1 << 19, 1), "u2", chunks=(1024, 1024, 1)
        )
    with pytest.raises(FrameTooLarge):
        read_frame(path)


def test_hdf5_that_links_to_another_file_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.emd", "w") as file:
        file["Data/Image/0/Data"] = STACK
    path = tmp_path / "x.emd"
    with h5py.File(path, "w") as file:
        file["Version"] = ['{"format": "Velox"}']
        file["Data"] = h5py.ExternalLink("other.emd", "/Data")
    with pytest.raises(FrameUnsafe, match="links to another file"):
        read_frame(path)


def test_hdf5_whose_pixels_lie_in_another_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "raw", bytes(1000))
    path = tmp_path / "x.emd"
    with h5py.File(path, "w") as file:
        file["Version"] = ['{"format": "Velox"}']
        file.create_group("Data/Image/0").create_dataset(
            "Data", (10, 10, 1), "u1", external=[(str(tmp_path / "raw"), 0, 100)]
        )
    with pytest.raises(FrameUnsafe, match="in another file"):
        read_frame(path)


def test_a_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.mrc").symlink_to(put(tmp_path, "y.mrc", mrc(gradient())))
    with pytest.raises(FrameUnsafe):
        read_frame(tmp_path / "x.mrc")


def test_a_file_beneath_its_root_is_read_by_its_relative_path(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    put(tmp_path / "day", "x.mrc", mrc(gradient()))
    assert read_frame(Path("day/x.mrc"), beneath=tmp_path).format == "mrc"


def test_frames_of_a_large_stack_are_read_one_by_one(tmp_path: Path) -> None:
    frames = read_frames(put(tmp_path, "x.mrc", mrc(STACK)))
    np.testing.assert_array_equal(next(frames).image, STACK[0])
    frames.close()


WHOLE = {
    "a.mrc": mrc(gradient()), "a.tif": tif(gradient(), metadata=None), "z.tif": tif(gradient(), compression="zlib", metadata=None),
    "a_1.ser": ser(STACK[:1]), "a.dm3": dm([{"data": gradient(), "type": 10}], version=3), "a.emd": velox(STACK),
    "a.png": png(gradient(dtype="u1")),
}  # fmt: skip
bounded = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@bounded
@given(st.data())
def test_a_file_cut_off_at_any_byte_is_refused_and_never_gives_pixels(
    tmp_path: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(WHOLE)))
    whole = WHOLE[name]
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises((FrameIncomplete, FrameUnreadable)):
        read_frame(put(tmp_path, name, whole[:cut]))


@bounded
@given(st.data())
def test_a_file_with_flipped_bits_is_read_or_refused_and_nothing_else(
    tmp_path: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(WHOLE)))
    broken = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(TemwatchError):
        frame = read_frame(put(tmp_path, name, bytes(broken)), limits=Limits(max_pixels_per_image=1 << 24))
        assert frame.image.ndim == 2


def test_a_file_that_changes_between_its_images_is_read_again(tmp_path: Path) -> None:
    path = put(tmp_path, "x.mrc", mrc(STACK))
    frames = read_frames(path)
    next(frames)
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(FrameChanged, match="changed while it was read"):
        next(frames)


def test_an_emi_with_spectra_and_images_gives_the_images(tmp_path: Path) -> None:
    put(tmp_path, "x_1.ser", ser(STACK, kind=0x4120))
    put(tmp_path, "x_2.ser", ser(STACK[:2]))
    frames = list(read_frames(put(tmp_path, "x.emi", b"JK\0\x02" + b"x" * 40)))
    assert [(frame.section, frame.sections) for frame in frames] == [(0, 2), (1, 2)]


def test_a_series_of_spectra_is_declined(tmp_path: Path) -> None:
    with pytest.raises(FrameDeclined, match="3 spectra"):
        read_frame(put(tmp_path, "x_1.ser", ser(STACK, kind=0x4120)))


def test_a_series_calibrated_in_one_over_metres_is_diffraction(tmp_path: Path) -> None:
    with pytest.raises(FrameDeclined, match="3 diffraction patterns"):
        read_frame(put(tmp_path, "x_1.ser", ser(STACK, metres=2e7)))


@pytest.mark.parametrize(("mode", "nm"), [("MAG", 1e7 / 5000 / 2000), ("DIFF", None)])
def test_jeols_sightx_is_believed(tmp_path: Path, mode: str, nm: float | None) -> None:
    said = (
        f"<TemReporter><Eos><EosMode>eosTEM</EosMode></Eos><ImageFormingSystem><ModeString>{mode}</ModeString>"
        "<SelectorValue>5000</SelectorValue></ImageFormingSystem><DateTime>2020-05-01T10:00:00.1234567+09:00</DateTime></TemReporter>"
    )
    tags = [(271, "s", 10, "JEOL Ltd.", True)]
    data = tif(
        gradient(),
        description=said,
        resolution=(2000, 2000),
        resolutionunit="CENTIMETER",
        extratags=tags,
        metadata=None,
    )
    path = put(tmp_path, "x.tif", data)
    if nm is None:
        with pytest.raises(FrameDeclined, match="diffraction"):
            read_frame(path)
        return
    frame = read_frame(path)
    assert frame.calibration.nm_per_px == pytest.approx(nm)
    assert frame.acquired_at is not None
    assert frame.acquired_at.isoformat() == "2020-05-01T10:00:00.123456+09:00"


def test_a_png_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    data = bytearray(png(gradient(dtype="u1")))
    data[50] ^= 1
    with pytest.raises(FrameUnreadable, match="checksum"):
        read_frame(put(tmp_path, "x.png", bytes(data)))


def test_nothing_is_left_open_after_reading(tmp_path: Path) -> None:
    paths = [
        put(tmp_path, "x.mrc", mrc(STACK)),
        put(tmp_path, "x.emd", velox(STACK)),
        put(tmp_path, "x.tif", tif(gradient())),
    ]
    read_frame(paths[0])
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in paths:
        list(read_frames(path))
    with pytest.raises(FrameUnreadable):
        read_frame(put(tmp_path, "y.mrc", b"nothing at all like it" * 100))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_mrc_with_feis_extended_header_gives_each_sections_own_facts(tmp_path: Path) -> None:
    from mrcfile import dtypes

    layout = dtypes.get_ext_header_dtype(b"FEI1", "<")
    rows = np.zeros(3, layout)
    rows["Metadata size"], rows["Pixel size X"], rows["Pixel size Y"] = layout.itemsize, 3e-10, 3e-10
    rows["HT"], rows["Timestamp"], rows["Instrument mode"] = 300e3, [43952.5, 43953.5, 43954.5], 2
    rows["STEM Detector name"] = b"HAADF"
    path = put(tmp_path, "x.mrc", mrc(STACK, angstrom=0.0, extended=rows.tobytes(), kind=b"FEI1"))
    frame = read_frame(path, section=1)
    np.testing.assert_array_equal(frame.image, STACK[1])
    assert frame.calibration.nm_per_px == pytest.approx(0.3)
    assert frame.imaging_mode.value == ImagingMode.HAADF
    assert frame.metadata["voltage_v"] == 300e3
    assert frame.acquired_at is not None
    assert frame.acquired_at.replace(tzinfo=None).isoformat() == "2020-05-02T12:00:00"


@pytest.mark.parametrize("reserved", [b"\0\0\0", b"\xff\xff\xff"])
def test_an_hdf5_heap_that_would_turn_in_a_circle_is_refused(tmp_path: Path, reserved: bytes) -> None:
    data = bytearray(velox(STACK))
    heap = data.index(b"GCOL")
    data[heap + 5 : heap + 8] = reserved
    struct.pack_into("<HHIQ", data, heap + 16, 0, 0, 0, 0)  # free space of no length
    with pytest.raises(FrameUnreadable, match="heap"):
        read_frame(put(tmp_path, "x.emd", bytes(data)))


def test_an_image_of_more_pixels_than_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FrameTooLarge, match="24 x 32 pixels; the limit is 700"):
        read_frame(put(tmp_path, "x.mrc", mrc(gradient())), limits=Limits(max_pixels_per_image=700))


def test_a_colour_jpeg_is_declined_and_a_grey_one_read(tmp_path: Path) -> None:
    grey = np.full((64, 80), 90, np.uint8)
    colour = np.dstack([grey, grey // 2, grey])
    for name, image in (("grey.jpg", grey), ("colour.jpg", colour)):
        put(tmp_path, name, cv2.imencode(".jpg", image)[1].tobytes())
    np.testing.assert_allclose(read_frame(tmp_path / "grey.jpg").image, grey, atol=2)
    with pytest.raises(FrameDeclined, match="colour"):
        read_frame(tmp_path / "colour.jpg")


def test_jeol_tags_that_lead_backwards_are_refused(tmp_path: Path) -> None:
    head = b"\x34\0\0\0" + b"JED-2200:LibJxImageForm".ljust(40, b"\0") + struct.pack("<I", 48) + bytes(12)
    tag = b"\x01" + struct.pack("<i", 2) + b"A\0" + struct.pack("<ii", 3, -15)
    with pytest.raises((FrameIncomplete, FrameUnreadable)):
        read_frame(put(tmp_path, "x.img", head + tag))
