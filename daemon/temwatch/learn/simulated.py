"""Frames from the simulated microscope, cut into regions as the finder cuts them, with their true classes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from temwatch.learn.matching import Matching, match
from temwatch.model.finding import ARTEFACT
from temwatch.model.frame import ImagingMode
from temwatch.model.region import Region
from temwatch.sim.render import render
from temwatch.sim.specimen import draw_specimen
from temwatch.sim.truth import Scene, TrueObject
from temwatch.vision.features import measure
from temwatch.vision.finder.base import Finder
from temwatch.vision.inspection import in_reading_order
from temwatch.vision.outline import outline
from temwatch.vision.view import look_at

# A piece of these no longer shows what it is of: one micro-pore of looseness is a pore to anyone who sees it
# alone, and a length of a flake's rim is not told from a bend contour. Pieces of a crack are cracks.
ONLY_WHOLE = ("looseness", "particle")

# The last bits of some measures depend on where in memory the arrays lie; rounded, a rebuilt starter is the same
# to the byte. No measure is meaningful to five decimals.
_DECIMALS = 4

# What may be known of a frame beside its pixels; a recognizer must cope with each.
Knowledge = Literal["all", "no mode", "no scale", "neither"]
KNOWLEDGE: tuple[Knowledge, ...] = ("all", "no mode", "no scale", "neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    """One simulated frame after finding and measuring.

    Attributes
    ----------
    specimen_id, mode, nm_per_px
        Where it comes from.
    features : mapping of knowledge to ndarray of float32, shape (n, p)
        The measures of the n regions, as they are with more or less knowledge of the frame.
    classes : tuple of (str or None), length n
        What each region shows: a class of defect, ``"artefact"``, or None where that can't be said.
    regions : tuple of Region
    members : mapping of int to tuple of int
        The regions that are groups of others; see `inspection.Inspection`.
    truth : tuple of TrueObject
    """

    specimen_id: str
    mode: ImagingMode
    nm_per_px: float
    features: dict[Knowledge, NDArray[np.float32]]
    classes: tuple[str | None, ...]
    regions: tuple[Region, ...]
    members: dict[int, tuple[int, ...]]
    truth: tuple[TrueObject, ...]


def study_specimens(
    seeds: Sequence[int],
    *,
    finder: Finder,
    frames_each: int,
    shape: tuple[int, int] = (1024, 1024),
    mode: ImagingMode | None = None,
    easy_every: int = 0,
    touching: float = 0.1,
    knowledge: Sequence[Knowledge] = ("all",),
) -> Iterator[Studied]:
    """Give simulated frames, found and measured, specimen by specimen.

    Parameters
    ----------
    seeds : sequence of int
        One specimen each.
    finder : Finder
    frames_each : int
        Frames of every specimen.
    shape : tuple of int
        (row, col) of a frame.
    mode : ImagingMode, optional
        Absent: as specimens come, mixed.
    easy_every : int
        Every so many-th specimen is an easy one (high dose, faint grains); 0 for none.
    touching : float
        Share of objects that touch another.
    knowledge : sequence of Knowledge
        Which measures are wanted.
    """
    for number, seed in enumerate(seeds):
        hard = not (easy_every and number % easy_every == easy_every - 1)
        specimen = draw_specimen(seed, mode=mode, hard=hard)
        for frame in range(frames_each):
            yield study(render(specimen, frame, shape=shape, touching=touching), finder, knowledge)


def study(scene: Scene, finder: Finder, knowledge: Sequence[Knowledge]) -> Studied:
    """Find, match and measure the regions of one simulated frame."""
    view = look_at(scene.image, nm_per_px=scene.nm_per_px, mode=scene.mode)
    regions, members = in_reading_order(finder.find(view))
    outlines = outline(regions, view.shape)
    poorer = {
        "all": view,
        "no mode": replace(view, mode=None),
        "no scale": replace(view, nm_per_px=None),
        "neither": replace(view, mode=None, nm_per_px=None),
    }
    return Studied(
        specimen_id=scene.specimen_id,
        mode=scene.mode,
        nm_per_px=scene.nm_per_px,
        features={known: measure(poorer[known], regions, outlines).round(_DECIMALS) for known in knowledge},
        classes=classes_of(regions, members, scene.truth),
        regions=regions,
        members=members,
        truth=scene.truth,
    )


def classes_of(
    regions: Sequence[Region], members: Mapping[int, tuple[int, ...]], truth: Sequence[TrueObject]
) -> tuple[str | None, ...]:
    """Return what each region shows; a group that is not one object is an artefact of grouping."""
    single = [number for number in range(len(regions)) if number not in members]
    matching = match([regions[number] for number in single], truth)
    classes: list[str | None] = [None] * len(regions)
    for k, number in enumerate(single):
        classes[number] = _class(matching, k, truth)
    groups = list(members)
    whole = match([regions[number] for number in groups], truth).same
    for number, same in zip(groups, whole.tolist(), strict=True):
        classes[number] = truth[same].class_ if same >= 0 else ARTEFACT
    return tuple(classes)


def _class(matching: Matching, number: int, truth: Sequence[TrueObject]) -> str | None:
    shown = int(matching.shown[number])
    if shown >= 0:
        name = truth[shown].class_
        return None if name in ONLY_WHOLE and matching.same[number] < 0 else name
    return ARTEFACT if matching.foreign[number] else None
