"""Events survive the way to JSON and back; what is no message is refused with its place."""

import json
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from temwatch.model.events import FrameGone
from temwatch.model.report import Report, SizeStatistics
from temwatch.wire import messages
from temwatch.wire.messages import Command, MessageRefused, Reply
from unit.wire.nouns import COMMAND, EVENTS, EXAMPLES, REPORT, REPORTS

NO_NUMBERS = [float("nan"), float("inf"), float("-inf")]


def report() -> Report:
    back: Report = messages.from_json(Report, json.dumps(REPORT).encode())
    return back


@settings(max_examples=150)
@given(event=EVENTS)
def test_every_event_comes_back_as_it_was(event: Any) -> None:
    data = messages.to_json(event)
    assert messages.body_from_json(messages.event_type(event), data) == event
    assert messages.to_json(messages.body_from_json(messages.event_type(event), data)) == data


@settings(max_examples=30)
@given(event=REPORTS)
def test_json_is_utf_8_without_words_json_does_not_have(event: Any) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads(messages.to_json(event).decode("utf-8"), parse_constant=refuse)


def test_a_findings_class_is_spelt_class_and_nothing_else() -> None:
    body = json.loads(messages.to_json(report()))
    assert body["findings"][0]["class"] == "pore"
    assert "class_" not in body["findings"][0]
    body["findings"][0]["class_"] = body["findings"][0].pop("class")
    with pytest.raises(MessageRefused, match="class"):
        messages.from_json(Report, json.dumps(body).encode())


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_a_number_that_is_none_is_not_said_and_its_place_is_named(number: float) -> None:
    whole = report()
    finding = replace(whole.findings[0], rectangle=replace(whole.findings[0].rectangle, row=number))
    with pytest.raises(MessageRefused, match=r"findings\.0\.rectangle\.row"):
        messages.to_json(replace(whole, findings=(finding,)))
    with pytest.raises(MessageRefused, match=r"timings_ms\.read"):
        messages.to_json(replace(whole, timings_ms={"read": number}))
    with pytest.raises(MessageRefused, match="mean"):
        messages.to_json(_with_mean(whole, number))


def _with_mean(whole: Report, mean: float) -> Report:
    summary = replace(whole.summary, particle_size_nm=SizeStatistics(n=1, mean=mean))
    return replace(whole, summary=summary)


def test_the_words_may_stand_in_a_text() -> None:
    gone = FrameGone(frame_id="NaN", root="Infinity", path="-Infinity", z=None, revision=1)
    assert messages.from_json(FrameGone, messages.to_json(gone)) == gone


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_not_taken_in(word: str) -> None:
    for place in ('"novelty": 0.12', '"nm_per_px": 1.249', '"read": 9.0', '"row": 812.5', "3.1"):
        text = json.dumps(REPORT)
        assert place in text
        broken = text.replace(place, place.replace(place.split(": ")[-1], word))
        with pytest.raises(MessageRefused):
            messages.from_json(Report, broken.encode())
    with pytest.raises(MessageRefused, match=r"NaN or infinity at a\.1"):
        messages.from_json(
            Command, json.dumps(COMMAND).replace("{}", f'{{"x": {{"a": [1, {word}]}}}}').encode()
        )


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_a_reply_can_not_carry_a_number_that_is_none(number: float) -> None:
    with pytest.raises(ValueError, match="finite number"):
        Reply(cmd_id="c" * 8, ok=True, result={"x": [number]})


@pytest.mark.parametrize("name", sorted(messages.EVENT_TYPES))
def test_an_unknown_field_is_refused_wherever_it_stands(name: str) -> None:
    def broken(body: Any) -> Any:
        """Yield the body with one field too many, at every place a noun stands."""
        if isinstance(body, dict):
            yield {**body, "bogus_": 1}
            for key, inner in body.items():
                yield from ({**body, key: other} for other in broken(inner))
        elif isinstance(body, list):
            for number, inner in enumerate(body):
                yield from ([*body[:number], other, *body[number + 1 :]] for other in broken(inner))

    plain = {"probability", "count_by_class", "timings_ms", "roots", "ledger"}  # any key is allowed here
    refused = 0
    for body in broken(EXAMPLES[name]):
        if any('"bogus_": 1' in json.dumps(_under(body, key)) for key in plain if _under(body, key)):
            continue
        with pytest.raises(MessageRefused, match="bogus_"):
            messages.body_from_json(name, json.dumps(body).encode())
        refused += 1
    assert refused >= 1


def _under(body: Any, key: str) -> Any:
    if isinstance(body, dict):
        found = [body[key]] if key in body else []
        return found + [hit for inner in body.values() for hit in _under(inner, key)]
    return [hit for inner in body for hit in _under(inner, key)] if isinstance(body, list) else []


@pytest.mark.parametrize("name", sorted(messages.EVENT_TYPES))
def test_a_missing_field_without_a_default_is_refused_by_name(name: str) -> None:
    type_ = messages.EVENT_TYPES[name]
    assert is_dataclass(type_)
    required = [
        field.name.rstrip("_")
        for field in fields(type_)
        if field.default is MISSING and field.default_factory is MISSING
    ]
    for key in required:
        body = {k: v for k, v in EXAMPLES[name].items() if k != key}
        with pytest.raises(MessageRefused, match=key):
            messages.body_from_json(name, json.dumps(body).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"frame_id":"\\ud800"}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    for type_ in messages.EVENT_TYPES.values():
        with pytest.raises(MessageRefused):
            messages.from_json(type_, data)


def test_json_that_is_too_deep_or_too_long_is_refused() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(MessageRefused):
        messages.from_json(Command, json.dumps(COMMAND).encode().replace(b"{}", b'{"a":' + deep + b"}"))
    with pytest.raises(MessageRefused, match="at most"):
        messages.from_json(Command, b" " * (messages.MAX_JSON_BYTES + 1))


def test_an_error_stays_short_however_long_what_was_sent() -> None:
    with pytest.raises(MessageRefused) as caught:
        messages.from_json(Command, json.dumps({**COMMAND, "k" * 50_000: 1}).encode())
    assert len(str(caught.value)) < 400


def test_an_unknown_type_of_event_is_refused() -> None:
    with pytest.raises(MessageRefused, match=r"frame\.dreamt"):
        messages.body_from_json("frame.dreamt", b"{}")


@given(data=st.binary(max_size=60))
def test_garbage_is_refused_and_nothing_else_happens(data: bytes) -> None:
    try:
        messages.from_json(Command, data)
    except MessageRefused:
        return
    raise AssertionError("garbage was taken for a command")


def test_a_text_that_is_no_unicode_is_refused_and_not_sent() -> None:
    with pytest.raises(MessageRefused, match="FrameGone"):
        messages.to_json(FrameGone(frame_id="f", root="r", path="\udcff", z=None, revision=1))
