from __future__ import annotations

import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from core.data.dataset import Dataset
from core.errors import Busy, NotFound
from core.runs.folder import RunFolder
from core.runs.packing import HEAD, pack_to, packed
from core.runs.status import State
from core.workspace import Workspace


def test_what_is_sent_piece_by_piece_is_a_sound_zip(workspace: Workspace, run: RunFolder) -> None:
    pieces = list(packed(workspace, run, photos=True))
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.read("run/model.keras") == run.model.read_bytes()
        names = archive.namelist()
    assert HEAD in names
    assert "run/studies/predictions-own-test.npz" in names
    assert not [name for name in names if "checkpoint" in name or "lock" in name]


def test_without_photos_no_name_of_a_file_leaves_the_computer(
    workspace: Workspace, run: RunFolder, dataset: Dataset
) -> None:
    sent = b"".join(packed(workspace, run, photos=False))
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
