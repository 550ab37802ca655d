"""Pure rules: units, pixel size, imaging mode, times, fingerprints, XML."""

import io
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from temwatch.model.frame import ImagingMode
from temwatch.reading import modes, moments, units, xml
from temwatch.reading.calibration import choose_calibration, choose_mode, pixel_size
from temwatch.reading.contents import ModeWord, PixelSize
from temwatch.reading.fingerprint import file_fingerprint, section_fingerprint


@pytest.mark.parametrize(
    ("unit", "nm"),
    [("m", 1e9), ("µm", 1e3), ("μm", 1e3), ("um", 1e3), ("micron", 1e3), ("nm", 1), ("[n_m]", 1), ("n_m", 1), ("Å", 0.1),
     ("A", 0.1), ("pm", 1e-3), (" nm\0", 1), ("px", None), ("", None), ("inch", None), ("1/nm", None), ("s", None)],
)  # fmt: skip
def test_a_unit_of_length_is_known_in_nm(unit: str, nm: float | None) -> None:
    assert units.nm_per(unit) == nm


@pytest.mark.parametrize("unit", ["1/nm", "1 / µm", "nm^-1", "1/m", "Å^-1", "[n_m^-1]", "nm⁻¹"])
def test_one_over_a_length_is_reciprocal(unit: str) -> None:
    assert units.is_reciprocal(unit)


@pytest.mark.parametrize("unit", ["nm", "", "eV", "1/s", "-1"])
def test_other_units_are_not_reciprocal(unit: str) -> None:
    assert not units.is_reciprocal(unit)


def said(nm: float, place: str = "axis", source: str = "file", row: float | None = None) -> PixelSize:
    return PixelSize(row_nm=row or nm, col_nm=nm, said_by=place, source=source)


def test_the_configuration_is_believed_over_the_file() -> None:
    calibration, notes = choose_calibration(2.0, (said(2.05),))
    assert (calibration.nm_per_px, calibration.source) == (2.0, "config")
    assert "conflicts" not in notes


def test_a_configuration_more_than_5_percent_off_is_noted() -> None:
    _, notes = choose_calibration(2.0, (said(2.2, "DM axes"),))
    assert notes["conflicts"] == ["pixel size: 2 nm is used, DM axes says 2.2 nm"]


def test_the_first_place_in_the_file_wins_and_the_others_are_compared() -> None:
    calibration, notes = choose_calibration(
        None, (said(1.0, "axis"), said(3.0, "tag"), said(1.01, "side", "sidecar"))
    )
    assert (calibration.nm_per_px, calibration.source) == (1.0, "file")
    assert notes == {"calibration_from": "axis", "conflicts": ["pixel size: 1 nm is used, tag says 3 nm"]}


def test_a_sidecar_is_named_as_the_source() -> None:
    assert choose_calibration(None, (said(1.0, "EMI", "sidecar"),))[0].source == "sidecar"


def test_nothing_said_is_unknown_and_never_guessed() -> None:
    assert choose_calibration(None, ())[0].nm_per_px is None


def test_pixels_that_are_not_square_keep_their_area_and_say_how_uncertain_the_edge_is() -> None:
    calibration, notes = choose_calibration(None, (said(10.0, row=11.0),))
    assert calibration.nm_per_px == pytest.approx(110**0.5)
    assert calibration.relative_uncertainty == pytest.approx(0.5 / 110**0.5)
    assert notes["pixel_nm"] == [11.0, 10.0]


def test_pixels_far_from_square_have_no_single_size() -> None:
    assert choose_calibration(None, (said(10.0, row=20.0),))[0].nm_per_px is None


@pytest.mark.parametrize("nm", [0.0, 264_583.0, 352_777.8, 1e-9, float("nan"), float("inf")])
def test_a_size_no_microscope_has_is_not_taken(nm: float) -> None:
    # 96 and 72 dots per inch are 264.6 and 352.8 µm: they describe paper.
    assert pixel_size(nm, nm, "tag") == ()


def test_the_instruments_mode_is_believed_over_a_title_and_the_contradiction_noted() -> None:
    words = (
        ModeWord(mode=ImagingMode.BF, said_by="detector"),
        ModeWord(mode=ImagingMode.HAADF, said_by="title"),
    )
    mode, notes = choose_mode(None, words)
    assert mode.value == ImagingMode.BF
    assert notes["conflicts"] == ["imaging mode: detector says BF, title says HAADF"]


@pytest.mark.parametrize(
    ("text", "mode"),
    [("HAADF", "HAADF"), ("0501_300kx_1nm_clhaadf3_0010", "HAADF"), ("BF-S", "BF"), ("DF2", "DF"), ("STEM DF4", "DF"),
     ("ABF", "BF"), ("ADF", "DF"), ("bright field", "BF"), ("Dark-Field", "DF"), ("HRTEM of SrTiO3", "HRTEM"),
     ("SAED zone 110", "diffraction"), ("diffraction grating replica", None), ("HAADF and BF", None), ("", None),
     ("abfall", None), ("Pdf scan", None), ("InLens", None)],
)  # fmt: skip
def test_a_mode_is_read_from_words(text: str, mode: str | None) -> None:
    assert modes.mode_in(text) == mode


def test_the_projector_in_diffraction_mode_says_nothing_in_stem() -> None:
    assert modes.mode_of_operation("STEM nP SA Zoom Diffraction") is None
    assert modes.mode_of_operation("TEM uP SA Zoom Diffraction") == ImagingMode.DIFFRACTION


def test_a_time_with_a_zone_is_taken_as_it_is() -> None:
    assert moments.parse_local("2020-05-01T10:00:00+02:00") == datetime(2020, 5, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["Thu Nov 29 22:41:51 2018", "25 Sep 2018 8:20:42", "29/11/2018 22:41:51", "11/29/2018 10:41:51 PM"],
)
def test_a_time_without_a_zone_is_this_computers(text: str) -> None:
    moment = moments.parse_local(text)
    assert moment is not None
    assert moment.utcoffset() == moment.replace(tzinfo=None).astimezone().utcoffset()


@pytest.mark.parametrize(
    "text", ["03/04/2020 10:00:00", "nonsense", "", "0001-01-01T00:00:00", "9999-12-31T00:00:00+00:00"]
)
def test_a_time_that_can_be_read_two_ways_or_not_at_all_is_none(text: str) -> None:
    assert moments.parse_local(text) is None


def test_windows_unix_and_serial_times_are_read() -> None:
    assert moments.from_filetime(1.3220483561436376e17) == datetime(
        2019, 12, 10, 20, 32, 41, 436376, tzinfo=UTC
    )
    assert moments.from_unix(0) is None
    assert moments.from_unix(1e30) is None
    assert moments.from_serial_days(42832.5) == datetime(2017, 4, 7, 12).astimezone()


def test_an_entity_bomb_is_no_xml() -> None:
    bomb = b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>'
    assert xml.parse(bomb) is None
    assert xml.parse(b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>') is None
    assert xml.word(xml.parse(b"<a xmlns='u'><b> c </b></a>"), "b") == "c"


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_xml_of_any_bytes_is_read_or_refused(raw: bytes) -> None:
    xml.parse(raw)


SIZE = 1_000_000


@settings(deadline=None)
@given(st.integers(0, SIZE - 1))
def test_files_that_differ_in_head_or_tail_have_different_fingerprints(at: int) -> None:
    data = bytearray(SIZE)
    before = file_fingerprint(io.BytesIO(data), SIZE)
    at = at if at < 65536 or at >= SIZE - 65536 else at % 65536
    data[at] ^= 1
    assert file_fingerprint(io.BytesIO(data), SIZE) != before


def test_files_with_equal_headers_and_other_pixels_have_different_fingerprints() -> None:
    # Fault 30: the first kilobytes of all MRC files of a session are the same.
    generator = np.random.default_rng(1)
    one, two = (b"h" * 70_000 + generator.bytes(SIZE) + b"t" * 70_000 for _ in range(2))
    assert file_fingerprint(io.BytesIO(one), len(one)) != file_fingerprint(io.BytesIO(two), len(two))


def test_a_fingerprint_depends_on_the_size() -> None:
    assert file_fingerprint(io.BytesIO(bytes(10)), 10) != file_fingerprint(io.BytesIO(bytes(11)), 11)


@settings(deadline=None)
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=12))
def test_a_section_in_pieces_has_the_fingerprint_of_the_same_bytes_in_one(lengths: list[int]) -> None:
    data = np.random.default_rng(2).bytes(sum(lengths))
    scattered, ranges, position = b"", [], 0
    for length in lengths:
        scattered += b"gap" + data[position : position + length]
        ranges.append((len(scattered) - length, length))
        position += length
    together = section_fingerprint(io.BytesIO(data), ((0, len(data)),))
    assert section_fingerprint(io.BytesIO(scattered), tuple(ranges)) == together
