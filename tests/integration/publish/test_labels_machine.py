"""Any order of labelling, taking back, bulk orders, repeats, new segmentations and restarts: a page of Python says the same."""

import asyncio
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from temwatch.clock import SystemClock
from temwatch.publish.audit import Audit
from temwatch.publish.labels import Labels
from temwatch.publish.replies import Replies
from temwatch.store import labels, outbox
from temwatch.store.database import Database
from temwatch.store.store import Store
from unit.store import sound
from unit.store.labelled import again, frame, square

N = 4
SQUARES = [square(20, 20 + 60 * k) for k in range(N)]
WHO = st.sampled_from(["anna", "ben"])
CLASSES = st.sampled_from(["pore", "crack", "slag"])
THINGS = st.integers(0, N - 1)


@dataclass
class Said:
    """One label in the oracle."""

    number: int
    class_: str
    by: str
    stands_for: bool  # a blind second opinion does not
    doubtful: bool = False
    undone: bool = False


@dataclass
class Thing:
    """One object in the oracle: everything said of it, and how often what stands was changed."""

    said: list[Said] = field(default_factory=list)
    revision: int = 0

    @property
    def stands(self) -> Said | None:
        left = [one for one in self.said if one.stands_for and not one.undone]
        return left[-1] if left else None


class Desk(RuleBasedStateMachine):
    """Two people at a daemon."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.things = [Thing() for _ in range(N)]
        self.orders: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.undos = 0
        self.moves = 0
        self._open()
        self.place = list(range(N))  # thing -> number of its finding
        self.frame = frame(self.store, *SQUARES)

    def _open(self) -> None:
        self.database = Database(self.folder / "state", ballast_bytes=0)
        self.database.open()
        self.store = Store(self.database, instance="this run")
        audit = Audit(self.database, clock=SystemClock())
        desk = Labels(self.database, clock=SystemClock(), committed=lambda: None)
        self.replies = Replies(desk.handlers(), record=audit.record)

    def _send(self, question: dict[str, Any]) -> dict[str, Any]:
        parts = self.loop.run_until_complete(self.replies.reply_to(json.dumps(question).encode()))
        reply: dict[str, Any] = json.loads(parts[0])
        return reply

    def _order(self, cmd: str, by: str, **args: Any) -> dict[str, Any]:
        question = {
            "v": 1,
            "cmd_id": f"order-{len(self.orders):06d}",
            "cmd": cmd,
            "operator": by,
            "args": args,
        }
        reply = self._send(question)
        self.orders.append((question, reply))
        return reply

    def _finding(self, thing: int) -> str:
        return f"{self.frame.frame_id}.{self.place[thing]}"

    def _add(self, thing: int, label: dict[str, Any], by: str, **said: Any) -> None:
        there = self.things[thing]
        there.said.append(Said(label["label_id"], label["class"], by, **said))
        there.revision += said["stands_for"]

    # --- what people do --------------------------------------------------------------------------------------------

    @rule(
        thing=THINGS,
        by=WHO,
        class_=CLASSES,
        doubtful=st.booleans(),
        expect=st.sampled_from([None, 0, 1, "it"]),
    )
    def say(self, thing: int, by: str, class_: str, doubtful: bool, expect: Any) -> None:
        there = self.things[thing]
        expected = there.revision if expect == "it" else expect
        args: dict[str, Any] = {
            "finding_id": self._finding(thing),
            "class": class_,
            "expect_revision": expected,
        }
        args |= {"state": "doubtful"} if doubtful else {}
        before = there.stands
        reply = self._order("label.set", by, **args)
        if expected not in (None, there.revision):
            assert reply["error"]["code"] == "conflict"
            current = reply["error"].get("current")
            assert (current and current["label_id"]) == (before and before.number)
            return
        label = reply["result"]
        assert label["revision"] == there.revision + 1
        assert (label["previous"] and label["previous"]["label_id"]) == (before and before.number)
        self._add(thing, label, by, stands_for=True, doubtful=doubtful)

    @rule(thing=THINGS, by=WHO, class_=CLASSES)
    def say_blind(self, thing: int, by: str, class_: str) -> None:
        args = {"finding_id": self._finding(thing), "class": class_, "blind": True, "expect_revision": 0}
        label = self._order("label.set", by, **args)["result"]
        assert label["stands"] == (self.things[thing].stands is None)
        assert label["previous"] is None
        self._add(thing, label, by, stands_for=label["stands"])

    @rule(data=st.data(), by=WHO)
    def take_back(self, data: st.DataObject, by: str) -> None:
        known = {one.number: (there, one) for there in self.things for one in there.said}
        number = data.draw(st.sampled_from([*sorted(known), 10_000]))
        reply = self._order("label.undo", by, label_id=number)
        if number not in known:
            assert reply["error"]["code"] == "not_found"
            return
        there, one = known[number]
        if one.undone:
            assert reply["error"]["code"] == "conflict"
            return
        one.undone = True
        self.undos += 1
        there.revision += one.stands_for
        stands = there.stands
        assert reply["result"]["class"] == (stands.class_ if stands else None)
        assert reply["result"]["revision"] == there.revision

    @rule(chosen=st.lists(THINGS, min_size=1, max_size=6), by=WHO, class_=CLASSES, dry_run=st.booleans())
    def say_alike(self, chosen: list[int], by: str, class_: str, dry_run: bool) -> None:
        ids = [self._finding(thing) for thing in chosen]
        done = self._order("label.bulk", by, finding_ids=ids, dry_run=dry_run, **{"class": class_})["result"]
        once = list(dict.fromkeys(chosen))
        stands = {thing: self.things[thing].stands for thing in once}
        same = [thing for thing, one in stands.items() if one and one.class_ == class_]
        others = [t for t, one in stands.items() if one and t not in same and one.by != by]
        change = [thing for thing in once if thing not in same and thing not in others]
        assert (done["would_change"], done["same"]) == (len(change), len(same))
        assert [one["finding_id"] for one in done["conflicts"]] == [self._finding(thing) for thing in others]
        assert len(done["labels"]) == (0 if dry_run else len(change))
        for thing, label in zip(change, done["labels"], strict=False):
            self._add(thing, label, by, stands_for=True)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """The answer was lost: the very same order comes again."""
        question, reply = data.draw(st.sampled_from(self.orders))
        again_ = self._send(question)
        assert again_["ok"] == reply["ok"]
        if reply["ok"]:
            assert again_ == reply
        else:
            assert again_["error"]["code"] == reply["error"]["code"]

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def steal(self, data: st.DataObject) -> None:
        """Another order comes under an old id."""
        question, _ = data.draw(st.sampled_from(self.orders))
        assert self._send({**question, "operator": "eve"})["error"]["code"] == "CommandIdUsed"

    # --- what happens ----------------------------------------------------------------------------------------------

    @rule(order=st.permutations(range(N)))
    def segment_anew(self, order: list[int]) -> None:
        """The same bytes come again, and the findings in another order."""
        self.frame = again(self.store, *(SQUARES[thing] for thing in order))
        self.place = [order.index(thing) for thing in range(N)]
        self.moves += sum(there.stands is not None for there in self.things)

    @rule()
    def restart(self) -> None:
        self.database.close()
        self._open()

    # --- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def what_stands_is_what_was_said(self) -> None:
        if not hasattr(self, "replies"):
            return
        args = {"frame_id": self.frame.frame_id}
        question = {"v": 1, "cmd_id": "question", "cmd": "label.list", "args": args}
        now = {one["finding_id"]: one for one in self._send(question)["result"]["labels"]}
        expected = {
            self._finding(thing): (there.stands.number, there.stands.class_, there.stands.by, there.revision)
            for thing, there in enumerate(self.things)
            if there.stands
        }
        assert {
            finding: (one["label_id"], one["class"], one["by"], one["revision"])
            for finding, one in now.items()
        } == expected
        learned = self.database.ask(labels.for_training)
        sure = [there.stands for there in self.things if there.stands and not there.stands.doubtful]
        assert [row.label_id for row in learned] == sorted(one.number for one in sure)

    @invariant()
    def everything_said_is_there_once_and_was_published(self) -> None:
        if not hasattr(self, "replies"):
            return
        for thing, there in enumerate(self.things):
            question = {"v": 1, "cmd_id": "question", "cmd": "label.history"}
            past = self._send({**question, "args": {"finding_id": self._finding(thing)}})["result"]["labels"]
            assert [(one["label_id"], one["class"], one["undone"]) for one in past] == [
                (one.number, one.class_, one.undone) for one in there.said
            ]
        count = sum(len(there.said) for there in self.things)
        told = self.database.ask(lambda c: outbox.page(c, since=0, limit=1000, topic="tw1/label/"))
        assert len(told) == count + self.undos + self.moves
        sound.check(self.store)

    def teardown(self) -> None:
        if hasattr(self, "replies"):
            self.database.close()
            self.loop.close()
            shutil.rmtree(self.folder)


TestDesk = Desk.TestCase
TestDesk.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
