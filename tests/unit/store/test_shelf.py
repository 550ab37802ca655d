"""A recognizer is on the shelf whole or not at all, and what was altered is not taken down from it."""

import io
import json
import os
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from temwatch.errors import ModelRefused
from temwatch.recognition.fitting import fit_recognizer
from temwatch.recognition.portable import digest, to_arrays
from temwatch.store import shelf

NAMES = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def recognizer():
    X, y = load_iris(return_X_y=True)
    return fit_recognizer(X, [f"kind-{k}" for k in y], NAMES, groups=None, provenance="irises, for tests")


@pytest.fixture
def folder(recognizer, tmp_path):
    return tmp_path / shelf.save(recognizer, tmp_path)


def test_what_was_saved_is_loaded(recognizer, folder):
    X = load_iris().data
    ours, theirs = shelf.load(folder).recognise(X, NAMES), recognizer.recognise(X, NAMES)
    np.testing.assert_array_equal(ours.probability, theirs.probability)
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "arrays.npz"}


def test_saving_twice_changes_nothing_and_leaves_nothing_behind(recognizer, folder):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert shelf.save(recognizer, folder.parent) == folder.name
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_the_same_recognizer_gives_the_same_bytes(recognizer, folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    again = other / shelf.save(recognizer, other)
    for path in folder.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["manifest.json", "arrays.npz"])
def test_a_file_cut_off_anywhere_is_refused(folder, name):
    whole = (folder / name).read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 3):
        (folder / name).write_bytes(whole[:length])
        with pytest.raises(ModelRefused) as refusal:
            shelf.load(folder)
        assert str(folder) in str(refusal.value)


def test_a_file_that_is_missing_is_refused(folder):
    (folder / "arrays.npz").unlink()
    with pytest.raises(ModelRefused, match="can't be read"):
        shelf.load(folder)


def test_an_altered_manifest_is_refused_by_its_digest(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["card"]["provenance"] = "the finest material"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelRefused, match="its content has the digest"):
        shelf.load(folder)


def test_brackets_nested_without_end_are_refused(folder):
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(ModelRefused, match="can't be read"):
        shelf.load(folder)


def test_a_recognizer_under_another_name_is_refused(folder):
    moved = folder.rename(folder.with_name("f" * 64))
    with pytest.raises(ModelRefused, match="its content has the digest"):
        shelf.load(moved)


def test_a_file_beyond_the_cap_is_refused_without_reading_it_whole(folder):
    os.truncate(folder / "arrays.npz", shelf.ARRAYS_BYTES + 1)
    with pytest.raises(ModelRefused, match=r"arrays\.npz is larger than 256 MB"):
        shelf.load(folder)


def _replace_arrays(folder, write):
    content = io.BytesIO()
    write(content)
    (folder / "arrays.npz").write_bytes(content.getvalue())


def test_a_compressed_archive_is_refused(folder):
    _replace_arrays(folder, lambda target: np.savez_compressed(target, rows=np.zeros((4000, 4000))))
    with pytest.raises(ModelRefused, match="compressed"):
        shelf.load(folder)


def test_pickled_objects_are_refused(folder):
    _replace_arrays(folder, lambda target: np.savez(target, rows=np.array([{"any": "thing"}], dtype=object)))
    with pytest.raises(ModelRefused, match="can't be read"):
        shelf.load(folder)


def test_an_archive_with_something_else_than_arrays_is_refused(folder):
    def write(target):
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("../../escape.txt", b"no array")

    _replace_arrays(folder, write)
    with pytest.raises(ModelRefused, match="can't be read"):
        shelf.load(folder)


def test_an_array_that_declares_more_than_the_file_holds_is_refused(folder):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000), }"
    padded = header + b" " * (118 - len(header) - 1) + b"\n"

    def write(target):
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("rows.npy", b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded)

    _replace_arrays(folder, write)
    with pytest.raises(ModelRefused, match="that its 0 bytes don't hold"):
        shelf.load(folder)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.sampled_from(["manifest.json", "arrays.npz"]), at=st.floats(0, 1), flip=st.integers(1, 255))
def test_any_flipped_byte_is_refused_or_changes_nothing(recognizer, folder, name, at, flip):
    whole = (folder / name).read_bytes()
    damaged = bytearray(whole)
    damaged[int(at * (len(whole) - 1))] ^= flip
    (folder / name).write_bytes(bytes(damaged))
    try:
        loaded = shelf.load(folder)
    except ModelRefused:
        pass
    else:
        assert digest(*to_arrays(loaded)) == folder.name
    finally:
        (folder / name).write_bytes(whole)
