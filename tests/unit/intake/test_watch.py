"""Events as hints."""

import logging
import threading
from pathlib import Path

import pytest

from temwatch.intake.watch import Hints, Watch, inotify_watches
from temwatch.model.sighting import Noticed
from unit.intake.bench import Bench, names
from unit.intake.frames import mrc, write

DEADLINE_S = 20.0


def test_each_path_is_hinted_once_and_relative_to_the_root() -> None:
    hints = Hints("/data/root", lambda: None)
    for path in ("/data/root/a/1.mrc", "/data/root/a/1.mrc", "/data/rooted/2.mrc", "/data"):
        hints.add(path)
    assert hints.take() == ({"a/1.mrc"}, False)
    assert hints.take() == (set(), False)


def test_more_hints_than_can_be_kept_are_told_as_lost() -> None:
    hints = Hints("/r", lambda: None)
    for n in range(20_000):
        hints.add(f"/r/{n}")
    paths, lost = hints.take()
    assert (len(paths), lost) == (10_000, True)


@pytest.fixture
def woken() -> threading.Event:
    return threading.Event()


def test_what_is_written_is_hinted_and_what_is_read_is_not(tmp_path: Path, woken: threading.Event) -> None:
    path = write(tmp_path / "deep" / "1.mrc", mrc())
    watch = Watch(tmp_path, woken.set)
    watch.start()
    try:
        assert watch.ready.wait(DEADLINE_S)
        watch.hints.take()
        woken.clear()
        path.read_bytes()
        write(tmp_path / "deep" / "2.mrc", mrc())
        assert woken.wait(DEADLINE_S)
        assert watch.hints.take()[0] <= {"deep/2.mrc"}
        assert watch.trouble(folders=2) == ""
    finally:
        watch.close()


def test_every_folder_must_have_its_watch(tmp_path: Path, woken: threading.Event) -> None:
    before = inotify_watches()
    write(tmp_path / "a" / "b" / "1.mrc", mrc())
    watch = Watch(tmp_path, woken.set)
    watch.start()
    try:
        assert watch.ready.wait(DEADLINE_S)
        assert inotify_watches() - before == 3
        assert watch.trouble(folders=10_000) == ""  # a folder made this moment may wait for its watch
        assert "of 10000 folders" in watch.trouble(folders=10_000)
    finally:
        watch.close()


def test_a_folder_that_is_not_there_can_t_be_watched_and_it_is_said(
    tmp_path: Path, woken: threading.Event
) -> None:
    watch = Watch(tmp_path / "none", woken.set)
    watch._build()
    assert "no file events" in watch.trouble(folders=1)


def test_an_overflow_of_the_kernel_s_queue_is_told_as_lost(tmp_path: Path, woken: threading.Event) -> None:
    watch = Watch(tmp_path, woken.set)
    watch.start()
    try:
        assert watch.ready.wait(DEADLINE_S)
        watch.hints.take()
        logging.getLogger("watchdog.observers.inotify_c").warning(
            "Inotify queue overflowed; events were lost"
        )
        assert watch.hints.take()[1]
    finally:
        watch.close()


def test_scans_that_find_what_no_event_told_of_say_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.go()
    bench.rounds.is_watching = True
    for n in range(30):
        write(tmp_path / f"{n}.mrc", mrc(seed=n))
    assert len(names(bench.wait(5.0), Noticed)) == 30
    assert bench.rounds.disagreement() == "file events told of 0 of the last 30 files only"


def test_events_that_come_with_what_scans_find_are_trusted(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.go()
    bench.rounds.is_watching = True
    for n in range(30):
        write(tmp_path / f"{n}.mrc", mrc(seed=n))
    assert len(names(bench.go([f"{n}.mrc" for n in range(30)]), Noticed)) == 30
    bench.wait(5.0)
    assert bench.rounds.disagreement() == ""
