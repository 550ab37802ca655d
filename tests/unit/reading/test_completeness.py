"""A file that is not all there is held; one that is, is told from one that never will be a frame."""

import io
import struct

import cv2
import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_files import dm, gradient, mrc, png, ser, velox
from temwatch.reading.completeness import Complete, Incomplete, NotAFrame, Probe, probe


def tif(images: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, images, **options)
    return file.getvalue()


STACK = np.stack([gradient() + k for k in range(3)]).astype("u2")
WHOLE = {
    "a.mrc": mrc(gradient()),
    "a.tif": tif(gradient(), metadata=None),
    "lzw.tif": tif(gradient(), compression="lzw", rowsperstrip=5, metadata=None),
    "big.tif": tif(gradient(), bigtiff=True, metadata=None),
    "a_1.ser": ser(STACK[:1]),
    "a.dm3": dm([{"data": gradient(), "type": 10}], version=3),
    "a.dm4": dm([{"data": gradient(), "type": 10}], version=4, order=">"),
    "a.emd": velox(STACK),
    "a.png": png(gradient(dtype="u1")),
    "a.jpg": cv2.imencode(".jpg", gradient(dtype="u1"))[1].tobytes(),
}
STACKS = {
    "s.mrc": mrc(STACK),
    "s.tif": tif(STACK, metadata=None, photometric="minisblack"),
    "s_1.ser": ser(STACK),
}
bounded = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def look(data: bytes, name: str) -> Probe:
    return probe(io.BytesIO(data), name, len(data))


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_is_complete(name: str) -> None:
    answer = look(WHOLE[name], name)
    assert isinstance(answer, Complete)
    assert not answer.waiting_for


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_cut_off_at_any_byte_is_held(name: str) -> None:
    data = WHOLE[name]
    # Every length near both ends, and a spread between.
    for length in sorted(
        {*range(400), *range(0, len(data), 97), *range(len(data) - 300, len(data))} & set(range(len(data)))
    ):
        assert isinstance(look(data[:length], name), Incomplete), f"{name} cut to {length} of {len(data)}"


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_cut_off_anywhere_gives_exactly_the_sections_that_are_there(name: str) -> None:
    data = STACKS[name]
    whole = look(data, name)
    assert isinstance(whole, Complete)
    assert whole.sections is not None
    assert len(whole.sections) == 3
    for length in range(0, len(data), 53):
        answer = look(data[:length], name)
        if isinstance(answer, Incomplete):
            continue
        assert isinstance(answer, Complete)
        assert answer.sections == whole.sections[: len(answer.sections or ())]
        assert all(offset + count <= length for ranges in answer.sections or () for offset, count in ranges)
        # tifffile pads its last directory; without the padding nothing is missing.
        assert answer.waiting_for or (name == "s.tif" and length > len(data) - 20)


def test_a_growing_mrc_whose_header_says_zero_gives_the_sections_its_size_holds() -> None:
    data = mrc(STACK, declared=0)
    answer = look(data[: 1024 + 2 * STACK[0].nbytes + 5], "g.mrc")
    assert isinstance(answer, Complete)
    assert len(answer.sections or ()) == 2


def test_a_series_stopped_early_gives_its_valid_elements_and_says_what_is_missing() -> None:
    answer = look(ser(STACK, planned=200), "x_1.ser")
    assert isinstance(answer, Complete)
    assert len(answer.sections or ()) == 3
    assert "197 of 200" in answer.waiting_for


def test_an_imagej_stack_with_one_directory_gives_all_its_sections() -> None:
    answer = look(tif(STACK, imagej=True), "ij.tif")
    assert isinstance(answer, Complete)
    assert len(answer.sections or ()) == 3


@pytest.mark.parametrize("data", [b"", bytes(5000)], ids=["empty", "reserved"])
def test_an_empty_or_reserved_file_is_held(data: bytes) -> None:
    assert isinstance(look(data, "x.mrc"), Incomplete)


@pytest.mark.parametrize("name", ["a.dm3", "a.tif", "a_1.ser"])
def test_a_file_reserved_whole_and_filled_from_the_front_is_held(name: str) -> None:
    data = WHOLE[name]
    filled = data[:200] + bytes(len(data) - 200 + 5000)
    answer = look(filled, name)
    assert isinstance(answer, Incomplete) or (isinstance(answer, Complete) and answer.ends_in_zeros)


def test_zeros_at_the_end_of_a_complete_structure_are_reported() -> None:
    answer = look(mrc(np.zeros((64, 64), "u2")), "x.mrc")
    assert isinstance(answer, Complete)
    assert answer.ends_in_zeros


def test_hdf5_still_open_for_writing_is_held(tmp_path: object) -> None:
    path = f"{tmp_path}/x.emd"
    with h5py.File(path, "w", libver="latest") as file:
        file["x"] = np.arange(100)
        file.swmr_mode = True
        file.flush()
        with open(path, "rb") as written:  # noqa: PTH123
            data = written.read()
    answer = look(data, "x.emd")
    assert isinstance(answer, Incomplete)
    assert "open for writing" in answer.reason


@pytest.mark.parametrize(
    ("data", "name", "word"),
    [(b"hello, this is a text file", "a.tif", "no format"), (b"#FORMAT      : EMSA/MAS", "a.msa", "spectrum"),
     (b"PixelSpacing = 5\nVoltage = 300\n", "a.mrc.mdoc", "sidecar"), (b"IMGBLO" + bytes(100) + b"x", "a.blo", "block file"),
     (b"JK\0\x02" + b"x" * 50, "a.emi", "sidecar"), (b"PK\x03\x04" + b"x" * 50, "a.emd", "ZIP")],
)  # fmt: skip
def test_what_is_no_frame_is_named(data: bytes, name: str, word: str) -> None:
    answer = look(data, name)
    assert isinstance(answer, NotAFrame)
    assert word in answer.reason
    assert name in answer.reason
    assert answer.next_step


def test_a_chain_of_tiff_directories_in_a_circle_is_no_frame() -> None:
    data = bytearray(tif(STACK[:2], metadata=None, photometric="minisblack"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        first, second = (page.offset for page in file.pages)
    count = struct.unpack_from("<H", data, second)[0]
    struct.pack_into("<I", data, second + 2 + 12 * count, first)
    answer = look(bytes(data), "loop.tif")
    assert isinstance(answer, NotAFrame)
    assert "circle" in answer.reason


def test_an_absurd_header_is_answered_at_once() -> None:
    data = bytearray(mrc(gradient()))
    struct.pack_into("<3i", data, 0, 1 << 19, 1 << 19, 1 << 30)
    assert isinstance(look(bytes(data), "x.mrc"), Incomplete)


@bounded
@given(st.binary(max_size=3000), st.sampled_from(sorted(WHOLE)))
def test_any_bytes_under_any_name_get_an_answer(data: bytes, name: str) -> None:
    assert isinstance(look(data, name), Complete | Incomplete | NotAFrame)


@bounded
@given(st.data())
def test_any_bytes_after_a_true_beginning_get_an_answer(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(WHOLE)))
    keep = data.draw(st.integers(4, 200))
    junk = data.draw(st.binary(max_size=2000))
    assert isinstance(look(WHOLE[name][:keep] + junk, name), Complete | Incomplete | NotAFrame)


@bounded
@given(st.data())
def test_a_file_with_flipped_bits_gets_an_answer(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(WHOLE)))
    broken = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, min(len(broken), 2500) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert isinstance(look(bytes(broken), name), Complete | Incomplete | NotAFrame)
