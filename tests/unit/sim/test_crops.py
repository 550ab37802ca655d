"""Training crops: the same number gives the same crop, and labels lie only on what can be seen."""

import numpy as np
import pytest

from temwatch.sim.chance import stream
from temwatch.sim.crop_imaging import ToneCurve
from temwatch.sim.crop_lines import normalised
from temwatch.sim.crop_objects import draw, population
from temwatch.sim.crops import crop

SOME = range(12)


def test_the_same_number_gives_the_same_crop_whatever_was_drawn_before() -> None:
    first = crop(3, 5)
    crop(3, 6)
    again = crop(3, 5)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.objects, again.objects)
    assert np.array_equal(first.lines, again.lines)


def test_other_numbers_and_other_seeds_give_other_crops() -> None:
    assert not np.array_equal(crop(3, 5).image, crop(3, 6).image)
    assert not np.array_equal(crop(3, 5).image, crop(4, 5).image)


def test_crops_vary_in_what_they_hold() -> None:
    made = [crop(1, index) for index in range(30)]
    counts = [len(np.unique(one.objects)) - 1 for one in made]
    assert min(counts) == 0
    assert max(counts) > 30
    assert 5 < sum(bool(one.lines.any()) for one in made) < 28


@pytest.mark.parametrize("index", SOME)
def test_lines_are_not_labelled_inside_objects(index: int) -> None:
    made = crop(2, index)
    assert not (made.lines & (made.objects > 0)).any()


def test_objects_that_are_asked_for_stand_out_of_their_surroundings() -> None:
    """Median over objects of |inside - rim| over the rim's spread: clearly above what chance gives."""
    contrasts = []
    for index in range(40):
        made = crop(7, index)
        grey = made.image.astype(float)
        for number in np.unique(made.objects)[1:]:
            mine = made.objects == number
            if made.ignored[mine].any() or mine.sum() < 30:
                continue
            rows, cols = np.nonzero(mine)
            box = slice(max(rows.min() - 6, 0), rows.max() + 7), slice(max(cols.min() - 6, 0), cols.max() + 7)
            rim = grey[box][made.objects[box] == 0]
            if rim.size > 20:
                spread = max(rim.std(), 1.0)
                contrasts.append(np.sqrt(np.mean((grey[mine] - rim.mean()) ** 2)) / spread)
    assert len(contrasts) > 100
    assert np.median(contrasts) > 2.0
    assert np.percentile(contrasts, 10) > 0.8


def test_a_drawn_object_has_the_size_it_was_asked_for() -> None:
    rng = stream("test", 1)
    kind = population(rng, packed=True)
    for radius in (3.0, 8.0, 20.0):
        areas = [
            one.inside.sum()
            for _ in range(20)
            if (one := draw(rng, kind, np.array([60.3, 59.6]), radius, 128))
        ]
        assert np.sqrt(np.mean(areas) / np.pi) == pytest.approx(radius, abs=0.3)


def test_an_object_outside_the_crop_is_not_drawn() -> None:
    rng = stream("test", 2)
    assert draw(rng, population(rng, packed=True), np.array([-200.0, 50.0]), 5.0, 128) is None


def test_a_thin_line_is_as_strong_as_a_thick_one_after_blurring() -> None:
    faint = np.zeros((20, 20), np.float32)
    faint[10] = 0.12
    assert normalised(faint).max() == pytest.approx(1.0)


def test_an_inverted_tone_curve_falls() -> None:
    curve = ToneCurve(low=0, high=1, gamma=1, inverted=True, start=10, levels=100)
    greys = curve.grey(np.array([-1, 0, 0.5, 1, 2], np.float32))
    assert greys == pytest.approx([110, 110, 60, 10, 10], abs=0.01)
