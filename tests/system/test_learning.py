"""Labelling, learning, promoting and naming anew at a real daemon that is killed at any moment of them."""

import os
import random
import threading
import time
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from system.site import Site
from system.test_labels import Labeller, MakeSite, everything
from temwatch.client import CommandRefused, Commands
from temwatch.errors import TransientError
from temwatch.sim.microscope import Microscope, Session
from temwatch.store.shelf import load, starter

KILLS = int(os.environ.get("TEMWATCH_KILLS", "2"))
FRAMES = 5
REFUSALS = {"busy", "no_change", "not_found", "other_configuration", "frozen"}


def with_frames(make_site: MakeSite) -> tuple[Site, list[str]]:
    """Return a site whose daemon has inspected a few small frames, and all findings."""
    site = make_site()
    said = (
        '[finder]\nmethod = "threshold"\n[retrain]\ncron = ""\nsimulation = false\nmin_new_labels = 100000\n'
    )
    site.config.write_text(site.config.read_text() + said)
    session = Session(seed=3, shape=(256, 256), objects=6)
    list(Microscope(site.folder / "titan", session, wait=lambda _: None).frames(FRAMES))
    site.start()
    site.until(lambda: site.status()["ledger"].get("titan", {}).get("done") == FRAMES)
    reports = [m.body for m in site.history() if m.header.type == "frame.inspected"]
    return site, [finding["finding_id"] for body in reports for finding in body["findings"]]


class Chief(threading.Thread):
    """Has it learn, promotes and goes back, in any order, until told to stop; counts what was acknowledged."""

    def __init__(self, site: Site, seed: int) -> None:
        super().__init__(daemon=True)
        self.site = site
        self.dice = random.Random(seed)
        self.stop = threading.Event()
        self.done: Counter[str] = Counter()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with Commands(self.site.commands, timeout_s=90.0, operator="chief") as daemon:
                while not self.stop.wait(self.dice.uniform(0.0, 0.5)):
                    self._one(daemon)
        except BaseException as error:  # noqa: BLE001  looked at by the test
            self.error = error

    def _one(self, daemon: Commands) -> None:
        cmd = self.dice.choice(("retrain", "model.promote", "model.rollback"))
        args: dict[str, Any] = {}
        if cmd == "model.promote":
            listed = daemon.ask("model.list").result
            known = [row["model_id"] for row in listed["models"]] + [listed["starter"]]
            args = {"model_id": self.dice.choice(known)}
        try:
            daemon.ask(cmd, **args)
            self.done[cmd] += 1
        except CommandRefused as refusal:
            if refusal.code not in REFUSALS:
                raise


def listed(site: Site) -> dict[str, Any]:
    with Commands(site.commands, timeout_s=10.0) as daemon:
        answer: dict[str, Any] = daemon.ask("model.list").result
    return answer


@pytest.mark.timeout(120 + 30 * KILLS)
def test_whenever_it_is_killed_labels_are_there_once_and_one_whole_recognizer_is_in_use(
    make_site: MakeSite,
) -> None:
    site, findings = with_frames(make_site)
    dice = random.Random(21)
    anna, chief = Labeller(site, findings, seed=22), Chief(site, seed=23)
    anna.start()
    chief.start()
    for _ in range(KILLS):
        before = len(anna.said)
        site.until(lambda before=before: len(anna.said) > before + 3)
        time.sleep(dice.uniform(0.0, 5.0))  # any moment of an attempt
        site.kill()
        site.start()
        now = listed(site)
        shelf = site.folder / "state" / "models"
        if now["in_use"] != starter("threshold").name:
            load(shelf / now["in_use"])
        site.until(lambda: site.status()["model"] == listed(site)["in_use"])
        assert not site.status()["reason"]
        for row in now["models"]:
            load(shelf / row["model_id"])
    for thread in (anna, chief):
        thread.stop.set()
    for thread in (anna, chief):
        thread.join(timeout=90)
    assert (anna.error, chief.error) == (None, None)

    there = everything(site)
    assert [one["label_id"] for one in there] == [one["label_id"] for one in anna.said]
    with Commands(site.commands, timeout_s=30.0) as daemon:
        site.until(lambda: _idle(daemon))
        # Numbered without a gap, so that the newest says how many there were.
        attempts = daemon.ask("retrain.status", limit=1).result["attempts"][0]["attempt"]
        assert attempts >= chief.done["retrain"]
        promotions = listed(site)["promotions"]
        for newer, older in pairwise(promotions):
            assert newer["before_id"] == older["model_id"]
        diff = daemon.ask("model.diff").result
    assert diff["waiting"] == 0
    told = Counter(m.header.type for m in site.history("tw1/model/"))
    assert told["model.learned"] == attempts


def _idle(daemon: Commands) -> bool:
    try:
        attempts = daemon.ask("retrain.status", limit=1).result["attempts"]
        running = bool(attempts) and attempts[0]["state"] == "running"
        return not running and daemon.ask("model.diff").result["waiting"] == 0
    except TransientError:
        return False
