"""How well a finder does on marked frames: found, false, missed; sizes, outlines, scores; intervals by frame."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.learn.marked_frames import MarkedFrame
from temwatch.model.region import Region
from temwatch.vision.finder.base import Finder
from temwatch.vision.matching import match
from temwatch.vision.view import look_at

_DRAWS = 500
_SIZES_PX = (0.0, 4.0, 8.0, 16.0, np.inf)
_TOLERANCE_PX = 3
_SCORE_BINS = np.linspace(0, 1, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameScore:
    """What a finder made of one marked frame.

    Attributes
    ----------
    name : str
    complete : bool
        Whether false finds can be told.
    found, marked, hits : int
    hit_marked : ndarray of bool, shape (marked,)
        Which marked objects were found.
    radius_px : ndarray of float64, shape (marked,)
    kind : tuple of str
    log_size_ratio : ndarray of float64, shape (hits,)
        ln of found over marked radius.
    overlap : ndarray of float64, shape (hits,)
        Intersection over union; empty where the set has no masks.
    score : ndarray of float64, shape (found,)
    is_hit : ndarray of bool, shape (found,)
    line_px : tuple of int
        Marked crack pixels, those found, found line pixels, those right; at 3 px.
    """

    name: str
    complete: bool
    found: int
    marked: int
    hits: int
    hit_marked: NDArray[np.bool_]
    radius_px: NDArray[np.float64]
    kind: tuple[str, ...]
    log_size_ratio: NDArray[np.float64]
    overlap: NDArray[np.float64]
    score: NDArray[np.float64]
    is_hit: NDArray[np.bool_]
    line_px: tuple[int, int, int, int]


def judged(finder: Finder, frame: MarkedFrame) -> tuple[FrameScore, tuple[Region, ...]]:
    """Return how a finder did on a frame, and what it found."""
    regions = finder.find(look_at(frame.image)).regions
    return compared(regions, frame), regions


def compared(regions: Sequence[Region], frame: MarkedFrame) -> FrameScore:
    """Return what regions are worth against the marks: one to one, centres no further off than a radius or 6 px."""
    centre = np.array([centre_of(region) for region in regions]).reshape(-1, 2)
    area = np.array([np.count_nonzero(region.mask) for region in regions], float)
    pairs = match(centre, frame.centre, frame.radius_px)
    mine = np.array([f for f, _ in pairs], int)
    theirs = np.array([t for _, t in pairs], int)
    hit_marked = np.zeros(len(frame.centre), bool)
    is_hit = np.zeros(len(regions), bool)
    hit_marked[theirs] = is_hit[mine] = True
    overlap = [_overlap(regions[f], frame.masks, t + 1) for f, t in pairs] if frame.masks is not None else []
    return FrameScore(
        name=frame.name,
        complete=frame.complete,
        found=len(regions),
        marked=len(frame.centre),
        hits=len(pairs),
        hit_marked=hit_marked,
        radius_px=frame.radius_px,
        kind=frame.kind,
        log_size_ratio=np.log(np.sqrt(area[mine] / np.pi) / np.maximum(frame.radius_px[theirs], 0.5)),
        overlap=np.array(overlap),
        score=np.array([region.score for region in regions]),
        is_hit=is_hit,
        line_px=_line_pixels(regions, frame),
    )


def centre_of(region: Region) -> tuple[float, float]:
    """Return the centre of mass of a region's mask, (row, col) in px of the frame."""
    rows, cols = np.nonzero(region.mask)
    return region.row + float(rows.mean()), region.col + float(cols.mean())


def summary(frames: Sequence[FrameScore], *, seed: int = 0) -> dict[str, Any]:
    """Return the figures of a set, JSON-ready; intervals are 95 % by drawing frames with replacement."""
    counts = np.array([(f.hits, f.found, f.marked) for f in frames], float).reshape(-1, 3)
    complete = all(f.complete for f in frames)
    rng = np.random.default_rng(seed)
    drawn = [_rates(counts[rng.integers(0, len(counts), len(counts))]) for _ in range(_DRAWS)]
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    figures: dict[str, Any] = {
        "frames": len(frames),
        "marked": int(counts[:, 2].sum()),
        "found": int(counts[:, 1].sum()),
    }
    for i, name in enumerate(("recall", "precision", "f1") if complete else ("recall",)):
        figures[name] = round(_rates(counts)[i], 3)
        figures[f"{name}_95"] = [round(float(low[i]), 3), round(float(high[i]), 3)]
    ratios = np.concatenate([f.log_size_ratio for f in frames])
    if len(ratios):
        figures["size_error"] = round(float(np.median(np.abs(ratios))), 3)
        figures["size_bias"] = round(float(np.median(ratios)), 3)
    if complete:
        densities = [abs(f.found / f.marked - 1) for f in frames if f.marked]
        figures["density_error"] = round(float(np.median(densities)), 3)
        figures["score_calibration"] = _calibration(frames)
    overlaps = np.concatenate([f.overlap for f in frames])
    if len(overlaps):
        figures["mean_iou"] = round(float(overlaps.mean()), 3)
    figures["recall_by_size"] = _recall_by_size(frames)
    figures["recall_by_kind"] = _recall_by_kind(frames)
    lines = np.sum([f.line_px for f in frames], axis=0)
    if lines[0]:
        figures["crack_px_recall"] = round(lines[1] / lines[0], 3)
        figures["crack_px_precision"] = round(lines[3] / max(lines[2], 1), 3)
    return figures


def _rates(counts: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return recall, precision and F1 of rows (hits, found, marked)."""
    hits, found, marked = counts.sum(axis=0)
    recall, precision = hits / max(marked, 1), hits / max(found, 1)
    return float(recall), float(precision), float(2 * recall * precision / max(recall + precision, 1e-9))


def _recall_by_size(frames: Iterable[FrameScore]) -> dict[str, list[float]]:
    hit = np.concatenate([f.hit_marked for f in frames])
    radius = np.concatenate([f.radius_px for f in frames])
    rows: dict[str, list[float]] = {}
    for low, high in pairwise(_SIZES_PX):
        here = (radius >= low) & (radius < high)
        if here.any():
            rows[f"radius {low:g} to {high:g} px"] = [round(float(hit[here].mean()), 3), int(here.sum())]
    return rows


def _recall_by_kind(frames: Iterable[FrameScore]) -> dict[str, list[float]]:
    hit = np.concatenate([f.hit_marked for f in frames])
    kind = np.array([name for f in frames for name in f.kind])
    return {
        str(name): [round(float(hit[kind == name].mean()), 3), int((kind == name).sum())]
        for name in np.unique(kind)
    }


def _calibration(frames: Iterable[FrameScore]) -> dict[str, list[float]]:
    """Return, for finds of similar score, the mean score, the share of hits, and how many."""
    score = np.concatenate([f.score for f in frames])
    hit = np.concatenate([f.is_hit for f in frames])
    rows: dict[str, list[float]] = {}
    for low, high in pairwise(_SCORE_BINS):
        here = (score > low) & (score <= high)
        if here.any():
            rows[f"{low:.1f} to {high:.1f}"] = [
                round(float(score[here].mean()), 3),
                round(float(hit[here].mean()), 3),
                int(here.sum()),
            ]
    return rows


def _overlap(region: Region, masks: NDArray[np.int32], number: int) -> float:
    height, width = region.mask.shape
    there = masks[region.row : region.row + height, region.col : region.col + width] == number
    shared = np.count_nonzero(there & region.mask)
    return shared / (np.count_nonzero(region.mask) + np.count_nonzero(masks == number) - shared)


def _line_pixels(regions: Sequence[Region], frame: MarkedFrame) -> tuple[int, int, int, int]:
    """Return marked crack pixels, how many of them are found, found pixels, how many of them are right."""
    if frame.masks is None or "crack" not in frame.kind:
        return 0, 0, 0, 0
    drawn = np.zeros(frame.image.shape, np.uint8)
    for region in regions:
        height, width = region.mask.shape
        drawn[region.row : region.row + height, region.col : region.col + width] |= region.mask
    marked = (frame.masks > 0).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _TOLERANCE_PX + 1, 2 * _TOLERANCE_PX + 1))
    return (
        int(marked.sum()),
        int(np.count_nonzero(marked * cv2.dilate(drawn, disc))),
        int(drawn.sum()),
        int(np.count_nonzero(drawn * cv2.dilate(marked, disc))),
    )


def overlay(frame: MarkedFrame, regions: Sequence[Region], score: FrameScore) -> NDArray[np.uint8]:
    """Return a picture (row, col, BGR): found in green, false in red, missed as yellow circles."""
    picture = cv2.cvtColor(frame.image, cv2.COLOR_GRAY2BGR)
    for region, hit in zip(regions, score.is_hit, strict=True):
        outline, _ = cv2.findContours(region.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        colour = (60, 220, 60) if hit or not frame.complete else (60, 60, 255)
        cv2.drawContours(picture, outline, -1, colour, 1, offset=(region.col, region.row))
    for centre, radius, hit in zip(frame.centre, frame.radius_px, score.hit_marked, strict=True):
        if not hit:
            at = (round(float(centre[1])), round(float(centre[0])))
            cv2.circle(picture, at, round(float(radius)) + 2, (0, 230, 255), 1)
    return np.asarray(picture, np.uint8)
