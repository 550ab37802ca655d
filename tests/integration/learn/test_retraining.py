"""From labels to another recognizer in use: real database, real process, real files."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from integration.learn.learning import SETTINGS, Learning, until
from temwatch.acceptance.rules import Rules
from temwatch.clock import SystemClock
from temwatch.learn.champion import Champions
from temwatch.learn.rescoring import Rescoring
from temwatch.model.report import Report
from temwatch.model.training import Attempt
from temwatch.store import meta, models, outbox, rescored, results
from temwatch.store.database import Database
from temwatch.store.models import AttemptRunning
from temwatch.store.shelf import load, starter
from temwatch.store.store import Store
from temwatch.wire import messages
from unit.learn.history import CLASSES, History


class Success(NamedTuple):
    """A site on which an attempt passed."""

    store: Store
    champions: Champions
    ended: Attempt
    adopted: list[str]


@pytest.fixture(scope="module")
def success(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Success]:
    database = Database(tmp_path_factory.mktemp("success") / "state", ballast_bytes=0)
    database.open()
    store = Store(database, instance="this run")
    champions = Champions(
        database.folder / "models", starter("learned"), method="kernel_elm", finder="learned"
    )
    history = History(store, champions.starter.name)
    history.frames(6)
    history.label_all()

    async def learn() -> tuple[Attempt, list[str]]:
        async with Learning(store, champions).at_work() as learning:
            ended = await learning.ended(learning.retraining.request("order", "anna"))
            await until(lambda: bool(learning.adopted))
            return ended, learning.adopted

    yield Success(store, champions, *asyncio.run(learn()))
    database.close()


def test_labels_become_the_recognizer_in_use(success: Success) -> None:
    ended = success.ended
    assert (ended.state, ended.labels) == ("passed", 36)
    assert ended.recall["crack"].n == 12
    assert ended.recall["crack"].after > ended.recall["crack"].before
    in_use = success.store.database.ask(success.champions.present)
    assert success.adopted == [ended.model_id] == [in_use.name]
    assert set(load(in_use).classes) == set(CLASSES)


def test_what_was_learned_says_where_it_comes_from(success: Success) -> None:
    row = success.store.database.ask(lambda tx: models.one_model(tx, str(success.ended.model_id)))
    assert row is not None
    assert row.parent_id == success.champions.starter.name
    assert row.training["labels_by_class"] == dict.fromkeys(CLASSES, 12)
    assert (row.training["frames"], row.training["operators"]) == (6, ["anna"])
    assert len(success.store.database.ask(lambda tx: models.labels_of(tx, row.model_id))) == 36


def test_every_step_is_published(success: Success) -> None:
    told = success.store.database.ask(lambda tx: outbox.page(tx, since=0, limit=1000, topic="tw1/model/"))
    assert [message.type for message in told] == ["model.learned", "model.promoted"]
    for message in told:
        messages.body_from_json(message.type, message.json_body)


def test_a_damaged_recognizer_gives_way_to_the_one_before(success: Success, tmp_path: Path) -> None:
    shelf = tmp_path / "models"
    shutil.copytree(success.champions.shelf, shelf)
    arrays = shelf / str(success.ended.model_id) / "arrays.npz"
    arrays.write_bytes(arrays.read_bytes()[:-100])
    damaged = Champions(shelf, success.champions.starter, method="kernel_elm", finder="learned")
    folder, wrong = success.store.database.ask(damaged.checked)
    assert folder == success.champions.starter
    assert str(success.ended.model_id)[:12] in wrong


def test_a_recognizer_made_for_another_finder_stays_on_the_shelf(success: Success) -> None:
    other = Champions(success.champions.shelf, starter("threshold"), method="kernel_elm", finder="threshold")
    folder, wrong = success.store.database.ask(other.checked)
    assert folder == starter("threshold")
    assert "was made by kernel_elm for the learned finder" in wrong


async def test_one_attempt_at_a_time(store: Store, champions: Champions, history: History) -> None:
    history.frames(1)
    history.label_all()
    learning = Learning(store, champions)
    learning.retraining.request("order", "anna")
    with pytest.raises(AttemptRunning, match="attempt 1 is under way"):
        learning.retraining.request("order", "ben")


async def test_a_label_that_comes_meanwhile_belongs_to_the_next(
    store: Store, champions: Champions, history: History
) -> None:
    history.frames(6)
    history.label_all()
    learning = Learning(store, champions)
    number = learning.retraining.request("order", "anna")
    late = history.label(next(iter(history.truth)), "pore", by="ben")
    async with learning.at_work():
        # Begun before the loop ran: it is taken for one that an earlier run of the daemon left.
        caught_up = await learning.ended(number + 1)
    assert caught_up.why == "caught up"
    known = store.database.ask(lambda tx: models.labels_of(tx, str(caught_up.model_id)))
    assert late in known


async def test_a_cancelled_attempt_leaves_everything_as_it_was(
    store: Store, champions: Champions, history: History
) -> None:
    history.frames(6)
    history.label_all()
    async with Learning(store, champions).at_work() as learning:
        number = learning.retraining.request("order", "anna")
        await asyncio.sleep(0.1)
        learning.retraining.cancel()
        ended = await learning.ended(number)
    assert ended.state == "cancelled"
    assert learning.in_use() == champions.starter.name
    assert not list((store.database.folder / "training").iterdir())


async def test_an_attempt_that_takes_too_long_fails(
    store: Store, champions: Champions, history: History
) -> None:
    history.frames(6)
    history.label_all()
    settings = replace(SETTINGS, timeout_s=0.05)
    async with Learning(store, champions, settings).at_work() as learning:
        ended = await learning.ended(learning.retraining.request("order", "anna"))
    assert (ended.state, ended.sentence) == ("failed", "it took longer than 0.05 s")


async def test_without_labels_nothing_is_learned(store: Store, champions: Champions) -> None:
    async with Learning(store, champions).at_work() as learning:
        ended = await learning.ended(learning.retraining.request("order", "anna"))
    assert (ended.state, ended.model_id) == ("failed", None)
    assert "no labels" in ended.sentence


async def test_labels_of_one_class_alone_say_so(store: Store, champions: Champions, history: History) -> None:
    history.frames(4, ("crack", "crack"))
    history.label_all()
    async with Learning(store, champions).at_work() as learning:
        ended = await learning.ended(learning.retraining.request("order", "anna"))
    assert ended.state == "failed"
    assert "labels of 1 class given (crack)" in ended.sentence


async def test_promoted_by_hand_only_where_the_site_says_so(
    store: Store, champions: Champions, history: History
) -> None:
    history.frames(6)
    history.label_all()
    async with Learning(store, champions, replace(SETTINGS, promote="manual")).at_work() as learning:
        ended = await learning.ended(learning.retraining.request("order", "anna"))
    assert ended.state == "passed"
    assert 'promote = "manual"' in ended.sentence
    assert learning.in_use() == champions.starter.name


async def test_a_frozen_recognizer_stays(store: Store, champions: Champions, history: History) -> None:
    history.frames(6)
    history.label_all()
    with store.database.transaction() as tx:
        models.freeze(tx, champions.starter.name, frozen=True, reason="series 7", by="anna", at=_NOW)
    async with Learning(store, champions).at_work() as learning:
        ended = await learning.ended(learning.retraining.request("order", "anna"))
    assert "frozen (series 7)" in ended.sentence
    assert learning.in_use() == champions.starter.name


async def test_what_workers_can_not_use_goes_back_at_once(
    store: Store, champions: Champions, history: History
) -> None:
    history.frames(6)
    history.label_all()
    async with Learning(store, champions, refuses=True).at_work() as learning:
        await learning.ended(learning.retraining.request("order", "anna"))
        await until(lambda: len(store.database.ask(models.promotions)) == 2)
    newest = store.database.ask(models.promotions)[0]
    assert (newest["why"], newest["model_id"]) == ("rollback", champions.starter.name)
    assert learning.in_use() == champions.starter.name


async def test_a_third_of_the_cracks_flipped_by_one_of_two_is_refused_and_named(
    store: Store, champions: Champions, history: History
) -> None:
    history.frames(30, ("crack", "crack", "crack", "crack", "pore", "slag_inclusion"))
    cracks = [finding for finding, class_ in history.truth.items() if class_ == "crack"]
    bens = cracks[60:]
    flipped = set(bens[::3])
    for finding, class_ in history.truth.items():
        by = "ben" if finding in bens else "anna"
        history.label(finding, "pore" if finding in flipped else class_, by=by)
    async with Learning(store, champions).at_work() as learning:
        ended = await learning.ended(learning.retraining.request("order", "anna"))
    assert ended.state == "refused"
    assert "labels of ben are in dispute" in ended.sentence
    assert len(set(ended.disputed)) >= 15
    assert learning.in_use() == champions.starter.name


class _Noon:
    """A clock that stands at noon."""

    def now(self) -> datetime:
        return _NOW

    def monotonic_s(self) -> float:
        return 0.0


_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_a_time_missed_while_the_daemon_was_down_is_caught_up(
    store: Store, champions: Champions, history: History
) -> None:
    history.frames(6)
    history.label_all()
    with store.database.transaction() as tx:
        meta.put(tx, "retrain_seen_at", "2026-02-28T12:00:00+00:00")
    settings = replace(SETTINGS, cron="0 3 * * *")
    async with Learning(store, champions, settings, clock=_Noon()).at_work() as learning:
        ended = await learning.ended()
    assert ended.why == "caught up"


async def test_nothing_is_caught_up_without_new_labels(store: Store, champions: Champions) -> None:
    with store.database.transaction() as tx:
        meta.put(tx, "retrain_seen_at", "2026-02-28T12:00:00+00:00")
    settings = replace(SETTINGS, cron="0 3 * * *")
    async with Learning(store, champions, settings, clock=_Noon()).at_work():
        assert store.database.ask(lambda tx: models.attempts(tx)) == []


async def test_enough_labels_set_it_off(store: Store, champions: Champions, history: History) -> None:
    history.frames(6)
    history.label_all()
    async with Learning(store, champions, replace(SETTINGS, min_new_labels=36)).at_work() as learning:
        ended = await learning.ended()
    assert ended.why == "labels"


# --- history --------------------------------------------------------------------------------------------------------


async def test_history_is_named_anew_and_contradicted_labels_come_first(
    store: Store, champions: Champions, history: History
) -> None:
    rows = history.frames(8)
    history.label_all()
    async with Learning(store, champions).at_work() as learning:
        await learning.ended(learning.retraining.request("order", "anna"))
    # One crack that a person calls a pore by now, as the machine did: the new recognizer contradicts that.
    odd = f"{rows[5].frame_id}.0"
    assert history.truth[odd] == "crack"
    history.label(odd, "pore", by="ben")
    rescoring = Rescoring(
        store.database, champions, rules=Rules(), clock=SystemClock(), committed=lambda: None
    )
    task = asyncio.create_task(rescoring.run())
    await until(lambda: store.database.ask(lambda tx: rescored.count_pending(tx, learning.in_use())) == 0)
    task.cancel()
    changed = store.database.ask(lambda tx: rescored.changes(tx, learning.in_use()))
    assert (changed[0].frame_id, changed[0].contradicts) == (rows[5].frame_id, 1)
    assert len(changed) == 8
    (group,) = store.database.ask(lambda tx: rescored.groups(tx, learning.in_use()))
    assert (group.before, group.frames, group.contradicts) == ("accept", 8, 1)
    assert group.renamed == sum(change.renamed for change in changed)
    pair, _ = store.database.ask(lambda tx: rescored.pairs(tx, learning.in_use(), frames=2))
    was, now = (
        messages.from_json(Report, body).findings[0].class_ for body in (pair.before_json, pair.after_json)
    )
    assert (pair.frame_pk, was, now) == (rows[5].pk, "pore", "crack")
    report: Report = messages.from_json(
        Report, store.database.ask(lambda tx: results.newest(tx, rows[0].pk)) or b""
    )
    assert [finding.class_ for finding in report.findings] == list(CLASSES * 2)
    assert report.model.id == learning.in_use()
