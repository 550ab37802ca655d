"""Whatever is lost, doubled or reordered on the way, a follower ends with everything once and in order."""

from hypothesis import given
from hypothesis import strategies as st

from temwatch.client.follow import Deliver, Drop, Missed, OtherEpoch, Position, on_heartbeat, on_message
from temwatch.wire.messages import Header

CLASSES = ("tw1/result/", "tw1/frame/")


def header(seq: int, prev: int, epoch: str = "e") -> Header:
    return Header(epoch=epoch, seq=seq, prev=prev, id=str(seq), type="frame.gone", at="2026-01-01T00:00:00Z")


def test_the_next_message_is_delivered_and_moves_the_position() -> None:
    step = on_message(Position(epoch="e", last={"tw1/frame/": 3}), "tw1/frame/", header(7, prev=3))
    assert step == Deliver(position=Position(epoch="e", last={"tw1/frame/": 7}))


def test_a_message_delivered_before_is_dropped() -> None:
    assert on_message(Position(epoch="e", last={"tw1/frame/": 7}), "tw1/frame/", header(7, prev=3)) == Drop()


def test_a_gap_asks_for_what_came_after_the_last_one() -> None:
    step = on_message(Position(epoch="e", last={"tw1/frame/": 3}), "tw1/frame/", header(9, prev=7))
    assert step == Missed(topic_class="tw1/frame/", since=3)


def test_another_epoch_begins_again() -> None:
    assert on_message(Position(epoch="e"), "tw1/frame/", header(1, prev=0, epoch="f")) == OtherEpoch(
        epoch="f"
    )


def test_a_heartbeat_that_agrees_asks_for_nothing() -> None:
    assert on_heartbeat(Position(epoch="e", last={"tw1/frame/": 7}), "e", {"tw1/frame/": 7}) is None


def test_a_heartbeat_about_topics_nobody_follows_asks_for_nothing() -> None:
    assert on_heartbeat(Position(epoch="e", last={"tw1/frame/": 7}), "e", {"tw1/result/": 9}) is None


@given(
    topics=st.lists(st.sampled_from(CLASSES), min_size=1, max_size=40),
    fate=st.lists(st.integers(min_value=0, max_value=2), min_size=40, max_size=40),
)
def test_every_message_is_delivered_once_and_in_order_whatever_the_wire_does(
    topics: list[str], fate: list[int]
) -> None:
    heads = dict.fromkeys(CLASSES, 0)
    stored: list[tuple[str, Header]] = []
    for seq, topic in enumerate(topics, 1):
        stored.append((topic, header(seq, heads[topic])))
        heads[topic] = seq
    position = Position(epoch="e", last=dict.fromkeys(CLASSES, 0))
    delivered: dict[str, list[int]] = {name: [] for name in CLASSES}

    def mend(missed: Missed) -> None:
        nonlocal position
        for topic, message in stored:
            if topic == missed.topic_class and message.seq > position.at(topic):
                delivered[topic].append(message.seq)
                position = position.moved(topic, message.seq)

    for (topic, message), copies in zip(stored, fate, strict=False):
        for _ in range(copies):  # 0: lost on the way, 2: doubled
            step = on_message(position, topic, message)
            if isinstance(step, Missed):
                mend(step)
            elif isinstance(step, Deliver):
                delivered[topic].append(message.seq)
                position = step.position
    while (step := on_heartbeat(position, "e", heads)) is not None:
        assert isinstance(step, Missed)
        mend(step)
    assert delivered == {name: [m.seq for t, m in stored if t == name] for name in CLASSES}
