"""Orders about recognizers that make no sense, or nearly: each is answered with a code, and what is in use is what the answers say."""

import asyncio
import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from temwatch.clock import SystemClock
from temwatch.errors import ModelRefused
from temwatch.publish.audit import Audit
from temwatch.publish.models import Learning, Models
from temwatch.publish.replies import Replies
from temwatch.publish.sensitivity import Sensitivity
from temwatch.store import models, sensitivity, shadow
from temwatch.store.database import Connection, Database

MESSAGES = 3000
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STARTER = "5" * 64
FIRST, SECOND, DAMAGED = "aaaa" + "1" * 60, "aaaa" + "2" * 60, "d0" * 32
SAID = {
    *("ok", "bad_message", "not_found", "ambiguous", "no_change", "frozen", "busy", "ModelRefused"),
    *("unknown_command", "too_large", "CommandIdUsed"),
}


# What is in use, why it is frozen, the sensitivity said, whether a candidate is on trial.
State = tuple[str, str | None, float | None, bool]


class Bench:
    """A store with three recognizers, the commands about them, and what their answers say is in use."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder, ballast_bytes=0)
        self.database.open()
        with self.database.transaction() as tx:
            for model_id in (FIRST, SECOND, DAMAGED):
                models.keep(tx, model_id, parent_id=STARTER, training={"labels": 7}, label_ids=[1, 2], at=NOW)
        self.learning = Learning(
            begin=self._begin,
            cancel=lambda: None,
            next_at=lambda: None,
            adopt=self._adopt,
            in_use=self.in_use,
            objection=lambda tx, model_id: "",
            starter=STARTER,
            whole=self._whole,
        )
        clock = self._clock = SystemClock()
        handlers = {
            **Models(self.database, self.learning, clock=clock).handlers(),
            **Sensitivity(self.database, self._apply, clock=clock).handlers(),
        }
        self.replies = Replies(handlers, record=Audit(self.database, clock=clock).record)
        self.adopted = [STARTER]
        self.expected: State = (STARTER, None, None, False)

    def _begin(self, by: str) -> int:
        with self.database.transaction() as tx:
            return models.begin(tx, why="order", asked_by=by, newest_label=2, labels=2, at=NOW)

    async def _adopt(self, target: str, before: str) -> None:
        self.adopted.append(target)

    async def _apply(self) -> None:
        return None

    async def _whole(self, model_id: str) -> None:
        if model_id == DAMAGED:
            raise ModelRefused(f"{model_id[:12]} is damaged", next_step="promote another")

    @staticmethod
    def in_use(tx: Connection) -> str:
        return models.in_use(tx) or STARTER

    async def ask(self, data: bytes) -> dict[str, Any]:
        (answer, *_) = await asyncio.wait_for(self.replies.reply_to(data), 10)
        reply: dict[str, Any] = json.loads(answer)
        return reply

    def take(self, cmd: str, args: dict[str, Any], result: Any) -> None:
        """Believe an answer that says something was done."""
        in_use, frozen, tuned, on_trial = self.expected
        on_trial = on_trial and cmd not in ("model.promote", "model.rollback", "model.freeze")
        if cmd in ("model.promote", "model.rollback"):
            in_use = result["model_id"]
        elif cmd == "model.freeze":
            frozen = args["reason"]
        elif cmd == "model.unfreeze":
            frozen = None
        elif cmd == "finder.sensitivity":
            tuned = args["value"]
        self.expected = (in_use, frozen, tuned, on_trial)

    def begin_trial(self) -> None:
        """Put a candidate on trial, as the gate does."""
        with self.database.transaction() as tx:
            shadow.begin(tx, SECOND, beside_id=STARTER, newest_label=2, wanted=30, at=self._clock.now())
        self.expected = (*self.expected[:3], True)

    def present(self) -> State:
        def question(tx: Connection) -> State:
            said = sensitivity.said(tx)
            on_trial = shadow.present(tx) is not None
            return self.in_use(tx), models.frozen(tx), said.value if said else None, on_trial

        return self.database.ask(question)


def arguments(dice: random.Random) -> dict[str, Callable[[], Any]]:
    """Return for each argument what makes a value: right, nearly right or nonsense."""
    number = (0, 1, -1, 2**63, 2**70, 1e308, float("nan"), float("inf"), -0.1, 1.1, True)
    junk: tuple[Any, ...] = (None, "", [], {}, "x" * 3000, "\x00", "\ud800", ["a"], {"a": 1}, *number)

    def some(*values: Any) -> Callable[[], Any]:
        return lambda: dice.choice(junk) if dice.random() < 0.15 else dice.choice(values)

    names = (FIRST, SECOND, STARTER, FIRST[:8], SECOND[:8], "aaaa", "5555", DAMAGED, FIRST.upper(), "f" * 64)
    paths = (
        "../../etc/passwd",
        f"/srv/{FIRST}",
        f"{FIRST}/",
        "%%%%",
        "____",
        "aaaa*",
        "' OR '1'='1",
        "aaaa\n",
    )
    return {
        "model_id": some(*names, *names, *paths),
        "first": some(*names, *paths),
        "second": some(*names, *paths),
        "reason": some("series 7", "x" * 200, "'; DROP TABLE model; --", "ünï", " ", "x" * 2000),
        "label_id": some(1, 2, 3, None),
        "attempt": some(1, 2, None),
        "limit": some(1, 50, 1000, 1001),
        "value": some(0, 0.25, 1, None),
    }


TAKES = {
    "model.list": ("label_id",),
    "model.show": ("model_id",),
    "model.compare": ("first", "second"),
    "model.diff": ("model_id", "limit"),
    "model.promote": ("model_id",),
    "model.rollback": (),
    "model.freeze": ("reason",),
    "model.unfreeze": (),
    "retrain": (),
    "retrain.cancel": (),
    "retrain.status": ("attempt", "limit"),
    "finder.sensitivity": ("value",),
    "model.delete": ("model_id",),
}
CHANGES = ("model.promote", "model.rollback", "model.freeze", "model.unfreeze", "finder.sensitivity")


def question(dice: random.Random, makers: dict[str, Callable[[], Any]], number: int) -> dict[str, Any]:
    cmd = dice.choice(list(TAKES))
    names = [name for name in TAKES[cmd] if dice.random() < 0.95]
    names += [dice.choice(list(makers))] if dice.random() < 0.05 else []
    cmd_id = f"order-{number if dice.random() < 0.95 else dice.randrange(number + 1):06d}"
    return {"v": 1, "cmd_id": cmd_id, "cmd": cmd, "args": {name: makers[name]() for name in names}}


async def test_what_is_in_use_is_what_the_answers_say_whatever_is_sent(tmp_path: Path) -> None:
    bench, dice, codes = Bench(tmp_path / "state"), random.Random(2026), Counter[str]()
    makers, done = arguments(dice), set[str]()
    for number in range(MESSAGES):
        said = question(dice, makers, number)
        if number % 7 == 0:
            bench.begin_trial()
        reply = await bench.ask(json.dumps(said).encode())
        codes["ok" if reply["ok"] else reply["error"]["code"]] += 1
        if reply["ok"] and said["cmd"] in CHANGES and said["cmd_id"] not in done:
            bench.take(said["cmd"], said["args"], reply["result"])
            done.add(said["cmd_id"])  # sent again, it is answered and not done again
        assert bench.present() == bench.expected, said
    assert set(codes) <= SAID, codes
    assert min(codes[code] for code in ("ok", "bad_message", "not_found", "frozen", "ambiguous")) > 10, codes
    assert bench.adopted[-1] == bench.expected[0]
    bench.database.close()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(
    said=st.lists(
        st.tuples(
            st.sampled_from(sorted(TAKES)),
            st.dictionaries(
                st.sampled_from(sorted({name for names in TAKES.values() for name in names})),
                _VALUES,
                max_size=3,
            )
            | _VALUES,
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_arguments_at_all_are_answered_by_a_known_code(said: list[tuple[str, Any]]) -> None:
    async def codes() -> set[str]:
        with tempfile.TemporaryDirectory() as folder:
            bench, found = Bench(Path(folder) / "state"), set[str]()
            for number, (cmd, args) in enumerate(said):
                order = {"v": 1, "cmd_id": f"order-{number:03d}", "cmd": cmd, "args": args}
                reply = await bench.ask(json.dumps(order).encode())
                found.add("ok" if reply["ok"] else reply["error"]["code"])
            bench.database.close()
            return found

    assert asyncio.run(codes()) <= SAID
