from __future__ import annotations

from pathlib import Path

from PIL import Image

from core.data.intake import take_in
from core.workspace import Workspace


def test_the_same_folder_twice_is_kept_once(photos: Path, workspace: Workspace) -> None:
    first = take_in(photos, workspace)
    assert take_in(photos, workspace).id == first.id
    assert [each.name for each in workspace.datasets.iterdir()] == [first.id]
    assert list(workspace.incoming.iterdir()) == []


def test_one_changed_photo_or_another_seed_makes_another_dataset(
    photos: Path, workspace: Workspace
) -> None:
    first = take_in(photos, workspace)
    second = take_in(photos, workspace, seed=1)
    Image.new("RGB", (20, 20), (1, 2, 3)).save(photos / "red" / "red000.png")
    third = take_in(photos, workspace)
    assert len({first.id, second.id, third.id}) == 3
