"""Figures that a reader can check by hand."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from temwatch.learn.finder_evaluation import FrameScore, compared, summary
from temwatch.learn.finder_overlay import FALSE, HIT, MISSED, overlay
from temwatch.learn.marked_frames import SETS, MarkedFrame
from temwatch.model.region import Region


def square(row: int, col: int, side: int, score: float = 0.9) -> Region:
    return Region(row=row, col=col, mask=np.ones((side, side), bool), score=score)


def frame(*boxes: tuple[int, int, int], kind: str = "pore", complete: bool = True) -> MarkedFrame:
    masks = np.zeros((100, 100), np.int32)
    for number, (row, col, side) in enumerate(boxes, 1):
        masks[row : row + side, col : col + side] = number
    table = np.array(boxes, float).reshape(-1, 3)
    return MarkedFrame(
        name="made",
        image=np.zeros((100, 100), np.uint8),
        centre=table[:, :2] + (table[:, 2:] - 1) / 2,
        radius_px=table[:, 2] / np.pi**0.5,
        kind=(kind,) * len(boxes),
        masks=masks,
        complete=complete,
    )


def test_one_hit_one_miss_and_one_false_find() -> None:
    figures = summary([compared([square(10, 10, 8), square(70, 70, 8)], frame((10, 10, 8), (40, 40, 8)))])
    assert (figures["recall"], figures["precision"], figures["f1"]) == (0.5, 0.5, 0.5)
    assert (figures["size_error"], figures["size_bias"], figures["mean_iou"]) == (0.0, 0.0, 1.0)


def test_finds_twice_too_large_show_as_size_bias_and_overlap() -> None:
    figures = summary([compared([square(6, 6, 16)], frame((10, 10, 8)))])
    assert figures["size_bias"] == pytest.approx(np.log(2), abs=0.001)
    assert figures["mean_iou"] == 0.25


def test_one_region_over_two_objects_finds_one() -> None:
    score = compared([square(10, 10, 20)], frame((14, 14, 8), (20, 20, 8)))
    assert score.hits == 1


def test_incomplete_sets_give_recall_alone() -> None:
    figures = summary([compared([square(10, 10, 8)], frame((10, 10, 8), complete=False))])
    assert "precision" not in figures
    assert figures["recall"] == 1.0


def test_cracks_are_counted_by_pixels_within_three() -> None:
    long = Region(row=13, col=0, mask=np.ones((1, 100), bool))
    marked = frame((10, 40, 1), kind="crack")
    assert marked.masks is not None
    marked.masks[10, :] = 1
    figures = summary([compared([long], marked)])
    assert (figures["crack_px_recall"], figures["crack_px_precision"]) == (1.0, 1.0)
    off = summary([compared([Region(row=14, col=0, mask=np.ones((1, 100), bool))], marked)])
    assert off["crack_px_recall"] == 0.0


def test_intervals_hold_the_value_and_are_the_same_each_time() -> None:
    scores = [
        compared([square(10, 10, 8)], frame((10, 10, 8), (40, 40, 8))),
        compared([square(10, 10, 8), square(40, 40, 8)], frame((10, 10, 8), (40, 40, 8))),
    ]
    first, again = summary(scores), summary(scores)
    assert first == again
    assert first["recall_95"][0] <= first["recall"] <= first["recall_95"][1]


def test_frames_without_finds_and_without_marks_are_counted() -> None:
    scores: list[FrameScore] = [compared([], frame((10, 10, 8))), compared([], frame())]
    assert summary(scores)["f1"] == 0.0


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_hit_false_and_missed_show_on_black_grey_and_white(grey: int) -> None:
    marked = replace(frame((10, 10, 8), (40, 40, 8)), image=np.full((100, 100), grey, np.uint8))
    regions = [square(10, 10, 8), square(70, 70, 8)]
    picture = overlay(marked, regions, compared(regions, marked))[:100]
    for colour, middle in ((HIT, (13, 13)), (FALSE, (73, 73)), (MISSED, (43, 43))):
        near = picture[middle[0] - 12 : middle[0] + 12, middle[1] - 12 : middle[1] + 12].reshape(-1, 3)
        assert (near == colour).all(axis=1).any()
        # Light on dark, whatever the frame's grey.
        assert (near.max(axis=1) < 60).any()


def test_where_not_everything_is_marked_nothing_is_called_false() -> None:
    marked = frame((10, 10, 8), complete=False)
    regions = [square(70, 70, 8)]
    picture = overlay(marked, regions, compared(regions, marked))
    assert not (picture == FALSE).all(axis=2).any()


def test_frames_of_one_specimen_are_drawn_together() -> None:
    good, poor = frame((10, 10, 8)), frame((10, 10, 8), (40, 40, 8), (70, 70, 8))
    scores = [
        compared([square(10, 10, 8)], replace(one, specimen=name, name=f"{name} {number}"))
        for name, one in (("a", good), ("b", good), ("c", poor))
        for number in range(4)
    ]
    by_specimen = summary(scores)
    by_frame = summary([replace(score, specimen="") for score in scores])
    assert by_specimen["intervals_by"] == "specimen"
    assert by_specimen["by_specimen"]["c"] == {
        "frames": 4,
        "marked": 12,
        "recall": 0.333,
        "precision": 1.0,
        "f1": 0.5,
    }
    width = [one["recall_95"][1] - one["recall_95"][0] for one in (by_specimen, by_frame)]
    assert width[0] > 1.3 * width[1]


def test_yolo_boxes_are_read_in_pixels(tmp_path: Path) -> None:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "Pt1.jpg"), np.zeros((100, 200), np.uint8))
    (tmp_path / "labels" / "Pt1.txt").write_text("0 0.25 0.5 0.1 0.2\n")
    (marked,) = SETS["stem_particles"](tmp_path)
    assert marked.centre.tolist() == [[50.0, 50.0]]
    assert marked.radius_px == pytest.approx([10.0])
    assert marked.specimen == "Pt"


@pytest.mark.parametrize(
    ("name", "frames", "objects"),
    [
        ("tem_defects", 6, 716),
        ("tem_loops", 24, 628),
        ("stem_particles", 17, 2243),
        ("magnetic_tile", 84, 91),
    ],
)
def test_the_published_sets_are_read_whole(data_dir: Path, name: str, frames: int, objects: int) -> None:
    marked = list(SETS[name](data_dir / "labelled" / name))
    assert len(marked) == frames
    assert sum(len(one.centre) for one in marked) == objects
    for one in marked:
        assert ((one.centre >= -1) & (one.centre <= np.array(one.image.shape))).all()
