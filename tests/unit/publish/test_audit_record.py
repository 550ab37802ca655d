"""An order that comes twice under one id has one effect and one answer, even while it is under way."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from temwatch.clock import SystemClock
from temwatch.model.caller import Caller
from temwatch.publish.audit import Audit
from temwatch.publish.replies import Answer, Refusal
from temwatch.store.database import Database

CALLER = Caller(
    name="anna",
    role="admin",
    known="declared",
    cmd="model.promote",
    cmd_id="order-0001",
    request_sha256="a" * 64,
)


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    database = Database(tmp_path / "state", ballast_bytes=0)
    database.open()
    yield Audit(database, clock=SystemClock())
    database.close()


class Slow:
    """An order that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()

    async def __call__(self) -> Answer:
        self.begun += 1
        await self.go.wait()
        return Answer(b'"promoted"')


async def test_an_order_sent_again_while_it_is_under_way_is_carried_out_once(audit: Audit) -> None:
    order = Slow()
    both = [asyncio.create_task(audit.record(CALLER, {}, order)) for _ in range(2)]
    await asyncio.sleep(0)
    order.go.set()
    answers = await asyncio.gather(*both)
    assert [answer.json for answer in answers] == [b'"promoted"'] * 2
    assert order.begun == 1


async def test_a_refusal_is_the_answer_to_both(audit: Audit) -> None:
    async def refused() -> Answer:
        await asyncio.sleep(0)
        raise Refusal("no_change", "it is in use already")

    both = [asyncio.create_task(audit.record(CALLER, {}, refused)) for _ in range(2)]
    errors = await asyncio.gather(*both, return_exceptions=True)
    assert [str(error) for error in errors] == ["it is in use already"] * 2


async def test_who_stops_waiting_does_not_stop_the_order(audit: Audit) -> None:
    order = Slow()
    impatient = asyncio.create_task(audit.record(CALLER, {}, order))
    await asyncio.sleep(0)
    impatient.cancel()
    again = asyncio.create_task(audit.record(CALLER, {}, order))
    await asyncio.sleep(0)
    order.go.set()
    assert (await again).json == b'"promoted"'
    assert order.begun == 1
