"""A frame lands in a watched folder, and a subscriber receives a report of what is in it."""

import hashlib
import json
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from system.site import Site, cli, ends
from temwatch.client import CommandDelayed, CommandRefused, Commands
from temwatch.sim.microscope import Microscope, Session
from temwatch.sim.writing import WriteStyle
from temwatch.work.task import unpacked_contours

MakeSite = Callable[..., Site]


def expose(folder: Path, count: int, **session: object) -> list[str]:
    """Write small simulated frames and return their names."""
    settings = Session(seed=3, shape=(256, 256), objects=4, **session)  # type: ignore[arg-type]
    return [
        exposure.path.name for exposure in Microscope(folder, settings, wait=lambda _: None).frames(count)
    ]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(
            path.relative_to(folder)
        ): f"{hashlib.sha256(path.read_bytes()).hexdigest()}:{path.stat().st_mtime_ns}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_frame_that_lands_is_reported(make_site: MakeSite) -> None:
    site = make_site()
    site.start()
    names = expose(site.folder / "titan", 2)
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 2)
    reports = [m.report() for m in ends(site.history())]
    assert sorted(report.path for report in reports) == sorted(names)
    assert all(report.calibration.source == "file" for report in reports)
    assert all(report.calibration.nm_per_px for report in reports)
    assert all(report.findings for report in reports)


def test_the_outline_of_each_finding_can_be_asked_for_and_lies_in_its_rectangle(make_site: MakeSite) -> None:
    site = make_site()
    site.start()
    expose(site.folder / "titan", 1)
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 1)
    (report,) = [m.report() for m in ends(site.history())]
    with Commands(site.commands, timeout_s=5.0) as daemon:
        answer = daemon.ask("frame.contours", frame_id=report.frame_id)
        with pytest.raises(CommandRefused, match="no measured frame"):
            daemon.ask("frame.contours", frame_id="0" * 20)
    assert answer.result == {"blobs": ["contours"]}
    outlines = unpacked_contours(answer.blobs[0])
    assert len(outlines) == len(report.findings) > 0
    for outline, finding in zip(outlines, report.findings, strict=True):
        box = finding.rectangle
        angle = np.deg2rad(box.angle_deg)
        down, right = (outline - (box.row, box.col)).T
        assert np.abs(right * np.cos(angle) + down * np.sin(angle)).max() <= box.length_px / 2 + 0.01
        assert np.abs(down * np.cos(angle) - right * np.sin(angle)).max() <= box.width_px / 2 + 0.01


def test_a_window_of_a_frame_can_be_had_at_full_resolution_as_long_as_its_file_is_there(
    make_site: MakeSite,
) -> None:
    site = make_site()
    site.start()
    (name,) = expose(site.folder / "titan", 1)
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 1)
    (report,) = [m.report() for m in ends(site.history())]
    window = {"frame_id": report.frame_id, "row": 16, "col": 32, "rows": 100, "cols": 60}
    with Commands(site.commands, timeout_s=30.0) as daemon:
        (jpeg,) = daemon.ask("frame.pixels", **window).blobs
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        assert picture.shape == (100, 60)
        (site.folder / "titan" / name).unlink()
        with pytest.raises((CommandRefused, CommandDelayed)):
            daemon.ask("frame.pixels", **{**window, "row": 17})


def test_files_that_came_while_the_daemon_was_down_are_found(make_site: MakeSite) -> None:
    site = make_site()
    names = expose(site.folder / "titan", 3)
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 3)
    assert sorted(m.body["path"] for m in ends(site.history())) == sorted(names)


def test_nothing_in_a_watched_folder_is_changed(make_site: MakeSite) -> None:
    site = make_site()
    expose(site.folder / "titan", 2)
    before = digests(site.folder / "titan")
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 2)
    site.stop()
    assert digests(site.folder / "titan") == before


def test_the_sections_of_a_stack_are_frames_of_their_own(make_site: MakeSite) -> None:
    site = make_site()
    expose(site.folder / "titan", 4, format="mrc", style=WriteStyle.GROWING_STACK)
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 4)
    assert sorted(m.body["z"] for m in ends(site.history())) == [0, 1, 2, 3]


def test_a_file_that_is_no_picture_is_set_aside_with_the_reason(make_site: MakeSite) -> None:
    site = make_site()
    (site.folder / "titan" / "letter.tif").write_text("Dear microscope, how are you?" * 100)
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["set_aside"] == 1)
    (end,) = ends(site.history())
    assert end.header.type == "frame.set_aside"
    assert end.body["path"] == "letter.tif"
    assert end.body["reason"]
    assert end.body["next_step"]


def test_a_truncated_frame_is_set_aside_and_inspected_once_it_is_whole(make_site: MakeSite) -> None:
    site = make_site()
    folder = site.folder / "titan"
    (name,) = expose(folder, 1)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["set_aside"] == 1)
    (folder / name).write_bytes(whole)
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 1)
    assert [m.header.type for m in ends(site.history())] == ["frame.set_aside", "frame.inspected"]


def test_an_overwritten_frame_is_a_new_revision(make_site: MakeSite) -> None:
    site = make_site()
    folder = site.folder / "titan"
    first, second = expose(folder, 2)
    content = (folder / second).read_bytes()
    (folder / second).unlink()
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 1)
    (folder / first).write_bytes(content)
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 2)
    assert [(m.body["path"], m.body["revision"]) for m in ends(site.history())] == [(first, 1), (first, 2)]


@pytest.mark.timeout(300)
def test_twenty_kills_lose_and_double_nothing(make_site: MakeSite) -> None:
    site = make_site()
    names: list[str] = []
    folder = site.folder / "titan"
    microscope = Microscope(folder, Session(seed=5, shape=(192, 192), objects=2), wait=lambda _: None)
    stream = microscope.frames(100)
    for number in range(20):
        site.start(wait=number % 2 == 0)
        names += [next(stream).path.name for _ in range(5)]
        if number % 3 == 0:
            seen = len(names) // 2
            site.until(lambda seen=seen: site.status()["ledger"].get("titan", {}).get("seen", 0) >= seen)
        site.kill()
    site.start()
    site.until(lambda: site.settled() and site.status()["ledger"]["titan"]["done"] == 100, timeout_s=120)
    history = site.history()
    assert Counter(m.body["path"] for m in ends(history)) == Counter(names)
    assert [m.header.seq for m in history] == list(range(1, len(history) + 1))
    site.stop()


def test_ctrl_c_finishes_what_is_under_way_and_exits_with_130(make_site: MakeSite) -> None:
    site = make_site()
    site.start()
    assert site.process is not None
    site.process.send_signal(signal.SIGINT)
    assert site.process.wait(timeout=60) == 130


def test_a_second_daemon_on_the_same_state_is_refused_and_names_the_first(make_site: MakeSite) -> None:
    site = make_site()
    site.start()
    second = cli(site, "run")
    assert second.returncode == 78
    assert str(site.process.pid if site.process else "") in second.stderr


def test_status_has_its_exit_codes(make_site: MakeSite) -> None:
    site = make_site()
    assert cli(site, "status").returncode == 3
    site.start()
    well = cli(site, "status", "--json")
    assert well.returncode == 0
    assert json.loads(well.stdout)["state"] == "ready"


def test_listen_prints_one_object_a_line_and_stops_after_count(make_site: MakeSite) -> None:
    site = make_site()
    expose(site.folder / "titan", 2)
    site.start()
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 2)
    said = cli(site, "listen", "--json", "--since", "0", "--count", "3")
    assert [json.loads(line)["header"]["seq"] for line in said.stdout.splitlines()] == [1, 2, 3]


def test_a_root_can_be_paused_and_resumed(make_site: MakeSite) -> None:
    site = make_site()
    site.start()
    with Commands(site.commands) as daemon:
        daemon.ask("root.pause", root="titan")
        site.until(lambda: site.status()["roots"]["titan"]["state"] == "paused")
        expose(site.folder / "titan", 1)
        daemon.ask("root.resume", root="titan")
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 1)


def test_the_finder_can_be_made_more_sensitive_for_the_next_frames_and_stays_so(make_site: MakeSite) -> None:
    site = make_site()
    site.start()

    def sensitivity_of(count: int) -> list[float | None]:
        session = site.folder / "titan" / f"session {count}"
        session.mkdir()
        expose(session, 1)
        site.until(lambda: site.status()["ledger"]["titan"]["done"] == count)
        return [m.report().sensitivity for m in ends(site.history())][-1:]

    assert sensitivity_of(1) == [0.5]
    with Commands(site.commands, timeout_s=10.0, operator="anna") as daemon:
        daemon.ask("finder.sensitivity", value=0.9)
    assert sensitivity_of(2) == [0.9]
    site.kill()
    site.start()
    assert (site.status()["sensitivity"], site.status()["sensitivity_by"]) == (0.9, "anna")
    assert sensitivity_of(3) == [0.9]
    said = cli(site, "finder", "sensitivity", "--as-configured")
    assert (said.returncode, said.stdout) == (0, "sensitivity 0.5, as configured\n")
    assert sensitivity_of(4) == [0.5]


def test_old_files_are_replayed_once_and_a_second_replay_ends_at_once(
    make_site: MakeSite, tmp_path: Path
) -> None:
    site = make_site()
    old = tmp_path / "old"
    old.mkdir()
    names = expose(old, 3)
    site.start()
    assert cli(site, "replay", str(old)).returncode == 0
    assert cli(site, "replay", str(old)).returncode == 0
    assert sorted(m.body["path"] for m in ends(site.history())) == sorted(names)
    assert list(site.status()["roots"]) == ["titan"]
