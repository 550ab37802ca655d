"""Promote, go back, freeze and unfreeze from the page, and what a promotion changed in frames of before."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from browser.chromium import Page
from browser.conftest import Lab, faults_beside_lost_connections, goto
from temwatch.client import CommandRefused

pytestmark = pytest.mark.timeout(120)
DIALOG = "document.querySelector('dialog.confirm')"


@pytest.fixture
def models(page: Page, lab: Lab) -> Iterator[Page]:
    goto(page, "models")
    page.until(f"document.querySelector('[data-in-use]')?.dataset.inUse === '{in_use(lab)}'")
    yield page
    with suppress(CommandRefused):
        lab.ask("model.unfreeze")
    with suppress(CommandRefused):  # other tests count on the names of the shipped one
        lab.ask("model.promote", model_id=lab.ask("model.list")["starter"])
    lab.site.until(lambda: lab.ask("model.diff")["waiting"] == 0)


def in_use(lab: Lab) -> str:
    found: str = lab.ask("model.list")["in_use"]
    return found


def click(page: Page, what: str) -> None:
    page.until(f"document.querySelector('{what}') && !document.querySelector('{what}').disabled")
    page.ask(f"document.querySelector('{what}').click()")


def confirm(page: Page, answer: str = "yes") -> None:
    page.until(f"{DIALOG} !== null")
    page.ask(f"{DIALOG}.querySelector('[data-confirm={answer}]').click()")
    page.until(f"{DIALOG} === null")


def shows(page: Page, model_id: str) -> None:
    page.until(f"document.querySelector('[data-in-use]')?.dataset.inUse === '{model_id}'")


def test_what_a_promotion_renamed_is_shown_before_and_after_contradicted_labels_first(
    models: Page, lab: Lab
) -> None:
    report, pore = next(
        (report, finding)
        for report in lab.reports()
        for finding in report["findings"]
        if finding["class"] in ("pore", "slag_inclusion")
    )
    label = lab.ask("label.set", finding_id=pore["finding_id"], **{"class": pore["class"]})
    click(models, f'[data-promote="{lab.models[0]}"]')
    confirm(models)
    shows(models, lab.models[0])
    lab.site.until(lambda: lab.ask("model.diff")["waiting"] == 0)
    address = f"#/frame/{report['frame_id']}/{pore['finding_id']}"
    card = f"document.querySelector('.pair.against a.two[href=\"{address}\"]')?.parentElement"
    text = models.until(f"{card}?.innerText")
    assert report["path"] in text
    said = pore["class"].replace("_", " ")
    assert f"against its label: {said}" in text
    names = models.ask(f"[...{card}.querySelectorAll('.half')].map((half) => half.innerText.split('\\n'))")
    assert [name[0] for name in names[:2]] == ["before", "now"]
    assert {"pore", "slag inclusion"} == {name[-1].rsplit(" ", 2)[0].strip() for name in names[:2]}
    models.until(f"""(() => {{ const canvas = {card}.querySelector('canvas');
        const {{ data }} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return new Set(data).size > 20; }})()""")
    first = models.ask("document.querySelector('.group .pair').classList.contains('against')")
    assert first, "contradicted labels come first"
    groups = {(group["before"], group["after"]): group["frames"] for group in lab.ask("model.diff")["groups"]}
    for (before, after), frames in groups.items():
        summary = models.ask(f"document.querySelector('[data-group=\"{before} {after}\"] summary').innerText")
        assert f": {frames} frame" in summary
    lab.ask("label.undo", label_id=label["label_id"])
    # Where workers are slow to change, the reply is late (503) and the page sends the order again under its number.
    assert faults_beside_lost_connections(models, lab) == []


def test_two_promotions_are_rolled_back_one_after_the_other(models: Page, lab: Lab) -> None:
    before = in_use(lab)
    for model_id in lab.models:
        click(models, f'[data-promote="{model_id}"]')
        confirm(models)
        shows(models, model_id)
        assert in_use(lab) == model_id
    for expected in (lab.models[0], before):
        click(models, "[data-act=rollback]")
        confirm(models)
        shows(models, expected)
        assert in_use(lab) == expected
    assert faults_beside_lost_connections(models, lab) == []


def test_no_and_escape_leave_everything_as_it_is(models: Page, lab: Lab) -> None:
    before = in_use(lab)
    click(models, f'[data-promote="{lab.models[1]}"]')
    confirm(models, "no")
    click(models, f'[data-promote="{lab.models[1]}"]')
    models.until(f"{DIALOG} !== null")
    models.press("Escape")
    models.until(f"{DIALOG} === null")
    assert in_use(lab) == before
    assert faults_beside_lost_connections(models, lab) == []


def test_freezing_asks_why_and_keeps_others_from_being_promoted(models: Page, lab: Lab) -> None:
    click(models, "[data-act=freeze]")
    models.until(f"{DIALOG} !== null")
    models.ask(f"{DIALOG}.querySelector('[data-confirm=yes]').click()")
    assert models.ask(f"{DIALOG} !== null"), "frozen without a reason"
    models.ask(f"{DIALOG}.querySelector('input').focus()")
    models.type("series 7")
    models.press("Enter")
    models.until("document.querySelector('[data-frozen]')?.innerText.includes('series 7')")
    assert lab.ask("model.list")["frozen"] == "series 7"
    assert models.ask(f"document.querySelector('[data-promote=\"{lab.models[0]}\"]').disabled")
    click(models, "[data-act=unfreeze]")
    confirm(models)
    models.until("document.querySelector('[data-frozen]') === null")
    assert lab.ask("model.list")["frozen"] is None
    assert faults_beside_lost_connections(models, lab) == []
