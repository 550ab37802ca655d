"""What is known of a frame, and what is not."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from temwatch.errors import AtlasRefused
from temwatch.learn.marked_frames import MarkedFrame, foil_of, tiles_of
from temwatch.learn.reviewed_folder import read_reviewed
from temwatch.learn.reviewed_frames import as_marked, found_where_reviewed, reviewed_whole
from temwatch.model.region import Region
from temwatch.vision.finder.base import Found
from temwatch.vision.view import View


def marked(*, complete: bool = True, angle: float = 0.0) -> MarkedFrame:
    return MarkedFrame(
        name="made",
        image=np.random.default_rng(0).integers(0, 255, (100, 120)).astype(np.uint8),
        centre=np.array([[30.0, 40.0], [70.0, 90.0]]),
        radius_px=np.array([10.0, 5.0]),
        kind=("pore", "pore"),
        ellipse=np.array([[20.0, 5.0, angle], [5.0, 5.0, 0.0]]),
        complete=complete,
    )


class Says:
    """A finder that always answers the same."""

    name = "says"

    def __init__(self, *places: tuple[int, int]) -> None:
        self.regions = tuple(Region(row=r, col=c, mask=np.ones((3, 3), bool)) for r, c in places)

    def find(self, view: View) -> Found:
        return Found(regions=self.regions)


def test_an_ellipse_lies_along_its_angle() -> None:
    level, steep = reviewed_whole(marked()).objects, reviewed_whole(marked(angle=90.0)).objects
    assert (level[30, 25], level[15, 40]) == (1, 0)
    assert (steep[30, 25], steep[15, 40]) == (0, 1)
    slanted = reviewed_whole(marked(angle=45.0)).objects
    assert (slanted[40, 50], slanted[20, 50]) == (1, 0)


def test_around_an_ellipse_a_rim_stays_unknown_and_the_rest_is_background() -> None:
    frame = reviewed_whole(marked())
    assert frame.known[30, 40]
    assert not frame.known[30, 40 + 19]
    assert frame.known[5, 5]


def test_where_not_everything_was_marked_only_the_insides_are_known() -> None:
    frame = reviewed_whole(marked(complete=False))
    assert frame.known[30, 40]
    assert not frame.known[5, 5]
    assert not frame.reviewed.any()


def test_cracks_are_lines_and_no_objects() -> None:
    masks = np.zeros((100, 120), np.int32)
    masks[10, 10:60] = 1
    masks[60:70, 60:70] = 2
    frame = reviewed_whole(
        MarkedFrame(
            name="made",
            image=np.zeros((100, 120), np.uint8),
            centre=np.array([[10.0, 35.0], [64.5, 64.5]]),
            radius_px=np.array([4.0, 5.6]),
            kind=("crack", "blowhole"),
            masks=masks,
        )
    )
    assert frame.lines.sum() == 50
    assert sorted(np.unique(frame.objects)) == [0, 1]
    assert frame.centre.tolist() == [[64.5, 64.5]]


def test_half_a_frame_holds_its_own_objects_alone() -> None:
    frame = reviewed_whole(marked())
    left = np.zeros(frame.image.shape, bool)
    left[:, :60] = True
    first, second = frame.within(left), frame.within(~left)
    assert len(first.centre) == len(second.centre) == 1
    assert second.objects.max() == 1
    assert not (first.known & second.known).any()
    assert frame.digest != first.digest


def test_what_is_proposed_where_nobody_looked_does_not_count() -> None:
    frame = reviewed_whole(marked())
    left = np.zeros(frame.image.shape, bool)
    left[:, :60] = True
    finder = Says((29, 39), (80, 10), (69, 89), (5, 110))
    assert len(found_where_reviewed(finder, frame)) == 4
    assert [(r.row, r.col) for r in found_where_reviewed(finder, frame.within(left))] == [(29, 39), (80, 10)]


def test_a_finder_is_judged_by_the_compact_objects() -> None:
    assert as_marked(reviewed_whole(marked())).centre.tolist() == [[30.0, 40.0], [70.0, 90.0]]


class TestReviews:
    """The JSON file of what operators said."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        image = np.random.default_rng(0).integers(0, 60000, (80, 100)).astype(np.uint16)
        cv2.imwrite(str(tmp_path / "a.png"), image)
        mask = np.zeros((80, 100), np.uint8)
        mask[60:66, 10:16] = 255
        cv2.imwrite(str(tmp_path / "m.png"), mask)
        return tmp_path

    @staticmethod
    def write(folder: Path, **frame: Any) -> Path:
        path = folder / "reviews.json"
        path.write_text(json.dumps({"version": 1, "frames": [{"image": "a.png", **frame}]}))
        return path

    def test_every_kind_of_statement_is_drawn(self, folder: Path) -> None:
        axes = {"row": 20, "col": 30, "length_px": 20, "width_px": 10, "angle_deg": 0}
        (frame,) = read_reviewed(
            self.write(
                folder,
                specimen="s1",
                reviewed=[{"top": 0, "left": 0, "bottom": 40, "right": 100}],
                marks=[
                    {"is": "confirmed", "class": "pore", "rectangle": axes},
                    {"is": "missed", "class": "particle", "ellipse": {**axes, "row": 55, "col": 70}},
                    {"is": "confirmed", "class": "crack", "contour": [[5, 60], [5, 90], [7, 90], [7, 60]]},
                    {"is": "artefact", "mask": "m.png"},
                ],
            )
        )
        assert frame.image.dtype == np.uint16
        assert frame.centre == pytest.approx(np.array([[20.0, 30.0], [55.0, 70.0]]), abs=0.01)
        assert frame.radius_px == pytest.approx(np.sqrt(50), rel=0.06)
        assert frame.lines[6, 75]
        assert frame.objects[6, 75] == 0
        assert frame.known[62, 12]
        assert frame.objects[62, 12] == 0
        assert frame.known[55, 70]
        assert not frame.known[75, 50]
        assert frame.specimen == "s1"

    def test_a_crack_in_a_rectangle_leaves_the_rectangle_open(self, folder: Path) -> None:
        axes = {"row": 20, "col": 30, "length_px": 20, "width_px": 10}
        (frame,) = read_reviewed(
            self.write(
                folder, reviewed="all", marks=[{"is": "confirmed", "class": "crack", "rectangle": axes}]
            )
        )
        assert not frame.known[20, 30]
        assert frame.known[60, 60]
        assert not frame.lines.any()

    def test_an_object_on_top_of_another_stays_its_own(self, folder: Path) -> None:
        marks = [
            {"is": "missed", "ellipse": {"row": 40, "col": 50, "length_px": size, "width_px": size}}
            for size in (10, 40)
        ]
        (frame,) = read_reviewed(self.write(folder, reviewed="all", marks=marks))
        assert sorted(frame.radius_px) == pytest.approx([5, np.sqrt(400 - 25)], rel=0.05)

    @pytest.mark.parametrize(
        ("frame", "fault"),
        [
            ({"marks": [{"is": "maybe", "mask": "m.png"}]}, "frames.0.marks.0.is"),
            ({"marks": [{"is": "missed"}]}, "one of rectangle"),
            ({"marks": [{"is": "missed", "mask": "m.png", "contour": [[0, 0], [1, 1], [0, 1]]}]}, "one of"),
            ({"reviewed": "some"}, "reviewed"),
            ({"colour": 1}, "colour"),
            ({"marks": [{"is": "missed", "mask": "none.png"}]}, "none.png: no image"),
        ],
    )
    def test_faults_are_named(self, folder: Path, frame: dict[str, Any], fault: str) -> None:
        with pytest.raises(AtlasRefused) as caught:
            list(read_reviewed(self.write(folder, **frame)))
        assert fault in caught.value.message

    def test_a_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(AtlasRefused, match="No such file"):
            list(read_reviewed(tmp_path / "none.json"))


def test_photographs_of_one_tile_share_it() -> None:
    names = ["exp1_num_4944", "exp2_num_4964", "exp3_num_4748", "exp1_num_6984", "exp4_num_7036"]
    assert tiles_of(names) == ["tile 4748", "tile 4748", "tile 4748", "tile 6984", "tile 6984"]


@pytest.mark.parametrize(
    ("name", "foil"),
    [
        ("8ROI_100kx_4100CL_foil1", "foil1"),
        ("0501_300kx_1nm_clhaadf3_0010", "0501"),
        ("200kV_500kx_p2nm_8cmCL_grain2_0036", "200kV grain2"),
        ("g1_backonzone_GBtowardsfrom_0007", "g1"),
        ("BF X500K, 03 (2)", "BF X500K"),
    ],
)
def test_frames_of_one_foil_share_it(name: str, foil: str) -> None:
    assert foil_of(name) == foil
