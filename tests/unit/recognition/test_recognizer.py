"""A recognizer says what it knows of objects, and refuses what it has not learned to read."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import temwatch
from temwatch.errors import ModelRefused
from temwatch.recognition.fitting import fit_recognizer
from temwatch.recognition.recognizer import fit_scaler
from unit.recognition.conftest import NAMES


def _fit(features, classes, names=NAMES, **settings):
    return fit_recognizer(features, classes, names, **{"groups": None, "provenance": "test", **settings})


def test_it_knows_the_objects_it_learned(recognizer, wine):
    features, classes, _ = wine
    seen = recognizer.recognise(features, NAMES)
    named = [seen.classes[k] for k in seen.probability.argmax(axis=1)]
    assert np.mean([a == b for a, b in zip(named, classes, strict=True)]) > 0.98
    np.testing.assert_allclose(seen.probability.sum(axis=1), 1.0)
    assert len(seen.prediction_sets) == len(seen.novelty) == len(features)


def test_no_objects_give_no_answers(recognizer):
    seen = recognizer.recognise(np.empty((0, 13)), NAMES)
    assert seen.probability.shape == (0, 3)
    assert seen.prediction_sets == ()
    assert seen.novelty.shape == (0,)
    assert recognizer.recognise([], NAMES).probability.shape == (0, 3)


def test_objects_are_judged_one_by_one_as_they_are_together(recognizer, wine):
    together = recognizer.recognise(wine[0][:9], NAMES)
    for number in range(9):
        alone = recognizer.recognise(wine[0][number : number + 1], NAMES)
        np.testing.assert_allclose(alone.probability[0], together.probability[number], atol=1e-12)
        assert alone.novelty[0] == pytest.approx(together.novelty[number], abs=1e-3)


@pytest.mark.parametrize("gap", [np.nan, np.inf, -np.inf])
def test_a_gap_counts_as_the_training_median(recognizer, wine, gap):
    holed, filled = wine[0][:1].copy(), wine[0][:1].copy()
    holed[0, 4] = gap
    filled[0, 4] = np.median(wine[0][:, 4])
    np.testing.assert_array_equal(
        recognizer.recognise(holed, NAMES).probability, recognizer.recognise(filled, NAMES).probability
    )


def test_an_absurd_value_is_clipped_and_stays_a_probability(recognizer, wine):
    wild = wine[0][:1].copy()
    wild[0, :] = 1e300
    seen = recognizer.recognise(wild, NAMES)
    assert np.isfinite(seen.probability).all()
    assert seen.novelty[0] == 1.0


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (NAMES[:-1], "missing: measure_12"),
        ((*NAMES[:-1], "weight"), "missing: measure_12; unknown: weight"),
        ((NAMES[1], NAMES[0], *NAMES[2:]), r"order differs from column 0 \(measure_0\)"),
    ],
)
def test_other_features_are_refused_naming_the_difference(recognizer, names, told):
    with pytest.raises(ModelRefused, match=told):
        recognizer.recognise(np.zeros((1, len(names))), names)


def test_a_table_of_another_width_is_refused(recognizer):
    with pytest.raises(ModelRefused, match=r"\(1, 12\) given, \(n, 13\) expected"):
        recognizer.recognise(np.zeros((1, 12)), NAMES)


def test_a_constant_column_says_nothing_whatever_it_holds():
    scaler = fit_scaler(np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 3.0]]))
    assert scaler.standardise(np.array([[77.0, 2.0]])).tolist() == [[0.0, 0.0]]


def test_a_column_without_any_value_says_nothing():
    scaler = fit_scaler(np.array([[np.nan, 1.0], [np.nan, 2.0]]))
    assert scaler.standardise(np.array([[5.0, 1.5]])).tolist() == [[0.0, 0.0]]


def test_the_card_tells_where_it_comes_from_and_how_it_did(recognizer):
    card = recognizer.card
    assert card.provenance == "wines, for tests"
    assert card.classes == ("crack", "pore", "slag_inclusion")
    assert card.rows_by_class == {"crack": 71, "pore": 59, "slag_inclusion": 48}
    assert (card.groups, card.held_out) == (12, "group")
    assert card.scores["accuracy"] > 0.95


def test_held_out_scores_are_honest_about_groups():
    random = np.random.default_rng(0)
    labels = np.array(["pore", "crack"])[np.arange(120) % 2].tolist()
    specimen = np.arange(120) // 6
    # Nothing but the specimen is in the features, and the class of a row within its specimen in the first.
    features = random.normal(0, 1, (20, 4))[specimen] + 0.01 * random.normal(0, 1, (120, 4))
    sides = random.normal(0, 1, 20)[specimen] * np.where(np.array(labels) == "pore", 1.0, -1.0)
    features[:, 0] = sides
    by_row = _fit(features, labels, NAMES[:4]).card
    by_group = _fit(features, labels, NAMES[:4], groups=specimen.tolist()).card
    assert (by_row.held_out, by_group.held_out) == ("object", "group")
    assert by_row.scores["accuracy"] > by_group.scores["accuracy"] + 0.1


def test_with_a_class_in_one_group_alone_objects_are_held_out_and_the_card_says_so(wine):
    features, classes, _ = wine
    card = _fit(features, classes, groups=[name == "pore" for name in classes]).card
    assert card.held_out == "object"
    assert "objects come from 2 group(s)" in card.notes[0]
    three = [("p" if name == "pore" else str(k % 3)) for k, name in enumerate(classes)]
    assert _fit(features, classes, groups=three).card.notes[0].startswith("only one group shows pore")


def test_rows_of_one_object_are_never_held_out_apart(wine):
    features, classes, _ = wine
    noisy = np.random.default_rng(0).permutation(classes).tolist()
    twice, object_of = np.vstack([features, features]), np.tile(np.arange(178), 2).tolist()
    apart = _fit(twice, noisy * 2).card.scores["accuracy"]
    together = _fit(twice, noisy * 2, objects=object_of).card.scores["accuracy"]
    assert apart > 0.9
    assert together < 0.6


def test_a_class_too_small_to_be_ruled_out_is_named(wine):
    features, classes, _ = wine
    few = [k for k, name in enumerate(classes) if name != "pore"] + [0, 1, 2]
    card = _fit(features[few], [classes[k] for k in few]).card
    assert card.notes == ("too few rows to rule out pore at 90%: always in the prediction set",)


def test_the_same_material_gives_the_same_recognizer(recognizer, wine):
    features, classes, groups = wine
    again = fit_recognizer(
        features, classes, NAMES, groups=groups, provenance="wines, for tests", feature_set="wine/1"
    )
    np.testing.assert_array_equal(again.machine.weights, recognizer.machine.weights)
    assert again.card == recognizer.card


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method": "oracle"}, "unknown method 'oracle'. Next: choose one of: kernel_elm"),
        ({"confidence": 1.0}, "confidence 1.0 is not between 0 and 1"),
        ({"classes": ["pore"] * 178}, r"labels of 1 class given \(pore\)"),
        ({"classes": ["pore"] * 5}, r"shape \(178, 13\) don't fit 5 labels and 13 names"),
        ({"feature_names": ["x"] * 13}, "two features have the same name"),
        ({"groups": [1, 2]}, "2 groups for 178 rows"),
        ({"objects": [1, 2]}, "2 objects for 178 rows"),
    ],
)
def test_material_that_makes_no_recognizer_is_refused(wine, change, told):
    given = {"classes": wine[1], "feature_names": NAMES, "groups": None, "provenance": "test", **change}
    classes, names = given.pop("classes"), given.pop("feature_names")
    with pytest.raises(ModelRefused, match=told):
        fit_recognizer(wine[0], classes, names, **given)


def test_a_worker_that_loads_and_recognises_never_imports_scikit_learn_or_scipy():
    program = (
        "import sys, temwatch.store.shelf, temwatch.recognition.recognizer, temwatch.acceptance.verdict;"
        "print(sorted(name for name in sys.modules if name in ('sklearn', 'scipy', 'cv2', 'pandas')))"
    )
    source = str(Path(temwatch.__file__).parents[1])
    out = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": source},
    )
    assert out.stdout.strip() == "[]"
