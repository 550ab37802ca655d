"""What an operator does, in a real browser against a real daemon."""

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from browser.chromium import Chromium, Page
from browser.conftest import Lab, faults, faults_beside_lost_connections, goto, name_operator

pytestmark = pytest.mark.timeout(180)
MAIN = "document.getElementById('main')"
SCREENS = ("live", "review", "history", "atlas", "sizes", "models", "health")


def test_a_frame_written_to_a_watched_folder_appears_with_outlines(page: Page, lab: Lab) -> None:
    lab.expose()
    report = lab.reports()[0]
    page.until(f"{MAIN}.dataset.drawn === '{report['frame_id']}'")
    assert page.ask("document.querySelectorAll('.finding .line').length") == len(report["findings"])
    assert page.ask("document.querySelector('.verdict').textContent") == report["verdict"]["decision"]
    assert page.ask("document.querySelector('.scalebar').textContent").endswith(("nm", "µm"))
    said = page.ask("[...document.querySelectorAll('.finding')].map((one) => one.dataset.class)")
    assert said == [finding["class"] for finding in report["findings"]]
    assert faults(page, lab) == []


def test_every_screen_opens_without_error_foreign_request_or_horizontal_scroll(page: Page, lab: Lab) -> None:
    for width in (1280, 1920):
        page.resize(width, 900)
        for screen in (*SCREENS, f"frame/{lab.reports()[0]['frame_id']}"):
            goto(page, screen)
            page.until(f"{MAIN}.innerText.length > 20")
            assert not page.ask("document.documentElement.scrollWidth > innerWidth"), (screen, width)
    assert faults(page, lab) == []


def test_a_held_frame_stays_until_it_is_let_go(page: Page, lab: Lab) -> None:
    held = page.until(f"{MAIN}.dataset.drawn")
    page.press(" ")
    name = lab.expose()[0]
    page.until(f"document.querySelector('.strip').innerText.includes({name!r})")
    page.until("document.querySelector('.held').innerText.includes('1 newer')")
    assert page.ask(f"{MAIN}.dataset.drawn") == held
    page.press(" ")
    page.until(f"{MAIN}.dataset.drawn !== '{held}'")


def test_a_frame_that_was_set_aside_is_put_back_from_health(page: Page, lab: Lab) -> None:
    (lab.site.folder / "titan" / "cut.tif").write_bytes(b"II*\0\x08\0\0\0 and no more")
    goto(page, "health")
    button = "document.querySelector('[data-reinject]')"
    frame_id = page.until(f"{button}?.dataset.reinject")
    ledger = lab.site.status()["ledger"]["titan"]
    assert ledger["set_aside"] == 1
    lab.kill_server()
    lab.serve()
    page.go("about:blank")
    page.go(f"{lab.url}#/health")  # a server that was not there then knows it too
    page.until(f"{button}?.dataset.reinject === '{frame_id}'")
    page.ask(f"{button}.click()")
    page.until("document.getElementById('announce').innerText === 'queued again'")
    lab.site.until(lambda: asides(lab, frame_id) == 2)  # it is as damaged as before
    assert faults_beside_lost_connections(page, lab) == []


def test_the_finder_is_made_more_sensitive_from_health(page: Page, lab: Lab) -> None:
    name_operator(page, "dora")
    goto(page, "health")
    slider = "document.querySelector('[data-sensitivity]')"
    page.until(f"{slider}?.value === '0.5'")
    page.ask(f"{slider}.value = '0.8'; {slider}.dispatchEvent(new Event('input')); 1")
    page.ask("document.querySelector('[data-sensitivity-apply]').click()")
    page.until(f"{MAIN}.innerText.includes('set by dora')")
    assert lab.site.status()["sensitivity"] == 0.8
    page.ask(
        "[...document.querySelectorAll('button')].find((one) => one.innerText === 'as configured').click()"
    )
    page.until(f"{MAIN}.innerText.includes('0.50, as configured')")
    assert faults(page, lab) == []


def test_the_labelling_path_by_keyboard_alone(browser: Chromium, lab: Lab) -> None:
    page = browser.page(lab.url)
    tab_to(page, "document.activeElement?.id === 'operator'")
    page.ask("document.getElementById('operator').value = ''")
    page.type("berta")
    page.press("Enter")
    page.go("about:blank")
    page.go(lab.url)  # the name is remembered
    tab_to(page, "document.activeElement?.hash === '#/review'")
    page.press("Enter")
    first = page.until(f"{MAIN}.dataset.blind === 'false' && {MAIN}.dataset.item")
    page.until("document.querySelector('[data-say=confirm]') !== null")
    said = len(lab.history(first))
    page.press("Enter")
    page.until(f"{MAIN}.dataset.item !== '{first}'")
    assert int(page.until(f"{MAIN}.dataset.nextMs")) < 500  # 100 on a machine of its own
    lab.site.until(lambda: len(lab.history(first)) == said + 1)
    assert (lab.history(first)[said]["state"], lab.history(first)[said]["by"]) == ("confirmed", "berta")
    page.press("u")
    page.until(f"{MAIN}.dataset.item === '{first}'")
    lab.site.until(lambda: lab.history(first)[said]["undone"])
    page.press("x")
    page.until(f"{MAIN}.dataset.item !== '{first}'")
    lab.site.until(
        lambda: lab.history(first)[-1]["by"] == "berta" and lab.history(first)[-1]["class"] == "artefact"
    )
    assert faults(page, lab) == []


def test_what_is_said_at_once_after_taking_back_is_no_conflict_with_it(page: Page, lab: Lab) -> None:
    name_operator(page, "emil")
    goto(page, "review")
    first = page.until(f"{MAIN}.dataset.blind === 'false' && {MAIN}.dataset.item")
    page.until("document.querySelector('[data-say=confirm]') !== null")
    page.press("p")
    page.until(f"{MAIN}.dataset.item !== '{first}'")
    lab.site.until(lambda: len(lab.history(first)) == 1)
    page.ask(
        "for (const key of ['u', 'x']) document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })); 1"
    )
    lab.site.until(lambda: lab.history(first)[-1]["class"] == "artefact")
    assert faults(page, lab) == []


def test_a_blind_sample_shows_nothing_the_machine_said(page: Page, lab: Lab) -> None:
    name_operator(page, "clara")
    goto(page, "review")
    for _ in range(120):
        item = page.until(f"{MAIN}.dataset.item")
        if page.ask(f"{MAIN}.dataset.blind") == "true":
            break
        page.press("ArrowRight")
        page.until(f"{MAIN}.dataset.item !== '{item}'")
    assert page.ask(f"{MAIN}.dataset.blind") == "true", "no blind sample came"
    item = page.until(f"{MAIN}.innerText.includes('hidden') && {MAIN}.dataset.item")
    assert "%" not in page.ask(f"{MAIN}.querySelector('aside').innerText")
    assert (
        page.ask("[...document.querySelectorAll('.finding')].map((one) => one.dataset.class).join('')") == ""
    )
    said = len(lab.history(item))
    page.press("Enter")  # there is nothing to confirm
    page.press("p")
    page.until(f"{MAIN}.dataset.item !== '{item}'")
    lab.site.until(lambda: len(lab.history(item)) == said + 1)
    label = lab.history(item)[said]
    assert (label["blind"], label["class"], label["by"]) == (True, "pore", "clara")


def test_two_browsers_see_each_others_labels(page: Page, browser: Chromium, lab: Lab) -> None:
    frame_id, finding_id = a_finding(lab)
    other = browser.page(f"{lab.url}#/frame/{frame_id}")
    goto(page, f"frame/{frame_id}/{finding_id}")
    mark = f"document.querySelector('[data-id=\"{finding_id}\"]')"
    page.until(f"{mark}?.getAttribute('aria-selected') === 'true'")
    other.until(f"{mark}?.dataset.state === 'predicted'")
    page.press("l")
    other.until(f"{mark}.dataset.class === 'looseness' && {mark}.dataset.state !== 'predicted'")
    page.press("u")
    other.until(f"{mark}.dataset.state === 'predicted'")
    assert faults(other, lab) == []


def test_a_missed_finding_is_drawn_and_named(page: Page, lab: Lab) -> None:
    frame_id = lab.reports()[0]["frame_id"]
    goto(page, f"frame/{frame_id}")
    page.until(f"{MAIN}.dataset.drawn === '{frame_id}'")
    before = len(lab.ask("label.list", frame_id=frame_id)["drawn"])
    box = page.ask("JSON.stringify(document.querySelector('.glass').getBoundingClientRect())")
    at = json.loads(box)
    x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
    page.press("d")
    page.drag((x - 40, y - 30), (x + 40, y + 30))
    page.mouse("mouseMoved", x + 12, y - 16)
    page.mouse("mousePressed", x + 12, y - 16, button="left", buttons=1, clickCount=1)
    page.mouse("mouseReleased", x + 12, y - 16, button="left", clickCount=1)
    page.until("document.body.innerText.includes('What is it?')")
    page.press("c")
    lab.site.until(lambda: len(lab.ask("label.list", frame_id=frame_id)["drawn"]) == before + 1)
    drawn = lab.ask("label.list", frame_id=frame_id)["drawn"][-1]
    assert drawn["class"] == "crack"
    assert drawn["rectangle"]["angle_deg"] == pytest.approx(np.degrees(np.arctan2(60, 80)), abs=0.5)
    page.until(f"document.querySelector('[data-id=\"{drawn['finding_id']}\"]') !== null")
    assert faults(page, lab) == []


def test_zoom_measure_contrast_and_png(page: Page, lab: Lab, tmp_path: Path) -> None:
    frame_id = lab.reports()[0]["frame_id"]
    goto(page, f"frame/{frame_id}")
    page.until(f"{MAIN}.dataset.drawn === '{frame_id}'")
    page.press("1")
    page.until("document.querySelector('.tools').innerText.includes('100 %')")
    page.press("m")
    box = json.loads(page.ask("JSON.stringify(document.querySelector('.glass').getBoundingClientRect())"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.drag((x, y), (x + 60, y + 80))
    assert "(100 px)" in page.until("document.querySelector('.readout').textContent")
    before = brightness(page)
    page.ask("""(() => { const gamma = document.querySelector('[aria-label=Gamma]');
        gamma.value = 0.4; gamma.dispatchEvent(new Event('input')); })()""")
    assert brightness(page) > before + 10
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.ask("[...document.querySelectorAll('.tools button')].find((one) => one.innerText === 'PNG').click()")
    page.until("true")
    made = wait_for_file(page, tmp_path)
    picture = cv2.imread(str(made))
    shape = lab.reports()[0]["shape"]
    assert picture is not None
    assert picture.shape[0] / picture.shape[1] == pytest.approx(shape[0] / shape[1], rel=0.01)
    assert (picture.std(axis=2) > 30).any(), "no coloured outline"


def test_angles_on_the_screen_are_those_of_opencv(page: Page) -> None:
    rectangles = [
        {"row": 40.0, "col": 90.0, "length_px": 50.0, "width_px": 12.0, "angle_deg": angle}
        for angle in (-60.0, 0.0, 25.0, 90.0)
    ]
    for one in rectangles:
        made: Any = page.ask(
            f"import('./geometry.js').then((geometry) => geometry.corners({json.dumps(one)}))"
        )
        size = (one["length_px"], one["width_px"])
        expected = cv2.boxPoints(((one["col"], one["row"]), size, one["angle_deg"]))
        assert np.allclose(sorted(map(tuple, made)), sorted(map(tuple, expected.tolist())), atol=1e-3)


def test_a_killed_page_server_is_back_without_reload_or_gap(page: Page, lab: Lab) -> None:
    page.until(f"{MAIN}.dataset.drawn")
    page.ask("window.sameWindow = true")
    lab.kill_server()
    page.until("document.getElementById('state').innerText.includes('disconnected')")
    names = lab.expose(2)
    lab.serve()
    page.until("document.getElementById('state').innerText.includes('ready')")
    for name in names:
        page.until(f"document.querySelector('.strip').innerText.includes({name!r})")
    assert page.ask("window.sameWindow") is True
    assert faults_beside_lost_connections(page, lab) == []


def test_a_label_said_while_the_daemon_is_down_is_not_saved_and_then_saved_once(page: Page, lab: Lab) -> None:
    frame_id, finding_id = a_finding(lab)
    goto(page, f"frame/{frame_id}/{finding_id}")
    mark = f"document.querySelector('[data-id=\"{finding_id}\"]')"
    page.until(f"{mark}?.getAttribute('aria-selected') === 'true'")
    page.ask("window.sameWindow = true")
    lab.site.kill()
    page.press("c")
    page.until("document.getElementById('unsaved').checkVisibility()")
    assert page.ask("document.getElementById('unsaved').innerText") == "NOT saved: 1"
    page.until("document.getElementById('state').innerText.includes('silent')")
    lab.site.start()
    page.until("!document.getElementById('unsaved').checkVisibility()")
    assert [label["class"] for label in lab.history(finding_id)] == ["crack"]
    page.until("document.getElementById('state').innerText.includes('ready')")
    names = lab.expose()
    goto(page, "live")
    page.until(f"document.querySelector('.strip').innerText.includes({names[0]!r})")
    assert page.ask("window.sameWindow") is True
    assert faults_beside_lost_connections(page, lab) == []


def test_a_label_whose_reply_is_lost_is_sent_again_and_saved_once(page: Page, lab: Lab) -> None:
    frame_id, finding_id = a_finding(lab)
    goto(page, f"frame/{frame_id}/{finding_id}")
    mark = f"document.querySelector('[data-id=\"{finding_id}\"]')"
    page.until(f"{mark}?.getAttribute('aria-selected') === 'true'")
    page.ask("""(() => {
        const honest = window.fetch;
        window.sent = 0;
        window.fetch = async (...what) => {
            const reply = await honest(...what);
            if (what[0] === 'api/order' && window.sent++ === 0) throw new TypeError('the reply is lost');
            return reply;
        };
    })()""")
    page.press("l")
    page.until("window.sent === 2 && !document.getElementById('unsaved').checkVisibility()")
    page.until(f"{mark}.dataset.class === 'looseness'")
    assert [label["class"] for label in lab.history(finding_id)] == ["looseness"]
    assert not page.ask("document.getElementById('notice').checkVisibility()")


def test_no_screen_has_a_serious_fault_of_accessibility(page: Page, lab: Lab) -> None:
    script = os.environ.get("TEMWATCH_AXE", "")
    if not script:
        pytest.skip("axe-core absent: TEMWATCH_AXE names its axe.min.js")
    page.call("Runtime.evaluate", expression=Path(script).read_text("utf-8"))
    for screen in (*SCREENS, f"frame/{lab.reports()[0]['frame_id']}"):
        goto(page, screen)
        page.until(f"{MAIN}.innerText.length > 40")
        for theme in ("dark", "light"):
            page.ask(f"document.documentElement.dataset.theme = '{theme}'")
            found = page.ask("""axe.run().then((said) => said.violations
                .filter((one) => ['serious', 'critical'].includes(one.impact))
                .map((one) => `${one.id}: ${one.nodes[0].html}`))""")
            assert found == [], (screen, theme)


# --- what the tests above share ---------------------------------------------------------------------------------


def a_finding(lab: Lab) -> tuple[str, str]:
    """Return a frame and a finding in it that nobody has labelled."""
    for report in lab.reports():
        labels = lab.ask("label.list", frame_id=report["frame_id"])["labels"]
        known = {label["finding_id"] for label in labels}
        for finding in report["findings"]:
            if finding["finding_id"] not in known and finding["class"] not in ("looseness", "crack"):
                return report["frame_id"], finding["finding_id"]
    raise AssertionError("every finding is labelled")


def asides(lab: Lab, frame_id: str) -> int:
    """Return how often a frame was set aside."""
    told = [one for one in lab.site.history("tw1/frame/") if one.header.type == "frame.set_aside"]
    return sum(one.body["frame_id"] == frame_id for one in told)


def tab_to(page: Page, condition: str) -> None:
    for _ in range(40):
        if page.ask(condition):
            return
        page.press("Tab")
    raise AssertionError(f"the Tab key does not lead to: {condition}")


def brightness(page: Page) -> float:
    value: float = page.ask("""(() => {
        const canvas = document.querySelector('.glass canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return data.reduce((sum, value) => sum + value, 0) / data.length;
    })()""")
    return value


def wait_for_file(page: Page, folder: Path) -> Path:
    for _ in range(500):
        made = [path for path in folder.iterdir() if path.suffix == ".png"]
        if made:
            return made[0]
        page.ask("new Promise((resolve) => setTimeout(resolve, 20))")
    raise AssertionError("no file was saved")
