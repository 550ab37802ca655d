"""What the starter is worth: finding and naming on simulated specimens it has never seen, with intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from temwatch.learn.matching import match
from temwatch.learn.simulated import Knowledge, Studied, study_specimens
from temwatch.model.frame import ImagingMode
from temwatch.model.region import Region
from temwatch.recognition.evaluation import Scores, Share, score
from temwatch.recognition.groups import standing
from temwatch.recognition.recognizer import Recognizer
from temwatch.vision.features import FEATURE_NAMES
from temwatch.vision.finder.base import Finder

# Specimens for evaluation are numbered from here on, far above any that are learned from.
FIRST_SPECIMEN = 90_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """How well objects were found.

    Attributes
    ----------
    recall_visible, recall_all : Share
        True objects that a region is, one to one, with an overlap (intersection over union) of 0.3 or more:
        of those a person could see, and of all.
    touched : Share
        Visible objects that at least one region shows, however little of them.
    precision : Share
        Regions that are an object, one to one.
    showing : Share
        Regions that lie at least half in an object; a crack in three pieces counts three times.
    recall_by_class : mapping of str to Share
        `recall_visible` by class.
    """

    recall_visible: Share
    recall_all: Share
    touched: Share
    precision: Share
    showing: Share
    recall_by_class: dict[str, Share]


@dataclass(frozen=True, slots=True, kw_only=True)
class StarterScores:
    """Detection, recognition of what was found, and how far the prediction sets keep their promise.

    Attributes
    ----------
    title : str
    specimens, frames : int
    detection : Detection
    recognition : Scores
        Over regions whose class is certain, artefacts among them; held out by specimen.
    coverage : mapping of str to Share
        By class: regions whose prediction set holds the truth.
    single : Share
        Regions with one class in the set.
    empty : Share
        Regions with none.
    novel : Share
        Regions with a novelty above 0.999.
    unsaid : mapping of str to Share
        How regions were named whose true class can't be said (pieces of looseness and flakes, regions half on
        an object); they are in none of the figures above.
    """

    title: str
    specimens: int
    frames: int
    detection: Detection
    recognition: Scores
    coverage: dict[str, Share]
    single: Share
    empty: Share
    novel: Share
    unsaid: dict[str, Share]

    def table(self) -> str:
        """Return everything as text."""
        found = self.detection
        by_class = "; ".join(f"{name} {share}" for name, share in found.recall_by_class.items())
        covered = "; ".join(f"{name} {share}" for name, share in self.coverage.items())
        unsaid = "; ".join(f"{name} {share.hits}" for name, share in self.unsaid.items())
        return "\n".join(
            (
                f"{self.title}: {self.frames} frames of {self.specimens} simulated specimens not learned from",
                f"  visible objects found  {found.recall_visible}; touched {found.touched}",
                f"  all objects found      {found.recall_all}",
                f"  regions that are one   {found.precision}; that show one {found.showing}",
                f"  found by class         {by_class}",
                self.recognition.table(),
                f"  truth in the set       {covered}",
                f"  one class {self.single}; none {self.empty}; novel {self.novel}",
                f"  pieces and halves      named {unsaid}",
            )
        )


def evaluate_starter(
    recognizer: Recognizer,
    *,
    finder: Finder,
    title: str,
    specimens: int = 60,
    frames_each: int = 3,
    mode: ImagingMode | None = None,
    known: Knowledge = "all",
) -> StarterScores:
    """Judge a recognizer on simulated specimens it has not learned from.

    Parameters
    ----------
    recognizer : Recognizer
    finder : Finder
    title : str
    specimens, frames_each : int
        How much is simulated, all of it hard.
    mode : ImagingMode, optional
        Absent: mixed, 60 % BF, 25 % HAADF, 15 % DF.
    known : Knowledge
        What the recognizer is told of each frame.
    """
    seeds = range(FIRST_SPECIMEN, FIRST_SPECIMEN + specimens)
    frames = list(
        study_specimens(seeds, finder=finder, frames_each=frames_each, mode=mode, knowledge=(known,))
    )
    return judge_frames(recognizer, frames, title=title, known=known)


def judge_frames(
    recognizer: Recognizer, frames: Sequence[Studied], *, title: str, known: Knowledge = "all"
) -> StarterScores:
    """Judge a recognizer on frames that were studied with this knowledge."""
    features = np.concatenate([frame.features[known] for frame in frames])
    names = [name for frame in frames for name in frame.classes]
    certain = [number for number, name in enumerate(names) if name in recognizer.classes]
    truth = [str(names[number]) for number in certain]
    seen = recognizer.recognise(features[certain], FEATURE_NAMES)
    covered = [name in chosen for name, chosen in zip(truth, seen.prediction_sets, strict=True)]
    codes = np.array([recognizer.classes.index(name) for name in truth], dtype=np.intp)
    return StarterScores(
        title=title,
        specimens=len({frame.specimen_id for frame in frames}),
        frames=len(frames),
        detection=_detection(frames, recognizer, known),
        recognition=score(seen.probability, codes, recognizer.classes),
        coverage={
            name: _share(hit for hit, own in zip(covered, truth, strict=True) if own == name)
            for name in recognizer.classes
        },
        single=_share(len(chosen) == 1 for chosen in seen.prediction_sets),
        empty=_share(not chosen for chosen in seen.prediction_sets),
        novel=_share((seen.novelty > 0.999).tolist()),
        unsaid=_named(recognizer, features[[name is None for name in names]]),
    )


def _named(recognizer: Recognizer, features: NDArray[np.float32]) -> dict[str, Share]:
    best = recognizer.recognise(features, FEATURE_NAMES).probability.argmax(axis=1)
    return {name: Share(int((best == code).sum()), len(best)) for code, name in enumerate(recognizer.classes)}


def _share(hits: Iterable[bool]) -> Share:
    told = list(hits)
    return Share(sum(told), len(told))


def _stood(frame: Studied, recognizer: Recognizer, known: Knowledge) -> list[Region]:
    """Return the regions that a report would hold: groups or their members."""
    seen = recognizer.recognise(frame.features[known].astype(np.float64), FEATURE_NAMES)
    stands = standing(seen, frame.members)
    return [region for region, there in zip(frame.regions, stands, strict=True) if there]


def _detection(frames: Sequence[Studied], recognizer: Recognizer, known: Knowledge) -> Detection:
    matchings = [match(_stood(frame, recognizer, known), frame.truth) for frame in frames]
    visible: list[tuple[str, bool, bool]] = []
    everything: list[bool] = []
    for frame, matching in zip(frames, matchings, strict=True):
        same, shown = set(matching.same.tolist()), set(matching.shown.tolist())
        for number, item in enumerate(frame.truth):
            everything.append(number in same)
            if item.visible:
                visible.append((item.class_, number in same, number in shown))
    return Detection(
        recall_visible=_share(found for _, found, _ in visible),
        recall_all=_share(everything),
        touched=_share(touched for _, _, touched in visible),
        precision=_share(number >= 0 for matching in matchings for number in matching.same.tolist()),
        showing=_share(number >= 0 for matching in matchings for number in matching.shown.tolist()),
        recall_by_class={
            name: _share(found for own, found, _ in visible if own == name)
            for name in sorted({own for own, _, _ in visible})
        },
    )
