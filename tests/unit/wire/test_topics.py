"""A prefix of a topic is a whole name."""

from hypothesis import given
from hypothesis import strategies as st

from temwatch.wire import topics

ROOTS = st.from_regex(r"[a-z0-9_-]{1,12}", fullmatch=True)


@given(root=ROOTS)
def test_the_class_of_a_topic_begins_it_and_is_known(root: str) -> None:
    for topic, expected in ((topics.result(root), topics.RESULT), (topics.frame(root), topics.FRAME)):
        assert topics.topic_class(topic) == expected
        assert topic.startswith(expected)
        assert topic.endswith(f"/{root}/")


def test_a_class_is_its_own_class() -> None:
    assert [topics.topic_class(name) for name in topics.CLASSES] == list(topics.CLASSES)


@given(one=ROOTS, two=ROOTS)
def test_a_subscription_to_one_root_never_gets_anothers(one: str, two: str) -> None:
    assert topics.result(two).startswith(topics.result(one)) == (one == two)
