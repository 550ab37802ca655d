"""What a candidate learns from, and how it is judged."""

from dataclasses import replace

import numpy as np
import pytest

from temwatch.errors import AtlasRefused
from temwatch.learn.candidate import Champion, Settings, learn_candidate, recipe_for, rows_of
from temwatch.learn.training_set import TrainingSet, packed, unpacked
from temwatch.store.shelf import load, starter
from temwatch.vision.features import FEATURE_NAMES, FEATURE_SET
from unit.learn.history import CLASSES
from unit.learn.history import rows_of as features_of

SETTINGS = Settings(method="kernel_elm", confidence=0.9, floors={"crack": 0.8})


def labelled(classes: list[str], *, frames: int = 8, first_id: int = 1, seed: int = 0) -> TrainingSet:
    n = len(classes)
    known = [name if name in CLASSES else CLASSES[0] for name in classes]
    return TrainingSet(
        features=features_of(known, np.random.default_rng(seed)),
        classes=tuple(classes),
        groups=tuple(f"frame {k % frames}" for k in range(n)),
        objects=tuple(f"object {first_id + k}" for k in range(n)),
        operators=("anna",) * n,
        label_ids=np.arange(first_id, first_id + n, dtype=np.int64),
        feature_names=tuple(FEATURE_NAMES),
        feature_set=FEATURE_SET,
    )


SIMULATED = replace(labelled([*CLASSES] * 40, frames=9, seed=3), label_ids=np.zeros(120, np.int64))


def test_labels_of_known_classes_are_learned_beside_simulation() -> None:
    assert recipe_for(labelled(["pore", "crack"] * 10), SIMULATED) == "simulated"


def test_many_labels_need_no_more_than_their_rare_classes_filled_up() -> None:
    labels = labelled(["pore", "crack"] * 1000)
    assert recipe_for(labels, SIMULATED) == "filled"
    filled = rows_of("filled", labels, SIMULATED).rows_by_class
    assert filled == {"crack": 1000, "pore": 1000, "slag_inclusion": 40}


def test_labels_of_another_material_are_learned_alone() -> None:
    assert recipe_for(labelled(["loop", "loop", "pore", "artefact"] * 5), SIMULATED) == "labels"


def test_without_simulation_labels_are_learned_alone() -> None:
    assert recipe_for(labelled(["pore", "crack"] * 10), None) == "labels"


def test_no_label_is_judged_by_a_recognizer_that_learned_from_its_frame() -> None:
    labels = labelled([*CLASSES] * 16, frames=4)
    # Every frame has its own meaning of the words: right only for who has seen that very frame.
    turned = tuple(
        CLASSES[(CLASSES.index(name) + int(group.split()[1])) % 3]
        for name, group in zip(labels.classes, labels.groups, strict=True)
    )
    candidate = learn_candidate(
        replace(labels, classes=turned), None, Champion(recognizer=load(starter("learned"))), SETTINGS
    )
    right = np.mean([a == b for a, b in zip(candidate.judged.truth, candidate.judged.candidate, strict=True)])
    assert right < 0.45


def test_a_champion_that_learned_from_a_label_is_judged_without_it() -> None:
    labels = labelled([*CLASSES] * 16)
    first = learn_candidate(labels, None, Champion(recognizer=load(starter("learned"))), SETTINGS)
    champion = Champion(recognizer=first.recognizer, recipe="labels", label_ids=frozenset(first.label_ids))
    again = learn_candidate(labels, None, champion, SETTINGS)
    assert again.judged.champion == again.judged.candidate
    assert not again.verdict.passed


def test_a_training_set_comes_back_from_bytes_as_it_was() -> None:
    rows = labelled(["pore", "crack", "Riß"])
    back = unpacked(packed(rows))
    np.testing.assert_array_equal(back.features, rows.features)
    assert (back.classes, back.groups, back.digest) == (rows.classes, rows.groups, rows.digest)


@pytest.mark.parametrize("cut", [0, 5, 100, -1])
def test_a_training_set_that_is_not_whole_is_refused(cut: int) -> None:
    with pytest.raises(AtlasRefused, match="not a training set"):
        unpacked(packed(labelled(["pore", "crack"]))[:cut])


def test_rows_of_other_features_do_not_join() -> None:
    rows = labelled(["pore"])
    with pytest.raises(AtlasRefused, match="measure them again"):
        rows.with_rows_of(replace(rows, feature_set="another"))
