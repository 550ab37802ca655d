"""Weights are used only as they were put on the shelf."""

from pathlib import Path

import pytest

from temwatch.errors import ModelRefused
from temwatch.store.weights import CARD, card_of, load_weights, save_weights, shipped_finder


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
