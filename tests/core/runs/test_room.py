"""Room for saying that there is none left, and what is left half written."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs.folder import RunFolder
from core.runs.room import free_reserve, remove_temporary, reserve
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture
def folder(workspace: Workspace) -> RunFolder:
    return RunFolder.create(workspace, Plan("photos", "Photos", "efficientnet-lite0"))


def files(folder: RunFolder) -> set[str]:
    return {str(path.relative_to(folder.path)) for path in folder.path.rglob("*") if path.is_file()}


def test_room_is_kept_and_given_back(folder: RunFolder) -> None:
    before = files(folder)
    reserve(folder)
    (new,) = files(folder) - before
    found = folder.path / new
    assert found.stat().st_size == 64 * 1024
    assert found.stat().st_blocks * 512 >= 64 * 1024
    reserve(folder)
    free_reserve(folder)
    assert files(folder) == before
    free_reserve(folder)


def test_where_there_is_no_room_that_is_raised(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        reserve(folder)


def test_what_was_half_written_goes_and_all_else_stays(folder: RunFolder) -> None:
    for path in (folder.places.best, folder.places.last, folder.model, folder.lock):
        path.write_bytes(b"whole")
    (folder.path / "events").mkdir()
    (folder.path / "events" / ".kept.by.others").write_text("not ours")
    before = files(folder)
    for path in (folder.places.best, folder.places.last, folder.model, folder.path / "status.json"):
        path.with_name(f".0a1b2c3d.{path.name}").write_bytes(b"half")
    remove_temporary(folder)
    assert files(folder) == before
