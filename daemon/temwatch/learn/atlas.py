"""An atlas: measured objects with the class a person gave them, the specimen they come from, and no image twice."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.errors import AtlasRefused
from temwatch.learn.labelled_images import Mark, known_only, pixel_hash, read_labelled, without_copies
from temwatch.model.region import Region
from temwatch.vision.features import FEATURE_NAMES, measure
from temwatch.vision.outline import outline
from temwatch.vision.view import View, look_at

# Fewer pixels have no shape to speak of.
_SMALLEST_PX = 9
# Around a box so many pixels say what the ground looks like.
_MARGIN_PX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """Labelled measurements.

    Attributes
    ----------
    name : str
    features : ndarray of float64, shape (n, p)
    feature_names : tuple of str, length p
    classes, groups, hashes : tuple of str, length n
        What each row is, which specimen (or image) it is from, and the SHA-256 of the image's pixels.
    notes : tuple of str
        What was left out or had to be guessed.
    """

    name: str
    features: NDArray[np.float64]
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    hashes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over features, names, classes and groups: what a printed figure was measured on."""
        sha = hashlib.sha256(np.ascontiguousarray(self.features, "<f8").tobytes())
        sha.update(repr((self.feature_names, self.classes, self.groups)).encode())
        return sha.hexdigest()

    @property
    def rows_by_class(self) -> dict[str, int]:
        """Number of rows of every class."""
        return dict(sorted(Counter(self.classes).items()))

    def only(self, classes: Sequence[str]) -> "Atlas":
        """Return the rows of these classes.

        Raises
        ------
        AtlasRefused
            For a class that has no rows.
        """
        missing = sorted(set(classes) - set(self.classes))
        if missing:
            raise AtlasRefused(
                f"{self.name}: no rows of {', '.join(missing)}",
                next_step=f"choose among {', '.join(self.rows_by_class)}",
            )
        kept = [number for number, name in enumerate(self.classes) if name in classes]
        return Atlas(
            name=self.name,
            features=self.features[kept],
            feature_names=self.feature_names,
            classes=tuple(self.classes[number] for number in kept),
            groups=tuple(self.groups[number] for number in kept),
            hashes=tuple(self.hashes[number] for number in kept),
            notes=self.notes,
        )


def import_atlas(
    folder: Path,
    *,
    classes: Sequence[str] | None = None,
    one_per_image: bool = False,
    nm_per_px: float | None = None,
) -> Atlas:
    """Measure every marked object of a folder of labelled images; see `read_labelled` for the layouts.

    An image whose pixels an earlier one has too is left out, what it marks goes to the earlier one. Where there is a box and no mask, the object is what
    stands out inside the box; where nothing does, the ellipse that fills it.

    Parameters
    ----------
    folder : Path
        Nothing in it is written.
    classes : sequence of str, optional
        The only ones known: another class is an error. Absent: any.
    one_per_image : bool
        Keep only the largest object of every image.
    nm_per_px : float, optional
        Of all the images. Absent: unknown, and then nothing measures the size of an object.

    Raises
    ------
    AtlasRefused
        No labelled object; a class that is not among `classes`; see `read_labelled` for the others.
    """
    images, copies = without_copies(known_only(read_labelled(folder), classes))
    tables: list[NDArray[np.float32]] = []
    names: list[str] = []
    groups: list[str] = []
    hashes: list[str] = []
    tally: Counter[str] = Counter({"copies": copies})
    for image in images:
        tally["unmarked"] += not image.marks
        view = look_at(image.image, nm_per_px=nm_per_px)
        found = _regions(view, _chosen(image.marks, one_per_image), tally)
        regions = [region for region, _ in found]
        tables.append(measure(view, regions, outline(regions, view.shape)))
        names += [name for _, name in found]
        groups += [image.group] * len(found)
        hashes += [pixel_hash(image.image)] * len(found)
    if not names:
        raise AtlasRefused(f"{folder}: no marked object", next_step="check the masks, boxes or ellipses")
    return Atlas(
        name=folder.name,
        features=np.vstack(tables).astype(np.float64),
        feature_names=tuple(FEATURE_NAMES),
        classes=tuple(names),
        groups=tuple(groups),
        hashes=tuple(hashes),
        notes=_notes(tally),
    )


def _chosen(marks: Sequence[Mark], one_per_image: bool) -> Sequence[Mark]:
    def size(mark: Mark) -> int:
        top, left, bottom, right = mark.box
        return (bottom - top) * (right - left)

    return [max(marks, key=size)] if one_per_image and marks else marks


def _regions(view: View, marks: Sequence[Mark], tally: Counter[str]) -> list[tuple[Region, str]]:
    found = []
    for mark in marks:
        if mark.mask is not None:
            region: Region | None = _cropped(mark.mask, 0, 0)
        else:
            region = segment_in_box(view, mark.box)
            if region is None:
                region = _ellipse_in(view, mark.box)
                tally["ellipses"] += region is not None
        if region is None or np.count_nonzero(region.mask) < _SMALLEST_PX:
            tally["tiny"] += 1
        else:
            found.append((region, mark.class_))
    return found


def segment_in_box(view: View, box: tuple[int, int, int, int]) -> Region | None:
    """Return what stands out inside a box; None where nothing of nine pixels or more does.

    The ground is the median of a frame around the box. What differs from it, to either side, by more than Otsu's
    threshold of all differences inside, counts as object.

    Parameters
    ----------
    view : View
    box : (top, left, bottom, right)
        In px, the last two one past the end.
    """
    top, left, bottom, right = _inside(box, view.shape)
    if bottom - top < 3 or right - left < 3:
        return None
    outer = _inside(
        (top - _MARGIN_PX, left - _MARGIN_PX, bottom + _MARGIN_PX, right + _MARGIN_PX), view.shape
    )
    grey = cv2.GaussianBlur(view.window(slice(outer[0], outer[2]), slice(outer[1], outer[3])), (0, 0), 1.0)
    rows, cols = slice(top - outer[0], bottom - outer[0]), slice(left - outer[1], right - outer[1])
    around = np.ones(grey.shape, dtype=bool)
    around[rows, cols] = False
    # A box that fills the image has nothing around it: its own median then is the ground.
    ground = float(np.median(grey[around] if around.any() else grey))
    away = np.abs(grey[rows, cols] - ground)
    largest = float(away.max())
    if largest <= 0:
        return None
    levels = np.asarray(away * (255 / largest), np.uint8)
    _, raised = cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    closed = cv2.morphologyEx(raised, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= _SMALLEST_PX
    large[0] = False
    mask = large[labels]
    return _cropped(np.asarray(mask, bool), top, left) if mask.any() else None


def _ellipse_in(view: View, box: tuple[int, int, int, int]) -> Region | None:
    top, left, bottom, right = _inside(box, view.shape)
    if bottom <= top or right <= left:
        return None
    row, col = np.mgrid[top:bottom, left:right]
    down = (row + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)
    across = (col + 0.5 - (left + right) / 2) / ((right - left) / 2)
    return _cropped(down**2 + across**2 <= 1, top, left)


def _inside(box: tuple[int, int, int, int], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    top, left, bottom, right = box
    return max(top, 0), max(left, 0), min(bottom, shape[0]), min(right, shape[1])


def _cropped(mask: NDArray[np.bool_], row: int, col: int) -> Region:
    """Return a region with a tight mask; `row`, `col` is where the given mask lies in the frame."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    tight = mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return Region(row=row + int(rows[0]), col=col + int(cols[0]), mask=np.ascontiguousarray(tight))


def _notes(tally: Counter[str]) -> tuple[str, ...]:
    said = {
        "copies": "image(s) left out: copies of others, pixel by pixel",
        "unmarked": "image(s) in which nothing is marked",
        "ellipses": "box(es) in which nothing stands out: taken as the ellipse that fills them",
        "tiny": f"object(s) left out: smaller than {_SMALLEST_PX} px, or outside the image",
    }
    return tuple(f"{tally[key]} {text}" for key, text in said.items() if tally[key])
