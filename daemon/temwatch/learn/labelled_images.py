"""Images in which people marked objects of several classes, read from folders of masks, boxes or ellipses."""

import csv
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import defusedxml.ElementTree
import numpy as np
from defusedxml import DefusedXmlException
from numpy.typing import NDArray

from temwatch.errors import AtlasRefused, FrameUnreadable
from temwatch.learn import coco

_IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One marked object.

    Attributes
    ----------
    class_ : str
    box : (top, left, bottom, right)
        In px of the image, the last two one past the end; may reach beyond the image.
    mask : ndarray of bool, shape (row, col) of the image, or None
        None where only the box is known.
    """

    class_: str
    box: tuple[int, int, int, int]
    mask: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledImage:
    """An image and what people marked in it.

    Attributes
    ----------
    path : Path
    image : ndarray of uint8, shape (row, col)
    marks : tuple of Mark
    group : str
        Images of one specimen share it.
    """

    path: Path
    image: NDArray[np.uint8]
    marks: tuple[Mark, ...]
    group: str


def read_labelled(folder: Path) -> Iterator[LabelledImage]:
    """Yield the labelled images of a folder, in the order of their names.

    The layout is told from what is there: ``ellipses/*.csv`` (ImageJ's measurements with a column ``class``),
    ``boxes/*.xml`` (Pascal VOC), ``labels/*.txt`` (YOLO), ``annotations.json`` (COCO), each beside ``images/``; else a
    folder for every class holding images with a mask of the same name in PNG.

    Raises
    ------
    AtlasRefused
        No such layout; a mask of another shape than its image; a box file that can't be read.
    FrameUnreadable
        An image that can't be read.
    """
    if (folder / coco.ANNOTATIONS).is_file():
        return _coco(folder)
    for part, suffix, marks_of in _BESIDE:
        if (folder / part).is_dir():
            return _beside(folder, part, suffix, marks_of)
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and any(_pairs(path)))
    if not classes:
        raise AtlasRefused(
            f"{folder}: no labelled images",
            next_step="give a folder with images/ beside boxes/, ellipses/, labels/ or annotations.json, or with one "
            "folder a class of images and PNG masks",
        )
    return (image for path in classes for image in _masked(path))


def known_only(images: Iterable[LabelledImage], classes: Sequence[str] | None) -> Iterator[LabelledImage]:
    """Yield the images, once their classes are all among `classes` (None: any).

    Raises
    ------
    AtlasRefused
        For the first that is not.
    """
    for image in images:
        unknown = sorted({mark.class_ for mark in image.marks} - set(classes or ())) if classes else []
        if unknown:
            raise AtlasRefused(
                f"{image.path}: unknown class {', '.join(unknown)}",
                next_step=f"mend the marks, or add it to the classes ({', '.join(classes or ())})",
            )
        yield image


def without_copies(images: Iterable[LabelledImage]) -> tuple[list[LabelledImage], int]:
    """Return every image once, and how many were copies, pixel by pixel, of an earlier one.

    Objects that only a copy has marked are kept with the first: one image may lie in the folders of several classes.
    The very same object stays what the first called it.
    """
    kept: dict[str, LabelledImage] = {}
    copies = 0
    for image in images:
        digest = pixel_hash(image.image)
        first = kept.get(digest)
        if first is None:
            kept[digest] = image
            continue
        copies += 1
        more = tuple(mark for mark in image.marks if not any(_same(mark, known) for known in first.marks))
        kept[digest] = replace(first, marks=first.marks + more)
    return list(kept.values()), copies


def pixel_hash(image: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of an image's shape and pixels, in hex."""
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()


def _same(one: Mark, other: Mark) -> bool:
    if one.box != other.box:
        return False
    if one.mask is None or other.mask is None:
        return one.mask is other.mask
    return bool(np.array_equal(one.mask, other.mask))


def grey_image(path: Path) -> NDArray[np.uint8]:
    """Return an image file as grey values, shape (row, col).

    Raises
    ------
    FrameUnreadable
    """
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise FrameUnreadable(f"{path}: no image OpenCV can read", next_step="remove it from the atlas")
    return np.asarray(image, np.uint8)


def _pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield images and the masks of the same name."""
    for path in sorted(folder.iterdir()):
        mask = path.with_suffix(".png")
        if path.suffix.lower() in _IMAGES and path != mask and mask.exists():
            yield path, mask


def _masked(folder: Path) -> Iterator[LabelledImage]:
    for path, mask_path in _pairs(folder):
        image, painted = grey_image(path), grey_image(mask_path)
        if painted.shape != image.shape:
            raise AtlasRefused(
                f"{mask_path}: a mask of {painted.shape} for an image of {image.shape}",
                next_step="give the mask of this very image",
            )
        mask = painted > 127
        marks = (Mark(class_=folder.name, box=_box_of(mask), mask=mask),) if mask.any() else ()
        yield LabelledImage(path=path, image=image, marks=marks, group=_tile_of(path.stem))


def _tile_of(stem: str) -> str:
    """Return the tile of ``exp1_num_262480``: photographs of one tile differ in the last two digits only."""
    _, found, number = stem.partition("_num_")
    return number[:-2] if found and len(number) > 2 else stem


def _box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1


def _coco(folder: Path) -> Iterator[LabelledImage]:
    for name, group, notes in coco.read_annotations(folder / coco.ANNOTATIONS):
        path = folder / "images" / name
        image = grey_image(path)
        shape = (image.shape[0], image.shape[1])
        marks = []
        for note in notes:
            mask = coco.mask_of(note, shape, where=f"{folder / coco.ANNOTATIONS}: {name}")
            if mask is not None and not mask.any():
                continue
            box = note.box if mask is None else _box_of(mask)
            marks.append(Mark(class_=note.class_, box=box, mask=mask))
        yield LabelledImage(path=path, image=image, marks=tuple(marks), group=group or path.stem)


MarksOf = Callable[[Path, tuple[int, int]], tuple[Mark, ...]]


def _beside(folder: Path, part: str, suffix: str, marks_of: MarksOf) -> Iterator[LabelledImage]:
    if not (folder / "images").is_dir():
        raise AtlasRefused(f"{folder}: {part}/ without images/", next_step="put the images beside it")
    for path in sorted((folder / "images").iterdir()):
        said = folder / part / f"{path.stem}{suffix}"
        if path.suffix.lower() not in _IMAGES or not said.exists():
            continue
        image = grey_image(path)
        try:
            marks = marks_of(said, (image.shape[0], image.shape[1]))
            _check_boxes(marks)
        except (ValueError, KeyError, SyntaxError, OverflowError, DefusedXmlException) as error:
            raise AtlasRefused(
                f"{said}: marks that can't be read ({type(error).__name__}: {error})",
                next_step="mend or remove the file",
            ) from error
        yield LabelledImage(path=path, image=image, marks=marks, group=path.stem)


def _check_boxes(marks: Sequence[Mark]) -> None:
    for mark in marks:
        top, left, bottom, right = mark.box
        if bottom <= top or right <= left:
            raise ValueError(f"a box of {bottom - top} x {right - left} px at row {top}, column {left}")


def _voc(path: Path, _shape: tuple[int, int]) -> tuple[Mark, ...]:
    root = defusedxml.ElementTree.fromstring(path.read_bytes())
    marks = []
    for item in root.iter("object"):
        corner = {name: item.findtext(f"bndbox/{name}") for name in ("ymin", "xmin", "ymax", "xmax")}
        name = item.findtext("name")
        if name is None or None in corner.values():
            raise ValueError("an object without name or bndbox")
        top, left, bottom, right = (int(float(value or "")) for value in corner.values())
        # VOC counts from 1 and includes the last pixel.
        marks.append(Mark(class_=name.strip(), box=(top - 1, left - 1, bottom, right)))
    return tuple(marks)


def _yolo(path: Path, shape: tuple[int, int]) -> tuple[Mark, ...]:
    marks = []
    for line in path.read_text().splitlines():
        if not line.strip():
            continue
        number, col, row, width, height = line.split()[:5]
        if not all(math.isfinite(float(value)) for value in (col, row, width, height)):
            raise ValueError(f"a box at {col} {row} of {width} x {height}")
        middle = np.array([float(row) * shape[0], float(col) * shape[1]])
        half = np.array([float(height) * shape[0], float(width) * shape[1]]) / 2
        top, left = np.floor(middle - half).astype(int).tolist()
        bottom, right = np.ceil(middle + half).astype(int).tolist()
        marks.append(Mark(class_=f"class {int(number)}", box=(top, left, bottom, right)))
    return tuple(marks)


def _ellipses(path: Path, shape: tuple[int, int]) -> tuple[Mark, ...]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    marks = []
    for said in rows:
        col, row, major, minor = (float(said[name]) for name in ("X", "Y", "Major", "Minor"))
        mask = _ellipse(shape, (row, col), (max(major, 1.0), max(minor, 1.0)), float(said["Angle"]))
        if mask.any():
            marks.append(Mark(class_=f"class {said['class']}", box=_box_of(mask), mask=mask))
    return tuple(marks)


def _ellipse(
    shape: tuple[int, int], centre: tuple[float, float], axes: tuple[float, float], angle_deg: float
) -> NDArray[np.bool_]:
    """Return the pixels whose centre lies in an ellipse; ImageJ turns the major axis anticlockwise on the screen."""
    # ImageJ's coordinates have pixel centres at halves.
    down = np.arange(shape[0])[:, None] + 0.5 - centre[0]
    across = np.arange(shape[1])[None, :] + 0.5 - centre[1]
    turn = np.deg2rad(angle_deg)
    along = across * np.cos(turn) - down * np.sin(turn)
    aside = across * np.sin(turn) + down * np.cos(turn)
    return np.asarray((2 * along / axes[0]) ** 2 + (2 * aside / axes[1]) ** 2 <= 1)


_BESIDE: tuple[tuple[str, str, MarksOf], ...] = (
    ("ellipses", ".csv", _ellipses),
    ("boxes", ".xml", _voc),
    ("labels", ".txt", _yolo),
)
