"""How well a finder does on marked frames: found, false, missed; sizes, outlines, scores; intervals by specimen."""

from collections.abc import Iterable, Mapping, Sequence
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
_FEWEST_SPECIMENS = 3
_SIZES_PX = (0.0, 4.0, 8.0, 16.0, np.inf)
_TOLERANCE_PX = 3
_SCORE_BINS = np.linspace(0, 1, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameScore:
    """What a finder made of one marked frame.

    Attributes
    ----------
    name, specimen : str
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
    specimen: str
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
        specimen=frame.specimen,
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
    """Return the figures of a set, JSON-ready.

    Intervals are 95 % by drawing specimens with replacement, all frames of one together, since they look alike;
    frames where fewer than three specimens are told apart.
    """
    counts = np.array([(f.hits, f.found, f.marked) for f in frames], float).reshape(-1, 3)
    complete = all(f.complete for f in frames)
    specimens = _by_specimen(frames)
    drawn_by = "specimen" if len(specimens) >= _FEWEST_SPECIMENS else "frame"
    units = [counts[rows].sum(axis=0) for rows in specimens.values()] if drawn_by == "specimen" else counts
    low, high = _interval(np.asarray(units), seed)
    figures: dict[str, Any] = {
        "frames": len(frames),
        "marked": int(counts[:, 2].sum()),
        "found": int(counts[:, 1].sum()),
        "specimens": len(specimens),
        "intervals_by": drawn_by,
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
    if drawn_by == "specimen":
        figures["by_specimen"] = {
            name: _specimen_row(counts[rows], complete=complete) for name, rows in specimens.items()
        }
    figures["recall_by_size"] = _recall_by_size(frames)
    figures["recall_by_kind"] = _recall_by_kind(frames)
    lines = np.sum([f.line_px for f in frames], axis=0)
    if lines[0]:
        figures["crack_px_recall"] = round(lines[1] / lines[0], 3)
        figures["crack_px_precision"] = round(lines[3] / max(lines[2], 1), 3)
    return figures


def _by_specimen(frames: Sequence[FrameScore]) -> dict[str, list[int]]:
    """Return which frames are of which specimen; those of unknown specimens stand alone under their name."""
    rows: dict[str, list[int]] = {}
    for number, frame in enumerate(frames):
        rows.setdefault(frame.specimen or frame.name, []).append(number)
    return dict(sorted(rows.items()))


def _interval(units: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 95 % interval of recall, precision and F1 from rows (hits, found, marked) drawn with replacement."""
    rng = np.random.default_rng(seed)
    drawn = [_rates(units[rng.integers(0, len(units), len(units))]) for _ in range(_DRAWS)]
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    return low, high


def _specimen_row(counts: NDArray[np.float64], *, complete: bool) -> dict[str, Any]:
    rates = dict(zip(("recall", "precision", "f1"), _rates(counts), strict=True))
    shown = rates if complete else {"recall": rates["recall"]}
    return {
        "frames": len(counts),
        "marked": int(counts[:, 2].sum()),
        **{name: round(value, 3) for name, value in shown.items()},
    }


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


def curve(finders: Mapping[float, Finder], frames: Sequence[MarkedFrame]) -> list[dict[str, float]]:
    """Return recall, precision and F1 at several sensitivities.

    The best of them is chosen on the frames it is judged by: what another set would give is lower.

    Parameters
    ----------
    finders : mapping of sensitivity to Finder
    frames : sequence of MarkedFrame
        Marked completely.
    """
    rows = []
    for sensitivity, finder in sorted(finders.items()):
        scores = [judged(finder, frame)[0] for frame in frames]
        counts = np.array([(s.hits, s.found, s.marked) for s in scores], float)
        rates = zip(("recall", "precision", "f1"), _rates(counts), strict=True)
        rows.append({"sensitivity": sensitivity, **{name: round(value, 3) for name, value in rates}})
    return rows
