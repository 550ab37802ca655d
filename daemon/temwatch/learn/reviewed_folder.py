"""What operators said about frames, from a JSON file: findings confirmed or called artefacts, objects they drew, areas they looked through.

```
{"version": 1, "frames": [
  {"image": "0001.dm4", "section": 0, "specimen": "foil 3",
   "reviewed": "all",                              or [{"top": 0, "left": 0, "bottom": 512, "right": 1024}]
   "marks": [
     {"is": "confirmed", "class": "pore",     "rectangle": {"row", "col", "length_px", "width_px", "angle_deg"}},
     {"is": "missed",    "class": "particle", "ellipse":   {"row", "col", "length_px", "width_px", "angle_deg"}},
     {"is": "confirmed", "class": "crack",    "contour":   [[row, col], …]},
     {"is": "artefact",                       "mask":      "0001_3.png"}]}]}
```

Paths are taken from the folder of the file. Rectangles are those of a report, and stand for the ellipse that fills
them. Only reviewed areas, artefacts and the insides of objects teach anything: silence elsewhere is no evidence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from temwatch.errors import AtlasRefused
from temwatch.learn.reviewed_frames import LINE_KINDS, ReviewedFrame, drawn_ellipses
from temwatch.reading.reader import read_frame

_LARGEST_BYTES = 64 << 20
_FAULTS_SHOWN = 10


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Rectangle(_Strict):
    """A rectangle as reports give it, or the axes of an ellipse."""

    row: float
    col: float
    length_px: float = Field(gt=0)
    width_px: float = Field(gt=0)
    angle_deg: float = 0.0


class Area(_Strict):
    """Rows and columns somebody has looked through, the last ones not included."""

    top: int = Field(ge=0)
    left: int = Field(ge=0)
    bottom: int
    right: int


class Mark(_Strict):
    """One statement about a place."""

    is_: Literal["confirmed", "missed", "artefact"] = Field(alias="is")
    class_: str = Field(default="object", alias="class")
    rectangle: Rectangle | None = None
    ellipse: Rectangle | None = None
    contour: Annotated[list[tuple[float, float]], Field(min_length=3)] | None = None
    mask: Path | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> "Mark":
        given = [shape for shape in (self.rectangle, self.ellipse, self.contour, self.mask) if shape]
        if len(given) != 1:
            raise ValueError("give one of rectangle, ellipse, contour and mask")
        return self


class _Frame(_Strict):
    image: Path
    section: int = Field(default=0, ge=0)
    specimen: str = ""
    reviewed: Literal["all"] | list[Area] = []
    marks: list[Mark] = []


class _File(_Strict):
    version: Literal[1]
    frames: list[_Frame]


@dataclass(slots=True)
class _Canvas:
    """A frame while what was said about it is drawn in."""

    objects: NDArray[np.int32]
    lines: NDArray[np.bool_]
    known: NDArray[np.bool_]
    count: int = 0


def read_reviewed(path: Path) -> Iterator[ReviewedFrame]:
    """Yield the frames a JSON file of reviews names.

    Raises
    ------
    AtlasRefused
        The file is not of this form (all faults at once), or a mask does not fit its image.
    FrameUnreadable and the other errors of `read_frame`
        An image can't be read.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise AtlasRefused(f"{path}: larger than {_LARGEST_BYTES >> 20} MB", next_step="split it")
        said = _File.model_validate_json(path.read_bytes())
    except OSError as error:
        raise AtlasRefused(f"{path}: can't be read ({error.strerror})", next_step="check the path") from error
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc']) or 'file'}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        ]
        raise AtlasRefused(
            f"{path}: " + "; ".join(faults[:_FAULTS_SHOWN]),
            next_step=f"mend {len(faults)} fault(s); the form is in `temwatch finder tune --help`",
        ) from error
    for frame in said.frames:
        yield _reviewed(path.parent, frame)


def _reviewed(folder: Path, frame: _Frame) -> ReviewedFrame:
    image = _finite(read_frame((folder / frame.image).resolve(), section=frame.section).image)
    shape = (image.shape[0], image.shape[1])
    reviewed = np.full(shape, frame.reviewed == "all")
    if frame.reviewed != "all":
        for area in frame.reviewed:
            reviewed[area.top : area.bottom, area.left : area.right] = True
    canvas = _Canvas(objects=np.zeros(shape, np.int32), lines=np.zeros(shape, bool), known=reviewed.copy())
    # Large ones first, so that what lies on top of them stays its own object.
    shapes = [(mark, *_drawn(folder, mark, shape)) for mark in frame.marks]
    for mark, inside, certain in sorted(shapes, key=lambda one: -int(one[1].sum())):
        _put(canvas, mark, inside, certain)
    objects, count = _closed_up(canvas.objects)
    centre, radius = _measured(objects, count)
    return ReviewedFrame(
        name=frame.image.stem if not frame.section else f"{frame.image.stem} {frame.section}",
        image=image,
        objects=objects,
        lines=canvas.lines,
        known=canvas.known,
        reviewed=reviewed,
        centre=centre,
        radius_px=radius,
        specimen=frame.specimen,
    )


def _put(canvas: _Canvas, mark: Mark, inside: NDArray[np.bool_], certain: NDArray[np.bool_]) -> None:
    """Draw one statement; what a shape leaves open (`certain` false) becomes unknown."""
    if not inside.any():
        return
    if mark.is_ == "artefact":
        canvas.known |= inside & certain
    elif mark.class_ in LINE_KINDS:
        if certain.all():
            canvas.lines |= inside
            canvas.known |= inside
        else:
            # Where in its rectangle a crack runs is not said.
            canvas.known &= ~inside
    else:
        canvas.count += 1
        canvas.objects[inside] = canvas.count
        canvas.known |= inside
        canvas.known &= certain


def _drawn(folder: Path, mark: Mark, shape: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pixels a mark names, and where its shape says for sure whether they belong to it."""
    sure = np.ones(shape, bool)
    if mark.mask is not None:
        plane = cv2.imread(str(folder / mark.mask), cv2.IMREAD_GRAYSCALE)
        if plane is None or plane.shape != shape:
            found = "no image" if plane is None else f"{plane.shape[0]} x {plane.shape[1]} px"
            raise AtlasRefused(
                f"{folder / mark.mask}: {found}, its frame has {shape[0]} x {shape[1]} px",
                next_step="give a PNG of the frame's size, 0 outside the object",
            )
        return np.asarray(plane) > 0, sure
    if mark.contour is not None:
        drawn = np.zeros(shape, np.uint8)
        points = np.rint(np.array(mark.contour))[:, ::-1].astype(np.int32)
        cv2.fillPoly(drawn, [points], 1)
        return drawn > 0, sure
    axes = mark.ellipse or mark.rectangle
    assert axes is not None
    labels, certain = drawn_ellipses(
        shape,
        np.array([[axes.row, axes.col]]),
        np.array([[axes.length_px / 2, axes.width_px / 2, axes.angle_deg]]),
    )
    return labels > 0, certain


def _closed_up(objects: NDArray[np.int32]) -> tuple[NDArray[np.int32], int]:
    """Return labels 1..n without gaps, and n: an object that others cover wholly is none."""
    there, labels = np.unique(objects, return_inverse=True)
    closed = (labels.reshape(objects.shape) + int(there[0] != 0)).astype(np.int32)
    return closed, int(closed.max())


def _measured(objects: NDArray[np.int32], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centres and radii of labels 1..n."""
    rows, cols = np.nonzero(objects)
    of = objects[rows, cols]
    area = np.bincount(of, minlength=count + 1)[1:]
    share = np.maximum(area, 1)
    centre = np.stack([np.bincount(of, axis, count + 1)[1:] / share for axis in (rows, cols)], 1)
    return centre, np.sqrt(area / np.pi)


def _finite(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the pixels in a type OpenCV resizes, those that are no number at the median of the others."""
    if image.dtype.kind in "bu" and image.dtype.itemsize <= 2:
        return np.ascontiguousarray(image, image.dtype.newbyteorder("=") if image.dtype.kind == "u" else "u1")
    pixels = image.astype(np.float32)
    good = np.isfinite(pixels)
    return np.where(good, pixels, np.float32(np.median(pixels[good]) if good.any() else 0))
