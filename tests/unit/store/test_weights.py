"""Weights are used only as they were put on the shelf."""

from pathlib import Path

import pytest

from temwatch.errors import ModelRefused
from temwatch.store.weights import (
    CARD,
    card_of,
    choose_finder,
    chosen_finder,
    load_weights,
    save_weights,
    shelved,
    shipped_finder,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_weights(tmp_path, {"int8.onnx": b"small", "fp32.onnx": b"large"}, {"data": "simulated"})


def test_weights_come_back_as_they_were_saved(folder: Path) -> None:
    assert load_weights(folder) == b"small"
    assert load_weights(folder, "fp32") == b"large"
    assert card_of(folder)["data"] == "simulated"


@pytest.mark.parametrize("name", ["int8.onnx", CARD])
def test_an_altered_file_is_refused_with_a_way_out(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelRefused) as caught:
        load_weights(folder)
    assert name in caught.value.message
    assert "threshold" in caught.value.next_step


@pytest.mark.parametrize("name", ["int8.onnx", CARD])
def test_a_missing_file_is_refused_with_a_way_out(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelRefused, match=r"No such file") as caught:
        load_weights(folder)
    assert "threshold" in caught.value.next_step


def test_a_card_that_names_no_files_is_refused(tmp_path: Path) -> None:
    folder = save_weights(tmp_path, {"fp32.onnx": b"large"}, {})
    with pytest.raises(ModelRefused):
        load_weights(folder, "int8")


def test_the_shipped_weights_are_whole_and_say_that_they_saw_no_real_image() -> None:
    folder = shipped_finder()
    assert load_weights(folder, "int8")
    assert load_weights(folder, "fp32")
    assert "no real image" in card_of(folder)["data"]


def test_the_same_weights_twice_are_one_folder_and_nothing_half_written_stays(tmp_path: Path) -> None:
    first, again = (save_weights(tmp_path, {"int8.onnx": b"small"}, {"n": 1}) for _ in range(2))
    assert first == again
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_without_a_choice_the_weights_of_the_package_are_in_use(tmp_path: Path) -> None:
    assert chosen_finder(tmp_path / "no such shelf") == shipped_finder()


def test_a_choice_holds_until_the_way_back_is_taken(folder: Path) -> None:
    shelf = folder.parent
    assert choose_finder(shelf, folder.name[:8]) == folder
    assert chosen_finder(shelf) == folder
    assert shelved(shelf) == [folder]
    choose_finder(shelf, None)
    assert chosen_finder(shelf) == shipped_finder()


@pytest.mark.parametrize("name", ["", "zz", "../.."])
def test_what_names_no_weights_or_several_is_not_chosen(folder: Path, name: str) -> None:
    save_weights(folder.parent, {"int8.onnx": b"other", "fp32.onnx": b"other"}, {})
    with pytest.raises(ModelRefused, match="weights in"):
        choose_finder(folder.parent, name)
    assert chosen_finder(folder.parent) == shipped_finder()


def test_damaged_weights_are_not_chosen(folder: Path) -> None:
    (folder / "fp32.onnx").write_bytes(b"other")
    with pytest.raises(ModelRefused, match="digest"):
        choose_finder(folder.parent, folder.name)
    assert chosen_finder(folder.parent) == shipped_finder()


@pytest.mark.parametrize("content", [b"", b"../../somewhere\n", b"0" * 64, b"\xff\xfe"])
def test_a_choice_that_leads_nowhere_is_refused_with_a_way_back(folder: Path, content: bytes) -> None:
    (folder.parent / "in_use").write_bytes(content)
    with pytest.raises(ModelRefused) as caught:
        chosen_finder(folder.parent)
    assert "use shipped" in caught.value.next_step
