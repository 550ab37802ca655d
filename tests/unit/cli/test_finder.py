"""`temwatch finder` as a user runs it."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from temwatch.cli.main import FAILED, OK, PROBLEMS, run
from temwatch.store.weights import shipped_finder


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
        "--json",
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


def test_two_finders_stand_side_by_side(marked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ["finder", "evaluate", str(marked), "--set", "stem_particles", "--against", "threshold"]
    assert run([*said, "--json", "--curve"]) == OK
    figures = json.loads(capsys.readouterr().out)
    assert [one["finder"] for one in figures["against"]] == ["threshold"]
    assert [row["sensitivity"] for row in figures["curve_optimistic"]] == [0.1, 0.3, 0.5, 0.7, 0.9]
    assert run(said) == OK
    table = capsys.readouterr().out
    assert "threshold" in table
    assert "F1" in table


def test_a_finder_nobody_knows_is_named(marked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ["finder", "evaluate", str(marked), "--set", "stem_particles", "--against", "eyes"]
    assert run(said) == FAILED
    assert "--against eyes" in capsys.readouterr().err


def test_weights_are_listed_taken_into_use_and_given_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from temwatch.store.weights import save_weights

    tuning = {"parent": "a" * 64, "gate": "taken over: F1 0.5 before, 0.6 after"}
    folder = save_weights(tmp_path, {"int8.onnx": b"small", "fp32.onnx": b"large"}, {"tuning": tuning})
    shelf = ["--shelf", str(tmp_path)]
    assert run(["finder", "use", folder.name[:10], *shelf]) == OK
    assert run(["finder", "list", *shelf]) == OK
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("*")] == [
        f"* {folder.name[:12]}  from {'a' * 12}: {tuning['gate']}"
    ]
    assert run(["finder", "use", "shipped", *shelf]) == OK
    assert run(["finder", "list", *shelf]) == OK
    assert "* shipped" in capsys.readouterr().out


def test_a_site_s_own_weights_reach_its_workers(tmp_path: Path) -> None:
    from temwatch.config import load
    from temwatch.store.weights import choose_finder, save_weights
    from temwatch.work.task_settings import task_settings

    config = tmp_path / "config.toml"
    config.write_text('[finder]\nmethod = "learned"\n[[roots]]\nname = "a"\npath = "in"\n')
    state = load(config).state.dir
    folder = save_weights(state / "finder", {"int8.onnx": b"small", "fp32.onnx": b"large"}, {})
    choose_finder(state / "finder", folder.name)

    def weights() -> object:
        site = load(config)
        said = task_settings(site.finder, site.acceptance, model=tmp_path, state=site.state.dir)
        return json.loads(json.dumps(said))["finder"]["weights"]

    assert weights() == str(folder)
    config.write_text(config.read_text().replace('"learned"', '"learned"\nweights = "pinned"'))
    assert weights() == str(tmp_path / "pinned")


def test_the_doctor_tries_the_finder_with_its_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[[roots]]\nname = "a"\npath = "in"\n')
    run(["-c", str(config), "doctor"])
    said = capsys.readouterr().out
    assert f"learned, weights {shipped_finder().name[:12]}" in said
    config.write_text('[finder]\nweights = "gone"\n[[roots]]\nname = "a"\npath = "in"\n')
    assert run(["-c", str(config), "doctor"]) == PROBLEMS
    said = capsys.readouterr().out
    assert "No such file" in said
    assert "[finder]" in said


def test_tuning_says_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    (tmp_path / "reviews.json").write_text('{"version": 1, "frames": []}')
    said = ["finder", "tune", str(tmp_path / "reviews.json"), "--shelf", str(tmp_path)]
    assert run(said) == FAILED
    assert "too few" in capsys.readouterr().err
    assert run([*said, "--only", "nobody"]) == FAILED
    assert "nobody" in capsys.readouterr().err


def test_without_torch_tuning_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.startswith("temwatch.learn.finder_training."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run(["finder", "tune", str(tmp_path), "--shelf", str(tmp_path)]) == FAILED
    assert "temwatch[train]" in capsys.readouterr().err
