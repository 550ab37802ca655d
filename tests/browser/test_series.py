"""Sizes and their course: the numbers behind the plots, and the plots of a real site."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser.chromium import Page
from browser.conftest import Lab, faults, goto

pytestmark = pytest.mark.timeout(120)
MAIN = "document.getElementById('main')"


def of_statistics(page: Page, expression: str) -> Any:
    return page.ask(f"import('./statistics.js').then((one) => {expression})")


def test_the_slope_is_that_of_least_squares_and_its_interval_holds_it(page: Page) -> None:
    random = np.random.default_rng(4)
    x = np.arange(30.0)
    y = 12.0 + 0.4 * x + random.normal(scale=2.0, size=30)
    points = json.dumps(np.column_stack([x, y]).tolist())
    slope = of_statistics(page, f"one.line({points}).slope")
    assert slope == pytest.approx(np.polyfit(x, y, 1)[0])
    low, high = of_statistics(page, f"one.bootstrapSlope({points})")
    assert low < slope < high
    # As wide as the textbook's, give or take what drawing points instead of residuals makes of it.
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    error = np.sqrt((residual**2).sum() / 28 / ((x - x.mean()) ** 2).sum())
    assert (high - low) / (2 * 2.05 * error) == pytest.approx(1.0, abs=0.3)


def test_points_at_one_moment_have_no_slope_and_four_no_interval(page: Page) -> None:
    assert of_statistics(page, "one.line([[1, 2], [1, 3]])") is None
    assert of_statistics(page, "one.bootstrapSlope([[1, 2], [2, 3], [3, 3], [4, 5]])") is None


def test_crack_widths_are_drawn_against_time_and_saved_as_csv(page: Page, lab: Lab, tmp_path: Path) -> None:
    goto(page, "sizes")
    page.until("document.querySelector('[data-key=class]') !== null")
    page.ask("""(() => { const pick = document.querySelector('[data-key=class]');
        pick.value = 'crack'; pick.dispatchEvent(new Event('change')); })()""")
    page.until(f"{MAIN}.dataset.drawn === 'crack width'")
    cracks: dict[str, list[float]] = {}
    for report in lab.reports():
        for finding in report["findings"]:
            if finding["class"] == "crack":
                width = (
                    finding["area_px"]
                    / finding["rectangle"]["length_px"]
                    * report["calibration"]["nm_per_px"]
                )
                cracks.setdefault(report["frame_id"], []).append(width)
    assert cracks
    assert page.ask("document.querySelectorAll('.plot .ring').length") == len(cracks)
    assert page.ask("document.querySelectorAll('.plot .dot').length") == sum(map(len, cracks.values()))
    assert "slope" in page.ask("document.querySelector('[data-slope]').innerText")
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.ask("document.querySelector('[data-csv=series]').click()")
    saved = tmp_path / "series-crack-width.csv"
    page.until("new Promise((resolve) => setTimeout(() => resolve(true), 50))")
    for _ in range(200):
        if saved.exists():
            break
        page.ask("new Promise((resolve) => setTimeout(resolve, 20))")
    rows = list(csv.DictReader(saved.open()))
    assert {row["frame_id"]: float(row["mean_width_nm"]) for row in rows} == pytest.approx(
        {frame_id: float(np.mean(widths)) for frame_id, widths in cracks.items()}
    )
    assert faults(page, lab) == []
