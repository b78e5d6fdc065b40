"""Many photos shown to a finished run, and the address at which programs ask it."""

from __future__ import annotations

import csv
import http.client
import json
from pathlib import Path
from typing import Any

import pytest
from browser_photos import HOSTILE
from browser_steps import ANSWER_MS, PATIENCE_MS, Visits, button, settled, unfold
from playwright.sync_api import Page, expect

from core.data.dataset import Dataset
from core.drafts import Draft
from tests.serving import Server

pytestmark = pytest.mark.browser
UPLOAD = "[data-testid=stFileUploader] input[type=file]"


def test_many_photos_become_a_table_and_a_file_under_the_threshold_too(
    server: Server, visits: Visits, small: Dataset, finished: Path, tmp_path: Path
) -> None:
    photos = [small.file(item) for item in small.items[:40]]
    page = _open(visits, server, small, finished)
    page.locator(UPLOAD).set_input_files(photos)
    expect(page.get_by_text("40 photos", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("[data-testid=stDataFrame]")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("[data-testid=stProgress]")).to_have_count(0, timeout=PATIENCE_MS)

    rows = _saved(page, tmp_path / "all.csv")
    assert [row["file"] for row in rows] == [path.name for path in photos]
    assert {row["says"] for row in rows} <= set(HOSTILE[:3])

    page.get_by_role("slider").press("End")
    expect(page.get_by_text("Measure on the validation photos")).to_be_visible(timeout=ANSWER_MS)
    button(page, "Measure on the validation photos").click()
    expect(page.get_by_text("At 1.00 it answers")).to_be_visible(timeout=PATIENCE_MS)
    assert {row["says"] for row in _saved(page, tmp_path / "sure.csv")} <= {"not sure", *HOSTILE[:3]}

    button(page, "Compute them").click()
    alike = page.locator(f".thaw-thumbs img[src*='{small.id}/thumb/']")
    expect(alike).to_have_count(4, timeout=PATIENCE_MS)


def test_a_program_is_answered_as_the_page_answers(
    server: Server, visits: Visits, small: Dataset, finished: Path
) -> None:
    photo = small.file(small.of_split("test")[0])
    page = _open(visits, server, small, finished)
    page.locator(UPLOAD).set_input_files([photo])
    bars = page.locator(".thaw-bars")
    expect(bars).to_have_count(1, timeout=PATIENCE_MS)
    address = f"/api/runs/{finished.name}/predict"

    status, said = _asked(server, "POST", address, photo.read_bytes())
    assert status == 200
    assert bars.locator(".name").all_inner_texts() == [each["class"] for each in said["predictions"]]
    assert bars.locator(".figure").all_inner_texts() == [
        f"{each['probability']:.1%}" for each in said["predictions"]]
    assert _asked(server, "GET", address)[0] == 405
    assert _asked(server, "POST", "/api/runs/none/predict", photo.read_bytes())[0] == 404
    assert _asked(server, "GET", "/api/unknown")[0] == 404
    foreign = {"Origin": "https://evil.example"}
    assert _asked(server, "POST", address, photo.read_bytes(), foreign)[0] == 403


def test_the_line_on_the_page_is_one_that_works(
    server: Server, visits: Visits, small: Dataset, finished: Path
) -> None:
    page = _open(visits, server, small, finished)
    unfold(page, "Ask it from a program")
    line = page.locator("[data-testid=stCode] code")
    expect(line).to_contain_text(f'"{server.address}/api/runs/{finished.name}/predict?', timeout=ANSWER_MS)
    address = line.inner_text().split('"')[1].removeprefix(server.address)
    status, said = _asked(server, "POST", address, small.file(small.items[0]).read_bytes())
    assert status == 200
    assert said["threshold"] == 0.8


def _open(visits: Visits, server: Server, small: Dataset, run: Path) -> Page:
    draft = Draft(dataset=small.id, dataset_title=small.title, run=run.name)
    page = visits.open(server, "/predict", draft)
    settled(page)
    return page


def _saved(page: Page, target: Path) -> list[dict[str, str]]:
    with page.expect_download() as waiting:
        button(page, "Save as CSV").click()
    waiting.value.save_as(target)
    with target.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def _asked(
    server: Server, method: str, address: str, body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, address, body, headers or {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
