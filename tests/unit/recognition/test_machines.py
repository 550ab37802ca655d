"""The paper's recognizer does as a saved model what the chain it was fitted from does, and its sets widen on demand."""

import json

import numpy as np
import pytest

from temwatch.errors import ModelRefused
from temwatch.recognition.fitting import fit_recognizer
from temwatch.recognition.methods import paper_chain
from temwatch.recognition.portable import digest, from_arrays, to_arrays
from temwatch.recognition.recognizer import fit_scaler
from temwatch.recognition.tempered import Tempered
from unit.recognition.conftest import NAMES


@pytest.fixture(scope="module")
def paper(wine):
    features, classes, groups = wine
    return fit_recognizer(
        features, classes, NAMES, groups=groups, method="seeded_kmeans", provenance="wines, for tests"
    )


@pytest.fixture
def packed(paper):
    manifest, arrays = to_arrays(paper)
    return json.loads(json.dumps(manifest)), {name: array.copy() for name, array in arrays.items()}


def test_the_saved_machine_says_what_the_fitted_chain_says(paper, wine):
    features, classes, groups = wine
    codes = np.unique(classes, return_inverse=True)[1]
    held = np.unique([str(group) for group in groups], return_inverse=True)[1]
    chain = Tempered(paper_chain(0)).fit(fit_scaler(features).fill(features), codes, groups=held)
    np.testing.assert_allclose(
        paper.recognise(features, NAMES).probability, chain.predict_proba(features), atol=1e-9
    )


def test_its_card_tells_what_was_chosen_and_how_it_did_on_rows_held_out(paper):
    assert paper.card.method == "seeded_kmeans"
    assert {"selected", "dimensions", "clusters", "temperature"} <= set(paper.card.settings)
    assert 0.85 < paper.card.scores["accuracy"] < 1.0
    assert paper.card.held_out == "group"


def test_what_comes_back_recognises_the_same(paper, packed, wine):
    again = from_arrays(*packed)
    before, after = paper.recognise(wine[0], NAMES), again.recognise(wine[0], NAMES)
    np.testing.assert_array_equal(before.probability, after.probability)
    assert before.prediction_sets == after.prediction_sets
    assert digest(*to_arrays(again)) == digest(*packed)
    assert again.recognise(np.empty((0, 13)), NAMES).probability.shape == (0, 3)


def test_far_from_everything_is_new(paper, wine):
    wild = np.full((1, 13), 1e6)
    assert paper.recognise(wild, NAMES).novelty[0] == 1.0
    assert np.median(paper.recognise(wine[0], NAMES).novelty) < 0.8


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("columns", 13.0, "not among 13 features"),
        ("columns", 0.5, "not among 13 features"),
        ("shares", 0.0, "a cluster has no rows"),
        ("nonconformity", 2.0, "does not ascend"),
        ("nonconformity_counts", 1.0, "don't share out"),
        ("centres", np.nan, "not finite"),
    ],
)
def test_arrays_that_make_no_sense_are_refused(packed, name, value, told):
    manifest, arrays = packed
    arrays[name].ravel()[0] = value
    with pytest.raises(ModelRefused, match=told):
        from_arrays(manifest, arrays)


def test_a_method_nobody_knows_is_refused(packed):
    manifest, arrays = packed
    manifest["card"]["method"] = "oracle"
    with pytest.raises(ModelRefused, match=r"card\.method is 'oracle'"):
        from_arrays(manifest, arrays)


def test_an_array_too_few_is_named(packed):
    manifest, arrays = packed
    del arrays["votes"]
    with pytest.raises(ModelRefused, match="votes"):
        from_arrays(manifest, arrays)


def test_another_confidence_gives_the_sets_of_a_recognizer_fitted_for_it(wine, recognizer):
    features, classes, groups = wine
    fitted = fit_recognizer(features, classes, NAMES, groups=groups, confidence=0.7, provenance="test")
    turned = recognizer.at_confidence(0.7)
    np.testing.assert_array_equal(turned.thresholds, fitted.thresholds)
    assert turned.card.confidence == 0.7


def test_more_confidence_never_makes_a_set_smaller(paper, wine):
    low, high = (paper.at_confidence(c).recognise(wine[0], NAMES).prediction_sets for c in (0.6, 0.95))
    assert all(set(few) <= set(many) for few, many in zip(low, high, strict=True))
    assert sum(map(len, low)) < sum(map(len, high))


def test_a_recognizer_saved_without_its_scores_keeps_its_confidence_and_says_so(recognizer):
    manifest, arrays = to_arrays(recognizer)
    old = from_arrays(manifest, {k: v for k, v in arrays.items() if not k.startswith("nonconformity")})
    assert old.at_confidence(0.9) is old
    with pytest.raises(ModelRefused, match="prediction sets of 90% only, 95% is asked"):
        old.at_confidence(0.95)
    assert old.thresholds.tolist() == recognizer.thresholds.tolist()


def test_class_weights_are_refused_where_they_would_do_nothing(wine):
    features, classes, groups = wine
    with pytest.raises(ModelRefused, match="no class weights"):
        fit_recognizer(
            features,
            classes,
            NAMES,
            groups=groups,
            method="seeded_kmeans",
            class_weight="balanced",
            provenance="test",
        )


def test_two_rows_are_too_few_for_the_papers_recognizer(wine):
    with pytest.raises(ModelRefused, match="too few to hold any out"):
        fit_recognizer(
            wine[0][[0, 177]],
            ["pore", "crack"],
            NAMES,
            groups=None,
            method="seeded_kmeans",
            provenance="test",
        )


def test_a_class_of_one_is_learned_and_the_card_says_it_could_not_be_held_out(wine):
    features, classes, _ = wine
    made = fit_recognizer(
        features[::4],
        ["dust", *classes[4::4]],
        NAMES,
        groups=None,
        method="seeded_kmeans",
        provenance="test",
    )
    assert "dust" in made.classes
    assert any("44 of 45 rows could be held out" in note for note in made.card.notes)
    assert any("too few rows to rule out dust" in note for note in made.card.notes)
