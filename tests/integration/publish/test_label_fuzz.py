"""Three thousand orders that make no sense, or nearly: each gets an answer with a code, and none an unforeseen error."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from temwatch.clock import SystemClock
from temwatch.learn.queue import is_control
from temwatch.publish.audit import Audit
from temwatch.publish.labels import Labels
from temwatch.publish.replies import Replies
from temwatch.publish.review import Review
from temwatch.store.database import Database
from temwatch.store.store import Store
from temwatch.wiring.parts import review_rules
from unit.store import sound
from unit.store.labelled import frame, square

MESSAGES = 3000
SAID = {
    *("ok", "bad_message", "not_found", "conflict", "not_blind", "bad_rectangle"),
    *("unknown_command", "too_large", "CommandIdUsed"),
}


def arguments(dice: random.Random, ids: list[str]) -> dict[str, Callable[[], Any]]:
    """Return for each argument what makes a value: right, nearly right or nonsense."""
    number = (0, 1, 2, 3, 7, 199, 200, 201, -1, 2**62, 2**63, 2**70, 1e308, 0.5, True)
    junk: tuple[Any, ...] = (None, "", [], {}, "x" * 3000, "\x00", "\ud800", "ünï", ["a"], {"a": 1}, *number)

    def some(*values: Any) -> Callable[[], Any]:
        return lambda: dice.choice(junk) if dice.random() < 0.06 else dice.choice(values)

    def rectangle() -> Any:
        sides = {name: dice.choice([1, 5, 20, -3, 1e300, 0]) for name in ("row", "col")}
        sides |= {"length_px": dice.choice([20, 5, 1e9]), "width_px": dice.choice([5, 0, 30])}
        return (
            {**sides, "angle_deg": dice.choice([0, 90, -90, 45])}
            if dice.random() < 0.8
            else dice.choice(junk)
        )

    frame_id = ids[0].rpartition(".")[0]
    findings = (
        *ids,
        f"{frame_id}.d1",
        f"{frame_id}.99",
        "x.1",
        ".1",
        f"{frame_id}.",
        f"{frame_id}.0\n",
        "a.1'--",
    )
    return {
        "finding_id": some(*findings),
        "finding_ids": lambda: dice.choice([list(dice.sample(findings, 3)), ids, [], ids * 400, *junk]),
        "frame_id": some(frame_id, "0" * 20, "'; DROP TABLE label; --"),
        "label_id": some(*range(1, 40)),
        "class": some("pore", "crack", "artefact", "slag", "a" * 32, "class", "Pore", "x'y"),
        "state": some("doubtful", "confirmed", None),
        "expect_revision": some(0, 1, 2, 3),
        "dry_run": some(True, False),
        "blind": some(True, False),
        "operator": some("anna", "ben", "carl", "dora", "ben", "anna", "eve\n", "x" * 65),
        "note": some("", "a note", "'\"; --", "x" * 500, "y", "x" * 501),
        "rectangle": rectangle,
        "by": some("anna", "ben", "nobody", "x" * 64),
        "since": some("2026-01-01T00:00:00Z", "2099-01-01", "0001-01-01T00:00:00+14:00", 0, 1e18),
        "until": some("2026-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "later"),
        "limit": some(1, 5, 200),
        "after": some(0, 5),
        "root": some("titan", "nowhere"),
    }


TAKES = {
    "label.set": ("finding_id", "class", "state", "expect_revision", "operator", "note", "blind"),
    "label.undo": ("label_id", "operator"),
    "label.bulk": ("finding_ids", "class", "dry_run", "operator"),
    "label.revert": ("by", "since", "until", "dry_run"),
    "label.add": ("frame_id", "rectangle", "class", "operator", "note"),
    "label.history": ("finding_id",),
    "label.list": ("frame_id",),
    "label.page": ("after", "limit"),
    "review.next": ("limit", "operator", "class", "root"),
    "review.agreement": (),
    "review.accuracy": (),
    "label.nothing": ("finding_id",),
}


def question(dice: random.Random, makers: dict[str, Callable[[], Any]], number: int) -> bytes:
    cmd = dice.choice(list(TAKES))
    names = [name for name in TAKES[cmd] if dice.random() < 0.95]
    names += [dice.choice(list(makers))] if dice.random() < 0.1 else []
    cmd_id = f"order-{number if dice.random() < 0.95 else dice.randrange(number + 1):06d}"
    said = {"v": 1, "cmd_id": cmd_id, "cmd": cmd, "args": {name: makers[name]() for name in names}}
    data = json.dumps(said).encode()
    if dice.random() < 0.03:  # cut, or a bit turned
        place = dice.randrange(len(data))
        data = (
            data[:place]
            if dice.random() < 0.5
            else data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]
        )
    return data


async def test_whatever_is_sent_is_answered_by_a_known_word_and_the_books_balance(tmp_path: Path) -> None:
    database = Database(tmp_path / "state", ballast_bytes=0)
    database.open()
    store = Store(database, instance="this run")
    there = frame(store, *(square(20 * k, 5) for k in range(12)))
    audit = Audit(database, clock=SystemClock())
    desk = Labels(database, clock=SystemClock(), committed=lambda: None, may_be_blind=is_control)
    handlers = {**desk.handlers(), **Review(database, review_rules()).handlers()}
    replies = Replies(handlers, record=audit.record)
    dice = random.Random(2026)
    makers = arguments(dice, [f"{there.frame_id}.{k}" for k in range(12)])
    codes: Counter[str] = Counter()
    for number in range(MESSAGES):
        (answer, *_) = await asyncio.wait_for(replies.reply_to(question(dice, makers, number)), 10)
        reply = json.loads(answer)
        codes["ok" if reply["ok"] else reply["error"]["code"]] += 1
    assert set(codes) <= SAID, codes
    assert (
        min(codes[code] for code in ("ok", "bad_message", "not_found", "conflict", "bad_rectangle")) > 10
    ), codes
    sound.check(store)
    database.close()
