"""Labelled images become a plain COCO data set and come back as they were."""

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from temwatch.cli.atlas import atlas
from temwatch.errors import AtlasRefused, FrameUnreadable
from temwatch.learn import coco
from temwatch.learn.atlas import import_atlas
from temwatch.learn.atlas_folder import as_csv, contact_sheet, write_atlas
from temwatch.learn.labelled_images import LabelledImage, Mark, read_labelled


def image_of(seed: int, marks: tuple[Mark, ...], group: str = "foil 1") -> LabelledImage:
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 50)).astype(np.uint8)
    return LabelledImage(path=Path(f"frame {seed}.jpg"), image=pixels, marks=marks, group=group)


def disc(row: int, col: int, radius: int = 6) -> NDArray[np.bool_]:
    down, across = np.mgrid[:40, :50]
    return np.asarray((down - row) ** 2 + (across - col) ** 2 <= radius**2)


def masked(class_: str, row: int, col: int) -> Mark:
    mask = disc(row, col)
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Mark(
        class_=class_, box=(int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1), mask=mask
    )


@settings(max_examples=30, deadline=None)
@given(mask=st.lists(st.booleans(), min_size=12, max_size=12).map(lambda bits: np.array(bits).reshape(3, 4)))
def test_run_lengths_give_every_mask_back(mask: NDArray[np.bool_]) -> None:
    note = coco.Note(class_="pore", box=(0, 0, 3, 4), segmentation=coco.runs_of(mask))
    back = coco.mask_of(note, (3, 4), where="here")
    np.testing.assert_array_equal(back, mask)


def test_pixels_masks_boxes_classes_and_groups_come_back(tmp_path: Path) -> None:
    boxed = Mark(class_="loop ⟨111⟩", box=(3, 4, 20, 30))
    there = [
        image_of(1, (masked("pore", 20, 20), boxed)),
        image_of(2, (masked("crack", 10, 40),), group="foil 2"),
    ]
    write_atlas(there, tmp_path / "atlas")
    back = list(read_labelled(tmp_path / "atlas"))
    for was, now in zip(there, back, strict=True):
        np.testing.assert_array_equal(now.image, was.image)
        assert now.group == was.group
        for before, after in zip(was.marks, now.marks, strict=True):
            assert (after.class_, after.box) == (before.class_, before.box)
            if before.mask is None:
                assert after.mask is None
            else:
                np.testing.assert_array_equal(after.mask, before.mask)


_SHAPE = (9, 7)
_CLASSES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9)


@st.composite
def _marks(draw: st.DrawFn) -> Mark:
    top, left = draw(st.integers(0, 7)), draw(st.integers(0, 5))
    bottom, right = draw(st.integers(top + 1, 9)), draw(st.integers(left + 1, 7))
    mask = None
    if draw(st.booleans()):
        mask = np.zeros(_SHAPE, bool)
        mask[top:bottom, left:right] = True
        mask[draw(st.integers(top, bottom - 1)), draw(st.integers(left, right - 1))] = (bottom - top) * (
            right - left
        ) == 1
        rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, bottom, left, right = rows[0], rows[-1] + 1, cols[0], cols[-1] + 1
    return Mark(class_=draw(_CLASSES), box=(int(top), int(left), int(bottom), int(right)), mask=mask)


@settings(max_examples=40, deadline=None)
@given(
    marks=st.lists(st.lists(_marks(), max_size=3), min_size=1, max_size=3).filter(any),
    groups=st.lists(_CLASSES, min_size=3, max_size=3),
)
def test_any_atlas_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, marks: list[list[Mark]], groups: list[str]
) -> None:
    written = [
        LabelledImage(
            path=Path(f"{number}.png"),
            image=np.full(_SHAPE, number, np.uint8),
            marks=tuple(some),
            group=groups[number],
        )
        for number, some in enumerate(marks)
    ]
    folder = tmp_path_factory.mktemp("any") / "atlas"
    write_atlas(written, folder)
    back = sorted(read_labelled(folder), key=lambda image: int(image.image[0, 0]))
    assert [image.group for image in back] == groups[: len(back)]
    for before, after in zip(written, back, strict=True):
        np.testing.assert_array_equal(after.image, before.image)
        assert [(mark.class_, mark.box) for mark in after.marks] == [
            (mark.class_, mark.box) for mark in before.marks
        ]
        for one, other in zip(before.marks, after.marks, strict=True):
            np.testing.assert_array_equal(one.mask, other.mask)


def test_real_ellipses_measure_the_same_through_coco(data_dir: Path, tmp_path: Path) -> None:
    source = data_dir / "labelled" / "tem_defects"
    write_atlas(read_labelled(source), tmp_path / "atlas")
    assert import_atlas(tmp_path / "atlas").digest == import_atlas(source).digest


def test_an_image_is_taken_once_however_often_it_is_there(tmp_path: Path) -> None:
    one = image_of(1, (masked("pore", 20, 20),))
    made = write_atlas([one, one], tmp_path / "atlas")
    assert (made.images, made.copies, made.objects) == (1, 1, {"pore": 1})


def test_what_only_a_copy_has_marked_is_kept_with_the_first(tmp_path: Path) -> None:
    for class_, row in (("crack", 10), ("pore", 28)):
        folder = tmp_path / "source" / class_
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "a.bmp"), image_of(1, ()).image)
        cv2.imwrite(str(folder / "a.png"), disc(row, 20).astype(np.uint8) * 255)
    made = write_atlas(read_labelled(tmp_path / "source"), tmp_path / "atlas")
    assert (made.images, made.copies, made.objects) == (1, 1, {"crack": 1, "pore": 1})
    assert import_atlas(tmp_path / "source").classes == ("crack", "pore")


def test_a_table_into_a_missing_folder_is_refused_in_words(tmp_path: Path) -> None:
    write_atlas([image_of(1, (masked("pore", 20, 20),))], tmp_path / "a")
    said = CliRunner().invoke(
        atlas, ["export", str(tmp_path / "a"), "--format", "csv", "-o", str(tmp_path / "no" / "t.csv")]
    )
    assert said.exit_code == 2
    assert "there is no such folder" in said.output


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(AtlasRefused, match="is not empty"):
        write_atlas([image_of(1, (masked("pore", 20, 20),))], tmp_path)


def test_an_import_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(AtlasRefused, match="no marked object"):
        write_atlas([image_of(1, ())], tmp_path / "atlas")
    assert list(tmp_path.iterdir()) == []


def test_polygons_of_other_programs_are_filled(tmp_path: Path) -> None:
    write_atlas([image_of(1, (masked("pore", 20, 20),))], tmp_path / "atlas")
    path = tmp_path / "atlas" / coco.ANNOTATIONS
    said = json.loads(path.read_text())
    said["annotations"][0]["segmentation"] = [[10.0, 5.0, 20.0, 5.0, 20.0, 15.0, 10.0, 15.0]]
    path.write_text(json.dumps(said))
    (image,) = read_labelled(tmp_path / "atlas")
    mask = image.marks[0].mask
    assert mask is not None
    assert mask[5:15, 10:20].all()
    assert mask.sum() == 100


@given(top=st.integers(0, 30), left=st.integers(0, 30), height=st.integers(1, 9), width=st.integers(1, 9))
def test_a_polygon_covers_the_pixels_inside_it_and_no_others(
    top: int, left: int, height: int, width: int
) -> None:
    corners = [left, top, left + width, top, left + width, top + height, left, top + height]
    note = coco.Note(class_="pore", box=(0, 0, 1, 1), segmentation=[corners])
    mask = coco.mask_of(note, (40, 50), where="here")
    assert mask is not None
    assert mask[top : top + height, left : left + width].all()
    assert mask.sum() == height * width


WRONG = {
    "no JSON": lambda said: "{",
    "no categories": lambda said: json.dumps({**said, "categories": None}),
    "no images": lambda said: json.dumps({k: v for k, v in said.items() if k != "images"}),
    "an unknown category": lambda said: json.dumps({**said, "categories": []}),
    "an unknown image": lambda said: json.dumps(
        {**said, "annotations": [{**said["annotations"][0], "image_id": 99}]}
    ),
    "no box": lambda said: json.dumps(
        {**said, "annotations": [{k: v for k, v in said["annotations"][0].items() if k != "bbox"}]}
    ),
    "a box that is none": lambda said: json.dumps(
        {**said, "annotations": [{**said["annotations"][0], "bbox": [1, 2, -3, 4]}]}
    ),
    "an image elsewhere": lambda said: json.dumps(
        {**said, "images": [{**said["images"][0], "file_name": "../secret.png"}]}
    ),
    "run lengths of another image": lambda said: json.dumps(
        {
            **said,
            "annotations": [{**said["annotations"][0], "segmentation": {"size": [4, 4], "counts": [16]}}],
        }
    ),
    "compressed run lengths": lambda said: json.dumps(
        {
            **said,
            "annotations": [
                {**said["annotations"][0], "segmentation": {"size": [40, 50], "counts": "PPYo0"}}
            ],
        }
    ),
    "a polygon of two points": lambda said: json.dumps(
        {**said, "annotations": [{**said["annotations"][0], "segmentation": [[1, 1, 2, 2]]}]}
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_coco_file_is_named(tmp_path: Path, wrong: str) -> None:
    write_atlas([image_of(1, (masked("pore", 20, 20),))], tmp_path / "atlas")
    path = tmp_path / "atlas" / coco.ANNOTATIONS
    path.write_text(WRONG[wrong](json.loads(path.read_text())))
    with pytest.raises(AtlasRefused, match=r"annotations\.json"):
        list(read_labelled(tmp_path / "atlas"))


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    write_atlas([image_of(1, (masked("pore", 20, 20),))], tmp_path / "atlas")
    (picture,) = (tmp_path / "atlas" / "images").iterdir()
    picture.write_bytes(b"not a picture")
    with pytest.raises(FrameUnreadable, match="frame 1"):
        list(read_labelled(tmp_path / "atlas"))


def test_the_table_has_a_row_for_every_object_and_no_formula(tmp_path: Path) -> None:
    write_atlas([image_of(1, (masked("=1+1", 20, 20), masked("pore", 10, 40)))], tmp_path / "atlas")
    rows = list(csv.reader(io.StringIO(as_csv(import_atlas(tmp_path / "atlas")))))
    assert [row[0] for row in rows] == ["class", "'=1+1", "pore"]
    assert len({len(row) for row in rows}) == 1


def test_the_contact_sheet_shows_a_strip_for_every_class(tmp_path: Path) -> None:
    write_atlas(
        [image_of(1, (masked("pore", 20, 20), Mark(class_="crack", box=(-5, 3, 20, 60))))], tmp_path / "a"
    )
    sheet = cv2.imdecode(np.frombuffer(contact_sheet(tmp_path / "a"), np.uint8), cv2.IMREAD_COLOR)
    assert sheet is not None
    assert sheet.shape[0] == 2 * (96 + 6)
    orange = (sheet == (0, 140, 255)).all(axis=2)
    assert orange[:102].any()
    assert orange[102:].any()


def test_import_refuses_classes_that_were_not_named(tmp_path: Path) -> None:
    write_atlas([image_of(1, (masked("pore", 20, 20),))], tmp_path / "a")
    said = CliRunner().invoke(
        atlas, ["import", str(tmp_path / "a"), "--into", str(tmp_path / "b"), "--classes", "crack"]
    )
    assert isinstance(said.exception, AtlasRefused)
    assert "unknown class pore" in str(said.exception)
    assert not (tmp_path / "b").exists()


def test_show_counts_objects_and_groups(tmp_path: Path) -> None:
    images = [image_of(k, (masked("pore", 20, 20),), group=f"foil {k % 2}") for k in range(4)]
    write_atlas(images, tmp_path / "a")
    said = json.loads(CliRunner().invoke(atlas, ["show", str(tmp_path / "a"), "--json"]).output)
    assert said["classes"] == {"pore": {"objects": 4, "groups": 2}}


def boxed(folder: Path, layout: str, text: str) -> Path:
    """Return a folder with one image and its boxes."""
    (folder / "images").mkdir()
    cv2.imwrite(str(folder / "images" / "a.png"), image_of(1, ()).image)
    (folder / layout).mkdir()
    (folder / layout / ("a.xml" if layout == "boxes" else "a.txt")).write_text(text)
    return folder


def voc(top: str, bottom: str) -> str:
    corners = f"<xmin>3</xmin><xmax>20</xmax><ymin>{top}</ymin><ymax>{bottom}</ymax>"
    return f"<annotation><object><name>pore</name><bndbox>{corners}</bndbox></object></annotation>"


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("boxes", voc("inf", "20")),
        ("boxes", voc("nan", "20")),
        ("boxes", voc("20", "3")),
        ("labels", "0 nan 0.5 0.1 0.1"),
        ("labels", "0 0.5 0.5 inf 0.1"),
        ("labels", "0 0.5 0.5 -0.1 0.1"),
        ("labels", "0 0.5 0.5 0.1"),
    ],
)
def test_a_box_that_is_none_is_named_with_its_file(tmp_path: Path, layout: str, text: str) -> None:
    with pytest.raises(AtlasRefused, match=rf"{layout}/a\."):
        list(read_labelled(boxed(tmp_path, layout, text)))


def test_boxes_without_images_say_so(tmp_path: Path) -> None:
    (tmp_path / "boxes").mkdir()
    with pytest.raises(AtlasRefused, match="boxes/ without images/"):
        list(read_labelled(tmp_path))


def test_a_box_outside_its_image_is_counted_once(tmp_path: Path) -> None:
    marks = (masked("pore", 20, 20), Mark(class_="pore", box=(100, 100, 120, 120)))
    write_atlas([image_of(1, marks)], tmp_path / "a")
    assert import_atlas(tmp_path / "a").notes == (
        "1 object(s) left out: smaller than 9 px, or outside the image",
    )
