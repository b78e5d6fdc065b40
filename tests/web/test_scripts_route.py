"""The script of a run is sent from the disk once it is written."""

from __future__ import annotations

import pytest
from asgi_calls import HOST, Answer, call
from starlette.applications import Starlette

from core.data.dataset import Dataset
from core.export.script_facts import Body
from core.runs.folder import RunFolder
from core.service import Service
from core.studies import scripting
from core.training.plan import Plan
from pages.web.routes import ERROR_ANSWERS, routes
from pages.web.scripts import script_url


def get(app: Starlette, path: str, *headers: tuple[str, str]) -> Answer:
    return call(app, "GET", path, headers=[("host", HOST), *headers])


def test_a_script_is_sent_once_it_is_written_and_no_more_when_the_model_is_another(
    service: Service, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripting, "_backbone", lambda *_given: None)
    monkeypatch.setattr(scripting, "body_of", lambda _plan, _body: Body("ResNet50"))
    app = Starlette(routes=routes(), exception_handlers=ERROR_ANSWERS)
    folder = RunFolder.create(service.workspace, Plan(dataset.id, dataset.title, "resnet50"))
    folder.model.write_bytes(b"a model")
    assert get(app, script_url(folder.id)).status == 404
    made = scripting.script(service.workspace, folder)
    answer = get(app, script_url(folder.id), ("accept-encoding", "gzip"))
    assert answer.status == 200
    assert answer.body == made.zip.read_bytes()
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{folder.id}-script.zip"'
    assert answer.headers["content-encoding"] == "identity"
    folder.model.write_bytes(b"another model")
    assert get(app, script_url(folder.id)).status == 404


@pytest.mark.parametrize("run", ["nothing", "..", "%2e%2e", "a/../../etc"])
def test_what_is_no_run_is_not_found(service: Service, run: str) -> None:
    app = Starlette(routes=routes(), exception_handlers=ERROR_ANSWERS)
    assert get(app, script_url(run)).status == 404
