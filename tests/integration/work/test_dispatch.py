"""From the queue through an engine into the store: every job ends once, and is written before it is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from temwatch.clock import SystemClock
from temwatch.model.caller import Caller
from temwatch.model.finding import Finding, Rectangle
from temwatch.model.frame import Calibration, ModeReading
from temwatch.model.job import Crashed, Failed, Finished, Job, Outcome
from temwatch.model.label import Label
from temwatch.model.report import Decision, ModelName, Report, SizeStatistics, Summary, Verdict
from temwatch.model.sighting import Sighted, Stamp
from temwatch.store import frames, labelling, labels, outbox, previews
from temwatch.store.database import Database
from temwatch.store.frames import FrameRow
from temwatch.store.labelling import Statement
from temwatch.store.store import Store
from temwatch.wire import messages
from temwatch.work.dispatch import Dispatch
from temwatch.work.drawn import Drawn
from temwatch.work.engine import EngineHealth, WorkerState
from temwatch.work.verdict import RetrySettings

Answer = Callable[[Job], Outcome]
QUICK = RetrySettings(first_wait_s=0.01, unsettled_wait_s=0.01, share_wait_s=0.01, max_wait_s=0.02)


class OneHand:
    """An engine that does one job at a time, at once, as `answer` says."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
        self.order: list[str] = []

    async def start(self) -> None: ...

    def free(self) -> int:
        return 1 if self._outcomes.empty() else 0

    async def submit(self, job: Job) -> None:
        self.order.append(job.body["path"])
        self._outcomes.put_nowait(self._answer(job))

    async def next_outcome(self) -> Outcome:
        return await self._outcomes.get()

    def cancel(self, job_id: int) -> bool:
        return False

    def workers(self) -> tuple[WorkerState, ...]:
        return ()

    def health(self) -> EngineHealth:
        return EngineHealth(state="ready")

    async def reconfigure(self, settings: dict[str, Any]) -> None: ...

    async def close(self, grace_s: float) -> None: ...


def report(body: dict[str, Any], **changes: Any) -> Report:
    finding = Finding(
        finding_id=f"{body['frame_id']}.0",
        class_="pore",
        probability={"pore": 1.0},
        prediction_set=("pore",),
        novelty=0.1,
        score=1.0,
        rectangle=Rectangle(row=1, col=2, length_px=3, width_px=2, angle_deg=0),
        area_px=6,
        area_nm2=None,
        equivalent_diameter_nm=None,
        grade=None,
        zone="B1",
        touches_edge=False,
    )
    fields: dict[str, Any] = {
        "frame_id": body["frame_id"],
        "root": "titan",
        "path": body["path"],
        "z": None,
        "revision": body["revision"],
        "sha256": "00",
        "sha256_of": "file",
        "acquired_at": None,
        "shape": (8, 8),
        "format": "tif",
        "signal": "",
        "calibration": Calibration(),
        "imaging_mode": ModeReading(),
        "data_bar": None,
        "verdict": Verdict(decision=Decision.REFER, reasons=("because",)),
        "findings": (finding,),
        "summary": Summary(count_by_class={"pore": 1}, particle_size_nm=SizeStatistics()),
        "model": ModelName(id="m1", method="kernel_elm", provenance="test"),
        "finder": "threshold",
        "software": "test",
    }
    return Report(**{**fields, **changes})


def finished(job: Job, **changes: Any) -> Finished:
    blobs = (messages.to_json(report(job.body, **changes)), bytes(4), b"\x00" * 4, b"jpeg")
    return Finished(job_id=job.job_id, attempt=job.attempt, body={"feature_set": "f/1"}, blobs=blobs)


def failed(job: Job, error: str, *, retryable: bool) -> Failed:
    return Failed(
        job_id=job.job_id,
        attempt=job.attempt,
        error=error,
        reason=f"{error} said so",
        next_step="look at it",
        retryable=retryable,
    )


def body_of(frame: FrameRow) -> dict[str, Any]:
    return {
        "frame_id": frame.frame_id,
        "path": frame.path,
        "revision": frame.revision,
        "section": frame.section,
    }


@pytest.fixture
def store(tmp_path: Path) -> Any:
    database = Database(tmp_path / "state")
    database.open()
    yield Store(database, instance="now")
    database.close()


def queue(store: Store, *names: str) -> None:
    for name in names:
        stamp = Stamp(size=1, mtime_ns=1, ctime_ns=1, inode=1)
        sighted = Sighted(
            root="titan", relpath=name.encode(), stamp=stamp, format="tif", fingerprint=name, sections=None
        )
        store.accept(sighted, at=datetime.now(UTC))


@asynccontextmanager
async def running(store: Store, answer: Answer) -> AsyncIterator[OneHand]:
    engine = OneHand(answer)
    dispatch = Dispatch(
        store,
        engine,
        clock=SystemClock(),
        job_body=body_of,
        committed=lambda: None,
        timeout_s=5.0,
        trouble=lambda _: None,
        retries=QUICK,
        drawn=Drawn(store.database, clock=SystemClock(), job_body=body_of, retries=QUICK),
    )
    task = asyncio.create_task(dispatch.run())
    try:
        yield engine
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(ended, asyncio.CancelledError), ended


async def until_ended(store: Store, n: int) -> list[outbox.Message]:
    """Wait until `n` frames have come to an end and return their messages."""
    async with asyncio.timeout(20):
        while True:
            ends = [
                m for m in outbox.page(store.database.connection(), since=0, limit=1000) if ":end:" in m.id
            ]
            if len(ends) >= n:
                return ends
            await asyncio.sleep(0.01)


async def test_a_report_is_stored_with_its_message_and_picture(store: Store) -> None:
    queue(store, "a")
    async with running(store, finished):
        (end,) = await until_ended(store, 1)
    body = messages.body_from_json(end.type, end.json_body)
    assert isinstance(body, Report)
    assert body.path == "a"
    assert previews.read(store.database.folder, body.frame_id) == b"jpeg"
    assert store.ledgers()["titan"].done == 1


async def test_the_newest_frame_goes_first(store: Store) -> None:
    queue(store, "old", "middle", "new")
    async with running(store, finished) as engine:
        await until_ended(store, 3)
    assert engine.order == ["new", "middle", "old"]


async def test_a_file_with_several_images_becomes_one_frame_an_image(store: Store) -> None:
    queue(store, "stack")

    def answer(job: Job) -> Outcome:
        if job.attempt == 1 and not unfolded:
            unfolded.append(job)
            return Finished(job_id=job.job_id, attempt=job.attempt, body={"sections": 3})
        return finished(job, z=job.body["section"])

    unfolded: list[Job] = []
    async with running(store, answer):
        ends = await until_ended(store, 3)
    assert sorted(messages.body_from_json(m.type, m.json_body).z for m in ends) == [0, 1, 2]  # type: ignore[union-attr, type-var]


async def test_a_frame_that_cannot_be_read_is_set_aside_with_the_reason(store: Store) -> None:
    queue(store, "bad")
    async with running(store, lambda job: failed(job, "FrameUnreadable", retryable=False)):
        (end,) = await until_ended(store, 1)
    assert end.type == "frame.set_aside"
    assert b"FrameUnreadable said so" in end.json_body


async def test_three_deaths_of_workers_set_a_frame_aside(store: Store) -> None:
    queue(store, "poison")
    tries: list[int] = []

    def answer(job: Job) -> Outcome:
        tries.append(job.attempt)
        return Crashed(job_id=job.job_id, attempt=job.attempt, cause="signal 11")

    async with running(store, answer):
        (end,) = await until_ended(store, 1)
    assert end.type == "frame.set_aside"
    assert tries == [1, 2, 3]


async def test_trouble_of_the_share_never_counts_against_the_frame(store: Store) -> None:
    queue(store, "far")

    def answer(job: Job) -> Outcome:
        return failed(job, "ShareTrouble", retryable=True) if job.attempt <= 20 else finished(job)

    async with running(store, answer):
        (end,) = await until_ended(store, 1)
    assert end.type == "frame.inspected"


async def test_a_frame_whose_file_vanished_is_gone(store: Store) -> None:
    queue(store, "brief")
    async with running(store, lambda job: failed(job, "FrameGone", retryable=False)):
        (end,) = await until_ended(store, 1)
    assert end.type == "frame.gone"


@pytest.mark.parametrize(
    "blobs",
    [
        (),
        (b"{}", b"", b"", b""),
        (b'{"frame_id": "another"}', b"", b"", b""),
        (b"\xff", b"", b"", b""),
    ],
)
async def test_what_is_no_report_about_the_frame_is_not_believed(
    store: Store, blobs: tuple[bytes, ...]
) -> None:
    queue(store, "a")

    def answer(job: Job) -> Outcome:
        return Finished(job_id=job.job_id, attempt=job.attempt, body={}, blobs=blobs)

    async with running(store, answer):
        (end,) = await until_ended(store, 1)
    assert end.type == "frame.set_aside"
    assert store.ledgers()["titan"].done == 0


async def test_a_report_about_another_frame_is_not_believed(store: Store) -> None:
    queue(store, "a")
    async with running(store, lambda job: finished(job, frame_id="another")):
        (end,) = await until_ended(store, 1)
    assert end.type == "frame.set_aside"


@pytest.mark.parametrize("sections", ["many", 0, 1, -3, 10**9, None])
async def test_a_number_of_images_that_is_none_is_not_believed(store: Store, sections: Any) -> None:
    queue(store, "a")

    def answer(job: Job) -> Outcome:
        return Finished(job_id=job.job_id, attempt=job.attempt, body={"sections": sections})

    async with running(store, answer):
        (end,) = await until_ended(store, 1)
    assert end.type == "frame.set_aside"


# --- what people drew ----------------------------------------------------------------------------------------------------


async def drawn_in(store: Store, name: str) -> Label:
    """Return the label of an object drawn in a frame that was inspected."""
    queue(store, name)
    async with running(store, finished):
        await until_ended(store, 1)
    with store.database.transaction() as tx:
        frame = frames.by_pk(tx, 1)
        rectangle = Rectangle(row=3, col=3, length_px=4, width_px=2, angle_deg=0)
        anna = Caller(name="anna", role="labeller", known="declared", cmd_id="c" * 8)
        return labelling.draw(
            tx, frame, "sha", rectangle, Statement(class_="crack"), anna, at=datetime.now(UTC)
        )


async def until_measured(store: Store, label: Label) -> Label:
    async with asyncio.timeout(20):
        while True:
            assert label.label_id is not None
            now = labels.one(store.database.connection(), label.label_id)
            assert now is not None
            if now.measured != "waiting":
                return now
            await asyncio.sleep(0.01)


async def test_a_drawn_object_is_measured_by_a_worker_and_can_be_learned_from(store: Store) -> None:
    label = await drawn_in(store, "a")
    bodies = []

    def answer(job: Job) -> Outcome:
        bodies.append(job.body)
        return finished(job)

    async with running(store, answer):
        now = await until_measured(store, label)
    assert (now.measured, now.class_) == ("measured", "crack")
    assert bodies[0]["drawn"] == {"row": 3, "col": 3, "length_px": 4, "width_px": 2, "angle_deg": 0}
    (row,) = labels.for_training(store.database.connection())
    assert (row.label_id, row.class_, row.feature_set, row.predicted) == (
        label.label_id,
        "crack",
        "f/1",
        None,
    )
    told = outbox.page(store.database.connection(), since=0, limit=100, topic="tw1/label/")
    assert [message.type for message in told] == ["label.set", "label.measured"]


@pytest.mark.parametrize(
    ("error", "retryable", "why"),
    [
        ("FrameGone", False, "the file is gone"),
        ("FrameChanged", True, "the file holds another content now"),
        ("FrameUnreadable", False, "FrameUnreadable said so"),
    ],
)
async def test_what_can_not_be_measured_keeps_its_label_and_says_why(
    store: Store, error: str, retryable: bool, why: str
) -> None:
    label = await drawn_in(store, "a")
    async with running(store, lambda job: failed(job, error, retryable=retryable)):
        now = await until_measured(store, label)
    assert (now.measured, now.why_not_measured, now.stands) == ("not measured", why, True)
    assert labels.for_training(store.database.connection()) == []


async def test_a_worker_that_dies_over_a_drawn_object_gets_three_tries(store: Store) -> None:
    label = await drawn_in(store, "a")
    tries = []

    def dies(job: Job) -> Outcome:
        tries.append((job.job_id, job.attempt))
        return Crashed(job_id=job.job_id, attempt=job.attempt, cause="SIGSEGV")

    async with running(store, dies):
        now = await until_measured(store, label)
    assert (tries, now.measured) == ([(-1, 1), (-1, 2), (-1, 3)], "not measured")
    assert "SIGSEGV" in now.why_not_measured


async def test_a_failing_share_is_waited_for_and_a_lie_is_not_believed(store: Store) -> None:
    label = await drawn_in(store, "a")
    answers = iter(["ShareTrouble"] * 12)

    def answer(job: Job) -> Outcome:
        if (error := next(answers, None)) is not None:
            return failed(job, error, retryable=True)
        return finished(job, findings=())

    async with running(store, answer):
        now = await until_measured(store, label)
    assert now.measured == "not measured"
    assert "0 findings" in now.why_not_measured
