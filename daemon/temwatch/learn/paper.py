"""The paper's experiment on simulated specimens, and which of its claims come out: 180 objects, 120 to learn from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from temwatch.learn.atlas import Atlas
from temwatch.learn.comparison import Comparison, Result, compare
from temwatch.recognition.evaluation import Z95, Share
from temwatch.recognition.intervals import difference, paired
from temwatch.recognition.recognizer import fit_scaler
from temwatch.recognition.relieff import ReliefF
from temwatch.recognition.selection import first_of_each, row_hashes
from temwatch.vision.features import BASIC_NAMES

TRAIN, TEST = 120, 60
METHODS = ("five_skm", "relieff_skm", "pca_skm", "paper", "kernel_elm")
CLASSES = ("crack", "pore", "slag_inclusion")

Verdict = Literal["reproduced", "not reproduced", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One statement of the paper beside what came out here.

    Attributes
    ----------
    says : str
        What the paper says, and where.
    here : str
        The figure that answers it, with its 95 % interval.
    verdict : str
        ``"undecided"``: the interval holds both answers.
    """

    says: str
    here: str
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """The comparison the claims rest on, and the claims."""

    comparison: Comparison
    claims: tuple[Claim, ...]


def reproduce(
    atlas: Atlas, *, repeats: int, seed: int, progress: Callable[[int, int], Any] = lambda _done, _of: None
) -> Reproduction:
    """Run the paper's experiment on an atlas that holds cracks, pores and slag inclusions.

    Every repeat draws 180 objects anew, stratified by class, 120 to learn from and 60 held out (the paper's 53 of
    60 is 88.3 %).

    Parameters
    ----------
    atlas : Atlas
    repeats : int
        At least 2.
    seed : int
    progress : callable
        Told fits done and fits in all.

    Raises
    ------
    AtlasRefused
        As `comparison.compare`; also for an atlas without these three classes.
    """
    made = compare(
        atlas.only(CLASSES),
        methods=METHODS,
        split="random",
        train=TRAIN,
        test=TEST,
        repeats=repeats,
        seed=seed,
        progress=progress,
    )
    places = basic_places(atlas.only(CLASSES), repeats=repeats, seed=seed)
    return Reproduction(comparison=made, claims=claims(made, places, len(atlas.feature_names)))


def basic_places(atlas: Atlas, *, repeats: int, seed: int) -> NDArray[np.intp]:
    """Return the places of the five basic features in the order of ReliefF, 1 the first.

    Returns
    -------
    ndarray of int, shape (repeats, 5)
        Ascending in every row; each repeat weighs 120 rows drawn anew.
    """
    distinct = first_of_each(row_hashes(atlas.features))
    table, names = atlas.features[distinct], np.array(atlas.classes)[distinct]
    basic = np.isin(atlas.feature_names, BASIC_NAMES)
    places = []
    for repeat in range(repeats):
        size = min(TRAIN, len(names) - len(CLASSES))
        rows, _ = train_test_split(
            np.arange(len(names)), train_size=size, stratify=names, random_state=seed + repeat
        )
        scaled = fit_scaler(table[rows]).standardise(table[rows])
        places.append(np.flatnonzero(basic[ReliefF().fit(scaled, names[rows]).ranking_]) + 1)
    return np.array(places)


def claims(made: Comparison, places: NDArray[np.intp], features: int) -> tuple[Claim, ...]:
    """Judge the paper's claims by a comparison of `METHODS` and the places of the basic features.

    Parameters
    ----------
    made : Comparison
    places : ndarray of int, shape (repeats, 5)
        See `basic_places`.
    features : int
        How many are ranked.
    """
    by_name = {result.method: result for result in made.results}
    five, relieff, pca, both = (by_name[name] for name in METHODS[:4])
    ratio = made.test[1] / made.train[1]
    return (
        _figure("88.3 % with the five basic features (section 4.2)", 53 / 60, five),
        _figure("86.5 % with ReliefF, then PCA (abstract)", 0.865, both),
        _better(
            "five basic features do as well as the whole chain (88.3 against 86.5 %)",
            five,
            both,
            ratio,
            -0.02,
        ),
        _better("ReliefF serves better than PCA", relieff, pca, ratio),
        _better("ReliefF, then PCA, serves better than ReliefF alone", both, relieff, ratio),
        _better("ReliefF, then PCA, serves better than PCA alone", both, pca, ratio),
        _easiest(made, both),
        _confused(made, both),
        _first(places, features),
    )


def _figure(says: str, claimed: float, result: Result) -> Claim:
    """Judge whether one hold-out of this size may well give the paper's figure."""
    mean, sd = result.accuracy
    low, high = mean - Z95 * sd, mean + Z95 * sd
    return Claim(
        says=says,
        here=f"{100 * mean:.1f} %; one hold-out of 60 gives {100 * low:.1f} to {100 * min(high, 1):.1f} %",
        verdict="reproduced" if low <= claimed <= high else "not reproduced",
    )


def _better(says: str, left: Result, right: Result, ratio: float, least: float = 0.0) -> Claim:
    """Judge whether one method is better than another by more than `least`, by their paired differences."""
    mean, low, high = paired(left.by_repeat, right.by_repeat, ratio)
    verdict: Verdict = "reproduced" if low > least else "not reproduced" if high < least else "undecided"
    said = f"{100 * mean:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
    return Claim(
        says=says,
        here=said + (f"; as well: at most {-100 * least:.0f} less" if least else ""),
        verdict=verdict,
    )


def _easiest(made: Comparison, result: Result) -> Claim:
    recall = dict(zip(made.classes, result.recall, strict=True))
    crack = recall["crack"]
    others = [recall[name] for name in CLASSES if name != "crack"]
    rest = Share(sum(share.hits for share in others), sum(share.n for share in others))
    gap, low, high = difference(crack, rest)
    return Claim(
        says="cracks are the easiest to recognise (figure 10, table 3)",
        here=f"recall {crack} of cracks, {rest} of the rest: {100 * gap:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]",
        verdict="reproduced" if low > 0 else "not reproduced" if high < 0 else "undecided",
    )


def _confused(made: Comparison, result: Result) -> Claim:
    """Judge whether most errors are between pore and slag; by chance a third of the kinds of error would be."""
    code = {name: number for number, name in enumerate(made.classes)}
    wrong = result.confusion - np.diag(np.diag(result.confusion))
    pore, slag = code["pore"], code["slag_inclusion"]
    # Repeats share rows: the interval counts each hold-out's errors once over all repeats.
    repeats = len(result.by_repeat)
    between, everything = int(wrong[pore, slag] + wrong[slag, pore]), int(wrong.sum())
    share = Share(round(between / repeats), max(round(everything / repeats), 1))
    low, high = share.interval
    return Claim(
        says="pores and slag inclusions are confused with each other (table 3)",
        here=f"{between} of {everything} errors in all repeats; of one hold-out's {share}",
        verdict="reproduced" if low > 1 / 3 else "not reproduced" if high < 1 / 3 else "undecided",
    )


def _first(places: NDArray[np.intp], features: int) -> Claim:
    """Judge whether basic shape leads the weights: places in the first fifth, where chance puts one of five."""
    ahead = (places <= features / 5).sum(axis=1)
    low, high = (float(np.percentile(ahead, q)) for q in (2.5, 97.5))
    middle = ", ".join(f"{place:.0f}" for place in np.median(places, axis=0))
    return Claim(
        says="basic shape leads the ReliefF weights (section 3)",
        here=f"places {middle} of {features} (medians); {ahead.mean():.1f} of 5 in the first fifth [{low:.0f}, {high:.0f}]",
        verdict="reproduced" if low > 1 else "not reproduced" if high <= 1 else "undecided",
    )


def as_text(made: Reproduction) -> str:
    """Return the claims as text: what the paper says, what came out, the verdict."""
    width = max(len(claim.says) for claim in made.claims)
    lines = ["the paper's claims, and what came out here (95 % intervals):"]
    lines += [f"  {c.says:<{width}}  {c.verdict.upper():<14}  {c.here}" for c in made.claims]
    return "\n".join(lines)
