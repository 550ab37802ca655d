"""Labelled images as COCO spells them (cocodataset.org, "Data format"): one JSON file beside a folder of images."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon

from temwatch.errors import AtlasRefused

ANNOTATIONS = "annotations.json"
_NEXT_STEP = "mend the file, or export it again from the program that made it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One annotation.

    Attributes
    ----------
    class_ : str
    box : (top, left, bottom, right)
        In whole px, the last two one past the end.
    segmentation : list or mapping or None
        Polygons of x, y, x, y, …, or run lengths (``{"size": [rows, columns], "counts": [...]}``).
    """

    class_: str
    box: tuple[int, int, int, int]
    segmentation: Any


def read_annotations(path: Path) -> Iterator[tuple[str, str, list[Note]]]:
    """Yield (file name under ``images/``, group, annotations) of every image of a COCO file, in its order.

    The group is what temwatch writes beside the name; empty where there is none.

    Raises
    ------
    AtlasRefused
        Not JSON; a part is missing; an image outside ``images/``; an annotation of an unknown image or category.
    """
    try:
        said = json.loads(path.read_text("utf-8"))
        names = {int(one["id"]): str(one["name"]) for one in said["categories"]}
        notes: dict[int, list[Note]] = {int(one["id"]): [] for one in said["images"]}
        for one in said["annotations"]:
            notes[int(one["image_id"])].append(_note(one, names))
        return iter(
            [
                (_inside(str(one["file_name"])), str(one.get("group", "")), notes[int(one["id"])])
                for one in said["images"]
            ]
        )
    except OSError as error:
        raise AtlasRefused(f"{path}: can't be read ({error.strerror})", next_step=_NEXT_STEP) from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise AtlasRefused(
            f"{path}: no COCO annotations ({type(error).__name__}: {error})", next_step=_NEXT_STEP
        ) from error


def _note(one: Mapping[str, Any], names: Mapping[int, str]) -> Note:
    left, top, width, height = (float(value) for value in one["bbox"])
    if not all(map(math.isfinite, (left, top, width, height))) or width < 0 or height < 0:
        raise ValueError(f"annotation {one.get('id')}: bbox {one['bbox']}")
    box = (math.floor(top), math.floor(left), math.ceil(top + height), math.ceil(left + width))
    return Note(class_=names[int(one["category_id"])], box=box, segmentation=one.get("segmentation"))


def _inside(name: str) -> str:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"image {name!r} lies outside images/")
    return name


def mask_of(note: Note, shape: tuple[int, int], *, where: str) -> NDArray[np.bool_] | None:
    """Return an annotation's mask, bool of the image's shape; None where it has a box alone.

    Raises
    ------
    AtlasRefused
        Run lengths of another image, compressed, or polygons that are none.
    """
    said = note.segmentation
    if not said:
        return None
    try:
        if isinstance(said, Mapping):
            return _from_runs(said, shape)
        return _from_polygons(said, shape)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise AtlasRefused(
            f"{where}: a segmentation that can't be read ({error})", next_step=_NEXT_STEP
        ) from error


def _from_runs(said: Mapping[str, Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    counts = said["counts"]
    if isinstance(counts, str | bytes):
        raise ValueError("compressed run lengths; write them as a list of numbers")
    if tuple(said["size"]) != shape or sum(counts) != shape[0] * shape[1] or min(counts, default=0) < 0:
        raise ValueError(f"run lengths of an image of {said['size']}, not {list(shape)}")
    bits = np.arange(len(counts)) % 2 == 1
    # Down the columns, as COCO counts.
    return np.repeat(bits, counts).reshape(shape, order="F")


def _from_polygons(said: Sequence[Sequence[float]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = np.zeros(shape, bool)
    for corners in said:
        points = np.asarray(corners, np.float64).reshape(-1, 2)
        if len(points) < 3 or not np.isfinite(points).all() or np.abs(points).max() > 1e6:
            raise ValueError(f"a polygon of {len(points)} points")
        # COCO has pixel corners at whole numbers, scikit-image pixel centres: what counts is where a centre lies.
        rows, cols = polygon(points[:, 1] - 0.5, points[:, 0] - 0.5, shape)  # type: ignore[no-untyped-call]
        mask[rows, cols] = True
    return mask


def runs_of(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return a mask as run lengths, exactly."""
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    edges = np.concatenate([[0], changes, [flat.size]])
    counts = np.diff(edges).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat.size and flat[0] else counts}
