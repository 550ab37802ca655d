"""Labels at a real daemon: kills lose and double none, and what is drawn is measured."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from system.site import Site
from temwatch.client import Commands
from temwatch.errors import TransientError
from temwatch.sim.microscope import Microscope, Session

MakeSite = Callable[..., Site]
KILLS = int(os.environ.get("TEMWATCH_KILLS", "3"))
CLASSES = ("pore", "crack", "slag_inclusion", "artefact")


def with_a_frame(make_site: MakeSite) -> tuple[Site, dict[str, Any]]:
    """Return a site whose daemon has inspected one frame, and its report."""
    site = make_site()
    # Contrast alone finds enough, and starts faster.
    site.config.write_text(site.config.read_text() + '[finder]\nmethod = "threshold"\n')
    session = Session(seed=3, shape=(256, 256), objects=6)
    list(Microscope(site.folder / "titan", session, wait=lambda _: None).frames(1))
    site.start()
    site.until(lambda: site.status()["ledger"].get("titan", {}).get("done") == 1)
    (message,) = [m for m in site.history() if m.header.type == "frame.inspected"]
    assert len(message.body["findings"]) >= 3
    return site, message.body


class Labeller(threading.Thread):
    """Says and takes back, one order after the other, until told to stop; keeps what was acknowledged."""

    def __init__(self, site: Site, findings: list[str], seed: int) -> None:
        super().__init__(daemon=True)
        self.site = site
        self.findings = findings
        self.dice = random.Random(seed)
        self.stop = threading.Event()
        self.said: list[dict[str, Any]] = []
        self.taken_back: list[int] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            # A command is sent again under its id until an answer comes, however often the daemon dies meanwhile.
            with Commands(self.site.commands, timeout_s=90.0, operator="anna") as daemon:
                while not self.stop.is_set():
                    self._one(daemon)
        except BaseException as error:  # noqa: BLE001  looked at by the test
            self.error = error

    def _one(self, daemon: Commands) -> None:
        left = [one["label_id"] for one in self.said if one["label_id"] not in self.taken_back]
        if left and self.dice.random() < 0.2:
            number = self.dice.choice(left)
            daemon.ask("label.undo", label_id=number)
            self.taken_back.append(number)
        else:
            args: dict[str, Any] = {
                "finding_id": self.dice.choice(self.findings),
                "class": self.dice.choice(CLASSES),
                "note": f"order {len(self.said)}",
            }
            self.said.append(daemon.ask("label.set", **args).result)


def everything(site: Site) -> list[dict[str, Any]]:
    found, after = [], 0
    with Commands(site.commands) as daemon:
        while after is not None:
            page = daemon.ask("label.page", after=after, limit=1000).result
            found += page["labels"]
            after = page["next_after"]
    return found


@pytest.mark.timeout(60 + 20 * KILLS)
def test_every_acknowledged_label_is_there_once_however_often_the_daemon_is_killed(
    make_site: MakeSite,
) -> None:
    site, report = with_a_frame(make_site)
    dice = random.Random(11)
    anna = Labeller(site, [finding["finding_id"] for finding in report["findings"]], seed=12)
    anna.start()
    hits = 0
    for _ in range(KILLS):
        before = len(anna.said)
        site.until(lambda before=before: len(anna.said) > before + 3)
        time.sleep(dice.uniform(0.0, 0.05))  # any moment of an order
        site.kill()
        hits += 1
        site.start()
    anna.stop.set()
    anna.join(timeout=60)
    assert anna.error is None
    assert hits == KILLS

    there = everything(site)
    assert [one["label_id"] for one in there] == [one["label_id"] for one in anna.said]
    assert Counter(one["note"] for one in there) == Counter(f"order {k}" for k in range(len(anna.said)))
    for one, said in zip(there, anna.said, strict=True):
        assert {k: one[k] for k in ("finding_id", "class", "by", "at", "revision", "predicted")} == {
            k: said[k] for k in ("finding_id", "class", "by", "at", "revision", "predicted")
        }
    assert sorted(one["label_id"] for one in there if one["undone"]) == sorted(anna.taken_back)
    told = Counter(m.header.type for m in site.history("tw1/label/"))
    assert told == {"label.set": len(anna.said), "label.undone": len(anna.taken_back)}
    with Commands(site.commands) as daemon:
        orders = daemon.ask("audit.recent", limit=1000).result["orders"]
    assert {order["outcome"] for order in orders} == {"done"}


def test_what_is_drawn_on_a_frame_is_measured_and_what_can_not_be_says_why(make_site: MakeSite) -> None:
    site, report = with_a_frame(make_site)
    rectangle = report["findings"][0]["rectangle"]
    wider = {**rectangle, "length_px": rectangle["length_px"] + 8, "width_px": rectangle["width_px"] + 8}
    with Commands(site.commands, operator="anna") as daemon:
        add: dict[str, Any] = {"frame_id": report["frame_id"], "rectangle": wider, "class": "crack"}
        assert daemon.ask("label.add", **add).result["measured"] == "waiting"
        (drawn,) = measured(site, daemon, report, 1)
        assert (drawn["measured"], drawn["class"]) == ("measured", "crack")
        for path in Path(site.folder / "titan").iterdir():
            path.unlink()
        daemon.ask("label.add", **{**add, "class": "pore"})
        gone = measured(site, daemon, report, 2)[-1]
    assert (gone["measured"], gone["class"], gone["stands"]) == ("not measured", "pore", True)
    assert "gone" in gone["why_not_measured"]


def measured(site: Site, daemon: Commands, report: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Wait until no drawn object waits any more, and return them."""

    def ask() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = daemon.ask("label.list", frame_id=report["frame_id"]).result["drawn"]
        return found

    def done() -> bool:
        try:
            return len(ask()) == count and all(one["measured"] != "waiting" for one in ask())
        except TransientError:
            return False

    site.until(done)
    return ask()
