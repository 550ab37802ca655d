"""A candidate that passed the gate is used only after it was no worse on labels that came later, where a site wants it so."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest

from integration.learn.learning import SETTINGS, Learning
from temwatch.clock import SystemClock
from temwatch.learn.champion import Champions
from temwatch.learn.shadowing import Shadowing
from temwatch.model.training import Attempt
from temwatch.store import models, outbox, shadow
from temwatch.store.shadow import Shadow
from temwatch.store.shelf import starter
from temwatch.store.store import Store
from unit.learn.history import CLASSES, History

WANTED = 12


class Trial:
    """A site on which a candidate passed the gate and is on trial."""

    def __init__(self, store: Store, champions: Champions, history: History) -> None:
        self.store, self.champions, self.history = store, champions, history
        self.learning = Learning(store, champions, replace(SETTINGS, shadow_labels=WANTED))
        self.adopted: list[str] = []
        self.shadowing = self.watched()

    def watched(self, promote: Literal["auto", "manual"] = "auto") -> Shadowing:
        async def adopt(model_id: str, before: str) -> None:
            self.adopted.append(model_id)

        return Shadowing(
            self.store.database,
            self.champions,
            floors={"crack": 0.8},
            promote=promote,
            clock=SystemClock(),
            adopt=adopt,
            committed=lambda: None,
        )

    async def begin(self) -> Attempt:
        self.history.frames(6)
        self.history.label_all()
        async with self.learning.at_work() as learning:
            return await learning.ended(learning.retraining.request("order", "anna"))

    def label_more(self, count: int, wrongly: Callable[[str], str] = lambda class_: class_) -> None:
        """Label so many findings of frames inspected since."""
        before = set(self.history.truth)
        self.history.frames(-(-count // 3), CLASSES)
        fresh = [finding for finding in self.history.truth if finding not in before][:count]
        for finding in fresh:
            self.history.label(finding, wrongly(self.history.truth[finding]), by="ben")

    def present(self) -> Shadow | None:
        return self.store.database.ask(shadow.present)

    def said(self) -> list[tuple[str, str]]:
        """Return what was published about trials: state and sentence."""
        found = self.store.database.ask(lambda tx: outbox.page(tx, since=0, limit=1000))
        events = [json.loads(one.json_body) for one in found if one.type == "model.shadowed"]
        return [(event["state"], event["sentence"]) for event in events]


@pytest.fixture
def trial(store: Store, champions: Champions, history: History) -> Trial:
    return Trial(store, champions, history)


async def test_what_passed_the_gate_is_not_in_use_while_it_is_on_trial(trial: Trial) -> None:
    ended = await trial.begin()
    assert ended.state == "passed"
    assert trial.learning.in_use() == trial.champions.starter.name
    on_trial = trial.present()
    assert on_trial is not None
    assert (on_trial.model_id, on_trial.wanted) == (ended.model_id, WANTED)
    await trial.shadowing.look()
    trial.label_more(WANTED - 1)
    await trial.shadowing.look()
    assert trial.present() == on_trial


async def test_it_is_taken_into_use_once_it_was_no_worse_on_later_labels(trial: Trial) -> None:
    ended = await trial.begin()
    trial.label_more(WANTED)
    await trial.watched().look()  # also after a restart
    assert trial.learning.in_use() == ended.model_id
    assert trial.adopted == [ended.model_id]
    assert trial.present() is None
    assert [state for state, _ in trial.said()] == ["begun", "passed"]
    assert "on 12 labels given since it learned" in trial.said()[-1][1]


async def test_it_is_refused_where_it_was_worse_and_stays_on_the_shelf(trial: Trial) -> None:
    ended = await trial.begin()
    trial.label_more(60, wrongly=lambda _: "pore")  # as the machine had called them all
    await trial.shadowing.look()
    assert trial.learning.in_use() == trial.champions.starter.name
    assert trial.adopted == []
    assert [state for state, _ in trial.said()] == ["begun", "refused"]
    known = trial.store.database.ask(models.models)
    assert [row.model_id for row in known] == [ended.model_id]
    word = trial.store.database.ask(lambda tx: shadow.last_word(tx, str(ended.model_id)))
    assert word.startswith("refused in the shadow")


async def test_labels_of_one_file_decide_nothing_however_many(trial: Trial) -> None:
    await trial.begin()
    trial.history.frames(1, ("crack", "pore", "slag_inclusion") * 10)
    for finding in list(trial.history.truth)[36:]:
        trial.history.label(finding, "pore")
    await trial.shadowing.look()
    assert trial.present() is not None
    trial.label_more(12)
    await trial.shadowing.look()
    assert trial.present() is None


async def test_an_object_it_learned_from_does_not_judge_it_when_it_is_said_otherwise(trial: Trial) -> None:
    await trial.begin()
    for finding in list(trial.history.truth):
        trial.history.label(finding, "pore", by="ben")
    await trial.shadowing.look()
    assert trial.present() is not None


async def test_a_newer_candidate_takes_its_place(trial: Trial) -> None:
    first = await trial.begin()
    trial.label_more(6)
    async with trial.learning.at_work() as learning:
        second = await learning.ended(learning.retraining.request("order", "anna"))
    assert second.state == "passed"
    on_trial = trial.present()
    assert on_trial is not None
    assert on_trial.model_id == second.model_id != first.model_id
    assert [state for state, _ in trial.said()] == ["begun", "ended", "begun"]


async def test_where_nothing_may_be_taken_into_use_any_more_a_trial_ends(trial: Trial) -> None:
    await trial.begin()
    trial.label_more(WANTED)
    await trial.watched("manual").look()
    assert trial.present() is None
    assert trial.learning.in_use() == trial.champions.starter.name
    assert 'promote = "manual"' in trial.said()[-1][1]


async def test_a_trial_ends_where_the_configuration_names_another_finder(trial: Trial) -> None:
    await trial.begin()
    trial.label_more(WANTED)
    trial.champions = Champions(
        trial.champions.shelf, starter("threshold"), method="kernel_elm", finder="threshold"
    )
    await trial.watched().look()
    assert trial.present() is None
    assert trial.adopted == []
    assert "was made by kernel_elm for the learned finder" in trial.said()[-1][1]


async def test_one_that_is_missing_from_the_shelf_ends_its_trial(trial: Trial) -> None:
    ended = await trial.begin()
    (trial.champions.shelf / str(ended.model_id) / "manifest.json").unlink()
    trial.label_more(WANTED)
    await trial.shadowing.look()
    assert trial.present() is None
    assert trial.said()[-1][0] == "ended"
    assert trial.learning.in_use() == trial.champions.starter.name
