from __future__ import annotations

from pathlib import Path

import pytest

from core.backbones.catalogue import BACKBONES
from core.backbones.stored import HostedWeights, PackagedWeights, keras_caches

HOSTED = HostedWeights("body.h5", "https://example.org/body.h5", None, 100)


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def put(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "body.h5").write_bytes(b"x")
    return folder / "body.h5"


def test_the_cache_that_was_set_comes_before_the_usual_one(tmp_path: Path) -> None:
    assert keras_caches() == (tmp_path / "keras" / "models", tmp_path / "home" / ".keras" / "models")
    usual = put(tmp_path / "home" / ".keras" / "models")
    assert HOSTED.path() == usual
    assert put(tmp_path / "keras" / "models") == HOSTED.path()


def test_without_a_set_cache_there_is_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERAS_HOME")
    assert keras_caches() == (tmp_path / "home" / ".keras" / "models",)


def test_hosted_weights_are_to_be_downloaded_until_their_file_is_there(tmp_path: Path) -> None:
    assert (HOSTED.path(), HOSTED.state) == (None, "download")
    (tmp_path / "keras" / "models" / "body.h5").mkdir(parents=True)
    assert HOSTED.state == "download"
    put(tmp_path / "home" / ".keras" / "models")
    assert HOSTED.state == "ready"


def test_packaged_weights_are_missing_without_their_package_or_file() -> None:
    assert PackagedWeights("p", "no_such_module_here", "a.pth", "").state == "missing"
    assert PackagedWeights("p", "json", "no_such_file.pth", "").state == "missing"
    assert PackagedWeights("p", "json", "decoder.py", "").state == "ready"


def test_every_backbone_has_one_source_and_a_file_of_its_own() -> None:
    files = [backbone.stored.file for backbone in BACKBONES.values()]
    assert len(files) == len(set(files)) == 43
    for backbone in BACKBONES.values():
        assert backbone.stored.source == ("imagenet" if backbone.constructor else "packaged")
