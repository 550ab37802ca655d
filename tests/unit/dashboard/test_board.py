"""What the page's server knows, and what it tells a browser that was away."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from temwatch.client import Received
from temwatch.dashboard.board import CARDS, EVENTS, Board
from temwatch.dashboard.browsers import QUEUE, Browser
from temwatch.wire.messages import Header


def report(frame_id: str, decision: str = "accept") -> dict[str, Any]:
    return {
        "frame_id": frame_id,
        "root": "titan",
        "path": f"{frame_id}.tif",
        "z": None,
        "revision": 1,
        "verdict": {"decision": decision, "reasons": []},
        "summary": {"count_by_class": {"pore": 1}},
        "findings": [{"finding_id": f"{frame_id}.0"}],
        "shape": [64, 64],
        "calibration": {"nm_per_px": None, "source": "unknown", "relative_uncertainty": None},
        "imaging_mode": {"value": None, "source": "unknown"},
        "acquired_at": None,
    }


def message(
    seq: int, body: dict[str, Any], type_: str = "frame.inspected", epoch: str = "one", stored: bool = True
) -> Received:
    header = Header(
        epoch=epoch, seq=seq, prev=0, id=str(seq), type=type_, at="2026-01-01T00:00:00Z", stored=stored
    )
    return Received(topic="tw1/result/titan/", header=header, body=body)


def begun(epoch: str = "one") -> Board:
    board = Board()
    board.begin(epoch, 0, [])
    return board


def test_a_snapshot_is_shown_oldest_first() -> None:
    board = Board()
    board.begin("one", 7, [report("new"), report("old")])
    assert [card["frame_id"] for card in board.cards()] == ["old", "new"]


def test_a_report_becomes_a_card_without_its_findings() -> None:
    event = begun().take(message(1, report("a")), 0.0)
    assert event is not None
    assert event["card"]["findings"] == 1
    assert event["card"]["verdict"]["decision"] == "accept"


def test_a_frame_inspected_again_moves_to_the_newest_place() -> None:
    board = begun()
    for seq, name in enumerate(("a", "b", "a"), 1):
        board.take(message(seq, report(name)), 0.0)
    assert [card["frame_id"] for card in board.cards()] == ["b", "a"]


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_browser_gets_exactly_what_came_after_the_last_it_saw(n: int, seen: int) -> None:
    board = begun()
    for seq in range(1, n + 1):
        board.take(message(seq, report(str(seq))), 0.0)
    missed = board.since("one", seen)
    assert missed is not None
    assert [event["seq"] for event in missed] == list(range(seen + 1, n + 1))


def test_a_browser_that_was_away_too_long_begins_anew() -> None:
    board = begun()
    for seq in range(1, EVENTS + 3):
        board.take(message(seq, report("a")), 0.0)
    assert board.since("one", 0) is None
    assert board.since("one", 1) is None
    events = board.since("one", 2)
    assert events is not None
    assert len(events) == EVENTS


def test_a_browser_with_another_history_begins_anew() -> None:
    assert begun().since("other", 0) is None


def test_a_message_of_another_epoch_clears_the_board() -> None:
    board = begun()
    board.take(message(5, report("a")), 0.0)
    board.take(message(1, report("b"), epoch="two"), 0.0)
    assert [card["frame_id"] for card in board.cards()] == ["b"]
    assert (board.epoch, board.seq) == ("two", 1)


def test_no_more_cards_are_kept_than_are_shown() -> None:
    board = begun()
    for seq in range(CARDS + 5):
        board.take(message(seq + 1, report(str(seq))), 0.0)
    assert [board.cards()[0]["frame_id"], len(board.cards())] == ["5", CARDS]


def test_a_frame_set_aside_is_not_pushed_out_by_newer_ones() -> None:
    board = Board()
    aside = {**report("cut"), "reason": "damaged", "next_step": "copy it again"}
    del aside["verdict"]
    board.begin("one", 0, [report("a"), aside])
    for seq in range(CARDS + 5):
        board.take(message(seq + 1, report(str(seq))), 0.0)
    assert board.cards()[0]["frame_id"] == "cut"
    assert (board.cards()[0]["kind"], len(board.cards())) == ("set_aside", CARDS + 1)


def test_the_daemon_is_silent_until_heard_and_again_after_three_heartbeats() -> None:
    board = begun()
    assert board.silent(0.0)
    board.take(message(1, {}, "heartbeat", stored=False), 10.0)
    assert not board.silent(16.9)
    assert board.silent(17.1)


async def test_a_browser_that_does_not_keep_up_gets_no_event_after_a_hole() -> None:
    browser = Browser()
    for seq in range(QUEUE + 1):
        browser.tell({"seq": seq})
    await browser.next()  # there is room again, but the hole stays
    browser.tell({"seq": QUEUE + 1})
    got = [await browser.next() for _ in range(QUEUE)]
    assert [event and event["seq"] for event in got] == [*range(1, QUEUE), None]


async def test_a_browser_that_is_behind_gets_what_is_queued_and_then_an_end() -> None:
    browser = Browser()
    for seq in range(QUEUE + 1):
        browser.tell({"seq": seq})
    got = [await browser.next() for _ in range(QUEUE + 1)]
    assert [event and event["seq"] for event in got] == [*range(QUEUE), None]


def test_a_browser_cut_off_before_a_missing_message_was_fetched_gets_it_later() -> None:
    board = begun()
    board.take(message(1, report("a")), 0.0)
    ahead = board.take(message(3, report("c")), 0.0)
    assert ahead is not None
    seen = ahead["whole"]
    board.take(message(2, report("b")), 0.0)
    missed = board.since("one", seen)
    assert missed is not None
    assert {event["card"]["frame_id"] for event in missed} >= {"b"}
    assert board.seq == 3


@given(st.permutations(range(1, 12)))
def test_in_whatever_order_messages_come_all_are_told_to_a_browser_that_left_at_any_time(
    order: list[int],
) -> None:
    board = begun()
    events = [board.take(message(seq, report(f"f{seq}")), 0.0) for seq in order]
    for left, event in enumerate(events):
        assert event is not None
        later = board.since("one", event["whole"])
        assert later is not None
        assert {one["seq"] for one in later} >= set(order[left + 1 :])
    assert board.seq == 11


def test_the_rate_of_a_folder_is_counted_over_the_last_five_minutes() -> None:
    board = begun()

    def rate(done: int, now_s: float) -> float | None:
        ledger = {"titan": {"done": done, "set_aside": 1, "gone": 0}}
        event = board.take(message(0, {"ledger": ledger}, "status.changed", stored=False), now_s)
        assert event is not None
        found: float | None = event["status"]["per_minute"]["titan"]
        return found

    assert rate(100, 0.0) is None
    assert rate(100, 5.0) is None, "too early to say"
    assert rate(110, 60.0) == 10.0
    assert rate(110, 100.0) == 6.0
    assert rate(110, 361.0) == 0.0, "what was more than five minutes ago counts no more"
    assert rate(105, 421.0) == 0.0, "frames put back are no rate"
