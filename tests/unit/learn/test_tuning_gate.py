"""When tuned weights are taken over, and how much of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch.learn.tuning_gate import SHARES, Counts, Verdict, f1, folds, judged_shares, standard_error

SAME = [(50, 100, 100)] * 4  # F1 0.5 on every frame


def said(
    new: dict[float, list[Counts]],
    *,
    simulated: dict[float, list[Counts]] | None = None,
    unmarked: dict[float, list[int]] | None = None,
) -> Verdict:
    held_out = {0.0: SAME, **dict.fromkeys(SHARES, SAME), **new}
    imitated = {**dict.fromkeys((0.0, *SHARES), SAME), **(simulated or {})}
    elsewhere = {**{share: [40, 3] for share in (0.0, *SHARES)}, **(unmarked or {})}
    return judged_shares(held_out, imitated, elsewhere)


BETTER = {0.75: [(70, 100, 100)] * 4}


def test_what_is_better_on_every_frame_is_taken_over() -> None:
    verdict = said(BETTER)
    assert verdict.share == 0.75
    assert (
        verdict.sentence == "taken over (75% of the change): F1 0.500 before, 0.700 after on held-out frames"
    )


def test_the_whole_change_is_never_taken_over() -> None:
    assert max(SHARES) < 1


def test_nothing_gained_means_that_the_old_weights_stay() -> None:
    verdict = said({})
    assert verdict.share == 0.0
    assert "the old weights stay" in verdict.sentence


def test_one_frame_that_loses_much_outweighs_a_gain_in_the_mean() -> None:
    verdict = said({0.75: [*[(80, 100, 100)] * 3, (40, 100, 100)]})
    assert verdict.share == 0.0


def test_a_frame_of_few_objects_may_lose_by_chance() -> None:
    few = {0.0: [*[(50, 100, 100)] * 3, (6, 12, 12)]}
    assert said({**few, 0.75: [*[(70, 100, 100)] * 3, (5, 12, 12)]}).share == 0.75
    assert said({**few, 0.75: [*[(70, 100, 100)] * 3, (2, 12, 12)]}).share == 0.0


def test_a_smaller_share_is_taken_where_the_larger_fails_on_one_frame() -> None:
    verdict = said({0.75: [*[(90, 100, 100)] * 3, (40, 100, 100)], 0.5: [(60, 100, 100)] * 4})
    assert verdict.share == 0.5
    assert "50% of the change" in verdict.sentence


def test_among_shares_that_are_as_good_the_smallest_is_taken() -> None:
    nearly = [(68, 100, 100), (72, 100, 100), (67, 100, 100), (68, 100, 100)]
    assert (
        said({0.5: nearly, 0.75: [(72, 100, 100), (66, 100, 100), (72, 100, 100), (70, 100, 100)]}).share
        == 0.5
    )


def test_a_gain_within_its_standard_error_is_none() -> None:
    verdict = said({0.75: [(80, 100, 100), *[(49, 100, 100)] * 3]})
    assert verdict.share == 0.0
    assert "standard error" in verdict.sentence


def test_what_unlearns_the_simulation_is_not_taken_over() -> None:
    verdict = said(BETTER, simulated={0.75: [(44, 100, 100)] * 4})
    assert verdict.share == 0.0
    assert "simulated" in verdict.sentence
    assert said(BETTER, simulated={0.75: [(46, 100, 100)] * 4}).share == 0.75


@pytest.mark.parametrize(
    ("finds", "share"), [([80, 13], 0.75), ([81, 3], 0.0), ([19, 3], 0.0), ([40, 14], 0.0)]
)
def test_finds_in_unmarked_frames_may_not_halve_or_double(finds: list[int], share: float) -> None:
    verdict = said(BETTER, unmarked={0.75: finds})
    assert verdict.share == share
    assert share or "nobody marked" in verdict.sentence


COUNTS = st.tuples(st.integers(0, 20), st.integers(20, 90), st.integers(20, 90))


@given(st.lists(COUNTS, min_size=2, max_size=6))
def test_the_old_weights_again_are_never_taken_over(counts: list[Counts]) -> None:
    same = dict.fromkeys((0.0, *SHARES), counts)
    assert judged_shares(same, same, dict.fromkeys(same, ())).share == 0.0


def test_fewer_than_four_frames_bring_half_of_the_change_at_most() -> None:
    better = {0.0: SAME[:3], 0.25: SAME[:3], 0.5: [(60, 100, 100)] * 3, 0.75: [(70, 100, 100)] * 3}
    assert said(better).share == 0.5
    assert said({share: [*counts, counts[0]] for share, counts in better.items()}).share == 0.75


@given(st.lists(COUNTS, min_size=4, max_size=4))
def test_whatever_is_taken_over_was_better_where_it_was_held_out(counts: list[Counts]) -> None:
    verdict = said({0.75: counts})
    assert verdict.share == 0.0 or verdict.after > verdict.before


def test_the_standard_error_is_that_of_the_parts() -> None:
    # Equal parts: F1 is the mean, and the jackknife is the standard error of a mean.
    new = [(60, 100, 100), (50, 100, 100), (70, 100, 100)]
    assert standard_error(SAME[:3], new) == pytest.approx(0.1 / 3**0.5)


def test_f1_counts_everything_together() -> None:
    assert f1([(10, 20, 10), (0, 0, 10)]) == 0.5
    assert f1([(0, 0, 0)]) == 0.0


@given(st.integers(2, 30))
def test_every_frame_is_held_out_once(count: int) -> None:
    held = folds(count)
    assert sorted(k for part in held for k in part) == list(range(count))
    assert len(held) == min(count, 6)
