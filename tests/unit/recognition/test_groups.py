"""A group stands, or its members do."""

import numpy as np
import pytest

from temwatch.recognition.groups import standing
from temwatch.recognition.recognizer import Recognition

CLASSES = ("artefact", "looseness", "particle", "pore")


def _seen(*best: tuple[str, float]) -> Recognition:
    probability = np.zeros((len(best), len(CLASSES)))
    for row, (name, sure) in zip(probability, best, strict=True):
        row[:] = (1 - sure) / (len(CLASSES) - 1)
        row[CLASSES.index(name)] = sure
    return Recognition(
        classes=CLASSES,
        probability=probability,
        prediction_sets=((),) * len(best),
        novelty=np.zeros(len(best)),
    )


@pytest.mark.parametrize(
    ("members", "group", "stands"),
    [
        (("pore", 0.9), ("looseness", 0.6), True),
        (("looseness", 0.5), ("looseness", 0.8), True),
        (("particle", 0.95), ("particle", 0.7), False),
        (("pore", 0.9), ("artefact", 0.6), False),
        (("artefact", 0.9), ("looseness", 0.6), True),
    ],
)
def test_a_group_stands_where_it_is_a_defect_that_its_members_are_not_or_are_less_surely(
    members, group, stands
):
    seen = _seen(members, members, members, group, ("pore", 0.8))
    assert standing(seen, {3: (0, 1, 2)}).tolist() == [not stands] * 3 + [stands, True]


def test_without_groups_everything_stands():
    assert standing(_seen(("pore", 0.8), ("artefact", 0.7)), {}).all()
