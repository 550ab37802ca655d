"""What the page warns of, and how it is put away again."""

import json
import shutil
from typing import Any

import pytest

from browser.chromium import Page
from browser.conftest import Lab, faults, goto

pytestmark = pytest.mark.timeout(120)
WELL = {
    "state": "ready",
    "reason": "",
    "disk_free_bytes": 90e9,
    "roots": {"titan": {"state": "online", "reason": ""}},
    "ledger": {"titan": {"set_aside": 0}},
}


def troubles(page: Page, **facts: Any) -> list[str]:
    """Return the ids of what the page would warn of."""
    said = json.dumps({"silent": False, "status": WELL, **facts})
    found: list[str] = page.ask(
        f"import('./troubles.js').then((one) => one.troubles({said}).map((trouble) => trouble.id))"
    )
    return found


def status(**changed: Any) -> dict[str, Any]:
    return {**WELL, **changed}


def root(state: str) -> dict[str, Any]:
    return {"titan": {"state": state, "reason": "not mounted"}}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"status": status(roots=root("paused"))}, []),
        ({"silent": True}, ["silent"]),
        ({"status": status(state="degraded", roots=root("offline"))}, ["root titan offline"]),
        ({"status": status(state="degraded", roots=root("stalled"))}, ["root titan stalled"]),
        ({"status": status(state="degraded", reason="workers")}, ["degraded"]),
        ({"status": status(state="full", disk_free_bytes=0)}, ["full"]),
        ({"status": status(disk_free_bytes=1e9)}, ["disk"]),
        ({"status": status(ledger={"titan": {"set_aside": 3}}), "asides": 2}, ["aside"]),
        ({"status": status(ledger={"titan": {"set_aside": 3}}), "asides": 3}, []),
        ({"alarms": [{"at": "2026-01-01T00:00:00Z", "n": 90}]}, ["drift 2026-01-01T00:00:00Z"]),
        ({"unfamiliar": [{"frame_id": "f" * 20, "root": "titan", "path": "a"}]}, [f"drift {'f' * 20}"]),
    ],
)
def test_each_trouble_is_told_once_and_a_well_daemon_is_quiet(
    page: Page, facts: dict[str, Any], expected: list[str]
) -> None:
    assert troubles(page, **facts) == expected


def test_an_alert_keeps_its_time_and_its_dismissal_until_it_is_over(page: Page) -> None:
    steps = page.ask("""import('./troubles.js').then(({ standing }) => {
        const trouble = [{ id: 'full', what: '', todo: '' }];
        const first = standing([], trouble, 'one');
        first[0].dismissed = true;
        const second = standing(first, trouble, 'two');
        const over = standing(second, [], 'three');
        return [second, over, standing(over, trouble, 'four')].map((all) => all.map((one) => [one.at, one.dismissed]));
    })""")
    assert steps == [[["one", True]], [], [["four", False]]]


def test_a_lost_folder_is_told_on_every_screen_dismissed_here_and_over_when_it_is_back(
    page: Page, lab: Lab
) -> None:
    watched = lab.site.folder / "titan"
    away = lab.site.folder / "away"
    shutil.move(watched, away)
    try:
        badge = "document.getElementById('alerts')"
        page.until(f"{badge}.checkVisibility()")
        assert page.ask(f"{badge}.innerText").endswith("alert") or page.ask(f"{badge}.innerText").endswith(
            "alerts"
        )
        for screen in ("review", "models", "health"):
            goto(page, screen)
            assert page.ask(f"{badge}.checkVisibility()"), screen
        mine = "document.querySelector('[data-alert=\"root titan offline\"]')"
        assert "share is mounted" in page.until(f"{mine}?.innerText")
        page.ask(f"{mine}.querySelector('button').click()")
        page.until(f"{mine} === null")
        page.go("about:blank")
        page.go(f"{lab.url}#/health")
        page.until("document.querySelector('[data-rate=titan]') !== null")
        assert page.ask(f"{mine} === null"), "a reload brought it back"
    finally:
        shutil.move(away, watched)
    lab.site.until(lambda: lab.site.status()["state"] == "ready")
    assert page.ask("document.querySelector('[data-sound]').checked") is False
    assert faults(page, lab) == []


def test_the_rate_of_a_folder_is_shown(page: Page, lab: Lab) -> None:
    goto(page, "health")
    rate = page.until(
        "Number.parseFloat(document.querySelector('[data-rate=titan]')?.innerText) >= 0 && 'yes'"
    )
    assert rate == "yes"
    assert faults(page, lab) == []
