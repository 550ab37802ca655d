"""Facts over the pipe."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temwatch.intake.telling import from_json, to_json
from temwatch.model.sighting import (
    Held,
    Noticed,
    RootIdentified,
    RootState,
    ScannerFact,
    Sighted,
    Stamp,
    Unfit,
    Vanished,
)
from temwatch.wire import pipes

ROOT = st.just("titan")
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
STAMP = st.builds(
    Stamp,
    size=st.integers(0, 2**63),
    mtime_ns=st.integers(-(2**63), 2**63),
    ctime_ns=st.integers(-(2**63), 2**63),
    inode=st.integers(0, 2**64 - 1),
)
FACTS = st.one_of(
    st.builds(Noticed, root=ROOT, stamp=STAMP),
    st.builds(Held, root=ROOT, reason=TEXT),
    st.builds(
        Sighted,
        root=ROOT,
        stamp=STAMP,
        format=TEXT,
        fingerprint=TEXT,
        sections=st.none() | st.lists(TEXT).map(tuple),
    ),
    st.builds(Unfit, root=ROOT, stamp=st.none() | STAMP, fingerprint=TEXT, reason=TEXT, next_step=TEXT),
    st.builds(Vanished, root=ROOT),
    st.builds(
        RootState,
        root=ROOT,
        state=TEXT,
        discovery=TEXT,
        reason=TEXT,
        scan_s=st.floats(allow_nan=False, allow_infinity=False),
    ),
    st.builds(RootIdentified, root=ROOT, guard=TEXT),
)


@given(FACTS)
def test_a_fact_comes_out_of_the_pipe_as_it_went_in(fact: ScannerFact) -> None:
    message = pipes.read_blocking(BytesIO(pipes.pack(to_json(fact))))
    assert message is not None
    assert from_json(message[0], root="titan") == fact


def test_the_scanner_does_not_choose_the_root_s_name() -> None:
    body = {**to_json(Vanished(root="titan", relpath=b"a")), "root": "other"}
    with pytest.raises(pipes.PipeGarbage):
        from_json(body, root="titan")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"fact": "os.system"},
        {"fact": "Vanished"},
        {"fact": "Vanished", "relpath": 5},
        {"fact": "Noticed", "relpath": "a", "stamp": [1, 2]},
        {"fact": ["Vanished"], "relpath": "a"},
        {"fact": "Held", "relpath": "a", "reason": "r", "surplus": 1},
    ],
)
def test_anything_else_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(pipes.PipeGarbage):
        from_json(body, root="titan")
