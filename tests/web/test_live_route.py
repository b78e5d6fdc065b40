from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest
from asgi_calls import call
from starlette.applications import Starlette

from core.data.dataset import Dataset
from core.runs.folder import RunFolder
from core.service import Service
from core.training.plan import Plan
from pages.ui import live
from pages.ui.live import live_url
from pages.web.routes import ERROR_ANSWERS, routes


@pytest.fixture(autouse=True)
def nothing_made() -> Iterator[None]:
    live._made.clear()
    yield
    live._made.clear()


@pytest.fixture
def app() -> Starlette:
    return Starlette(routes=routes(), exception_handlers=ERROR_ANSWERS)


def test_the_live_data_of_a_run_are_sent_packed_and_not_stored(
    app: Starlette, service: Service, dataset: Dataset
) -> None:
    folder = RunFolder.create(
        service.workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    answers = [call(app, "GET", live_url(folder.id)) for _each in range(2)]
    for answer in answers:
        assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
        assert answer.headers["cache-control"] == "no-store"
        assert json.loads(gzip.decompress(answer.body))["progress"]["state"] == "queued"


@pytest.mark.parametrize("run", ["20260101-000000-gone", "..", "%2e%2e%2fdatasets", "a" * 200, "A_B"])
@pytest.mark.usefixtures("service")
def test_a_run_that_is_not_there_is_told(app: Starlette, run: str) -> None:
    assert call(app, "GET", f"/thaw/runs/{run}/live.json").status == 404
