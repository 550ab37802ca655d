"""From labels to a candidate: learned with as much simulation beside them as helps, judged on frames held out."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from temwatch.errors import ModelRefused
from temwatch.learn.advice import Point
from temwatch.learn.dissent import Dissent, dissents
from temwatch.learn.gate import LEAST_PROBABILITY, Judged, Verdict, judge
from temwatch.learn.training_set import TrainingSet
from temwatch.model.finding import ARTEFACT
from temwatch.recognition.fitting import fit_recognizer
from temwatch.recognition.folds import folds
from temwatch.recognition.kernel_elm import stratified
from temwatch.recognition.recognizer import Recognizer

Codes = NDArray[np.intp]
Say = Callable[[str], None]

FOLDS = 5
MOST_LABELS: Mapping[str, int] = {"seeded_kmeans": 3000}
"""More labels are thinned, every class keeping its share; the kernel machine learns from any number."""
_SIMULATED = 1200
_FILLED_TO = 60  # rows of a class, labels and simulation together, where simulation only fills up
_PLENTY = 1500  # labels from which on they need no more than their rare classes filled up
_SHARES = (0.25, 0.5)  # of the files, for the learning curve
_KNOWN_SHARE = 0.5  # of the labelled objects, of classes that simulation knows

RECIPES: Mapping[str, str] = {
    "labels": "labels alone",
    "filled": "labels, rare classes filled up with simulation",
    "simulated": "labels beside simulation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The recognizer in use, and how it came about.

    Attributes
    ----------
    recognizer : Recognizer
    recipe : str
        One of `RECIPES`; empty for one that learned from no labels.
    label_ids : frozenset of int
        Labels it learned from.
    """

    recognizer: Recognizer
    recipe: str = ""
    label_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the configuration says of learning.

    Attributes
    ----------
    method : str
    confidence : float
        Of the prediction sets.
    floors : mapping of str to float
        Recall that a class must keep.
    """

    method: str
    confidence: float
    floors: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A newly learned recognizer and what the gate says of it.

    Attributes
    ----------
    recognizer : Recognizer
    recipe : str
    label_ids : tuple of int
        Those it learned from, ascending.
    judged : Judged
    dissents : tuple of Dissent
    verdict : Verdict
    curve : tuple of Point
        Recall on labels held out, from a part of the labels up to all of them.
    """

    recognizer: Recognizer
    recipe: str
    label_ids: tuple[int, ...]
    judged: Judged
    dissents: tuple[Dissent, ...]
    verdict: Verdict
    curve: tuple[Point, ...]


def learn_candidate(
    labels: TrainingSet,
    simulated: TrainingSet | None,
    champion: Champion,
    settings: Settings,
    *,
    say: Say = lambda _: None,
) -> Candidate:
    """Learn a candidate from labels and judge it beside the champion on frames that neither learned from.

    For each fifth of the groups (specimens, else frames) both are judged on what they did not see: the candidate
    learned from the other four; so did the champion, by its own recipe and from its own labels, where it had seen
    that fifth.

    Parameters
    ----------
    labels : TrainingSet
    simulated : TrainingSet or None
        What the starter learned from; None to learn from labels alone.

    Raises
    ------
    ModelRefused
        The labels can't make a recognizer: one class alone and no simulation.
    """
    recipe = recipe_for(labels, simulated)
    say(RECIPES[recipe])
    kept = labels.only(_thinned(labels.classes, MOST_LABELS.get(settings.method, len(labels))))
    if len(kept) < len(labels):
        say(f"{len(kept)} of {len(labels)} labels are kept, the same share of every class")
    codes, groups = _codes(kept.classes), np.array(kept.groups)
    parts = folds(codes, groups, count=FOLDS, seed=0)
    judged, where = _held_out(kept, parts, recipe, simulated, champion, settings, say)
    curve = _curve(kept, parts, recipe, simulated, settings, say)
    say("learning from all labels")
    recognizer = learned_by(recipe, kept, simulated, settings)
    disputed = dissents(
        judged.truth,
        judged.candidate,
        [kept.operators[k] for k in where],
        [int(kept.label_ids[k]) for k in where],
    )
    return Candidate(
        recognizer=recognizer,
        recipe=recipe,
        label_ids=tuple(sorted(int(k) for k in kept.label_ids)),
        judged=judged,
        dissents=tuple(disputed),
        verdict=judge(judged, floors=settings.floors, dissents=disputed),
        curve=(*curve, *_last_point(judged, parts)),
    )


def _held_out(
    labels: TrainingSet,
    parts: Sequence[tuple[Codes, Codes]],
    recipe: str,
    simulated: TrainingSet | None,
    champion: Champion,
    settings: Settings,
    say: Say,
) -> tuple[Judged, Codes]:
    """Return what candidate and champion call the labels they did not learn from, and which labels these are."""
    by_champion, by_candidate = _Said(len(labels)), _Said(len(labels))
    seen = np.zeros(len(labels), bool)
    for number, (train, test) in enumerate(parts, start=1):
        say(f"held out {number} of {len(parts)}")
        part, held = labels.only(_mask(train, len(labels))), labels.only(_mask(test, len(labels)))
        candidate = learned_by(recipe, part, simulated, settings)
        rival = _without(champion, part, held, simulated, settings)
        for which, recognizer in ((by_champion, rival), (by_candidate, candidate)):
            which.take(np.sort(test), recognizer, held)
        seen[test] = True
    where = np.flatnonzero(seen)
    return _judged(labels, where, by_champion, by_candidate), where


def held_out_from_both(labels: TrainingSet, champion: Recognizer, candidate: Recognizer) -> Judged:
    """Return what two recognizers call labels that neither learned from."""
    by_champion, by_candidate = _Said(len(labels)), _Said(len(labels))
    everywhere = np.arange(len(labels))
    by_champion.take(everywhere, champion, labels)
    by_candidate.take(everywhere, candidate, labels)
    return _judged(labels, everywhere, by_champion, by_candidate)


def _judged(labels: TrainingSet, where: Codes, champion: "_Said", candidate: "_Said") -> Judged:
    return Judged(
        truth=tuple(labels.classes[k] for k in where),
        champion=tuple(champion.class_[k] for k in where),
        candidate=tuple(candidate.class_[k] for k in where),
        groups=tuple(labels.groups[k] for k in where),
        champion_loss=tuple(champion.loss[where].tolist()),
        candidate_loss=tuple(candidate.loss[where].tolist()),
    )


class _Said:
    """What a recognizer said of each label held out: its class, and ``-ln`` of the probability of the class labelled."""

    def __init__(self, n: int) -> None:
        self.class_ = [""] * n
        self.loss = np.zeros(n)

    def take(self, places: Codes, recognizer: Recognizer, held: TrainingSet) -> None:
        """Ask a recognizer about the labels at these places."""
        told = recognizer.recognise(held.features, held.feature_names)
        column = {name: k for k, name in enumerate(told.classes)}
        for place, row, class_ in zip(places.tolist(), told.probability, held.classes, strict=True):
            self.class_[place] = told.classes[int(row.argmax())]
            of_truth = row[column[class_]] if class_ in column else 0.0
            self.loss[place] = -np.log(max(of_truth, LEAST_PROBABILITY))


def _curve(
    labels: TrainingSet,
    parts: Sequence[tuple[Codes, Codes]],
    recipe: str,
    simulated: TrainingSet | None,
    settings: Settings,
    say: Say,
) -> list[Point]:
    """Return what a quarter and a half of the files would have taught, on the same files held out."""
    points = []
    for share in _SHARES:
        hits, counts, used = Counter[str](), Counter[str](), list[int]()
        for train, test in parts:
            part = _fewer_groups(labels.only(_mask(train, len(labels))), share)
            held = labels.only(_mask(test, len(labels)))
            try:
                said = _named(learned_by(recipe, part, simulated, settings), held)
            except ModelRefused:
                continue  # a part with one class alone teaches nothing
            used.append(len(part))
            counts.update(held.classes)
            hits.update(true for true, word in zip(held.classes, said, strict=True) if true == word)
        if used:
            say(f"learned from {share:.0%} of the files")
            recall = {name: (hits[name], counts[name]) for name in sorted(counts)}
            points.append(Point(labels=round(float(np.mean(used))), recall=recall))
    return points


def _last_point(judged: Judged, parts: Sequence[tuple[Codes, Codes]]) -> list[Point]:
    if not parts:
        return []
    recall = {name: (share.hits, share.n) for name, share in judged.recalls("candidate").items()}
    return [Point(labels=round(float(np.mean([len(train) for train, _ in parts]))), recall=recall)]


def _fewer_groups(rows: TrainingSet, share: float) -> TrainingSet:
    """Return the rows of a share of the groups, the same ones for the same rows."""
    names = np.unique(np.array(rows.groups))
    chosen = np.random.default_rng(0).permutation(names)[: max(1, round(share * len(names)))]
    return rows.only(np.isin(np.array(rows.groups), chosen))


def recipe_for(labels: TrainingSet, simulated: TrainingSet | None) -> str:
    """Return how to learn from labels: beside simulation, filled up with it, or alone.

    The recipe is not chosen by how well it does on the labels: people label what the recognizer was unsure of, and
    on such objects alone a recognizer without simulation looks best that is far worse on all the others. Labels
    whose classes simulation hardly knows are of another material, and learned from alone.
    """
    if simulated is None:
        return "labels"
    known = set(simulated.classes)
    objects = [class_ for class_ in labels.classes if class_ != ARTEFACT]
    if sum(class_ in known for class_ in objects) < _KNOWN_SHARE * len(objects):
        return "labels"
    return "simulated" if len(labels) < _PLENTY else "filled"


def learned_by(
    recipe: str, labels: TrainingSet, simulated: TrainingSet | None, settings: Settings
) -> Recognizer:
    """Learn from labels by one recipe.

    Without simulation, whose classes are even, rows are weighted so that each class counts the same, as it does at
    the gate: people label what is there, and what matters most is rare.

    Raises
    ------
    ModelRefused
        These rows can't make a recognizer.
    """
    rows = rows_of(recipe, labels, simulated)
    return fit_recognizer(
        rows.features,
        rows.classes,
        rows.feature_names,
        groups=rows.groups,
        objects=rows.objects,
        method=settings.method,
        confidence=settings.confidence,
        class_weight="balanced" if recipe != "simulated" and settings.method == "kernel_elm" else None,
        provenance=f"{len(labels)} operators' labels ({RECIPES[recipe]})",
        feature_set=rows.feature_set,
        nm_per_px_range=rows.nm_per_px_range,
    )


def rows_of(recipe: str, labels: TrainingSet, simulated: TrainingSet | None) -> TrainingSet:
    """Return what a recipe learns from: the labels, then simulated rows."""
    if recipe == "labels" or simulated is None:
        return labels
    if recipe == "simulated":
        return labels.with_rows_of(simulated.only(_thinned(simulated.classes, _SIMULATED)))
    have = labels.rows_by_class
    names = np.array(simulated.classes)
    chosen = np.zeros(len(simulated), bool)
    for class_ in np.unique(names):
        wanted = max(0, _FILLED_TO - have.get(str(class_), 0))
        mine = np.flatnonzero(names == class_)
        chosen[np.random.default_rng(0).permutation(mine)[:wanted]] = True
    return labels.with_rows_of(simulated.only(chosen)) if chosen.any() else labels


def _without(
    champion: Champion,
    part: TrainingSet,
    held: TrainingSet,
    simulated: TrainingSet | None,
    settings: Settings,
) -> Recognizer:
    """Return the champion as it would be without the labels held out."""
    if not champion.recipe or not champion.label_ids.intersection(held.label_ids.tolist()):
        return champion.recognizer
    own = part.only(np.isin(part.label_ids, list(champion.label_ids)))
    try:
        return learned_by(champion.recipe, own, simulated, settings)
    except ModelRefused:
        # Too little of it is left. As it is, it has seen the answers: the candidate has the harder stand.
        return champion.recognizer


def _named(recognizer: Recognizer, rows: TrainingSet) -> list[str]:
    told: Any = recognizer.recognise(rows.features, rows.feature_names)
    return [told.classes[k] for k in told.probability.argmax(axis=1)]


def _thinned(classes: Sequence[str], most: int) -> NDArray[np.bool_]:
    return _mask(stratified(_codes(classes), most, np.random.RandomState(0)), len(classes))


def _codes(classes: Sequence[str]) -> Codes:
    codes: Codes = np.unique(np.array(classes), return_inverse=True)[1]
    return codes


def _mask(rows: Codes, n: int) -> NDArray[np.bool_]:
    mask = np.zeros(n, bool)
    mask[rows] = True
    return mask
