"""A new recognizer takes over only where it is better on labels that neither learned from."""

from dataclasses import replace

import numpy as np
import pytest

from temwatch.learn.dissent import dissents
from temwatch.learn.gate import Judged, judge, judge_shadow

FLOORS = {"crack": 0.8}


def judged(rows: list[tuple[str, str, str, int]], groups: int = 10) -> Judged:
    """Return labels from (truth, champion's word, candidate's word, how many)."""
    spread = [(t, a, b) for t, a, b, n in rows for _ in range(n)]
    return Judged(
        truth=tuple(t for t, _, _ in spread),
        champion=tuple(a for _, a, _ in spread),
        candidate=tuple(b for _, _, b in spread),
        groups=tuple(f"frame {k % groups}" for k in range(len(spread))),
    )


BETTER = [
    ("pore", "pore", "pore", 60),
    ("pore", "crack", "pore", 30),
    ("crack", "crack", "crack", 40),
    ("crack", "pore", "crack", 10),
]


def test_a_better_candidate_passes_and_the_sentence_says_for_which_class() -> None:
    verdict = judge(judged(BETTER), floors=FLOORS)
    assert verdict.passed
    assert "73.3% before" in verdict.sentence
    assert "pore: 90 of 90, 60 before" in verdict.sentence


def test_a_candidate_that_is_the_same_is_refused() -> None:
    verdict = judge(judged([("pore", "pore", "pore", 50), ("crack", "pore", "pore", 20)]), floors={})
    assert not verdict.passed
    assert "no gain" in verdict.sentence


def test_a_common_class_cannot_hide_the_loss_of_a_rare_one() -> None:
    rows = [
        ("pore", "pore", "pore", 500),
        ("pore", "crack", "pore", 300),
        ("crack", "crack", "pore", 6),
        ("crack", "crack", "crack", 14),
    ]
    verdict = judge(judged(rows), floors={})
    assert verdict.after > verdict.before
    assert not verdict.passed
    assert "crack loses: 14 of 20 recognised, 20 before" in verdict.sentence


def test_a_rare_class_can_win() -> None:
    rows = [
        ("pore", "pore", "pore", 490),
        ("pore", "pore", "crack", 5),
        ("pore", "crack", "crack", 5),
        ("crack", "pore", "crack", 12),
        ("crack", "crack", "crack", 6),
    ]
    assert judge(judged(rows), floors=FLOORS).passed


def test_cracks_may_not_fall_below_their_floor() -> None:
    rows = [
        ("pore", "crack", "pore", 60),
        ("pore", "pore", "pore", 40),
        ("crack", "crack", "crack", 78),
        ("crack", "crack", "pore", 2),
        ("crack", "pore", "pore", 19),
    ]
    verdict = judge(judged(rows), floors=FLOORS)
    assert "below the floor of 80%" in verdict.sentence
    assert judge(judged(rows), floors={}).passed


def test_a_champion_below_the_floor_can_be_bettered() -> None:
    rows = [("crack", "pore", "crack", 30), ("crack", "pore", "pore", 30), ("pore", "pore", "pore", 60)]
    assert judge(judged(rows), floors=FLOORS).passed


@pytest.mark.parametrize("groups", [1, 2])
def test_labels_of_two_frames_are_too_few(groups: int) -> None:
    assert "too few" in judge(judged(BETTER, groups), floors={}).sentence


def with_losses(was: float, now: float, *, of: str = "pore") -> Judged:
    """Return a better candidate that gives the classes labelled such probabilities, and 0.5 the other class."""
    plain = judged(BETTER)
    return replace(
        plain,
        champion_loss=tuple(-np.log(was if class_ == of else 0.5) for class_ in plain.truth),
        candidate_loss=tuple(-np.log(now if class_ == of else 0.5) for class_ in plain.truth),
    )


def test_a_candidate_that_is_surer_of_what_is_wrong_is_refused() -> None:
    verdict = judge(with_losses(0.8, 0.4), floors={})
    assert not verdict.passed
    assert "its probabilities are worse: log-loss 0.80, 0.46 before" in verdict.sentence


@pytest.mark.parametrize(("was", "now"), [(0.8, 0.75), (0.4, 0.8)])
def test_probabilities_that_are_better_or_hardly_worse_are_no_objection(was: float, now: float) -> None:
    assert judge(with_losses(was, now), floors={}).passed


def test_a_loss_that_one_frame_makes_alone_is_no_objection() -> None:
    one = judged(BETTER)
    worse = tuple(4.6 if group == "frame 3" else 0.1 for group in one.groups)
    assert judge(replace(one, champion_loss=(0.1,) * len(one), candidate_loss=worse), floors={}).passed


def test_in_the_shadow_no_gain_is_needed_but_no_loss_is_borne() -> None:
    same = [("pore", "pore", "pore", 30), ("crack", "crack", "crack", 20)]
    worse = [("pore", "pore", "pore", 15), ("pore", "pore", "crack", 15), ("crack", "crack", "crack", 20)]
    assert judge_shadow(judged(same), floors=FLOORS)[0]
    passed, sentence = judge_shadow(judged(worse), floors=FLOORS)
    assert not passed
    assert sentence.startswith("refused in the shadow: mean recall 100.0% before, 75.0% after on 50 labels")


def test_in_the_shadow_one_file_is_too_few() -> None:
    passed, sentence = judge_shadow(judged([("pore", "pore", "crack", 30)], groups=1), floors={})
    assert not passed
    assert "30 labels of 1 frame(s) or specimen(s) are too few" in sentence


def test_in_the_shadow_too_cracks_may_not_fall_below_their_floor() -> None:
    rows = [("pore", "pore", "pore", 90), ("crack", "crack", "crack", 7), ("crack", "crack", "pore", 2)]
    passed, sentence = judge_shadow(judged(rows), floors=FLOORS)
    assert not passed
    assert "below the floor of 80%" in sentence


def test_no_labels_at_all_are_too_few() -> None:
    assert "too few" in judge(judged([]), floors={}).sentence


def test_a_gain_that_one_frame_makes_alone_is_refused() -> None:
    truth, was, now, groups = [], [], [], []
    for frame in range(10):
        for k in range(10):
            truth.append("pore" if k % 2 else "crack")
            was.append("pore")
            now.append(truth[-1] if frame == 0 else "pore")
            groups.append(str(frame))
    verdict = judge(
        Judged(truth=tuple(truth), champion=tuple(was), candidate=tuple(now), groups=tuple(groups)), floors={}
    )
    assert "may be chance" in verdict.sentence


def test_the_error_is_that_of_leaving_out_one_group_after_the_other() -> None:
    rng = np.random.default_rng(0)
    words = ["pore", "crack", "slag"]
    n = 120
    truth, was, now = (tuple(words[k] for k in rng.integers(0, 3, n)) for _ in range(3))
    groups = tuple(f"{k}" for k in rng.integers(0, 9, n))
    whole = Judged(truth=truth, champion=was, candidate=now, groups=groups)

    def gain(kept: list[int]) -> float:
        def mean(said: tuple[str, ...]) -> float:
            return float(
                np.mean(
                    [
                        np.mean([said[k] == c for k in kept if truth[k] == c])
                        for c in words
                        if any(truth[k] == c for k in kept)
                    ]
                )
            )

        return mean(now) - mean(was)

    values = [gain([k for k in range(n) if groups[k] != left]) for left in sorted(set(groups))]
    slow = np.sqrt((len(values) - 1) / len(values) * np.sum((np.array(values) - np.mean(values)) ** 2))
    assert whole.error() == pytest.approx(slow)


def labels_of(name: str, right: int, flipped: int) -> list[tuple[str, str, str]]:
    """Return (label, recognised, operator) of cracks, some of them called pores."""
    return [("crack", "crack", name)] * right + [("pore", "crack", name)] * flipped


def test_who_flips_a_third_of_the_cracks_is_named() -> None:
    rows = labels_of("anna", 95, 5) + labels_of("bert", 66, 34)
    found = dissents(*zip(*rows, strict=True), label_ids=range(len(rows)))
    assert [one.operator for one in found] == ["bert"]
    assert found[0].label_ids == tuple(range(166, 200))
    verdict = judge(judged(BETTER), floors=FLOORS, dissents=found)
    assert not verdict.passed
    assert "bert called 34 something else (34%), the others 5 of 100 (5%)" in verdict.sentence


def test_an_error_of_the_recognizer_is_held_against_nobody() -> None:
    rows = labels_of("anna", 60, 40) + labels_of("bert", 58, 42)
    assert dissents(*zip(*rows, strict=True), label_ids=range(len(rows))) == []


def test_with_one_person_there_is_nobody_to_compare_with() -> None:
    rows = labels_of("anna", 60, 40)
    assert dissents(*zip(*rows, strict=True), label_ids=range(len(rows))) == []


def test_honest_people_are_hardly_ever_named() -> None:
    rng = np.random.default_rng(1)
    named = 0
    for _ in range(200):
        rows = [
            ("pore" if rng.random() < 0.1 else "crack", "crack", name) for name in "abcd" for _ in range(50)
        ]
        named += bool(dissents(*zip(*rows, strict=True), label_ids=range(len(rows))))
    assert named <= 1


def test_six_classes_that_differ_by_chance_alone_are_hardly_ever_called_losers() -> None:
    rng = np.random.default_rng(2)
    words = [f"class {k}" for k in range(6)]
    called = 0
    for _ in range(100):
        truth = tuple(words[k] for k in rng.integers(0, 6, 300))
        was, now = (tuple(word if rng.random() < 0.7 else "another" for word in truth) for _ in range(2))
        groups = tuple(f"{k // 6}" for k in range(300))
        sentence = judge(Judged(truth=truth, champion=was, candidate=now, groups=groups), floors={}).sentence
        called += "loses" in sentence
    assert called <= 10
