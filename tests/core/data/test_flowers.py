from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import flowers
from core.data.assemble import Origin
from core.data.dataset import Dataset
from core.data.flowers import FLOWERS, Archive, download, take_in_archive
from core.errors import Stopped, Unavailable
from core.jobs import no_progress
from core.workspace import Workspace

CLASSES = ("daisy", "roses")
ORIGIN = Origin("Flowers", "sample:flowers", dataset_id="sample-flowers")


def packed(classes: tuple[str, ...] = CLASSES, each: int = 4) -> bytes:
    buffer = io.BytesIO()
    random = np.random.default_rng(0)
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        entries = [("flower_photos/LICENSE.txt", b"by these people")]
        for name in classes:
            for number in range(each):
                image = io.BytesIO()
                pixels = random.integers(0, 256, (40, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(image, "JPEG")
                entries.append((f"flower_photos/{name}/{number}.jpg", image.getvalue()))
        entries.append((f"flower_photos/{classes[0]}/same.jpg", entries[1][1]))
        for entry, data in entries:
            member = tarfile.TarInfo(entry)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@dataclass
class Shop:
    """What the server gives, how it misbehaves, and what it was asked."""

    data: bytes
    etag: str | None = '"one"'
    cut_after: list[int] = field(default_factory=list)
    status: int | None = None
    ignores_range: bool = False
    asked: list[str | None] = field(default_factory=list)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.asked.append(wanted)
        if self.status is not None:
            handler.send_error(self.status)
            return
        condition = handler.headers.get("If-Range")
        start = 0
        if wanted and not self.ignores_range and condition in (None, self.etag):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(self.data):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(self.data)}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            total = len(self.data)
            handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            handler.send_response(200)
        body = self.data[start:]
        handler.send_header("Content-Length", str(len(body)))
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.end_headers()
        handler.wfile.write(body[: self.cut_after.pop(0)] if self.cut_after else body)


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop(packed())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.answer(self)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/flowers.tgz"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def wanted(shop: Shop, **changes: object) -> Archive:
    usual = Archive(shop.url, "flowers.tgz", CLASSES, 9, timeout=5, attempts=2, pause=0.01)
    return replace(usual, **changes)


def fetch(shop: Shop, workspace: Workspace) -> Dataset:
    return take_in_archive(wanted(shop), workspace, ORIGIN, no_progress)


def test_the_photos_are_downloaded_and_taken_in(shop: Shop, workspace: Workspace) -> None:
    seen: list[tuple[str, int, int | None]] = []
    taken = take_in_archive(
        wanted(shop), workspace, ORIGIN, lambda *step: seen.append(step)
    )
    assert taken.id == "sample-flowers"
    assert taken.classes == CLASSES
    assert len(taken.items) == 8
    assert [entry.file for entry in taken.duplicates] == ["flower_photos/daisy/same.jpg"]
    assert ("downloading", len(shop.data), len(shop.data)) in seen
    assert list(workspace.cache.iterdir()) == []
    assert list(workspace.incoming.iterdir()) == []


def test_a_cut_connection_is_resumed_where_it_broke(shop: Shop, workspace: Workspace) -> None:
    shop.cut_after = [1000, 500]
    assert len(fetch(shop, workspace).items) == 8
    assert shop.asked == [None, "bytes=1000-", "bytes=1500-"]


def test_a_download_goes_on_after_a_cancel(shop: Shop, workspace: Workspace) -> None:
    def stop(phase: str, _done: int, _total: int | None) -> None:
        raise Stopped("Enough.")

    shop.cut_after = [1000]
    with pytest.raises(Stopped):
        take_in_archive(wanted(shop), workspace, ORIGIN, stop)
    kept = (workspace.cache / "flowers.tgz.part").stat().st_size
    assert kept == 1000
    assert len(fetch(shop, workspace).items) == 8
    assert shop.asked[-1] == "bytes=1000-"


def test_a_file_that_changed_meanwhile_is_fetched_anew(shop: Shop, workspace: Workspace) -> None:
    part = workspace.cache / "flowers.tgz.part"
    part.write_bytes(b"old bytes" * 50)
    part.with_name("flowers.tgz.part.tag").write_text('"older"')
    assert len(fetch(shop, workspace).items) == 8


def test_a_server_that_cannot_resume_is_asked_for_everything(
    shop: Shop, workspace: Workspace
) -> None:
    shop.ignores_range = True
    shop.cut_after = [1000]
    assert len(fetch(shop, workspace).items) == 8


def test_a_part_that_is_already_whole_is_used(shop: Shop, workspace: Workspace) -> None:
    (workspace.cache / "flowers.tgz.part").write_bytes(shop.data)
    assert len(fetch(shop, workspace).items) == 8


def test_a_part_longer_than_the_file_is_thrown_away(shop: Shop, workspace: Workspace) -> None:
    (workspace.cache / "flowers.tgz.part").write_bytes(shop.data + b"more")
    assert len(fetch(shop, workspace).items) == 8


@pytest.mark.parametrize(
    "data",
    [packed(("daisy", "weeds")), packed(each=3), packed()[:-30], b"<html>not found</html>"],
    ids=["other classes", "too few", "damaged", "a page"],
)
def test_wrong_content_never_becomes_a_dataset(
    shop: Shop, workspace: Workspace, data: bytes
) -> None:
    shop.data = data
    with pytest.raises(Unavailable, match="not the set that was expected"):
        fetch(shop, workspace)
    assert list(workspace.datasets.iterdir()) == []
    assert list(workspace.incoming.iterdir()) == []
    assert list(workspace.cache.iterdir()) == []


def test_without_a_network_the_other_samples_are_named(workspace: Workspace) -> None:
    nowhere = Archive("http://127.0.0.1:9/x.tgz", "x.tgz", CLASSES, 9, attempts=2, pause=0.01)
    with pytest.raises(Unavailable) as caught:
        take_in_archive(nowhere, workspace, ORIGIN, no_progress)
    assert "handwritten digits" in caught.value.fix
    assert list(workspace.datasets.iterdir()) == []


def test_a_server_that_fails_is_said_with_its_status(shop: Shop, workspace: Workspace) -> None:
    shop.status = 503
    with pytest.raises(Unavailable) as caught:
        fetch(shop, workspace)
    assert caught.value.given == "HTTP 503"


def test_a_connection_that_always_breaks_ends_and_keeps_what_came(
    shop: Shop, workspace: Workspace
) -> None:
    shop.cut_after = [100, 0, 0, 0]
    with pytest.raises(Unavailable) as caught:
        fetch(shop, workspace)
    assert "goes on from there" in caught.value.fix
    assert (workspace.cache / "flowers.tgz.part").stat().st_size == 100


def test_a_file_of_absurd_size_is_refused(
    shop: Shop, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flowers, "_MAX_BYTES", 100)
    with pytest.raises(Unavailable, match="could not be downloaded"):
        download(wanted(shop), workspace.cache, no_progress)


def test_the_real_one_is_what_tensorflow_publishes() -> None:
    assert FLOWERS.images == 3670
    assert FLOWERS.classes == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    assert FLOWERS.url.startswith("https://storage.googleapis.com/download.tensorflow.org/")
    assert Path(FLOWERS.file).name == FLOWERS.file
