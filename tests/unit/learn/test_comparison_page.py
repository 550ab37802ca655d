"""The page of a comparison stands alone, and every table on it says what it rests on."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from temwatch.learn.atlas import Atlas
from temwatch.learn.comparison import Comparison, compare
from temwatch.learn.comparison_page import as_page
from temwatch.learn.label_doubts import doubts_about
from temwatch.vision.features import BASIC_NAMES


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    random = np.random.default_rng(0)
    classes = ["pore", "crack <b>"] * 30
    features = random.normal(size=(60, len(BASIC_NAMES)))
    features[1::2] += 2.0
    classes[0] = "crack <b>"  # a wrong label
    return Atlas(
        name="tiles & co",
        features=features,
        feature_names=tuple(BASIC_NAMES),
        classes=tuple(classes),
        groups=tuple(f"tile {k // 4}" for k in range(60)),
        hashes=tuple(f"{k}" for k in range(60)),
    )


@pytest.fixture(scope="module")
def tables(atlas: Atlas) -> list[Comparison]:
    return [
        compare(atlas, methods=("kernel_elm", "lda"), split=split, train=40, test=20, repeats=3)
        for split in ("random", "group")
    ]


class Reader(HTMLParser):
    """Counts what matters, and notices tags that are not closed."""

    VOID = ("meta", "br", "rect", "line", "circle")  # nothing stands inside them

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.captions: list[str] = []
        self.tables = 0
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tables += tag == "table"
        self.outside += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "caption":
            self.captions.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_every_table_says_what_it_rests_on(atlas: Atlas, tables: list[Comparison]) -> None:
    reader = read(as_page(tables, doubts_about(atlas)))
    assert reader.tables == len(reader.captions) == 2 * (1 + 2 * 2) + 1
    for caption in reader.captions:
        assert atlas.digest[:16] in caption
        assert re.search(r"\d+ objects of 15 groups", caption)


def test_nothing_comes_from_elsewhere_and_nothing_runs(tables: list[Comparison]) -> None:
    page = as_page(tables)
    assert read(page).outside == []
    assert "<script" not in page
    assert "http" not in page


def test_names_are_text(tables: list[Comparison]) -> None:
    page = as_page(tables)
    assert "crack <b>" not in page
    assert "crack &lt;b&gt;" in page
    assert "tiles &amp; co" in page


def test_two_splits_show_what_leaks_between_them(tables: list[Comparison]) -> None:
    assert "random split minus split by group" in as_page(tables)
    assert "random split minus" not in as_page(tables[:1])


def test_a_wrong_label_is_listed(atlas: Atlas, tables: list[Comparison]) -> None:
    page = as_page(tables, doubts_about(atlas))
    assert "Labels that the rest of the atlas contradicts" in page
