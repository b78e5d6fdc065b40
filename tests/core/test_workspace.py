from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import NotFound, Unavailable
from core.workspace import Workspace, new_dir


def test_the_folder_is_the_argument_else_thaw_home_else_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THAW_HOME", raising=False)
    assert Workspace.open().root == tmp_path / "workspace"
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "home"))
    assert Workspace.open().root == tmp_path / "home"
    assert Workspace.open(tmp_path / "given").root == tmp_path / "given"


def test_a_folder_that_cannot_be_made_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="THAW_HOME"):
        Workspace.open(tmp_path / "file" / "below")


@pytest.mark.parametrize("name", ["", "..", "../runs", "/etc", "a/b", "A", "a\x00", "-a", "a" * 81])
def test_only_an_id_of_ours_names_a_run(workspace: Workspace, name: str) -> None:
    with pytest.raises(NotFound):
        workspace.run_dir(name)


def test_two_folders_made_in_one_second_have_two_names(tmp_path: Path) -> None:
    made = {new_dir(tmp_path, "Same Title") for _each in range(5)}
    assert len(made) == 5
    assert all(folder.is_dir() for folder in made)
