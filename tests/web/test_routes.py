from __future__ import annotations

import gzip
import importlib.util
import io
import json
from pathlib import Path

import pytest
from asgi_calls import HOST, Answer, call, own
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.data.dataset import Dataset
from core.data.receive_batch import BATCH_BYTES, HEAD, PART_BYTES
from core.service import Service
from pages.web.files import model_url, plotly_url, thumb_url
from pages.web.routes import ERROR_ANSWERS, routes
from pages.web.security import SecurityMiddleware

TRICKS = ["..", "../..", "%2e%2e", "..%2f..%2fetc", "/etc/passwd", "a\0b", "A", "a b", "a/../b", "~"]


@pytest.fixture(scope="module")
def app() -> Starlette:
    return Starlette(routes=routes(), middleware=[Middleware(SecurityMiddleware)],
                     exception_handlers=ERROR_ANSWERS)


def get(app: Starlette, url: str, *headers: tuple[str, str]) -> Answer:
    path, _mark, query = url.partition("?")
    return call(app, "GET", path, query=query, headers=[("host", HOST), *headers])


def post(app: Starlette, path: str, value: object) -> Answer:
    return call(app, "POST", path, body=json.dumps(value).encode(), headers=own())


def put(app: Starlette, upload_id: str, body: bytes, *headers: tuple[str, str]) -> Answer:
    pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)] or [b""]
    return call(app, "PUT", f"/thaw/upload/{upload_id}", body=pieces, headers=own(*headers))


def record(index: int, name: str, data: bytes) -> bytes:
    return HEAD.pack(index, 0, len(data), len(name.encode())) + name.encode() + data


def begin(app: Starlette, files: int, size: int) -> str:
    answer = post(app, "/thaw/upload", {"files": files, "bytes": size, "title": "photos"})
    assert answer.status == 201
    return str(answer.json()["id"])


def test_a_folder_is_uploaded_counted_and_handed_over(app: Starlette, service: Service) -> None:
    upload_id = begin(app, 2, 7)
    body = record(0, "a/1.jpg", b"one") + record(1, "b/2.jpg", b"four")
    assert put(app, upload_id, body).status == 204
    assert get(app, f"/thaw/upload/{upload_id}").json() == {
        "files": 2, "bytes": 7, "missing": 0, "finished": False}
    answer = post(app, f"/thaw/upload/{upload_id}/finish", {"files": 2, "bytes": 7})
    assert answer.json() == {"id": upload_id, "files": 2, "bytes": 7, "skipped": 0}
    received = service.uploads.received(upload_id)
    assert [(file.name, file.path.read_bytes()) for file in received.files] == [
        ("a/1.jpg", b"one"), ("b/2.jpg", b"four")]


def test_a_short_count_says_both_numbers_and_what_is_missing(
    app: Starlette, service: Service
) -> None:
    upload_id = begin(app, 2, 7)
    put(app, upload_id, record(1, "b/2.jpg", b"four"))
    answer = post(app, f"/thaw/upload/{upload_id}/finish", {"files": 2, "bytes": 7})
    assert answer.status == 409
    body = answer.json()
    assert (body["files"], body["sent_files"], body["bytes"], body["sent_bytes"]) == (1, 2, 4, 7)
    assert body["missing"] == [[0, -1]]
    assert list(service.workspace.datasets.iterdir()) == []


def test_a_removed_upload_leaves_nothing(app: Starlette, service: Service) -> None:
    upload_id = begin(app, 1, 3)
    put(app, upload_id, record(0, "a", b"one"))
    assert call(app, "DELETE", f"/thaw/upload/{upload_id}", headers=own()).status == 204
    assert list(service.workspace.incoming.iterdir()) == []
    assert get(app, f"/thaw/upload/{upload_id}").status == 404


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"files": 1}',
    b'{"files": "1", "bytes": 1}', b'{"files": true, "bytes": 1}', b'{"files": 1.5, "bytes": 1}',
    b'{"files": -1, "bytes": 1}', b'{"files": 1, "bytes": 1, "title": 5}',
    b'{"files": 2, "bytes": 1, "kind": "zip"}', b'{"files": 1e400, "bytes": 1}'])
@pytest.mark.usefixtures("service")
def test_a_senseless_announcement_is_refused(app: Starlette, body: bytes) -> None:
    answer = call(app, "POST", "/thaw/upload", body=body, headers=own())
    assert answer.status == 400
    assert answer.json()["what"]


@pytest.mark.usefixtures("service")
def test_what_is_too_large_is_refused(app: Starlette) -> None:
    assert post(app, "/thaw/upload", {"files": 10**9, "bytes": 1}).status == 413
    assert post(app, "/thaw/upload", {"files": 1, "bytes": 2**50}).status == 413
    huge = call(app, "POST", "/thaw/upload", body=[b" " * 600_000] * 3, headers=own())
    assert huge.status == 413
    upload_id = begin(app, 2, 2 * PART_BYTES)
    said = put(app, upload_id, b"", ("content-length", str(BATCH_BYTES + 1)))
    assert said.status == 413
    full = b"x" * PART_BYTES
    unsaid = put(app, upload_id, record(0, "a", full) + record(1, "b", full))
    assert unsaid.status == 413
    assert get(app, f"/thaw/upload/{upload_id}").json()["files"] == 1


@pytest.mark.parametrize("length", ["-5", "x", "1e3"])
@pytest.mark.usefixtures("service")
def test_a_length_that_is_no_number_does_no_harm(app: Starlette, length: str) -> None:
    upload_id = begin(app, 1, 1)
    body = record(0, "a", b"x")
    assert put(app, upload_id, body, ("content-length", length)).status in {204, 400}


@pytest.mark.usefixtures("service")
def test_a_body_that_follows_no_format_is_refused(app: Starlette) -> None:
    upload_id = begin(app, 1, 100)
    for body in (b"x", b"\0" * 18, b"\xff" * 500, record(0, "a", b"abc")[:-1]):
        assert put(app, upload_id, body).status in {400, 413}
    assert get(app, f"/thaw/upload/{upload_id}").json()["bytes"] == 0


@pytest.mark.parametrize("skipped", ["1", [1.5], ["0"], [True], {"0": 1}])
@pytest.mark.usefixtures("service")
def test_left_out_files_are_given_by_number(app: Starlette, skipped: object) -> None:
    upload_id = begin(app, 1, 1)
    answer = post(app, f"/thaw/upload/{upload_id}/finish",
                  {"files": 0, "bytes": 0, "skipped": skipped})
    assert answer.status == 400


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.usefixtures("service")
def test_ids_that_try_paths_are_not_found(app: Starlette, trick: str) -> None:
    for url in (model_url(trick), thumb_url(trick, 0), f"/thaw/upload/{trick}"):
        answer = get(app, url)
        assert answer.status == 404
        assert set(answer.json()) >= {"what", "fix"}
    assert put(app, trick, b"").status == 404
    assert post(app, f"/thaw/upload/{trick}/finish", {"files": 1, "bytes": 1}).status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.usefixtures("service")
def test_unknown_addresses_are_not_answered_with_the_page(app: Starlette, method: str) -> None:
    answer = call(app, method, "/thaw/unknown", headers=own())
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.usefixtures("service")
def test_a_finished_model_is_sent_from_the_disk(app: Starlette, service: Service) -> None:
    run = service.workspace.runs / "20250101-000000-a"
    run.mkdir()
    assert get(app, model_url(run.name)).status == 404
    (run / "model.keras").write_bytes(b"PK model")
    answer = get(app, model_url(run.name), ("accept-encoding", "gzip"))
    assert answer.status == 200
    assert answer.body == b"PK model"
    assert answer.headers["content-disposition"] == 'attachment; filename="model.keras"'
    assert answer.headers["content-encoding"] == "identity"


def test_a_thumbnail_is_made_once_and_kept(
    app: Starlette, service: Service, dataset: Dataset
) -> None:
    url = thumb_url(dataset.id, 3, 96)
    first = get(app, url)
    assert first.status == 200
    assert "private" in first.headers["cache-control"]
    with Image.open(io.BytesIO(first.body)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (96, 96))
    (kept,) = (service.workspace.cache / "thumbs" / dataset.id).iterdir()
    kept.write_bytes(b"kept")
    assert get(app, url).body == b"kept"


@pytest.mark.usefixtures("service")
def test_thumbnails_outside_of_what_there_is_are_not_found(
    app: Starlette, dataset: Dataset
) -> None:
    base = f"/thaw/datasets/{dataset.id}/thumb"
    for url in (f"{base}/{len(dataset.items)}", f"{base}/-1", f"{base}/x", f"{base}/0?edge=97",
                f"{base}/0?edge=../96", f"{base}/0?edge=999999", f"{base}/{10**30}"):
        assert get(app, url).status == 404


def test_a_damaged_photo_gives_an_error_and_no_file(
    app: Starlette, service: Service, dataset: Dataset
) -> None:
    dataset.file(dataset.items[0]).write_bytes(b"no picture")
    answer = get(app, thumb_url(dataset.id, 0))
    assert answer.status == 400
    assert str(service.workspace.root) not in answer.body.decode()
    assert list((service.workspace.cache).rglob("*.jpg")) == []


def test_the_chart_library_is_sent_packed_and_kept_by_the_browser(app: Starlette) -> None:
    spec = importlib.util.find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    library = (Path(spec.origin).parent / "package_data" / "plotly.min.js").read_bytes()
    packed = get(app, plotly_url(), ("accept-encoding", "gzip, br"))
    assert gzip.decompress(packed.body) == library
    assert "immutable" in packed.headers["cache-control"]
    assert packed.headers["content-type"].startswith("text/javascript")
    assert get(app, plotly_url()).body == library
    assert "cache-control" not in get(app, "/thaw/plotly.min.js").headers
