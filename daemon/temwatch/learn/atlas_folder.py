"""An atlas on disk: a plain COCO data set, so that every other program reads it too; and what is made from one."""

import csv
import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch import __version__
from temwatch.errors import AtlasRefused
from temwatch.learn import coco
from temwatch.learn.atlas import Atlas
from temwatch.learn.labelled_images import LabelledImage, Mark, pixel_hash, read_labelled, without_copies


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import wrote: images, objects by class, and what was left out."""

    images: int
    objects: dict[str, int]
    copies: int
    unmarked: int


def write_atlas(images: Iterable[LabelledImage], folder: Path) -> Imported:
    """Write labelled images as a COCO data set, whole or not at all.

    An image whose pixels an earlier one has too is left out, what it marks goes to the earlier one. Pixels and masks come back exactly; beside what COCO
    knows, each image keeps the group (specimen) that is to be held out together.

    Parameters
    ----------
    images : iterable of LabelledImage
    folder : Path
        Must not exist, or be empty.

    Raises
    ------
    AtlasRefused
        The folder holds something; there is nothing to write.
    """
    if folder.exists() and any(folder.iterdir()):
        raise AtlasRefused(f"{folder} is not empty", next_step="name a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent) as temporary:
        made = Path(temporary) / "atlas"
        (made / "images").mkdir(parents=True)
        said, imported = _laid_out(images, made / "images")
        if not imported.objects:
            raise AtlasRefused(
                f"{folder}: not written, there is no marked object",
                next_step="check the masks, boxes or ellipses",
            )
        (made / coco.ANNOTATIONS).write_text(json.dumps(said, indent=1, sort_keys=True), "utf-8")
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    return imported


def _laid_out(images: Iterable[LabelledImage], into: Path) -> tuple[dict[str, Any], Imported]:
    classes: dict[str, int] = {}
    files: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    tally: Counter[str] = Counter()
    objects: Counter[str] = Counter()
    kept, tally["copies"] = without_copies(images)
    for image in kept:
        digest = pixel_hash(image.image)
        tally["unmarked"] += not image.marks
        number = len(files) + 1
        name = f"{image.path.stem}-{digest[:8]}.png"
        _write_png(into / name, image.image)
        height, width = image.image.shape
        files.append(
            {
                "id": number,
                "file_name": name,
                "height": height,
                "width": width,
                "group": image.group,
                "sha256_of_pixels": digest,
            }
        )
        for mark in image.marks:
            classes.setdefault(mark.class_, len(classes) + 1)
            objects[mark.class_] += 1
            notes.append(_annotation(mark, len(notes) + 1, number, classes[mark.class_]))
    said = {
        "info": {"description": "labelled objects of TEM frames", "contributor": f"temwatch {__version__}"},
        "images": files,
        "annotations": notes,
        "categories": [{"id": number, "name": name} for name, number in classes.items()],
    }
    return said, Imported(
        images=len(files),
        objects=dict(sorted(objects.items())),
        copies=tally["copies"],
        unmarked=tally["unmarked"],
    )


def _annotation(mark: Mark, number: int, image: int, category: int) -> dict[str, Any]:
    top, left, bottom, right = mark.box
    said: dict[str, Any] = {
        "id": number,
        "image_id": image,
        "category_id": category,
        "iscrowd": 0,
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
    }
    if mark.mask is not None:
        said |= {"segmentation": coco.runs_of(mark.mask), "area": int(np.count_nonzero(mark.mask))}
    return said


def _write_png(path: Path, image: NDArray[np.uint8]) -> None:
    done, encoded = cv2.imencode(".png", image)
    if not done:
        raise AtlasRefused(f"{path}: can't be written as PNG", next_step="remove that image")
    path.write_bytes(bytes(encoded))


def as_csv(atlas: Atlas) -> str:
    """Return a measured atlas as a table: class, group, digest of the image, then every feature."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["class", "group", "sha256_of_pixels", *atlas.feature_names])
    for row, class_, group, digest in zip(
        atlas.features.tolist(), atlas.classes, atlas.groups, atlas.hashes, strict=True
    ):
        table.writerow([_plain(class_), _plain(group), digest, *(f"{value:.6g}" for value in row)])
    return out.getvalue()


def _plain(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def contact_sheet(folder: Path, *, across: int = 12, cell_px: int = 96) -> bytes:
    """Return a PNG with a strip of examples for every class, each object outlined, name and number beside it.

    Each example is as wide as the number in its corner says; light grey lies outside its image.

    Parameters
    ----------
    folder : Path
        Labelled images in any layout.
    across : int
        Examples for a class, evenly drawn from all of them.
    cell_px : int
        Side of an example.
    """
    cells: dict[str, list[NDArray[np.uint8]]] = {}
    for image in read_labelled(folder):
        for mark in image.marks:
            cells.setdefault(mark.class_, []).append(_cell(image.image, mark, cell_px))
    if not cells:
        raise AtlasRefused(f"{folder}: no marked object", next_step="check the masks, boxes or ellipses")
    rows = [_strip(name, found, across, cell_px) for name, found in sorted(cells.items())]
    _, encoded = cv2.imencode(".png", np.vstack(rows))
    return bytes(encoded)


_MARGIN = 0.35  # of the object's longer side, around it
_PAPER, _INK, _OUTSIDE = 255, 40, 225
_NAME_PX = 190


def _strip(name: str, found: list[NDArray[np.uint8]], across: int, cell_px: int) -> NDArray[np.uint8]:
    chosen = np.unique(np.linspace(0, len(found) - 1, min(across, len(found))).astype(int))
    strip: NDArray[np.uint8] = np.full((cell_px + 6, _NAME_PX + across * (cell_px + 6), 3), _PAPER, np.uint8)
    for place, (text, scale) in enumerate(((name, 0.5), (f"{len(found)} objects", 0.4))):
        _write(strip, text[:22], (8, 40 + 24 * place), scale)
    for place, number in enumerate(chosen.tolist()):
        left = _NAME_PX + place * (cell_px + 6)
        strip[3 : 3 + cell_px, left : left + cell_px] = found[number]
    return strip


def _write(on: NDArray[np.uint8], text: str, at: tuple[int, int], scale: float) -> None:
    """Write in ink with a paper-coloured rim, so that it can be read on anything."""
    for grey, thickness in ((_PAPER, 3), (_INK, 1)):
        cv2.putText(on, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (grey,) * 3, thickness, cv2.LINE_AA)


def _cell(image: NDArray[np.uint8], mark: Mark, cell_px: int) -> NDArray[np.uint8]:
    top, left, bottom, right = mark.box
    side = max(bottom - top, right - left, 8)
    half = round(side * (0.5 + _MARGIN))
    row, col = (top + bottom) // 2, (left + right) // 2
    low, high = np.percentile(
        image[max(row - half, 0) : row + half, max(col - half, 0) : col + half], [1, 99]
    )
    spread = np.clip((image.astype(np.float32) - low) * (255 / max(high - low, 1.0)), 0, 255).astype(np.uint8)
    padded = cv2.copyMakeBorder(spread, half, half, half, half, cv2.BORDER_CONSTANT, value=_OUTSIDE)
    row, col = (
        min(max(value, 0), size - 1) + half for value, size in zip((row, col), image.shape, strict=True)
    )
    window = padded[row - half : row + half, col - half : col + half]
    shown = cv2.resize(window, (cell_px, cell_px), interpolation=cv2.INTER_AREA)
    coloured = cv2.cvtColor(shown, cv2.COLOR_GRAY2BGR)
    _write(coloured, f"{window.shape[0]} px", (3, cell_px - 4), 0.32)
    scale = cell_px / window.shape[0]
    if mark.mask is None:
        shift = (2 * half - col, 2 * half - row)
        first, second = (
            (round((x + shift[0]) * scale), round((y + shift[1]) * scale))
            for x, y in ((left, top), (right, bottom))
        )
        cv2.rectangle(coloured, first, second, (0, 140, 255), 1)
        return np.asarray(coloured, np.uint8)
    mask = cv2.copyMakeBorder(mark.mask.astype(np.uint8), half, half, half, half, cv2.BORDER_CONSTANT)
    part = cv2.resize(
        mask[row - half : row + half, col - half : col + half],
        (cell_px, cell_px),
        interpolation=cv2.INTER_NEAREST,
    )
    outlines, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(coloured, outlines, -1, (0, 140, 255), 1)
    return np.asarray(coloured, np.uint8)
