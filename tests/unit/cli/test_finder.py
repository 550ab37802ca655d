"""`temwatch finder` as a user runs it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from temwatch.cli.main import FAILED, OK, run


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    """Two frames with bright discs, marked as YOLO boxes."""
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    rng = np.random.default_rng(0)
    for number in range(2):
        image = rng.normal(90, 6, (300, 300))
        lines = []
        rows, cols = np.indices(image.shape)
        for row, col in ((60, 80), (200, 220), (100, 240)):
            image += 60 * np.clip(9.5 - np.hypot(rows - row, cols - col), 0, 1)
            lines.append(f"0 {col / 300} {row / 300} {18 / 300} {18 / 300}")
        cv2.imwrite(str(tmp_path / "images" / f"Pt{number}.jpg"), image.astype(np.uint8))
        (tmp_path / "labels" / f"Pt{number}.txt").write_text("\n".join(lines))
    return tmp_path


@pytest.mark.parametrize("method", ["learned", "threshold"])
def test_evaluate_prints_figures_and_draws_overlays(
    marked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    pictures = tmp_path / "pictures"
    said = [
        "finder",
        "evaluate",
        str(marked),
        "--set",
        "stem_particles",
        "--method",
        method,
        "--overlay",
        str(pictures),
    ]
    assert run(said) == OK
    figures = json.loads(capsys.readouterr().out)
    assert figures["recall"] == 1.0
    assert figures["precision"] >= 0.75
    assert len(list(pictures.glob("*.png"))) == 2


def test_a_folder_of_another_layout_is_named_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["finder", "evaluate", str(tmp_path)]) == FAILED
    assert "--set" in capsys.readouterr().err
    assert run(["finder", "evaluate", str(tmp_path), "--set", "tem_defects"]) == FAILED
    assert "no marked frames" in capsys.readouterr().err


def test_show_prints_the_card_of_the_shipped_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["finder", "show"]) == OK
    card = json.loads(capsys.readouterr().out)
    assert len(card["id"]) == 64
    assert set(card["files"]) == {"int8.onnx", "fp32.onnx"}
    assert card["training"]["steps"] > 0


def test_the_gallery_is_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "sheet.png"
    assert run(["finder", "gallery", str(picture)]) == OK
    image = cv2.imread(str(picture))
    assert image is not None
    assert image.shape == (3 * 512, 8 * 256, 3)
