from __future__ import annotations

import io
import shutil
import zipfile
from dataclasses import replace

import pytest
from asgi_calls import HOST, Answer, call
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.data.dataset import Dataset
from core.export.verify import Verified
from core.runs import studied
from core.runs.folder import RunFolder
from core.runs.status import State
from core.service import Service
from core.studies.exporting import export_file
from core.training.plan import Plan
from pages.web.exports import export_url, run_url
from pages.web.routes import ERROR_ANSWERS, routes
from pages.web.security import SecurityMiddleware

VERIFIED = Verified("test", 4, 4, 0.0, 3, 3, 0.01, 0.02, 1000, True)


@pytest.fixture(scope="module")
def app() -> Starlette:
    return Starlette(routes=routes(), middleware=[Middleware(SecurityMiddleware)],
                     exception_handlers=ERROR_ANSWERS)


@pytest.fixture
def run(service: Service, dataset: Dataset) -> RunFolder:
    made = RunFolder.create(service.workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    made.model.write_bytes(b"model")
    made.write_status(replace(made.status(), state=State.FINISHED))
    export_file(made, "onnx").parent.mkdir()
    export_file(made, "onnx").write_bytes(b"the zip")
    studied.keep_record(made, "export-onnx", {"verified": VERIFIED.to_json(), "made_s": 1.0})
    return made


def get(app: Starlette, url: str, *headers: tuple[str, str]) -> Answer:
    path, _mark, query = url.partition("?")
    return call(app, "GET", path, query=query, headers=[("host", HOST), *headers])


def test_a_form_that_was_made_is_sent_under_the_runs_name(app: Starlette, run: RunFolder) -> None:
    answer = get(app, export_url(run.id, "onnx"))
    assert (answer.status, answer.body) == (200, b"the zip")
    assert f'filename="{run.id}-onnx.zip"' in answer.headers["content-disposition"]
    assert answer.headers["content-encoding"] == "identity"


def test_a_form_of_an_earlier_model_is_not_sent(app: Starlette, run: RunFolder) -> None:
    run.model.write_bytes(b"another")
    assert get(app, export_url(run.id, "onnx")).status == 404


@pytest.mark.parametrize("name", ["litert", "coreml", "..%2fmodel", "report"])
def test_what_was_not_made_or_is_no_form_is_not_found(app: Starlette, run: RunFolder, name: str) -> None:
    assert get(app, export_url(run.id, name)).status == 404


def test_a_run_is_sent_as_one_file_with_its_photos_or_without(
    app: Starlette, run: RunFolder, dataset: Dataset
) -> None:
    for photos, count in ((True, len(dataset.items)), (False, 0)):
        answer = get(app, run_url(run.id, photos=photos))
        assert answer.status == 200
        assert f'filename="{run.id}.zip"' in answer.headers["content-disposition"]
        assert int(answer.headers["content-length"]) == len(answer.body)
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert archive.testzip() is None
            assert len([name for name in archive.namelist() if "/images/" in name]) == count


def test_a_run_that_has_not_ended_or_is_not_there_is_refused(app: Starlette, run: RunFolder) -> None:
    assert get(app, run_url("nothing", photos=False)).status == 404
    run.write_status(replace(run.status(), state=State.TRAINING))
    assert get(app, run_url(run.id, photos=False)).status == 409


def test_photos_that_are_gone_cannot_be_sent(app: Starlette, run: RunFolder, dataset: Dataset) -> None:
    shutil.rmtree(dataset.folder)
    assert get(app, run_url(run.id, photos=True)).status == 404
    assert get(app, run_url(run.id, photos=False)).status == 200


def test_where_one_photo_is_gone_it_is_said_before_anything_is_sent(
    app: Starlette, run: RunFolder, dataset: Dataset
) -> None:
    dataset.file(dataset.items[0]).unlink()
    answer = get(app, run_url(run.id, photos=True))
    assert answer.status == 404
    assert dataset.items[0].path.encode() in answer.body
    assert get(app, run_url(run.id, photos=False)).status == 200


def test_another_website_gets_nothing(app: Starlette, run: RunFolder) -> None:
    for url in (export_url(run.id, "onnx"), run_url(run.id, photos=True)):
        assert get(app, url, ("sec-fetch-site", "cross-site")).status == 403
