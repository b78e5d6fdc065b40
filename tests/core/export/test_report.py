from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.data.records import Change, Revision
from core.export import report as reports
from core.export.report import report
from core.insight.rates import rates
from tests.core.export.found import HOSTILE, bare, full

VOID = {"meta", "img", "br", "line", "circle", "polyline"}
PARTS = (
    "The plan", "The photos", "The curves", "How well", "By class", "What it mixes up",
    "How far its sureness holds", "Hardest photos", "Where it looked", "What moved", "Does it hold up?",
    "The data audit", "Limits", "Using the model", "Versions and machine",
)


class Read(HTMLParser):
    """Reads a page as a browser does, and sees that every element is closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.titles: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)
        if self.open and self.open[-1] in ("h2", "h3"):
            self.titles.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())


def test_a_full_report_has_every_part_and_its_figures(dataset: Dataset) -> None:
    read = Read(report(full(dataset)))
    for part in PARTS:
        assert part in read.titles
    found = full(dataset)
    assert found.measured is not None
    assert f"{found.measured.accuracy.value:.1%}" in read.text
    assert "of 60 test photos; 95% interval" in read.text
    assert "A temperature of 1.40" in read.text
    assert "Block 7 3.00% 0.880" in read.text
    assert "Blurred 80.0% (68.2% to 88.2%) 66.7% (54.1% to 77.3%) 36.7% (25.6% to 49.3%)" in read.text
    assert "On test photos. As they are: 83.3%" in read.text
    assert "looked at 2 times" in read.text
    assert "keras 3.15.1" in read.text
    assert "1 min 30 s; without kept activations about 4 min 0 s more" in read.text
    assert "not available" not in read.text.lower()


def test_what_was_not_looked_at_is_not_available_and_never_0() -> None:
    read = Read(report(bare()))
    assert read.text.count("Not available") >= 10
    assert "How good it is is not available: its photos are no longer in the workspace." in read.text
    assert "Evaluate page, under" in read.text
    assert "0.0%" not in read.text
    assert "img" not in read.tags


@pytest.mark.parametrize("full_one", [True, False])
def test_the_page_needs_nothing_from_outside_and_runs_nothing(dataset: Dataset, *, full_one: bool) -> None:
    page = report(full(dataset) if full_one else bare(dataset))
    read = Read(page)
    assert not set(read.tags) & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for name, value in read.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "action", "srcset", "data"):
            assert value.startswith("data:image/jpeg;base64,")
    assert "default-src 'none'" in page
    assert not re.search(r"url\(|@import", page)


def test_why_nothing_is_known_of_single_photos_is_said_where_the_figures_stay(dataset: Dataset) -> None:
    found = replace(
        full(dataset), dataset=None, calibration=None, hardest=(), heatmaps=(),
        unseen="its photos are no longer in the workspace.")
    read = Read(report(found))
    assert read.text.count("Not available: its photos are no longer in the workspace.") == 3
    assert "was not looked at" not in read.text
    assert "of 60 test photos" in read.text


def test_photos_that_cannot_be_read_any_more_leave_no_empty_reason(dataset: Dataset) -> None:
    read = Read(report(replace(full(dataset), measured=None, hardest=(), heatmaps=())))
    why = "Not available: no figures on the test photos, or no test photo that can be read."
    assert read.text.count(why) == 4
    assert "Not available: <" not in read.text


def test_a_loss_that_is_no_number_leaves_the_rest_of_the_curve(dataset: Dataset) -> None:
    found = full(dataset)
    broken = [replace(found.history[0], val_loss=float("nan")), *found.history[1:]]
    page = report(replace(found, history=broken))
    assert "nan" not in page.lower().replace("nanometre", "")
    assert page.count("<polyline") == 4


def test_a_version_says_what_was_changed(dataset: Dataset) -> None:
    changes = (Change("images/1.png", "a.png", "red", ""), Change("images/2.png", "b.png", "red", "blue"))
    found = replace(full(dataset), dataset=replace(
        dataset, revision=Revision("20260101-000000-x", "Colours", 3, changes)))
    assert "version 3 of “Colours”: left out after a look at the photos 1, put into another class 1." in Read(
        report(found)).text


def test_hostile_names_are_shown_letter_by_letter(dataset: Dataset) -> None:
    hostile = replace(dataset, title=HOSTILE, classes=(HOSTILE, "red"))
    read = Read(report(full(hostile, title=HOSTILE)))
    assert read.tags.count("img") == 5
    assert ("onerror", "alert(1)>") not in read.attributes
    assert "onerror" not in {name for name, _value in read.attributes}
    assert HOSTILE in read.text


def test_very_many_classes_are_told_by_their_commonest_mistakes(dataset: Dataset) -> None:
    classes = [f"class {at}" for at in range(60)]
    confusion = np.eye(60, dtype=int) * 5
    confusion[7, 9] = 4
    found = replace(full(dataset), measured=rates(classes, confusion.tolist()))
    page = report(found)
    assert "class 7" in Read(page).text
    assert "confusion" not in re.findall(r'class="(\w+)"', page)


def test_the_curves_mark_where_a_stage_begins(dataset: Dataset) -> None:
    page = report(full(dataset))
    assert page.count(">all that may learn</text>") == 2
    assert ">head only</text>" not in page


def test_the_style_prints_on_white_paper() -> None:
    style = reports._style()
    assert "@media print" in style
    assert "@page" in style
