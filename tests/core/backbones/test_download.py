from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.backbones import download
from core.backbones.catalogue import get
from core.errors import Stopped, Unavailable

RESNET = get("resnet50")
FILE = RESNET.stored.file


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that Keras' files go to; no network is used."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(download, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("keras.utils.get_file", lambda *_given, **_named: pytest.fail("network"))
    return tmp_path / "keras" / "models"


def serve(monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]) -> list[dict[str, Any]]:
    """Let ``write`` stand for Keras' download; returns what it was asked for."""
    asked: list[dict[str, Any]] = []

    def get_file(fname: str, origin: str, **given: Any) -> str:
        asked.append({"fname": fname, "origin": origin, **given})
        folder = Path(given["cache_dir"]) / given["cache_subdir"]
        folder.mkdir(parents=True)
        write(folder / fname)
        return str(folder / fname)

    monkeypatch.setattr("keras.utils.get_file", get_file)
    return asked


def test_the_file_arrives_under_its_name_and_nothing_else_stays(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = serve(monkeypatch, lambda path: path.write_bytes(b"whole") and None)
    assert download.fetch(RESNET) == cache / FILE
    assert (cache / FILE).read_bytes() == b"whole"
    assert [path.name for path in cache.iterdir()] == [FILE]
    assert asked[0]["origin"] == RESNET.stored.url
    assert asked[0]["file_hash"] == RESNET.stored.hash


def test_a_second_call_downloads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, lambda path: path.write_bytes(b"whole") and None)
    assert download.fetch(RESNET) == download.fetch(RESNET)
    assert len(asked) == 1


def test_calls_at_the_same_time_download_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, lambda path: path.write_bytes(b"whole") and None)
    threads = [threading.Thread(target=download.fetch, args=(RESNET,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1


def test_a_file_in_keras_usual_cache_is_used_where_it_is(tmp_path: Path) -> None:
    usual = tmp_path / "home" / ".keras" / "models" / FILE
    usual.parent.mkdir(parents=True)
    usual.write_bytes(b"there")
    assert download.fetch(RESNET) == usual


def test_progress_is_told_as_the_file_grows(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    half_seen = threading.Event()

    def half_then_all(path: Path) -> None:
        with path.open("wb") as handle:
            handle.truncate(RESNET.stored.bytes // 2)
        assert half_seen.wait(60)
        path.write_bytes(b"whole")

    def progress(share: float) -> None:
        seen.append(share)
        if share > 0:
            assert not (cache / FILE).exists()
            half_seen.set()

    serve(monkeypatch, half_then_all)
    download.fetch(RESNET, progress)
    assert all(0 <= share <= 1 for share in seen)
    assert any(share == pytest.approx(0.5, abs=0.01) for share in seen)


def test_a_stop_drops_what_has_arrived(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end, stop = threading.Event(), threading.Event(), threading.Event()

    def never_done(path: Path) -> None:
        path.write_bytes(b"half")
        begun.set()
        end.wait(60)

    serve(monkeypatch, never_done)
    try:
        with pytest.raises(Stopped):
            download.fetch(RESNET, lambda _share: stop.set() if begun.is_set() else None, stop)
        assert list(cache.iterdir()) == []
    finally:
        end.set()


def test_a_failed_download_names_the_file_and_where_to_put_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise Exception("URL fetch failure")  # noqa: TRY002 - as Keras raises it

    serve(monkeypatch, fail)
    with pytest.raises(Unavailable) as caught:
        download.fetch(RESNET)
    assert caught.value.given == RESNET.stored.url
    assert FILE in caught.value.fix
    assert str(cache) in caught.value.fix
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_to_is_told_likewise(tmp_path: Path) -> None:
    (tmp_path / "keras").write_text("a file where the folder should be")
    with pytest.raises(Unavailable) as caught:
        download.fetch(RESNET)
    assert FILE in caught.value.fix


def test_after_a_failure_another_try_may_succeed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path) -> None:
        raise OSError("unreachable")

    serve(monkeypatch, fail)
    with pytest.raises(Unavailable):
        download.fetch(RESNET)
    serve(monkeypatch, lambda path: path.write_bytes(b"whole") and None)
    assert download.fetch(RESNET) == cache / FILE


def test_packaged_weights_are_not_downloaded() -> None:
    with pytest.raises(ValueError, match="no hosted weights"):
        download.fetch(get("efficientnet-lite0"))


def test_leftovers_of_killed_downloads_go_and_young_ones_stay(cache: Path) -> None:
    old, young = cache / ".arriving-old", cache / ".arriving-young"
    old.mkdir(parents=True)
    young.mkdir()
    (cache / FILE).write_bytes(b"whole")
    os.utime(old, (time.time() - 7200,) * 2)
    download.forget_leftovers()
    assert {path.name for path in cache.iterdir()} == {".arriving-young", FILE}
