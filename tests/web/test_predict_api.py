"""The address that programs ask a model at: what it answers, and what it refuses."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asgi_calls import HOST, Answer, call
from numpy.typing import NDArray
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.errors import BadInput
from core.insight import answering as module
from core.insight import predict as insight
from core.insight.predict import Loaded
from core.runs import studied
from core.runs.about import rename
from core.runs.folder import RunFolder
from core.service import Service
from core.training.plan import Plan
from pages.web.predict_api import LIMIT_BYTES, predict_url
from pages.web.routes import ERROR_ANSWERS, routes
from pages.web.security import SecurityMiddleware

BOUNDARY = "x-boundary-x"
FORM = ("content-type", f"multipart/form-data; boundary={BOUNDARY}")
JPEG = ("content-type", "image/jpeg")
CLASSES = ("red", "<b>other</b>", "third")


@pytest.fixture(scope="module")
def app() -> Starlette:
    return Starlette(routes=routes(), middleware=[Middleware(SecurityMiddleware)],
                     exception_handlers=ERROR_ANSWERS)


@pytest.fixture
def run(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    """A run whose model holds a photo for red as far as it is red."""
    folder = RunFolder.create(service.workspace, Plan("d", "colours", "efficientnet-lite0"))
    folder.model.write_bytes(b"a model")

    def network(_model: Loaded) -> Any:
        def answer(images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            red = images[..., 0].mean(axis=(1, 2)).astype(np.float32) / 255
            return [np.stack([red, (1 - red) * 0.75, (1 - red) * 0.25], axis=1)]

        return answer

    kept: dict[Path, Loaded] = {}
    monkeypatch.setattr(
        insight, "loaded", lambda path: kept.setdefault(path, Loaded(object(), CLASSES, 24)))
    monkeypatch.setattr(module, "network", network)
    monkeypatch.setattr(module, "let_go", lambda _network: None)
    yield folder
    module._kept.clear()


def photo(red: int = 80, form: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), (red, 0, 0)).save(buffer, form)
    return buffer.getvalue()


def part(name: str, content: bytes, *, filename: str | None = "a.jpg") -> bytes:
    named = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def ask(
    app: Starlette, run: RunFolder | str, body: bytes | list[bytes], *headers: tuple[str, str],
    query: str = "", method: str = "POST",
) -> Answer:
    name = run if isinstance(run, str) else run.id
    return call(app, method, predict_url(name), query=query, body=body, headers=[("host", HOST), *headers])


def refused(answer: Answer, status: int) -> str:
    """Check that this is an error as people and programs can read it; return what it says."""
    assert answer.status == status
    said = answer.json()
    assert set(said) == {"what", "given", "fix"}
    assert said["what"].endswith(".")
    return str(said["what"])


@pytest.mark.parametrize("headers", [[JPEG], [], [("content-type", "application/octet-stream")]])
def test_an_image_as_the_body_is_answered(
    app: Starlette, run: RunFolder, headers: list[tuple[str, str]]
) -> None:
    answer = ask(app, run, photo(), *headers)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert [each["class"] for each in said["predictions"]] == ["<b>other</b>", "red", "third"]
    assert sum(each["probability"] for each in said["predictions"]) == pytest.approx(1)
    assert said["says"] == "<b>other</b>"
    assert said["sure"] is True
    assert said["run"] == run.id
    assert said["model"] == {
        "backbone": "efficientnet-lite0", "dataset": "colours", "classes": 3, "size": 24}


@pytest.mark.parametrize("field", ["file", "image"])
def test_an_image_in_a_form_is_answered_alike(app: Starlette, run: RunFolder, field: str) -> None:
    body = form(part("note", b"hello", filename=None), part(field, photo(), filename="../a.jpg"))
    pieces = [body[at : at + 100] for at in range(0, len(body), 100)]
    assert ask(app, run, pieces, FORM).json() == ask(app, run, photo(), JPEG).json()


def test_top_and_threshold_are_as_asked(app: Starlette, run: RunFolder) -> None:
    said = ask(app, run, photo(), JPEG, query="top=1&threshold=0.9").json()
    assert len(said["predictions"]) == 1
    assert (said["says"], said["sure"], said["threshold"]) == (None, False, 0.9)
    assert ask(app, run, photo(255), JPEG, query="threshold=0.9").json()["says"] == "red"
    assert len(ask(app, run, photo(), JPEG, query="top=1000").json()["predictions"]) == 3


def test_calibrated_probabilities_are_given_where_there_are_any(app: Starlette, run: RunFolder) -> None:
    assert "not been calibrated" in refused(ask(app, run, photo(), JPEG, query="calibrated=1"), 400)
    studied.keep_record(
        run, "temperature", {"value": 2.0, "images": 9, "loss_before": 1.0, "loss_after": 0.9})
    plain = ask(app, run, photo(), JPEG).json()["predictions"]
    soft = ask(app, run, photo(), JPEG, query="calibrated=1").json()["predictions"]
    assert [each["class"] for each in soft] == [each["class"] for each in plain]
    assert soft[0]["probability"] < plain[0]["probability"]
    for query, expected in (("calibrated=True", soft), ("calibrated=false", plain)):
        assert ask(app, run, photo(), JPEG, query=query).json()["predictions"] == expected


@pytest.mark.parametrize("query", [
    "top=0", "top=-1", "top=x", "top=1.5", "top=", "top=1001", "top=" + "9" * 5000, "top=%D9%A1",
    "threshold=2", "threshold=-0.1", "threshold=nan", "threshold=inf", "threshold=", "threshold=x",
    "calibrated=yes", "tresh=0.5"])
def test_senseless_parameters_are_refused(app: Starlette, run: RunFolder, query: str) -> None:
    refused(ask(app, run, photo(), JPEG, query=query), 400)


def test_a_run_is_named_by_its_number_or_its_name_too(
    app: Starlette, run: RunFolder, service: Service
) -> None:
    rename(service.workspace, run.id, "my try")
    assert ask(app, "my try", photo(), JPEG).json()["run"] == run.id
    assert ask(app, "1", photo(), JPEG).json()["run"] == run.id


@pytest.mark.parametrize("name", ["none", "..", "a\0b", "%2e%2e", "A", "9", "x" * 300])
def test_a_run_that_is_not_there_is_not_found(app: Starlette, run: RunFolder, name: str) -> None:
    refused(ask(app, name, photo(), JPEG), 404)


def test_a_run_without_a_model_and_one_that_cannot_be_read_are_not_found(
    app: Starlette, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_path: Path) -> Loaded:
        raise BadInput("The model file cannot be read.")

    monkeypatch.setattr(insight, "loaded", damaged)
    assert refused(ask(app, run, photo(), JPEG), 404) == "The model file cannot be read."
    run.model.unlink()
    assert refused(ask(app, run, photo(), JPEG), 404) == "This run has no model."


@pytest.mark.parametrize("kind", [
    "application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/mixed; boundary=a",
    "video/mp4"])
def test_what_is_sent_as_something_else_is_refused_with_how_to_send_it(
    app: Starlette, run: RunFolder, kind: str
) -> None:
    answer = ask(app, run, photo(), ("content-type", kind))
    refused(answer, 415)
    assert "curl -F file=@photo.jpg" in answer.json()["fix"]
    refused(ask(app, run, photo(), JPEG, ("content-encoding", "gzip")), 415)


@pytest.mark.parametrize("body", [b"", b"no picture", photo()[:200], b"%PDF-1.4", b"\0" * 5000])
def test_what_is_no_image_is_refused(app: Starlette, run: RunFolder, body: bytes) -> None:
    for answer in (ask(app, run, body, JPEG), ask(app, run, form(part("file", body)), FORM)):
        refused(answer, 400)
        assert answer.json()["fix"]


@pytest.mark.parametrize("body", [
    b"", b"no form", form(), form(part("file", b"photo.jpg", filename=None)),
    form(part("file", photo()), part("image", photo())), form(part("file", photo()))[:-80],
    form(*[part(f"f{n}", b"x", filename=None) for n in range(20)]),
    f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(),
    f"--{BOUNDARY}\r\nX: {'x' * 10_000}\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode()])
def test_a_form_without_exactly_one_whole_file_is_refused(
    app: Starlette, run: RunFolder, body: bytes
) -> None:
    refused(ask(app, run, body, FORM), 400)
    assert ask(app, run, photo(), ("content-type", "multipart/form-data")).status == 400


@pytest.mark.parametrize("kind", [JPEG, FORM])
def test_more_than_the_limit_is_refused_said_or_not(
    app: Starlette, run: RunFolder, kind: tuple[str, str]
) -> None:
    said = ask(app, run, photo(), kind, ("content-length", str(LIMIT_BYTES + 1)))
    refused(said, 413)
    half = b"\0" * (LIMIT_BYTES // 2)
    unsaid = ask(app, run, [half, half, b"\0", b"the rest that was still on its way"], kind)
    refused(unsaid, 413)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_post_is_answered(app: Starlette, run: RunFolder, method: str) -> None:
    answer = ask(app, run, b"", method=method)
    refused(answer, 405)
    assert answer.headers["allow"] == "POST"


def test_without_tensorflow_it_says_so(
    app: Starlette, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_path: Path) -> Loaded:
        raise ImportError("No module named 'tensorflow'")

    monkeypatch.setattr(insight, "loaded", missing)
    assert "TensorFlow" in refused(ask(app, run, photo(), JPEG), 503)


@pytest.mark.parametrize("headers", [
    [("origin", "https://evil.example")], [("origin", "null")], [("sec-fetch-site", "cross-site")],
    [("sec-fetch-site", "same-site")]])
def test_a_page_of_another_site_may_not_ask(
    app: Starlette, run: RunFolder, headers: list[tuple[str, str]]
) -> None:
    assert ask(app, run, photo(), JPEG, *headers).status == 403
    assert ask(app, run, form(part("file", photo())), FORM, *headers).status == 403


def test_another_host_is_refused(app: Starlette, run: RunFolder) -> None:
    answer = call(app, "POST", predict_url(run.id), body=photo(), headers=[("host", "evil.example"), JPEG])
    assert answer.status == 400
    assert "predictions" not in json.loads(answer.body)


def test_no_answer_names_a_path_of_this_machine(app: Starlette, run: RunFolder, service: Service) -> None:
    answers = [ask(app, run, photo(), JPEG), ask(app, run, b"x", JPEG), ask(app, "none", photo(), JPEG)]
    assert not any(str(service.workspace.root) in each.body.decode() for each in answers)


def test_unknown_addresses_of_programs_are_not_answered_with_the_page(app: Starlette) -> None:
    for path in ("/api/", "/api/runs", "/api/runs/a/b/predict"):
        answer = call(app, "GET", path, headers=[("host", HOST)])
        assert answer.status == 404
        assert answer.headers["content-type"] == "application/json"
