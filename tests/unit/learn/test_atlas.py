"""Labelled folders of every layout become measured rows; what is wrong with them is said."""

import cv2
import numpy as np
import pytest

from temwatch.errors import AtlasRefused, FrameUnreadable
from temwatch.learn.atlas import import_atlas, segment_in_box
from temwatch.learn.labelled_images import read_labelled
from temwatch.vision.view import look_at

LABELLED = {
    "magnetic_tile": {"blowhole", "break", "crack", "fray", "uneven"},
    "neu_det": {"crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches"},
    "tem_defects": {"class 0", "class 1", "class 2"},
}


def _disc(row=40, col=60, radius=10, seed=0):
    image = np.random.default_rng(seed).normal(120, 3, (100, 120))
    mask = np.zeros(image.shape, np.uint8)
    cv2.circle(mask, (col, row), radius, 1, -1)
    image[mask > 0] -= 50
    return np.clip(image, 0, 255).astype(np.uint8), mask


@pytest.fixture
def masks(tmp_path):
    for kind, seeds in (("pore", (1, 2)), ("slag", (3,))):
        (tmp_path / kind).mkdir()
        for seed in seeds:
            image, mask = _disc(radius=6 + seed, seed=seed)
            cv2.imwrite(str(tmp_path / kind / f"exp1_num_{seed}00.bmp"), image)
            cv2.imwrite(str(tmp_path / kind / f"exp1_num_{seed}00.png"), mask * 255)
    return tmp_path


@pytest.mark.parametrize("name", sorted(LABELLED))
def test_published_folders_are_read(data_dir, name):
    atlas = import_atlas(data_dir / "labelled" / name, one_per_image=name == "neu_det")
    assert set(atlas.classes) == LABELLED[name]
    assert atlas.features.shape == (len(atlas.classes), len(atlas.feature_names))
    assert np.isfinite(atlas.features).all()
    assert len(atlas.groups) == len(atlas.hashes) == len(atlas.classes)


def test_masks_in_class_folders_become_rows_of_that_class(masks):
    atlas = import_atlas(masks)
    assert atlas.rows_by_class == {"pore": 2, "slag": 1}
    assert atlas.groups == ("1", "2", "3")


def test_an_image_that_is_there_twice_counts_once_and_that_is_said(masks):
    for suffix in (".bmp", ".png"):
        copy = (masks / "pore" / f"exp1_num_100{suffix}").read_bytes()
        (masks / "slag" / f"exp9_num_999{suffix}").write_bytes(copy)
    atlas = import_atlas(masks)
    assert atlas.rows_by_class == {"pore": 2, "slag": 1}
    assert any("1 image(s) left out" in note for note in atlas.notes)


def test_an_empty_mask_gives_no_row_and_that_is_said(masks):
    cv2.imwrite(str(masks / "pore" / "exp1_num_100.png"), np.zeros((100, 120), np.uint8))
    atlas = import_atlas(masks)
    assert atlas.rows_by_class == {"pore": 1, "slag": 1}
    assert any("nothing is marked" in note for note in atlas.notes)


def test_a_mask_of_another_shape_is_refused_by_name(masks):
    cv2.imwrite(str(masks / "pore" / "exp1_num_100.png"), np.ones((5, 5), np.uint8))
    with pytest.raises(AtlasRefused, match=r"exp1_num_100.png.*\(5, 5\)"):
        import_atlas(masks)


def test_an_image_that_is_none_is_refused_by_name(masks):
    (masks / "pore" / "exp1_num_100.bmp").write_text("not an image")
    with pytest.raises(FrameUnreadable, match=r"exp1_num_100.bmp"):
        import_atlas(masks)


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(AtlasRefused, match="no labelled images"):
        import_atlas(tmp_path)


def _boxed(folder, marks, part, suffix):
    (folder / "images").mkdir()
    (folder / part).mkdir()
    cv2.imwrite(str(folder / "images" / "a.bmp"), _disc()[0])
    (folder / part / f"a{suffix}").write_text(marks)
    return folder


VOC = "<annotation><object><name>{}</name><bndbox><xmin>46</xmin><ymin>26</ymin><xmax>76</xmax><ymax>56</ymax></bndbox></object></annotation>"


def test_a_voc_box_counts_from_one_and_includes_its_end(tmp_path):
    _boxed(tmp_path, VOC.format("pore"), "boxes", ".xml")
    (image,) = read_labelled(tmp_path)
    assert image.marks[0].box == (25, 45, 56, 76)
    assert import_atlas(tmp_path).classes == ("pore",)


def test_a_class_nobody_announced_is_refused_by_name(tmp_path):
    _boxed(tmp_path, VOC.format("prawn"), "boxes", ".xml")
    with pytest.raises(AtlasRefused, match="unknown class prawn"):
        import_atlas(tmp_path, classes=["pore", "crack"])


def test_a_yolo_box_is_a_share_of_the_image(tmp_path):
    _boxed(tmp_path, "2 0.5 0.4 0.25 0.3\n", "labels", ".txt")
    (image,) = read_labelled(tmp_path)
    assert image.marks[0].box == (25, 45, 55, 75)
    assert image.marks[0].class_ == "class 2"


def test_an_ellipse_turns_as_imagej_turns_it(tmp_path):
    header = "X,Y,Major,Minor,Angle,class\n"
    _boxed(tmp_path, header + "60,40,40,4,30,1\n", "ellipses", ".csv")
    (image,) = read_labelled(tmp_path)
    rows, cols = np.nonzero(image.marks[0].mask)
    # 30 degrees anticlockwise on the screen: what lies right lies higher.
    assert np.polyfit(cols, rows, 1)[0] == pytest.approx(-np.tan(np.deg2rad(30)), abs=0.08)
    assert len(rows) == pytest.approx(np.pi * 20 * 2, rel=0.1)


@pytest.mark.parametrize(
    ("marks", "part", "suffix"),
    [
        ("<annotation><object>", "boxes", ".xml"),
        ("<annotation><object/></annotation>", "boxes", ".xml"),
        ("0 0.5 zero 1 1", "labels", ".txt"),
        ("X,Y\n1,2\n", "ellipses", ".csv"),
    ],
)
def test_marks_that_cannot_be_read_are_refused_by_file(tmp_path, marks, part, suffix):
    _boxed(tmp_path, marks, part, suffix)
    with pytest.raises(AtlasRefused, match=f"a{suffix}: marks that can't be read"):
        import_atlas(tmp_path)


def test_in_a_box_the_object_is_found_and_the_ground_is_not():
    image, mask = _disc()
    found = segment_in_box(look_at(image), (25, 42, 56, 80))
    drawn = np.zeros(image.shape, bool)
    drawn[found.row : found.row + found.mask.shape[0], found.col : found.col + found.mask.shape[1]] = (
        found.mask
    )
    overlap = (drawn & (mask > 0)).sum() / (drawn | (mask > 0)).sum()
    assert overlap > 0.85


def test_a_box_in_which_nothing_stands_out_gives_the_ellipse_in_it_and_says_so(tmp_path):
    _boxed(tmp_path, VOC.format("pore"), "boxes", ".xml")
    cv2.imwrite(str(tmp_path / "images" / "a.bmp"), np.full((100, 120), 90, np.uint8))
    atlas = import_atlas(tmp_path)
    assert any("nothing stands out" in note for note in atlas.notes)


def test_the_digest_tells_other_labels_and_other_numbers(masks):
    atlas = import_atlas(masks)
    assert atlas.digest == import_atlas(masks).digest
    assert atlas.digest != atlas.only(["pore"]).digest


def test_asking_for_a_class_that_is_not_there_is_refused(masks):
    with pytest.raises(AtlasRefused, match="no rows of crack"):
        import_atlas(masks).only(["crack"])
