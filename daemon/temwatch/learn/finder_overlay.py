"""A marked frame with what a finder made of it: hits, false finds and misses, readable on black, grey and white."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.learn.finder_evaluation import FrameScore
from temwatch.learn.marked_frames import MarkedFrame
from temwatch.model.region import Region

# Blue, green, red; the crosses and circles tell them apart where colours do not.
HIT, FALSE, MISSED = (140, 235, 60), (50, 100, 255), (60, 235, 255)
_DARK, _WHITE = (20, 20, 20), (255, 255, 255)
_PX_PER_LINE = 600  # of the frame's longer side, for each px of line width
_STRIP_PX = 26

Picture = NDArray[np.uint8]


def overlay(frame: MarkedFrame, regions: Sequence[Region], score: FrameScore) -> Picture:
    """Return a picture (row, col, BGR) of a frame and a line of text below it.

    Hits are outlined in green, false finds in red with a cross, missed objects are circled in yellow; every line
    lies on a darker one. Where a set is not marked completely there are no false finds.

    Parameters
    ----------
    frame : MarkedFrame
    regions : sequence of Region
    score : FrameScore
        Of these regions.
    """
    picture = np.array(cv2.cvtColor(_grey(frame.image), cv2.COLOR_GRAY2BGR), np.uint8)
    width = max(1, round(max(picture.shape[:2]) / _PX_PER_LINE))
    # All dark lines first: what lies close together stays readable.
    for under in (True, False):
        for region, hit in zip(regions, score.is_hit, strict=True):
            _outlined(picture, region, under=under, width=width, false=not hit and frame.complete)
        for centre, radius, hit in zip(frame.centre, frame.radius_px, score.hit_marked, strict=True):
            if not hit:
                at = (round(float(centre[1])), round(float(centre[0])))
                colour = _DARK if under else MISSED
                cv2.circle(picture, at, round(float(radius)) + 3, colour, width + 2 * under, cv2.LINE_AA)
    return np.vstack([picture, _strip(picture.shape[1], score)])


def _outlined(picture: Picture, region: Region, *, under: bool, width: int, false: bool) -> None:
    outline, _ = cv2.findContours(region.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    colour = _DARK if under else FALSE if false else HIT
    cv2.drawContours(picture, outline, -1, colour, width + 2 * under, offset=(region.col, region.row))
    if false:
        height, breadth = region.mask.shape
        middle = (region.col + breadth // 2, region.row + height // 2)
        cv2.drawMarker(picture, middle, colour, cv2.MARKER_TILTED_CROSS, 6 * width, width + 2 * under)


def _strip(breadth: int, score: FrameScore) -> Picture:
    """Return a line that says what the colours mean, and how many of each there are."""
    strip = np.full((_STRIP_PX, breadth, 3), _DARK, np.uint8)
    said = [(f"hit {score.hits}", HIT), (f"missed {score.marked - score.hits}", MISSED)]
    if score.complete:
        said.insert(1, (f"false {score.found - score.hits}", FALSE))
    left = 6
    for text, colour in said:
        cv2.rectangle(strip, (left, 8), (left + 9, 17), colour, -1)
        cv2.putText(strip, text, (left + 14, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _WHITE, 1, cv2.LINE_AA)
        left += 24 + cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)[0][0]
    return strip


def _grey(image: NDArray[np.generic]) -> Picture:
    if image.dtype == np.uint8:
        return np.asarray(image, np.uint8)
    low, high = np.percentile(image.astype(np.float32)[::4, ::4], (0.5, 99.5))
    scaled = (image.astype(np.float32) - low) * (255 / max(float(high - low), 1e-30))
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)
