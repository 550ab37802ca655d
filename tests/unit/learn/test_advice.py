"""The learning curve says whether more labels are worth the work."""

import pytest

from temwatch.learn.advice import Point, outlooks


def curve(**recalls: list[float]) -> list[Point]:
    n = 1000
    return [
        Point(labels=25 * 2**k, recall={name: (round(n * r[k]), n) for name, r in recalls.items()})
        for k in range(3)
    ]


def test_an_error_that_halves_with_every_doubling_halves_again() -> None:
    (pore,) = outlooks(curve(pore=[0.6, 0.8, 0.9]))
    assert pore.then == pytest.approx(0.95, abs=0.003)
    assert pore.sentence == "pore: 90% right; as many labels again would bring about 95%"


def test_a_flat_curve_promises_nothing() -> None:
    (pore,) = outlooks(curve(pore=[0.8, 0.8, 0.8]))
    assert "would hardly change that" in pore.sentence


def test_a_falling_recall_promises_nothing() -> None:
    (pore,) = outlooks(curve(pore=[0.9, 0.85, 0.8]))
    assert pore.then == pore.now


def test_a_class_that_is_always_right_needs_no_more() -> None:
    (pore,) = outlooks(curve(pore=[1.0, 1.0, 1.0]))
    assert pore.then == 1.0


def test_the_class_most_worth_it_comes_first() -> None:
    found = outlooks(curve(pore=[0.8, 0.8, 0.8], crack=[0.2, 0.5, 0.7]))
    assert [one.class_ for one in found] == ["crack", "pore"]


def test_few_labels_say_nothing() -> None:
    points = [Point(labels=10 * k, recall={"crack": (2, 5)}) for k in (1, 2, 3)]
    (crack,) = outlooks(points)
    assert (crack.now, crack.then) == (None, None)
    assert "5 labels held out are too few" in crack.sentence


def test_two_points_are_no_curve() -> None:
    (pore,) = outlooks(curve(pore=[0.6, 0.8, 0.9])[1:])
    assert pore.then is None
    assert "no curve yet" in pore.sentence


def test_without_any_point_there_is_nothing_to_say() -> None:
    assert outlooks([]) == []
