"""An atlas from the simulated microscope: regions as the finder cuts them, with their true classes."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from temwatch.errors import AtlasRefused
from temwatch.learn.atlas import Atlas
from temwatch.learn.simulated import Studied, study_specimens
from temwatch.learn.starter_evaluation import FIRST_SPECIMEN
from temwatch.model.frame import ImagingMode
from temwatch.recognition.selection import row_hashes
from temwatch.vision.features import FEATURE_NAMES
from temwatch.vision.finder.base import Finder

Kind = Literal["easy", "mixed"]
# The paper's three.
CLASSES = ("crack", "pore", "slag_inclusion")


def simulated_atlas(
    kind: Kind,
    *,
    finder: Finder,
    specimens: int = 30,
    frames_each: int = 3,
    classes: Sequence[str] = CLASSES,
    progress: Callable[[int, int], Any] = lambda _done, _of: None,
) -> Atlas:
    """Simulate specimens and return the regions found in them whose class is certain.

    Parameters
    ----------
    kind : "easy" or "mixed"
        Bright field, high dose and faint grains; or hard specimens in mixed modes, each mode known.
    finder : Finder
    specimens, frames_each : int
        None of these specimens is among those the starter recognizer learned from.
    classes : sequence of str
        Which to keep.
    progress : callable
        Told frames done and frames in all.

    Raises
    ------
    AtlasRefused
        For a class that was not found.
    """
    frames: list[Studied] = []
    for frame in study_specimens(
        range(FIRST_SPECIMEN, FIRST_SPECIMEN + specimens),
        finder=finder,
        frames_each=frames_each,
        mode=ImagingMode.BF if kind == "easy" else None,
        easy_every=1 if kind == "easy" else 0,
    ):
        frames.append(frame)
        progress(len(frames), specimens * frames_each)
    named = [
        (frame.features["all"][number], name, frame.specimen_id)
        for frame in frames
        for number, name in enumerate(frame.classes)
        if name is not None
    ]
    if not named:
        raise AtlasRefused("the simulator: nothing was found", next_step="simulate more specimens")
    features = np.array([row for row, _, _ in named], dtype=np.float64)
    atlas = Atlas(
        name=f"simulator, {kind}",
        features=features,
        feature_names=tuple(FEATURE_NAMES),
        classes=tuple(name for _, name, _ in named),
        groups=tuple(specimen for _, _, specimen in named),
        hashes=tuple(row_hashes(features)),
    )
    return atlas.only(classes)
