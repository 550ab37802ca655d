"""Everything a decoder can do to its process: the job ends as what it was, the crew goes on, nothing is left."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from contract.work.engine_contract import job, there, until
from integration.work.crews import Log, closed, environ, left_over, new_crew
from temwatch.limits import WorkerLimits
from temwatch.model.job import Crashed, Failed, Finished, Outcome
from temwatch.work.crew import Crew
from temwatch.work.engine import EngineClosed, SettingsRefused

DEATHS = {
    "leave": "exited with code 3",
    "sys_exit": "exited with code 4",
    "segfault": "killed by SIGSEGV",
    "abort": "killed by SIGABRT",
    "hang": "no answer within 0.5 s",
    "ignore_sigterm": "no answer within 0.5 s",
    "garbage": "a message of 4294967295 parts",
}


@pytest.fixture
async def crew_of() -> AsyncIterator[Callable[..., Any]]:
    crews: list[Crew] = []

    async def made(*args: Any, **kwargs: Any) -> Crew:
        crew = new_crew(*args, **kwargs)
        crews.append(crew)
        await crew.start()
        return crew

    yield made
    for crew in crews:
        await closed(crew)


async def one(crew: Crew, number: int = 1, **body: Any) -> Outcome:
    await crew.submit(job(number, **body))
    return await crew.next_outcome()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("do", DEATHS)
async def test_a_worker_that_dies_is_named_replaced_and_leaves_nothing(
    do: str, crew_of: Callable[..., Any]
) -> None:
    crew = await crew_of(timeout_s=0.5 if "within" in DEATHS[do] else 60.0)
    await until(lambda: crew.free() == 2)
    outcome = await one(crew, do=do)
    assert isinstance(outcome, Crashed)
    assert DEATHS[do] in outcome.cause
    await until(lambda: crew.free() == 2)
    assert len(left_over()) == 2
    assert isinstance(await one(crew, 2), Finished)


async def test_a_worker_that_speaks_unasked_is_replaced_and_costs_no_job(
    crew_of: Callable[..., Any], tmp_path: Path
) -> None:
    log = Log()
    crew = await crew_of(log=log, count=1)
    first = await one(crew, 1, do="speak_later", file=str(tmp_path / "go"))
    (tmp_path / "go").touch()
    await until(lambda: bool(log.events))
    second = await one(crew, 2)
    assert isinstance(first, Finished)
    assert isinstance(second, Finished)
    assert first.body["pid"] != second.body["pid"]
    assert "spoke without being asked" in log.events[0][1]["cause"]


async def test_an_answer_for_another_job_is_believed_for_neither(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of(count=1)
    outcome = await one(crew, 1, do="forge_an_answer")
    assert isinstance(outcome, Crashed)
    assert "not an answer" in outcome.cause
    assert isinstance(await one(crew, 2), Finished)


async def test_an_answer_over_the_limit_is_refused(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of(max_answer_bytes=1_000_000)
    assert isinstance(await one(crew, 1, blob_bytes=999_000), Finished)
    outcome = await one(crew, 2, blob_bytes=1_000_001)
    assert isinstance(outcome, Crashed)
    assert "at most 1000000" in outcome.cause
    assert isinstance(await one(crew, 3), Finished)


async def test_an_answer_of_many_megabytes_comes_whole(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of()
    outcome = await one(crew, blob_bytes=40_000_000)
    assert isinstance(outcome, Finished)
    assert len(outcome.blobs[0]) == 40_000_000


async def test_running_out_of_memory_is_said_with_the_limit_and_the_worker_replaced(
    crew_of: Callable[..., Any],
) -> None:
    log = Log()
    crew = await crew_of(log=log, count=1, limits=WorkerLimits(memory_mb=600))
    outcome = await one(crew, do="exhaust_memory")
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.reason, outcome.retryable) == (
        "MemoryError",
        "needed more than 600 MB",
        False,
    )
    assert isinstance(await one(crew, 2), Finished)
    assert ("worker replaced", {"worker": "worker-1", "why": "ran out of memory"}) in log.events


async def test_a_worker_that_keeps_too_much_memory_is_replaced_between_jobs(
    crew_of: Callable[..., Any],
) -> None:
    log = Log()
    crew = await crew_of(log=log, count=1, recycle_rss_mb=150)
    first = await one(crew, 1, do="grow", mb=200)
    second = await one(crew, 2)
    assert isinstance(first, Finished)
    assert isinstance(second, Finished)
    assert first.body["pid"] != second.body["pid"]
    assert "MB resident" in log.events[0][1]["why"]


async def test_a_worker_is_replaced_after_enough_jobs(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of(count=1, recycle_jobs=3)
    ended = [await one(crew, number) for number in range(9)]
    pids = [outcome.body["pid"] for outcome in ended if isinstance(outcome, Finished)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 3]


async def test_a_worker_that_leaks_files_is_replaced_before_it_runs_out(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of(count=1, limits=WorkerLimits(open_files=64))
    first = await one(crew, 1, do="leak_files", files=40)
    second = await one(crew, 2)
    assert isinstance(first, Finished)
    assert isinstance(second, Finished)
    assert first.body["pid"] != second.body["pid"]


async def test_a_worker_without_any_file_left_says_so_and_is_replaced(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of(count=1, limits=WorkerLimits(open_files=64))
    outcome = await one(crew, 1, do="leak_all_files")
    assert isinstance(outcome, Failed)
    assert "Too many open files" in outcome.reason
    assert isinstance(await one(crew, 2), Finished)


async def test_what_a_decoder_prints_can_not_corrupt_answers_or_fill_the_log(
    crew_of: Callable[..., Any],
) -> None:
    log = Log()
    crew = await crew_of(log=log, count=1)
    assert isinstance(await one(crew, 1, do="flood", lines=20_000), Finished)
    assert isinstance(await one(crew, 2), Finished)
    await crew.close(5.0)
    assert ("worker-1", f"line 0 {'-' * 80}") in log.lines
    assert len(log.lines) < 200
    assert any("lines left out" in line for _, line in log.lines)


async def test_the_traceback_of_an_unforeseen_error_is_in_the_log(crew_of: Callable[..., Any]) -> None:
    log = Log()
    crew = await crew_of(log=log)
    await one(crew, do="raise_value_error")
    await crew.close(5.0)
    assert any("ValueError: nobody thought of this" in line for _, line in log.lines)


async def test_where_a_decoder_crashed_is_in_the_log(crew_of: Callable[..., Any]) -> None:
    log = Log()
    crew = await crew_of(log=log)
    await one(crew, do="segfault")
    assert any("tasks.py" in line and "segfault" in line for _, line in log.lines)


@pytest.mark.parametrize("then", ["leave", "hang", ""])
async def test_what_a_decoder_started_goes_with_it(
    then: str, crew_of: Callable[..., Any], tmp_path: Path
) -> None:
    crew = await crew_of(timeout_s=2.0 if then == "hang" else 60.0, count=1)
    pid_file = tmp_path / "pid"
    outcome = await one(crew, do="fork_a_hanging_child", pid_file=str(pid_file), then=then)
    assert isinstance(outcome, Crashed if then else Finished)
    grandchild = int(pid_file.read_text())
    if not then:
        await crew.close(5.0)
    await until(lambda: not alive(grandchild))


@pytest.mark.parametrize("then", ["leave", ""])
async def test_what_escapes_from_a_worker_can_not_hold_the_daemon_by_its_pipes(
    then: str, crew_of: Callable[..., Any], tmp_path: Path
) -> None:
    crew = await crew_of(count=1, recycle_jobs=2)
    await one(crew, 0)
    before = open_files()
    pid_file = tmp_path / "pid"
    outcome = await one(crew, 1, do="fork_a_hanging_child", escape=True, pid_file=str(pid_file), then=then)
    try:
        assert isinstance(outcome, Crashed if then else Finished)
        assert isinstance(await one(crew, 2), Finished)
        assert open_files() <= before
    finally:
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
        await until(lambda: not alive(int(pid_file.read_text())))


async def test_an_error_of_our_own_kind_goes_by_the_name_verdicts_know(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of()
    outcome = await one(crew, do="raise_child")
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.retryable) == ("FrameUnreadable", False)


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        ("FrameUnreadable", False),
        ("FrameDeclined", False),
        ("FrameTooLarge", False),
        ("FrameUnsafe", False),
        ("FrameGone", False),
        ("ModelRefused", False),
        ("FrameIncomplete", True),
        ("FrameChanged", True),
        ("ShareTrouble", True),
    ],
)
async def test_every_error_keeps_its_name_and_whether_it_may_pass(
    error: str, retryable: bool, crew_of: Callable[..., Any]
) -> None:
    crew = await crew_of(count=1)
    outcome = await one(crew, do="raise_error", error=error)
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.retryable, outcome.next_step) == (error, retryable, "a next step")


async def test_an_answer_that_is_no_json_is_a_failure_not_a_crash(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of()
    outcome = await one(crew, do="answer_nan")
    assert isinstance(outcome, Failed)
    assert outcome.error == "Unexpected"


async def test_a_worker_is_limited_alone_and_single_threaded(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of({"threads": 4}, limits=WorkerLimits(memory_mb=2000, open_files=100, nice=3))
    outcome = await one(crew, do="look_at_itself")
    assert isinstance(outcome, Finished)
    seen = outcome.body["echo"]
    assert set(seen["threads"]) == {1}
    assert seen["cv2_threads"] == 1
    assert (seen["memory"], seen["files"], seen["core"]) == (2000 << 20, 100, 0)
    assert seen["oom_score_adj"] == 500
    assert seen["nice"] == os.nice(0) + 3
    assert seen["session"] == seen["group"] == outcome.body["pid"]
    assert seen["stdin"] == ""
    # questions and answers; nothing of the daemon's (its sockets, its database) came along
    assert [kind for kind in seen["open"] if kind in ("pipe", "socket")] in (["pipe"] * 2, ["pipe", "socket"])
    assert seen["environ"]["HDF5_PLUGIN_PATH"] == "::"


async def test_a_worker_that_never_gets_ready_is_a_refused_start(crew_of: Callable[..., Any]) -> None:
    with pytest.raises(SettingsRefused, match=r"no answer within 0\.5 s"):
        await crew_of({"hang_at_start": True}, start_s=0.5)
    assert left_over() == []


async def test_a_task_that_is_not_there_is_named(crew_of: Callable[..., Any]) -> None:
    with pytest.raises(SettingsRefused, match="no_such_module"):
        await crew_of(task="no_such_module:Task")


async def test_workers_that_die_over_different_jobs_make_the_crew_degraded_and_it_goes_on_trying(
    crew_of: Callable[..., Any],
) -> None:
    crew = await crew_of(count=1, breaker_deaths=2)
    assert crew.health().state in ("starting", "ready")
    await one(crew, 1, do="leave")
    await one(crew, 2, do="leave")
    assert crew.health().state == "degraded"
    assert "exited with code 3" in crew.health().reason
    await until(lambda: crew.workers()[0].state == "resting")
    await crew.submit(job(3))
    assert crew.free() == 0


async def test_one_job_that_kills_its_worker_thrice_does_not_degrade_the_crew(
    crew_of: Callable[..., Any],
) -> None:
    crew = await crew_of(count=1, breaker_deaths=2)
    for _ in range(3):
        await one(crew, 1, do="leave")
    assert crew.health().state != "degraded"


async def test_an_idle_worker_that_is_killed_costs_no_job(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of(count=1)
    await until(lambda: crew.free() == 1)
    pid = crew.workers()[0].pid
    os.kill(pid, signal.SIGKILL)
    assert isinstance(await one(crew, 1), Finished | Crashed)
    assert isinstance(await one(crew, 2), Finished)
    assert crew.workers()[0].pid != pid


async def test_close_ends_workers_that_ignore_being_told(crew_of: Callable[..., Any], tmp_path: Path) -> None:
    crew = await crew_of()
    await crew.submit(job(1, do="ignore_sigterm"))
    await crew.submit(job(2, do="hang", started=str(tmp_path / "started")))
    await there(tmp_path / "started")
    await crew.close(0.0)
    assert left_over() == []


async def test_close_in_the_middle_of_starting_leaves_nothing(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of(count=4)
    assert any(worker.state == "starting" for worker in crew.workers())
    await crew.close(0.0)
    assert left_over() == []


async def test_close_in_the_middle_of_a_change_of_settings_leaves_nothing(
    crew_of: Callable[..., Any],
) -> None:
    crew = await crew_of(count=1)
    changing = asyncio.create_task(crew.reconfigure({"hang_at_start": True}))
    await until(lambda: len(left_over()) == 2)
    await crew.close(0.0)
    assert left_over() == []
    with pytest.raises(SettingsRefused, match="closing"):
        await changing
    with pytest.raises(EngineClosed):
        await crew.reconfigure({})


async def test_settings_asked_for_last_are_in_force_last(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of(count=1)
    await asyncio.gather(*(crew.reconfigure({"model": number}) for number in range(4)))
    outcome = await one(crew)
    assert isinstance(outcome, Finished)
    assert outcome.body["settings"] == {"model": 3}


async def test_a_job_that_is_no_json_ends_as_a_failure_and_costs_no_worker(
    crew_of: Callable[..., Any],
) -> None:
    crew = await crew_of(count=1)
    outcome = await one(crew, 1, path=b"bytes")
    assert isinstance(outcome, Failed)
    assert "JSON" in outcome.reason
    assert isinstance(await one(crew, 2), Finished)


async def test_a_daemon_that_is_killed_takes_even_busy_workers_with_it(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from contract.work.engine_contract import job, there\n"
        "from integration.work.crews import new_crew\n"
        "async def main():\n"
        "    crew = new_crew(count=2)\n"
        "    await crew.start()\n"
        "    while any(w.state == 'starting' for w in crew.workers()): await asyncio.sleep(0.01)\n"
        "    for n in (1, 2): await crew.submit(job(n, do='hang', started=f'{sys.argv[1]}/{n}'))\n"
        "    for n in (1, 2): await there(Path(sys.argv[1]) / str(n))\n"
        "    print(*(w.pid for w in crew.workers()), flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    daemon = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(tmp_path)),
        env=environ(),
        stdout=asyncio.subprocess.PIPE,
    )
    assert daemon.stdout is not None
    pids = [int(pid) for pid in (await daemon.stdout.readline()).split()]
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    daemon.kill()
    await daemon.wait()
    await until(lambda: not any(alive(pid) for pid in pids))


async def test_no_file_of_the_daemon_is_left_open_by_workers_that_came_and_went(
    crew_of: Callable[..., Any],
) -> None:
    crew = await crew_of(count=1)
    await one(crew, 0)
    before = open_files()
    for number in range(1, 6):
        await one(crew, number, do="leave")
    await one(crew, 6)
    assert open_files() <= before


async def test_a_closed_crew_has_nothing_more_to_say(crew_of: Callable[..., Any]) -> None:
    crew = await crew_of()
    await crew.close(1.0)
    assert crew.health().state == "closed"
    for _ in range(2):
        with pytest.raises(EngineClosed):
            await crew.next_outcome()


def test_the_limits_of_workers_are_not_the_daemons() -> None:
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
