"""Kappa is Cohen's, with an interval that holds what it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from temwatch.learn.agreement import agreements, kappa
from temwatch.model.review import Opinion

NAMES = st.sampled_from(["pore", "crack", "slag"])


@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=60))
def test_it_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    found = kappa(pairs)
    if len({name for pair in pairs for name in pair}) == 1:
        assert found is None  # everybody always says the same: nothing to agree about
    else:
        assert found is not None
        assert found[0] == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)), abs=1e-12)


def test_its_interval_holds_the_truth_as_often_as_it_says() -> None:
    dice = np.random.default_rng(5)
    joint = np.array([[0.4, 0.05, 0.05], [0.04, 0.2, 0.06], [0.02, 0.03, 0.15]])
    cells = [(str(i), str(j)) for i in range(3) for j in range(3)]
    agreed, chance = np.trace(joint), joint.sum(1) @ joint.sum(0)
    true = (agreed - chance) / (1 - chance)
    held = 0
    for _ in range(600):
        found = kappa([cells[k] for k in dice.choice(9, 150, p=joint.ravel())])
        assert found is not None
        held += abs(found[0] - true) <= 1.96 * found[1]
    assert 0.92 < held / 600 < 0.98


@settings(max_examples=30, deadline=None)
@given(pairs=st.lists(st.tuples(NAMES, NAMES), min_size=8, max_size=60))
def test_its_standard_error_is_what_the_delta_method_gives(pairs: list[tuple[str, str]]) -> None:
    names = sorted({name for pair in pairs for name in pair})
    if len(names) < 2:
        return
    cells = [(one, other) for one in names for other in names]
    p = np.array([pairs.count(cell) for cell in cells]) / len(pairs)

    def value(share: np.ndarray) -> float:
        table = share.reshape(len(names), -1)
        chance = table.sum(1) @ table.sum(0) / table.sum() ** 2
        return float((np.trace(table) / table.sum() - chance) / (1 - chance))

    step = 1e-6
    slope = np.array([(value(p + step * e) - value(p - step * e)) / (2 * step) for e in np.eye(len(p))])
    variance = (slope**2 @ p - (slope @ p) ** 2) / len(pairs)
    found = kappa(pairs)
    assert found is not None
    assert found[1] == pytest.approx(max(0.0, variance) ** 0.5, abs=1e-4)


def say(number: int, thing: int, by: str, class_: str, *, blind: bool = True) -> Opinion:
    return Opinion(
        label_id=number,
        object_id=thing,
        finding_id=f"f.{thing}",
        class_=class_,
        by=by,
        at="",
        blind=blind,
        predicted="pore",
        model_id="m",
    )


def test_each_is_compared_with_the_machine_the_others_and_themselves() -> None:
    said = [
        say(1, 1, "anna", "pore"),
        say(2, 2, "anna", "crack"),
        say(3, 1, "ben", "pore"),
        say(4, 2, "ben", "pore"),
        say(5, 1, "anna", "crack"),  # changed her mind
        say(6, 3, "anna", "pore", blind=False),
    ]
    found = {(one.between, one.who): (one.n, one.agreed) for one in agreements(said)}
    assert found == {
        ("operator and machine", ("all",)): (4, 0.75),
        ("operator and machine", ("anna",)): (2, 0.5),
        ("operator and machine", ("ben",)): (2, 1.0),
        ("operator and operator", ("all",)): (2, 0.5),
        ("operator and operator", ("anna", "ben")): (2, 0.5),
        ("operator and self", ("all",)): (1, 0.0),
        ("operator and self", ("anna",)): (1, 0.0),
    }


def test_without_blind_labels_nothing_is_claimed() -> None:
    found = agreements([say(1, 1, "anna", "pore", blind=False)])
    assert [(one.n, one.kappa, one.agreed) for one in found] == [(0, None, None)] * 3
