"""A report is shown in a tab that may do nothing, once it is made."""

from __future__ import annotations

import pytest
from asgi_calls import HOST, Answer, call
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.data.dataset import Dataset
from core.runs import studied
from core.runs.folder import RunFolder
from core.service import Service
from core.studies.reporting import card_file, report_file
from core.training.plan import Plan
from pages.web.reports import card_url, report_url
from pages.web.routes import ERROR_ANSWERS, routes
from pages.web.security import SecurityMiddleware


@pytest.fixture(scope="module")
def app() -> Starlette:
    return Starlette(routes=routes(), middleware=[Middleware(SecurityMiddleware)],
                     exception_handlers=ERROR_ANSWERS)


@pytest.fixture
def run(service: Service, dataset: Dataset) -> RunFolder:
    folder = RunFolder.create(service.workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    folder.model.write_bytes(b"a model")
    report_file(folder).parent.mkdir()
    report_file(folder).write_text("<!DOCTYPE html><h1>é</h1>", encoding="utf-8")
    card_file(folder).write_text("# Card", encoding="utf-8")
    studied.keep_record(folder, "report", {})
    return folder


def get(app: Starlette, url: str) -> Answer:
    path, _mark, query = url.partition("?")
    return call(app, "GET", path, query=query, headers=[("host", HOST)])


def test_a_report_is_shown_in_a_sandbox(app: Starlette, run: RunFolder) -> None:
    answer = get(app, report_url(run.id))
    assert answer.status == 200
    assert answer.body.decode("utf-8").endswith("<h1>é</h1>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert "content-disposition" not in answer.headers


def test_it_can_be_downloaded_and_so_can_the_card(app: Starlette, run: RunFolder) -> None:
    answer = get(app, report_url(run.id, download=True))
    assert answer.headers["content-disposition"] == f'attachment; filename="{run.id}-report.html"'
    card = get(app, card_url(run.id))
    assert card.body == b"# Card"
    assert "attachment" in card.headers["content-disposition"]


def test_a_report_of_another_model_is_not_found(app: Starlette, run: RunFolder) -> None:
    run.model.write_bytes(b"another")
    for url in (report_url(run.id), card_url(run.id)):
        assert get(app, url).status == 404


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e", "a/../../etc"])
def test_what_is_no_run_is_not_found(app: Starlette, service: Service, name: str) -> None:
    assert get(app, report_url(name)).status == 404


def test_pages_without_a_policy_of_their_own_have_the_servers(app: Starlette, run: RunFolder) -> None:
    run.model.unlink()
    assert "script-src" in get(app, report_url(run.id)).headers["content-security-policy"]
