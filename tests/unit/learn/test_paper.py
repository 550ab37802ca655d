"""The paper's experiment: claims are judged by intervals, whichever way they come out."""

from dataclasses import replace

import numpy as np
import pytest

from temwatch.errors import AtlasRefused
from temwatch.learn.atlas import Atlas
from temwatch.learn.comparison import Comparison, Result
from temwatch.learn.paper import (
    CLASSES,
    METHODS,
    as_text,
    basic_places,
    claims,
    reproduce,
)
from temwatch.recognition.evaluation import Share
from temwatch.vision.features import BASIC_NAMES


def _result(method: str, accuracies: list[float], recall: float = 0.8) -> Result:
    return Result(
        method=method,
        title=method,
        by_repeat=tuple(accuracies),
        accuracy=(float(np.mean(accuracies)), float(np.std(accuracies, ddof=1))),
        macro_f1=(0.8, 0.1),
        overall=Share(240, 300),
        recall=(Share(95, 100), Share(round(100 * recall), 100), Share(round(100 * recall), 100)),
        ece=0.1,
        reliability=((0.9, 0.8, 300),),
        log_loss=0.5,
        confusion=np.array([[190, 5, 5], [2, 150, 48], [2, 50, 148]]),
        optimistic=None,
        sets=None,
    )


def _comparison(**accuracies: list[float]) -> Comparison:
    usual = [0.86, 0.88, 0.84, 0.90, 0.87, 0.85]
    return Comparison(
        atlas="made up",
        digest="0" * 64,
        split="random",
        rows=300,
        groups=10,
        repeats=6,
        train=(120, 120),
        test=(60, 60),
        classes=CLASSES,
        rows_by_class=dict.fromkeys(CLASSES, 100),
        results=tuple(_result(name, accuracies.get(name, usual)) for name in METHODS),
        notes=(),
    )


def _verdicts(made: Comparison, places: list[int]) -> dict[str, str]:
    return {claim.says: claim.verdict for claim in claims(made, np.array([places] * 6), 56)}


def test_figures_near_the_papers_are_reproduced_and_others_are_not():
    far = _comparison(five_skm=[0.60, 0.62, 0.58, 0.61, 0.63, 0.59])
    verdicts = _verdicts(far, [1, 2, 3, 4, 5])
    assert verdicts["88.3 % with the five basic features (section 4.2)"] == "not reproduced"
    assert verdicts["86.5 % with ReliefF, then PCA (abstract)"] == "reproduced"


def test_equal_methods_leave_it_undecided_which_is_better():
    assert (
        _verdicts(_comparison(), [1, 2, 3, 4, 5])["ReliefF, then PCA, serves better than PCA alone"]
        == "undecided"
    )


def test_a_clear_gap_decides_which_is_better():
    low = [value - 0.2 for value in (0.86, 0.88, 0.84, 0.90, 0.87, 0.85)]
    assert (
        _verdicts(_comparison(pca_skm=low), [1, 2, 3, 4, 5])["ReliefF serves better than PCA"] == "reproduced"
    )
    assert (
        _verdicts(_comparison(relieff_skm=low), [1, 2, 3, 4, 5])["ReliefF serves better than PCA"]
        == "not reproduced"
    )


def test_cracks_easy_and_pores_taken_for_slag_are_seen():
    verdicts = _verdicts(_comparison(), [1, 2, 3, 4, 5])
    assert verdicts["cracks are the easiest to recognise (figure 10, table 3)"] == "reproduced"
    assert verdicts["pores and slag inclusions are confused with each other (table 3)"] == "reproduced"


@pytest.mark.parametrize(
    ("places", "verdict"), [([1, 2, 3, 4, 5], "reproduced"), ([20, 30, 40, 50, 56], "not reproduced")]
)
def test_where_basic_shape_stands_in_the_weights_is_judged(places, verdict):
    assert _verdicts(_comparison(), places)["basic shape leads the ReliefF weights (section 3)"] == verdict


@pytest.fixture(scope="module")
def atlas():
    random = np.random.default_rng(0)
    codes = np.arange(240) % 3
    names = (*BASIC_NAMES, *(f"other_{number}" for number in range(7)))
    features = random.normal(size=(240, len(names)))
    features[:, :5] += 3 * codes[:, None]
    return Atlas(
        name="shape tells all",
        features=features,
        feature_names=names,
        classes=tuple(np.array(CLASSES)[codes].tolist()),
        groups=tuple(str(number // 12) for number in range(240)),
        hashes=tuple(str(number) for number in range(240)),
    )


def test_features_that_tell_the_classes_apart_come_first(atlas):
    assert basic_places(atlas, repeats=2, seed=1).tolist() == [[1, 2, 3, 4, 5]] * 2


def test_the_whole_experiment_runs_and_every_claim_has_an_answer(atlas):
    made = reproduce(atlas, repeats=2, seed=1)
    assert made.comparison.train == (120, 120)
    assert made.comparison.test == (60, 60)
    text = as_text(made)
    for claim in made.claims:
        assert claim.says in text
        assert claim.verdict in ("reproduced", "not reproduced", "undecided")


def test_an_atlas_without_slag_is_refused(atlas):
    with pytest.raises(AtlasRefused, match="slag_inclusion"):
        reproduce(replace(atlas, classes=("crack", "pore", "other") * 80), repeats=2, seed=1)
