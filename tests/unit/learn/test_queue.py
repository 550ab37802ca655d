"""What is offered next is undecided, different from each other, now and then new, and one in ten is blind."""

from collections import Counter

import numpy as np
import pytest

from temwatch.learn.neighbours import LEAST_LABELS, nearest_classes
from temwatch.learn.queue import contradicted, controls_for, is_control, rank, spread
from temwatch.model.review import Candidates, Opinion


def candidates(n: int = 300, seed: int = 1) -> Candidates:
    dice = np.random.default_rng(seed)
    return Candidates(
        finding_ids=tuple(f"c.{k}" for k in range(n)),
        class_=("pore",) * n,
        margin=dice.random(n),
        novelty=dice.random(n),
        features=dice.normal(size=(n, 4)).astype(np.float32),
    )


CONTROLS = [f"k.{k}" for k in range(400)]


def offered(**change: object) -> list[tuple[str, str, bool]]:
    settings: dict[str, object] = {"limit": 100, "begin": 0, "controls": CONTROLS, "second": None, **change}
    known = settings.pop("candidates", None) or candidates()
    return [(pick.finding_id, pick.why, pick.blind) for pick in rank(known, **settings)]  # type: ignore[arg-type]


def test_of_a_hundred_ten_are_blind_controls_and_all_differ() -> None:
    picks = offered(second=["crack"] * 300)
    assert Counter(why for _, why, _ in picks) == {
        "margin": 60,
        "novelty": 20,
        "control": 10,
        "disagreement": 10,
    }
    assert len({finding for finding, _, _ in picks}) == 100
    assert {why for _, why, blind in picks if blind} == {"control"}


def test_asked_for_one_at_a_time_the_shares_are_the_same() -> None:
    whys = [offered(limit=1, begin=begin, second=["crack"] * 300)[0][1] for begin in range(100)]
    assert Counter(whys) == {"margin": 60, "novelty": 20, "control": 10, "disagreement": 10}


def test_places_for_which_there_is_nothing_go_to_margins() -> None:
    assert Counter(why for _, why, _ in offered(controls=[])) == {"margin": 80, "novelty": 20}


def test_where_nothing_else_is_left_controls_fill_the_page() -> None:
    assert len(offered(candidates=candidates(0))) == 100


def test_the_undecided_are_offered_and_not_ten_times_the_same() -> None:
    known = candidates(300)
    twins = np.zeros(300, bool)
    twins[:100] = True  # a hundred equal findings, all undecided
    known = Candidates(
        finding_ids=known.finding_ids,
        class_=known.class_,
        margin=np.where(twins, 0.01, 0.02 + 0.9 * known.margin),
        novelty=known.novelty,
        features=np.where(twins[:, None], np.float32(0), known.features),
    )
    picked = [f for f, why, _ in offered(candidates=known, limit=20, controls=[]) if why == "margin"]
    numbers = [int(finding[2:]) for finding in picked]
    assert sum(number < 100 for number in numbers) <= 3
    assert np.mean(known.margin[numbers]) < np.mean(known.margin)


def test_the_spread_begins_with_the_weightiest_and_goes_to_the_farthest() -> None:
    rows = np.array([[0], [1], [10], [11]], np.float32)
    assert spread(rows, np.ones(4), 2) == [0, 3]
    assert spread(rows, np.array([0.1, 0.1, 1.0, 0.1]), 1) == [2]
    assert sorted(spread(rows, np.ones(4), 9)) == [0, 1, 2, 3]
    assert spread(rows[:0], np.ones(0), 3) == []


def test_equal_rows_are_all_taken_in_the_end() -> None:
    assert sorted(spread(np.zeros((5, 2), np.float32), np.zeros(5), 5)) == [0, 1, 2, 3, 4]


def test_a_tenth_of_all_findings_is_the_control_sample_for_ever() -> None:
    ids = [f"{k:020x}.{k % 7}" for k in range(5000)]
    chosen = [finding for finding in ids if is_control(finding)]
    assert 0.08 < len(chosen) / len(ids) < 0.12
    assert chosen == [finding for finding in ids if is_control(finding)]


def opinion(number: int, finding_id: str, by: str, class_: str = "pore") -> Opinion:
    return Opinion(
        label_id=number,
        object_id=number,
        finding_id=finding_id,
        class_=class_,
        by=by,
        at="",
        blind=True,
        predicted="pore",
        model_id="m",
    )


def test_some_controls_come_again_but_only_after_many_others() -> None:
    own = [opinion(k + 1, f"k.{k}", "anna") for k in range(40)]
    given = list(range(1, 41))
    again = controls_for("anna", [], own, given)
    assert 5 <= len(again) <= 20  # about half of those with twenty labels since
    assert all(int(finding[2:]) < 20 for finding in again)
    assert controls_for("anna", [], own[:20], given[:20]) == []


def test_some_controls_come_to_a_second_person_and_none_a_third_time_to_the_first() -> None:
    own = [opinion(k + 1, f"k.{k}", "anna") for k in range(40)]
    for_ben = controls_for("ben", [], own, [])
    assert 10 <= len(for_ben) <= 30
    twice = own + [opinion(100 + k, f"k.{k}", "anna") for k in range(40)]
    assert controls_for("anna", [], twice, list(range(1, 200))) == []


def test_fresh_controls_come_in_an_order_that_says_nothing() -> None:
    fresh = controls_for("anna", CONTROLS, [], [])
    assert sorted(fresh) == sorted(CONTROLS)
    assert fresh != CONTROLS
    assert fresh == controls_for("anna", reversed(CONTROLS), [], [])


def test_a_blind_opinion_against_what_stands_is_a_contradiction() -> None:
    said = [opinion(1, "k.1", "anna"), opinion(2, "k.2", "ben", "crack"), opinion(3, "k.3", "ben")]
    assert contradicted(said, [("k.1", "pore"), ("k.2", "pore")]) == ["k.2"]


@pytest.mark.parametrize("n", [LEAST_LABELS, 300])
def test_the_neighbours_say_what_the_labels_near_a_finding_say(n: int) -> None:
    dice = np.random.default_rng(2)
    side = np.arange(n) % 2
    labelled = (dice.normal(size=(n, 3)) + 8 * side[:, None]).astype(np.float32)
    names = ["pore" if one else "crack" for one in side]
    found = nearest_classes(np.array([[0, 0, 0], [8, 8, 8]], np.float32), labelled, names)
    assert found == ["crack", "pore"]


def test_with_few_labels_or_one_class_there_is_no_second_opinion() -> None:
    rows = np.zeros((40, 2), np.float32)
    assert nearest_classes(rows, rows, ["pore"] * 40) is None
    assert nearest_classes(rows, rows[:10], ["pore", "crack"] * 5) is None
