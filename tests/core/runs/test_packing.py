from __future__ import annotations

import io
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from core.data.dataset import Dataset
from core.errors import Busy, NotFound, Unavailable
from core.runs import packing
from core.runs.folder import RunFolder
from core.runs.packing import HEAD, Part, pack_to, packed
from core.runs.status import State
from core.runs.unpacking import unpack
from core.training.events import BatchRow
from core.workspace import Workspace


def test_what_is_sent_piece_by_piece_is_a_sound_zip(workspace: Workspace, run: RunFolder) -> None:
    pieces = list(packed(workspace, run, photos=True).pieces)
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.read("run/model.keras") == run.model.read_bytes()
        names = archive.namelist()
    assert HEAD in names
    assert "run/studies/predictions-own-test.npz" in names
    assert not [name for name in names if "checkpoint" in name or "lock" in name]


@pytest.mark.parametrize("limit", [2**31 - 1, 4096, 200, 10])
@pytest.mark.parametrize("along", [True, False])
def test_how_large_it_will_be_is_known_to_the_byte(
    workspace: Workspace, run: RunFolder, monkeypatch: pytest.MonkeyPatch, along: bool, limit: int
) -> None:
    # From such a limit on a zip writes a size or a place, or all of them, with more digits.
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    found = packed(workspace, run, photos=along)
    assert len(b"".join(found.pieces)) == found.size


def test_a_file_that_changes_meanwhile_breaks_it_off(workspace: Workspace, run: RunFolder) -> None:
    pieces = packed(workspace, run, photos=False).pieces
    run.model.write_bytes(b"another model")
    with pytest.raises(Unavailable) as caught:
        list(pieces)
    assert caught.value.given == "run/model.keras"


def test_a_file_that_is_gone_meanwhile_breaks_it_off(workspace: Workspace, run: RunFolder) -> None:
    pieces = packed(workspace, run, photos=False).pieces
    run.model.unlink()
    with pytest.raises(Unavailable) as caught:
        list(pieces)
    assert caught.value.given == "run/model.keras"


def test_of_a_live_curve_that_grows_while_it_is_sent_no_more_is_sent_than_was_said(
    workspace: Workspace, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = packed(workspace, run, photos=False)
    opened = packing._opened
    said = (run.path / "batches.csv").read_bytes()

    def grown(part: Part) -> IO[bytes]:
        source = opened(part)
        if part.name == "run/batches.csv":
            run.append_batch(BatchRow(1.0, 0.5, 0.75))
        return source

    monkeypatch.setattr(packing, "_opened", grown)
    sent = b"".join(found.pieces)
    assert len(sent) == found.size
    with zipfile.ZipFile(io.BytesIO(sent)) as archive:
        assert archive.read("run/batches.csv") == said


def test_of_a_file_that_shrinks_while_it_is_sent_not_less_is_sent_than_was_said(
    workspace: Workspace, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = packing._opened

    def shrunk(part: Part) -> IO[bytes]:
        source = opened(part)
        if part.name == "run/model.keras":
            os.truncate(run.model, 10)
        return source

    monkeypatch.setattr(packing, "_opened", shrunk)
    with pytest.raises(Unavailable):
        list(packed(workspace, run, photos=False).pieces)


def test_a_photo_that_is_gone_is_named(workspace: Workspace, run: RunFolder, dataset: Dataset) -> None:
    gone = dataset.items[3]
    dataset.file(gone).unlink()
    with pytest.raises(NotFound) as caught:
        packed(workspace, run, photos=True)
    assert gone.path in caught.value.given
    assert gone.name in caught.value.given
    assert "without its photos" in caught.value.fix
    assert packed(workspace, run, photos=False).size


def test_the_report_of_an_earlier_version_is_made_whole_and_keeps_its_test_figures(
    workspace: Workspace, run: RunFolder, other: Workspace, tmp_path: Path, anew: list[Path]
) -> None:
    before = run.report() or {}
    run.write_report({"test": before["test"], "test_looks": 3})
    pack_to(workspace, run, tmp_path / "run.zip", photos=False)
    there = RunFolder.open(other, unpack(other, tmp_path / "run.zip").run)
    report = there.report() or {}
    assert (report["test"], report["test_looks"]) == (before["test"], 3)
    assert report["images"] == before["images"]
    assert report["best"] == {"epoch": 2, "val_accuracy": 0.54}
    assert report["timing"] is None
    assert anew


def test_a_report_that_is_whole_is_packed_as_it_is(workspace: Workspace, run: RunFolder) -> None:
    before = (run.path / "report.json").stat()
    packed(workspace, run, photos=False)
    assert (run.path / "report.json").stat() == before


def test_without_photos_no_name_of_a_file_leaves_the_computer(
    workspace: Workspace, run: RunFolder, dataset: Dataset
) -> None:
    sent = b"".join(packed(workspace, run, photos=False).pieces)
    assert not [item.name for item in dataset.items if item.name.encode() in sent]


def test_a_run_that_goes_on_is_not_packed(workspace: Workspace, run: RunFolder) -> None:
    run.write_status(replace(run.status(), state=State.TRAINING))
    with pytest.raises(Busy):
        packed(workspace, run, photos=False)


def test_what_a_run_went_on_from_is_packed_too(workspace: Workspace, run: RunFolder, tmp_path: Path) -> None:
    (run.path / "start.json").write_text("{}")
    pack_to(workspace, run, tmp_path / "run.zip", photos=False)
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert archive.read("run/start.json") == b"{}"


def test_without_its_photos_a_run_is_not_packed_with_them(
    workspace: Workspace, run: RunFolder, dataset: Dataset, tmp_path: Path
) -> None:
    shutil.rmtree(dataset.folder)
    with pytest.raises(NotFound):
        packed(workspace, run, photos=True)
    pack_to(workspace, run, tmp_path / "bare.zip", photos=False)
    with zipfile.ZipFile(tmp_path / "bare.zip") as archive:
        assert not [name for name in archive.namelist() if name.startswith("dataset/")]
