"""The rules by which a file is finished."""

import pytest

from temwatch.intake.settle import (
    CHANGING,
    EMPTY,
    RESERVED,
    Pace,
    look_again_s,
    looked,
    resumed,
    seen,
)
from temwatch.intake.states import (
    Accepted,
    Action,
    Blocked,
    Candidate,
    Changed,
    Hold,
    Incomplete,
    Look,
    Missing,
    NoFrame,
    Notice,
    Placeholder,
    Probe,
    PutAside,
    SetAside,
    Sight,
    State,
    Unfinished,
    Unreachable,
    Whole,
)
from temwatch.model.sighting import Stamp

PACE = Pace(quiet_s=2.0, give_up_s=100.0, recheck_s=40.0, longest_wait_s=3600.0)


def stamp(size: int = 100, mtime_ns: int = 1, inode: int = 7) -> Stamp:
    return Stamp(size=size, mtime_ns=mtime_ns, ctime_ns=mtime_ns, inode=inode)


def whole(of: Stamp, *, fingerprint: str = "aa", zero_tail: bool = False) -> Whole:
    return Whole(of, "mrc", fingerprint, None, zero_tail=zero_tail)


def unfinished(of: Stamp) -> Unfinished:
    return Unfinished(of, "bb", "its first section is not all there")


def actions_after(state: State, look: Look, now_s: float) -> tuple[Action, ...]:
    return looked(state, look, now_s, PACE).actions


def test_a_new_file_is_noticed_and_not_opened() -> None:
    assert seen(None, stamp(), 10.0, PACE).actions == (Notice(stamp()),)


def test_a_file_is_opened_after_the_quiet_time_without_change() -> None:
    state = seen(None, stamp(), 10.0, PACE).state
    assert seen(state, stamp(), 11.9, PACE).actions == ()
    assert seen(state, stamp(), 12.0, PACE).actions == (Probe(),)


@pytest.mark.parametrize("changed", [stamp(size=101), stamp(mtime_ns=2), stamp(inode=8)])
def test_any_change_starts_the_quiet_time_again(changed: Stamp) -> None:
    state = seen(Candidate(stamp(), 10.0), changed, 11.9, PACE).state
    assert seen(state, changed, 13.8, PACE).actions == ()
    assert seen(state, changed, 13.9, PACE).actions == (Probe(),)


def test_an_event_starts_the_quiet_time_again_even_if_the_stamp_shows_nothing() -> None:
    state = seen(Candidate(stamp(), 10.0), stamp(), 11.9, PACE, touched=True).state
    assert seen(state, stamp(), 12.0, PACE).actions == ()


@pytest.mark.parametrize("mtime_ns", [0, 10**30, -(10**18)])
def test_the_file_system_s_clock_means_nothing(mtime_ns: int) -> None:
    state = seen(None, stamp(mtime_ns=mtime_ns), 10.0, PACE).state
    assert seen(state, stamp(mtime_ns=mtime_ns), 11.9, PACE).actions == ()
    assert seen(state, stamp(mtime_ns=mtime_ns), 12.0, PACE).actions == (Probe(),)


def test_a_growing_file_is_noticed_once() -> None:
    state = seen(None, stamp(size=1), 0.0, PACE).state
    assert seen(state, stamp(size=2), 1.0, PACE).actions == ()


def test_an_empty_file_is_held_until_it_has_content() -> None:
    step = seen(None, stamp(size=0), 0.0, PACE)
    assert step.actions == (Notice(stamp(size=0)), Hold(EMPTY))
    assert seen(step.state, stamp(size=0), 1e6, PACE).actions == ()
    assert seen(step.state, stamp(size=5), 1e6, PACE).actions == (Hold(CHANGING),)


def test_a_whole_file_is_sighted() -> None:
    step = looked(Candidate(stamp(), 0.0), whole(stamp()), 2.0, PACE)
    assert step.actions == (Sight(whole(stamp())),)
    assert step.state == Accepted(stamp(), "aa", 42.0)


def test_what_changed_between_settling_and_opening_is_not_sighted() -> None:
    step = looked(Candidate(stamp(), 0.0), Changed(stamp(size=200)), 2.0, PACE)
    assert step.actions == ()
    assert step.state == Candidate(stamp(size=200), 2.0)


def test_a_look_at_another_file_than_the_settled_one_counts_for_nothing() -> None:
    step = looked(Candidate(stamp(), 0.0), whole(stamp(inode=9)), 2.0, PACE)
    assert step.actions == ()


def test_an_incomplete_file_is_held_with_its_reason_said_once() -> None:
    first = looked(Candidate(stamp(), 0.0), unfinished(stamp()), 2.0, PACE)
    assert first.actions == (Hold("its first section is not all there"),)
    assert actions_after(first.state, unfinished(stamp()), 6.0) == ()


def test_an_incomplete_file_is_probed_at_growing_intervals() -> None:
    state: State = Candidate(stamp(), 0.0)
    waits, now_s = [], 2.0
    for _ in range(4):
        state = looked(state, unfinished(stamp()), now_s, PACE).state
        assert isinstance(state, Incomplete)
        waits.append(state.due_s - now_s)
        now_s = state.due_s
    assert waits == [4.0, 8.0, 16.0, 32.0]


def test_an_incomplete_file_that_stays_as_it_is_is_set_aside() -> None:
    state = Incomplete(stamp(), since_s=0.0, tries=9, due_s=100.0, said="x")
    step = looked(state, unfinished(stamp()), 100.0, PACE)
    assert isinstance(step.state, SetAside)
    assert [type(action) for action in step.actions] == [PutAside]


def test_the_last_probe_of_an_incomplete_file_is_when_patience_ends() -> None:
    state = Incomplete(stamp(), since_s=0.0, tries=9, due_s=90.0, said="x")
    assert look_again_s(looked(state, unfinished(stamp()), 90.0, PACE).state, 99.0, PACE) == 100.0


@pytest.mark.parametrize(
    "state",
    [
        Incomplete(stamp(), 0.0, 3, 50.0, "x"),
        Blocked(stamp(), 0.0, 3, 50.0, "x"),
        Placeholder(stamp(), 0.0),
        Candidate(stamp(), 0.0),
    ],
)
def test_a_change_of_a_waiting_file_makes_it_a_candidate_without_a_second_notice(state: State) -> None:
    step = seen(state, stamp(size=300), 20.0, PACE)
    assert isinstance(step.state, Candidate)
    assert step.state.since_s == 20.0
    assert Notice(stamp(size=300)) not in step.actions


@pytest.mark.parametrize("state", [SetAside(stamp()), Accepted(stamp())])
def test_a_change_of_a_finished_file_is_noticed_again(state: State) -> None:
    assert seen(state, stamp(size=300), 20.0, PACE).actions == (Notice(stamp(size=300)),)


@pytest.mark.parametrize("state", [SetAside(stamp()), Accepted(stamp())])
def test_a_finished_file_that_stays_as_it_is_is_left_alone(state: State) -> None:
    assert seen(state, stamp(), 1e9, PACE, touched=True).actions == ()
    assert look_again_s(state, 1e9, PACE) is None


def test_a_file_that_ends_in_zeros_gets_more_time_once() -> None:
    zeros = whole(stamp(), zero_tail=True)
    first = looked(Candidate(stamp(), 0.0), zeros, 2.0, PACE)
    assert first.actions == (Hold(RESERVED),)
    assert seen(first.state, stamp(), 9.9, PACE).actions == ()
    assert seen(first.state, stamp(), 10.0, PACE).actions == (Probe(),)
    assert actions_after(first.state, zeros, 10.0) == (Sight(zeros),)


def test_content_that_changed_under_an_unmoved_stamp_is_found_at_the_recheck() -> None:
    accepted = Accepted(stamp(), "aa", recheck_s=42.0)
    assert seen(accepted, stamp(), 41.0, PACE).actions == ()
    assert seen(accepted, stamp(), 42.0, PACE).actions == (Probe(),)
    step = looked(accepted, whole(stamp(), fingerprint="cc"), 42.0, PACE)
    assert step.actions == (Notice(stamp()),)
    assert isinstance(step.state, Candidate)


def test_a_recheck_that_finds_nothing_ends_the_matter() -> None:
    step = looked(Accepted(stamp(), "aa", recheck_s=42.0), whole(stamp()), 42.0, PACE)
    assert (step.state, step.actions) == (Accepted(stamp()), ())


def test_a_file_that_can_t_be_read_is_tried_for_ever_at_growing_intervals() -> None:
    state: State = Candidate(stamp(), 0.0)
    now_s = 2.0
    for tries in range(1, 60):
        step = looked(state, Unreachable("no permission"), now_s, PACE)
        assert step.actions == ((Hold("no permission"),) if tries == 1 else ())
        assert isinstance(step.state, Blocked)
        assert step.state.due_s - now_s == min(2.0 * 2**tries, 3600.0)
        state, now_s = step.state, step.state.due_s


def test_trouble_with_the_share_at_the_recheck_is_no_news() -> None:
    step = looked(Accepted(stamp(), "aa", 42.0), Unreachable("EIO"), 42.0, PACE)
    assert (step.state, step.actions) == (Accepted(stamp(), "aa", 82.0), ())


def test_a_file_that_is_missing_when_opened_waits_for_the_next_listing() -> None:
    assert actions_after(Candidate(stamp(), 0.0), Missing(), 2.0) == ()


def test_what_is_no_frame_is_set_aside_with_what_to_do() -> None:
    step = looked(Candidate(stamp(), 0.0), NoFrame(stamp(), "ff", "a spectrum", "leave it"), 2.0, PACE)
    assert step.actions == (PutAside(stamp(), "ff", "a spectrum", "leave it"),)


def test_a_file_held_before_a_restart_settles_afresh_and_one_accepted_is_left_alone() -> None:
    assert resumed(stamp(), 5.0, held=True) == Candidate(stamp(), 5.0)
    assert resumed(stamp(size=0), 5.0, held=True) == Placeholder(stamp(size=0), 5.0)
    assert resumed(stamp(), 5.0, held=False) == Accepted(stamp())
