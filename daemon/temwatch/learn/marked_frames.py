"""Frames in which people marked the objects: ellipses, boxes or masks, read from folders as they are published."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.errors import FrameUnreadable

_TILE_GAP = 300  # numbers between the photographs of two tiles


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedFrame:
    """One image with what people marked in it.

    Attributes
    ----------
    name : str
        File name without suffix.
    image : ndarray of uint8, shape (row, col)
    centre : ndarray of float64, shape (n, 2)
        (row, col) in px.
    radius_px : ndarray of float64, shape (n,)
        Of the circle of equal area (for boxes, of the ellipse they enclose).
    kind : tuple of str
        n names; all equal where the set knows one kind.
    masks : ndarray of int32, shape (row, col), or None
        Labels 1..n where the set has masks.
    ellipse : ndarray of float64, shape (n, 3), or None
        Where the set has ellipses or boxes: half the length of two axes at right angles, in px, and the direction
        of the first, in degrees from +col towards +row.
    complete : bool
        Whether everything of these kinds was marked; if not, only recall means anything.
    specimen : str
        Frames of one specimen belong together.
    """

    name: str
    image: NDArray[np.uint8]
    centre: NDArray[np.float64]
    radius_px: NDArray[np.float64]
    kind: tuple[str, ...]
    masks: NDArray[np.int32] | None = None
    ellipse: NDArray[np.float64] | None = None
    complete: bool = True
    specimen: str = ""


def tem_defects(folder: Path) -> Iterator[MarkedFrame]:
    """Yield frames with ImageJ ellipses (``images/*.jpg``, ``ellipses/*.csv``)."""
    names = {"0": "loop 111", "1": "black dot", "2": "loop 100"}
    for path in sorted((folder / "images").glob("*.jpg")):
        with (folder / "ellipses" / f"{path.stem}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        yield MarkedFrame(
            name=path.stem,
            image=_grey(path),
            centre=np.array([[float(r["Y"]), float(r["X"])] for r in rows]).reshape(-1, 2),
            radius_px=np.array([(float(r["Major"]) * float(r["Minor"])) ** 0.5 / 2 for r in rows]),
            kind=tuple(names.get(r["class"], r["class"]) for r in rows),
            # ImageJ turns against the clock, seen with rows running down.
            ellipse=np.array(
                [[float(r["Major"]) / 2, float(r["Minor"]) / 2, -float(r["Angle"])] for r in rows]
            ).reshape(-1, 3),
            specimen=foil_of(path.stem),
        )


def tem_loops(folder: Path) -> Iterator[MarkedFrame]:
    """Yield frames with boxes ``ymin xmin ymax xmax`` of one kind of loop; others are there, unmarked."""
    for path in sorted((folder / "images").glob("*.jpg")):
        lines = (folder / "boxes" / f"{path.stem}.txt").read_text().splitlines()
        boxes = np.array([[float(v) for v in line.split()] for line in lines if line.strip()]).reshape(-1, 4)
        centre, radius = _of_boxes(boxes)
        yield MarkedFrame(
            name=path.stem,
            image=_grey(path),
            centre=centre,
            radius_px=radius,
            kind=("loop 111",) * len(boxes),
            ellipse=_in_boxes(boxes),
            complete=False,
            specimen=foil_of(path.stem),
        )


def stem_particles(folder: Path) -> Iterator[MarkedFrame]:
    """Yield frames with YOLO boxes ``class col row width height``, all over the size of the image."""
    for path in sorted((folder / "images").glob("*.jpg")):
        image = _grey(path)
        lines = (folder / "labels" / f"{path.stem}.txt").read_text().splitlines()
        said = np.array([[float(v) for v in line.split()[1:5]] for line in lines if line.strip()]).reshape(
            -1, 4
        )
        size = np.array([image.shape[0], image.shape[1]], float)
        middle, extent = said[:, [1, 0]] * size, said[:, [3, 2]] * size
        boxes = np.hstack([middle - extent / 2, middle + extent / 2])
        centre, radius = _of_boxes(boxes)
        yield MarkedFrame(
            name=path.stem,
            image=image,
            centre=centre,
            radius_px=radius,
            kind=("particle",) * len(said),
            ellipse=_in_boxes(boxes),
            specimen=path.stem.rstrip("0123456789"),
        )


def magnetic_tile(folder: Path) -> Iterator[MarkedFrame]:
    """Yield photographs with masks of blowholes and cracks; those of one tile share a specimen."""
    paths = [(kind, path) for kind in ("blowhole", "crack") for path in sorted((folder / kind).glob("*.jpg"))]
    tiles = tiles_of([path.stem for _, path in paths])
    for (kind, path), tile in zip(paths, tiles, strict=True):
        mask = (_grey(path.with_suffix(".png")) > 127).astype(np.uint8)
        count, labels, stats, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
        yield MarkedFrame(
            name=f"{kind} {path.stem}",
            image=_grey(path),
            centre=centres[1:, ::-1].astype(np.float64),
            radius_px=np.sqrt(stats[1:, cv2.CC_STAT_AREA] / np.pi),
            kind=(kind,) * (count - 1),
            masks=np.asarray(labels, np.int32),
            specimen=tile,
        )


SETS: dict[str, Callable[[Path], Iterator[MarkedFrame]]] = {
    "tem_defects": tem_defects,
    "tem_loops": tem_loops,
    "stem_particles": stem_particles,
    "magnetic_tile": magnetic_tile,
}


def foil_of(name: str) -> str:
    """Return the foil a file of the FeCrAl sets shows, from its name: frames of one foil share what comes first.

    Two letters of the names stay guesses: ``g1`` and ``g2``, ``grid1`` and ``foil1`` are taken for foils, the rest
    up to the first underscore for the sample.
    """
    if foil := re.search(r"foil\d+", name):
        return foil[0]
    if name.startswith("200kV") and (grain := re.search(r"grain\d+", name)):
        return f"200kV {grain[0]}"
    return name.split("_")[0].split(",")[0]


def tiles_of(names: Sequence[str]) -> list[str]:
    """Return the tile each photograph ``exp<exposure>_num_<number>`` shows, named by its first number.

    A tile was photographed under up to six exposures one after the other: its numbers lie within about two hundred of
    each other, those of the next tile are 460 away or more.
    """
    numbers = {name: int(name.split("_num_")[1]) for name in names}
    first: dict[int, int] = {}
    before: int | None = None
    for number in sorted(numbers.values()):
        first[number] = number if before is None or number - before > _TILE_GAP else first[before]
        before = number
    return [f"tile {first[numbers[name]]}" for name in names]


def _in_boxes(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ellipses that fill boxes (top, left, bottom, right)."""
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    return np.stack([half[:, 1], half[:, 0], np.zeros(len(half))], 1)


def _of_boxes(boxes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centres and radii of boxes (top, left, bottom, right)."""
    extent = boxes[:, 2:] - boxes[:, :2]
    return (boxes[:, :2] + boxes[:, 2:]) / 2, np.sqrt(np.maximum(extent.prod(axis=1), 0)) / 2


def _grey(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise FrameUnreadable(
            f"{path}: no image OpenCV can read", next_step="check the folder of marked frames"
        )
    return np.asarray(image, np.uint8)
