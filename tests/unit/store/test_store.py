"""What is queued, inspected, overwritten and let go."""

import json
from typing import Any

from temwatch.store import outbox
from temwatch.store.frames import FrameRow
from temwatch.store.jobs import JobRow
from temwatch.store.store import MAX_SECTIONS, Store
from unit.store import facts


def said(store: Store) -> list[tuple[str, Any]]:
    """Return what was published: type, and path with section."""
    messages = outbox.page(store.database.connection(), since=0, limit=1000)
    bodies = [json.loads(message.json_body) for message in messages]
    return [(m.type, (b.get("path"), b.get("z"))) for m, b in zip(messages, bodies, strict=True)]


def lease(store: Store, until_s: float = 10.0) -> tuple[JobRow, FrameRow]:
    claimed = store.lease(until_s=until_s)
    assert claimed is not None
    return claimed


def finish(store: Store, job: JobRow, model: str = "m1") -> FrameRow | None:
    return store.finish(job.job_id, job.attempt, facts.inspected(model), at=facts.AT)


def test_an_accepted_file_is_queued_and_said_once(store: Store) -> None:
    assert len(store.accept(facts.sighted(b"a.mrc"), at=facts.AT)) == 1
    assert store.accept(facts.sighted(b"a.mrc"), at=facts.AT) == []
    assert said(store) == [("frame.accepted", ("a.mrc", None))]


def test_the_newest_frame_goes_first(store: Store) -> None:
    for name in (b"a", b"b", b"c"):
        store.accept(facts.sighted(name), at=facts.AT)
    assert [lease(store)[1].relpath for _ in range(3)] == [b"c", b"b", b"a"]


def test_a_claimed_frame_is_hidden_until_its_lease_runs_out(store: Store) -> None:
    store.accept(facts.sighted(b"a"), at=facts.AT)
    lease(store, until_s=10.0)
    assert store.lease(until_s=10.0) is None
    assert store.wake(now_s=9.9) == 0
    assert store.wake(now_s=10.0) == 1
    assert lease(store)[1].relpath == b"a"


def test_an_answer_after_the_lease_ran_out_is_dropped(store: Store) -> None:
    store.accept(facts.sighted(b"a"), at=facts.AT)
    late, _ = lease(store)
    store.wake(now_s=10.0)
    assert finish(store, late) is None
    current, _ = lease(store)
    assert finish(store, late) is None
    assert finish(store, current) is not None
    assert finish(store, current) is None


def test_a_late_answer_never_meets_another_frames_job(store: Store) -> None:
    store.accept(facts.sighted(b"a", "first"), at=facts.AT)
    late, _ = lease(store)
    store.accept(facts.sighted(b"a", "second"), at=facts.AT)
    current, frame = lease(store)
    assert (frame.revision, current.attempt) == (2, late.attempt)
    assert finish(store, late) is None
    assert finish(store, current) is not None


def test_an_answer_to_an_earlier_run_of_the_daemon_is_dropped(store: Store) -> None:
    store.accept(facts.sighted(b"a"), at=facts.AT)
    job, _ = lease(store)
    next_run = Store(store.database, instance="next run")
    next_run.start_instance()
    assert finish(store, job) is None
    assert next_run.lease(until_s=1.0) is not None


def test_a_frame_overwritten_before_it_was_inspected_is_gone_and_said_to_be(store: Store) -> None:
    store.accept(facts.sighted(b"a", "first"), at=facts.AT)
    store.accept(facts.sighted(b"a", "second"), at=facts.AT)
    assert [what for what, _ in said(store)] == ["frame.accepted", "frame.gone", "frame.accepted"]
    assert store.ledgers()["titan"].gone == 1


def test_an_inspected_frame_keeps_its_result_when_its_file_is_overwritten(store: Store) -> None:
    store.accept(facts.sighted(b"a", "first"), at=facts.AT)
    finish(store, lease(store)[0])
    new = store.accept(facts.sighted(b"a", "second"), at=facts.AT)
    assert [frame.revision for frame in new] == [2]
    ledger = store.ledgers()["titan"]
    assert (ledger.done, ledger.queued, ledger.gone) == (1, 1, 0)


def test_a_growing_stack_queues_each_section_once(store: Store) -> None:
    store.accept(facts.sighted(b"s", sections=("1",)), at=facts.AT)
    grown = store.accept(facts.sighted(b"s", sections=("1", "2", "3")), at=facts.AT)
    assert [(frame.section, frame.z) for frame in grown] == [(1, 1), (2, 2)]


def test_sections_a_shorter_overwriting_stack_does_not_have_are_gone(store: Store) -> None:
    store.accept(facts.sighted(b"s", sections=("1", "2", "3")), at=facts.AT)
    store.accept(facts.sighted(b"s", sections=("1",)), at=facts.AT)
    ledger = store.ledgers()["titan"]
    assert (ledger.queued, ledger.gone) == (1, 2)


def test_a_file_that_becomes_unfit_takes_all_its_queued_sections_along(store: Store) -> None:
    store.accept(facts.sighted(b"s", sections=("1", "2", "3")), at=facts.AT)
    store.unfit(facts.unfit(b"s"), at=facts.AT)
    ledger = store.ledgers()["titan"]
    assert (ledger.queued, ledger.gone, ledger.set_aside) == (0, 3, 1)


def test_an_unfit_file_is_set_aside_once_with_its_reason(store: Store) -> None:
    frame = store.unfit(facts.unfit(b"x"), at=facts.AT)
    assert frame is not None
    assert (frame.reason, frame.next_step) == ("not a picture", "look at it")
    assert store.unfit(facts.unfit(b"x"), at=facts.AT) is None


def test_a_file_that_vanishes_takes_along_what_nobody_inspects(store: Store) -> None:
    store.accept(facts.sighted(b"s", sections=("1", "2")), at=facts.AT)
    job, leased = lease(store)
    gone = store.vanish(facts.vanished(b"s"), at=facts.AT)
    assert [frame.section for frame in gone] == [1 - leased.section]
    assert finish(store, job) is not None


def test_a_held_file_that_vanishes_is_gone_and_counted(store: Store) -> None:
    store.notice([facts.noticed(b"a")])
    assert store.ledgers()["titan"].held == 1
    assert len(store.vanish(facts.vanished(b"a"), at=facts.AT)) == 1
    assert store.ledgers()["titan"].gone == 1
    assert store.vanish(facts.vanished(b"a"), at=facts.AT) == []


def test_overwriting_a_leased_frame_whose_file_had_vanished_leaves_one_queued(store: Store) -> None:
    store.accept(facts.sighted(b"a", "first"), at=facts.AT)
    late, _ = lease(store)
    store.notice([facts.noticed(b"a")])
    store.vanish(facts.vanished(b"a"), at=facts.AT)
    store.accept(facts.sighted(b"a", "second"), at=facts.AT)
    assert store.ledgers()["titan"].queued == 1
    assert finish(store, late) is None


def test_the_same_content_back_again_after_it_was_gone_is_queued(store: Store) -> None:
    store.accept(facts.sighted(b"a"), at=facts.AT)
    store.vanish(facts.vanished(b"a"), at=facts.AT)
    assert len(store.accept(facts.sighted(b"a"), at=facts.AT)) == 1


def test_the_same_content_back_again_after_it_was_inspected_is_not_inspected_twice(store: Store) -> None:
    store.accept(facts.sighted(b"a"), at=facts.AT)
    finish(store, lease(store)[0])
    store.vanish(facts.vanished(b"a"), at=facts.AT)
    store.notice([facts.noticed(b"a")])
    assert store.accept(facts.sighted(b"a"), at=facts.AT) == []


def test_a_job_put_back_waits_its_time_with_its_counters(store: Store) -> None:
    store.accept(facts.sighted(b"a"), at=facts.AT)
    job, _ = lease(store)
    assert store.try_again(_with(job, failures=2, crashes=1), until_s=30.0, error="EIO")
    assert store.lease(until_s=1.0) is None
    assert store.next_due_s() == 30.0
    store.wake(now_s=30.0)
    again, _ = lease(store)
    assert (again.attempt, again.failures, again.crashes) == (2, 2, 1)


def test_a_set_aside_frame_can_be_injected_again_and_ends_a_second_time(store: Store) -> None:
    store.accept(facts.sighted(b"a"), at=facts.AT)
    aside = store.set_aside(lease(store)[0], reason="r", next_step="n", at=facts.AT)
    assert aside is not None
    assert store.reinject(aside.frame_id) is not None
    assert store.reinject(aside.frame_id) is None
    done = finish(store, lease(store)[0])
    assert done is not None
    assert (done.state, done.ends, done.reason) == ("done", 2, "")


def test_a_set_aside_frame_whose_file_was_overwritten_stays_aside(store: Store) -> None:
    store.accept(facts.sighted(b"a", "first"), at=facts.AT)
    aside = store.set_aside(lease(store)[0], reason="r", next_step="n", at=facts.AT)
    assert aside is not None
    store.accept(facts.sighted(b"a", "second"), at=facts.AT)
    assert store.reinject(aside.frame_id) is None


def test_a_file_with_several_images_becomes_a_job_an_image(store: Store) -> None:
    store.accept(facts.sighted(b"a.dm4"), at=facts.AT)
    job, _ = lease(store)
    new = store.unfold(job.job_id, job.attempt, sections=3, at=facts.AT)
    assert [frame.z for frame in new] == [1, 2]
    leased = [lease(store) for _ in range(3)]
    assert [frame.z for _, frame in leased] == [0, 1, 2]
    assert job.job_id not in {job.job_id for job, _ in leased}


def test_a_number_of_images_nobody_would_believe_sets_the_file_aside(store: Store) -> None:
    for number, sections in enumerate((0, -1, MAX_SECTIONS + 1, 10**15)):
        store.accept(facts.sighted(b"%d.dm4" % number), at=facts.AT)
        job, _ = lease(store)
        assert store.unfold(job.job_id, job.attempt, sections=sections, at=facts.AT) == []
    ledger = store.ledgers()["titan"]
    assert (ledger.set_aside, ledger.queued) == (4, 0)


def test_roots_have_ledgers_of_their_own(store: Store) -> None:
    store.open_root("spare")
    store.accept(facts.sighted(b"a"), at=facts.AT)
    store.accept(facts.sighted(b"a", root="talos"), at=facts.AT)
    assert {name: ledger.queued for name, ledger in store.ledgers().items()} == {
        "spare": 0,
        "titan": 1,
        "talos": 1,
    }


def test_images_that_vanished_uninspected_are_queued_when_the_same_file_is_back(store: Store) -> None:
    store.accept(facts.sighted(b"a.dm4"), at=facts.AT)
    job, _ = lease(store)
    store.unfold(job.job_id, job.attempt, sections=3, at=facts.AT)
    while True:
        job, frame = lease(store)
        if frame.section == 0:
            break
    finish(store, job)
    store.start_instance()
    store.vanish(facts.vanished(b"a.dm4"), at=facts.AT)
    assert [frame.section for frame in store.accept(facts.sighted(b"a.dm4"), at=facts.AT)] == [1, 2]
    assert store.accept(facts.sighted(b"a.dm4"), at=facts.AT) == []


def test_a_reason_may_quote_a_name_that_is_no_text(store: Store) -> None:
    store.notice([facts.noticed(b"a")])
    store.hold(facts.held(b"a", "no access to \udcff"))
    store.accept(facts.sighted(b"a"), at=facts.AT)
    job, _ = lease(store)
    assert store.try_again(job, until_s=1.0, error="EIO on \udcff")
    store.wake(now_s=2.0)
    job, _ = lease(store)
    aside = store.set_aside(job, reason="damaged: \udcff", next_step="look at \udcff", at=facts.AT)
    assert aside is not None
    assert (aside.reason, aside.next_step) == ("damaged: \\udcff", "look at \\udcff")


def test_known_files_are_told_with_stamps_and_names_as_they_are(store: Store) -> None:
    names = sorted([b"a", b"\xff\xfe.mrc", b"b/c.mrc"] + [b"%04d" % number for number in range(2100)])
    store.notice([facts.noticed(name) for name in names])
    store.accept(facts.sighted(b"a"), at=facts.AT)
    known = list(store.known("titan"))
    assert [file.relpath for file in known] == names
    assert {file.relpath for file in known if not file.held} == {b"a"}
    assert list(store.known("nowhere")) == []


def test_an_inode_number_of_the_largest_file_systems_comes_back_as_it_was(store: Store) -> None:
    from dataclasses import replace

    stamp = replace(facts.stamp(), inode=(1 << 64) - 2)
    store.notice([replace(facts.noticed(b"a"), stamp=stamp)])
    assert next(store.known("titan")).stamp == stamp


def test_what_a_root_is_is_kept(store: Store) -> None:
    assert store.guard("titan") is None
    store.record_guard("titan", '{"device": 1}')
    assert store.guard("titan") == '{"device": 1}'


def _with(job: JobRow, **changes: int) -> JobRow:
    from dataclasses import replace

    return replace(job, **changes)
