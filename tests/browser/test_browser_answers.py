"""What a finished run answers: figures on the test photos, guesses on new ones, the model itself."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from browser_photos import HOSTILE
from browser_steps import ANSWER_MS, PATIENCE_MS, Visits, settled, wait_until
from playwright.sync_api import Page, expect

from core.data.dataset import Dataset
from core.drafts import Draft
from tests.serving import Server

pytestmark = pytest.mark.browser
UPLOAD = "[data-testid=stFileUploader] input[type=file]"


def test_the_figures_shown_are_those_of_the_report(
    server: Server, visits: Visits, small: Dataset, finished: Path
) -> None:
    test = _report(finished)["test"]
    accuracy = test["accuracy"]
    page = _look(visits, server, "/evaluate", small, finished)

    shown = page.locator(".thaw-headline")
    expect(shown.locator(".figure")).to_have_text(f"{accuracy['value']:.1%}", timeout=ANSWER_MS)
    expect(shown.locator(".caption")).to_have_text(
        f"{accuracy['right']:,} of {accuracy['images']:,} test photos")
    interval = page.get_by_text("95% intervals (Wilson)")
    expect(interval).to_contain_text(f"from {accuracy['low']:.1%} to {accuracy['high']:.1%}")

    cells = page.get_by_role("gridcell").and_(page.locator(".filled"))
    expect(cells.first).to_be_visible(timeout=ANSWER_MS)
    counts = [int(each) for each in cells.all_text_contents()]
    assert counts == [n for row in test["confusion"] for n in row if n]
    names = page.locator("[role=grid] tbody th").all_text_contents()
    assert names == list(small.classes)

    cells.first.press("Enter")
    photos = page.locator(".thaw-thumbs img")
    expect(photos).to_have_count(min(24, counts[0]), timeout=ANSWER_MS)
    expect(cells.first).to_have_attribute("aria-selected", "true")
    assert photos.first.evaluate("each => each.decode().then(() => each.naturalWidth)") == 160
    cells.first.press("Enter")
    expect(photos).to_have_count(0, timeout=ANSWER_MS)


def test_new_photos_are_answered_and_a_broken_one_is_named(
    server: Server, visits: Visits, small: Dataset, finished: Path, tmp_path: Path
) -> None:
    item = small.of_split("test")[0]
    broken = tmp_path / "**broken** ![x](https:example.com).jpg"
    broken.write_bytes(b"this is no photo")
    page = _look(visits, server, "/predict", small, finished)
    page.locator(UPLOAD).set_input_files([small.file(item), broken])

    told = page.locator("[data-testid=stMain] [data-testid=stAlert]")
    expect(told).to_contain_text(broken.name, timeout=PATIENCE_MS)
    bars = page.locator(".thaw-bars")
    expect(bars).to_have_count(1)
    names = bars.locator(".name").all_inner_texts()
    assert sorted(names) == sorted(HOSTILE[:3])
    shares = [_percent(each) for each in bars.locator(".figure").all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.3)
    expect(bars.locator(".name.first")).to_have_count(1)
    assert page.locator("strong:text-is('broken')").count() == 0


def test_the_camera_is_asked_and_its_picture_answered(
    server: Server, visits: Visits, small: Dataset, finished: Path
) -> None:
    page = _look(visits, server, "/predict", small, finished, permissions=["camera"])
    page.get_by_role("tab", name="Camera").click()
    page.get_by_text("Use the camera").click()
    # Before the first picture is there, the button takes none and says nothing.
    ready = "() => { const v = document.querySelector('video'); return !!v && v.readyState >= 2; }"
    wait_until(page, lambda: bool(page.evaluate(ready)), "the camera gives a picture")
    page.get_by_role("button", name="Take Photo").click()
    expect(page.locator(".thaw-bars .name")).to_have_count(3, timeout=PATIENCE_MS)


def test_the_download_is_the_model_of_the_run_byte_by_byte(
    server: Server, visits: Visits, small: Dataset, finished: Path, tmp_path: Path
) -> None:
    page = _look(visits, server, "/take_away", small, finished)
    with page.expect_download() as waiting:
        page.get_by_text(re.compile(r"Download model\.keras")).click()
    target = tmp_path / "model.keras"
    waiting.value.save_as(target)
    assert waiting.value.suggested_filename.endswith(".keras")
    assert _digest(target) == _digest(finished / "model.keras")


def _look(
    visits: Visits, server: Server, path: str, small: Dataset, run: Path, **options: Any
) -> Page:
    draft = Draft(dataset=small.id, dataset_title=small.title, run=run.name)
    page = visits.open(server, path, draft, **options)
    settled(page)
    return page


def _report(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))
    return found


def _percent(text: str) -> float:
    return float(text.removesuffix("%"))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
