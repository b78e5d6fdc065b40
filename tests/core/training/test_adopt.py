"""Weight files that people bring along, checked by a stand-in for the process that checks."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.backbones import kept
from core.backbones.kept import keep, kept_files, kept_path
from core.errors import BadInput, NotFound, Unavailable
from core.training import adopt as adopting
from core.training.adopt import adopt, adopt_path
from core.training.start import Start
from core.workspace import Workspace


class Check:
    """Stands in for ``python -m core weights``."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.error: Exception | None = None

    def __call__(self, words: Sequence[str], _stop: threading.Event | None = None) -> dict[str, object]:
        self.asked.append(list(words))
        assert Path(words[1]).is_file()
        if self.error is not None:
            raise self.error
        return {"fits": True}


@pytest.fixture(autouse=True)
def check(monkeypatch: pytest.MonkeyPatch) -> Check:
    made = Check()
    monkeypatch.setattr(adopting, "run_json", made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Mine (1).weights.h5"
    path.write_bytes(b"weights")
    return path


def files(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in workspace.weights.iterdir())


def test_a_file_that_fits_is_kept_and_named(workspace: Workspace, check: Check) -> None:
    start = adopt(workspace, "vgg16", "Mine.h5", io.BytesIO(b"weights"))
    start.check()
    assert start.source == "file"
    assert start.name.endswith("-mine.h5")
    assert files(workspace) == [start.name]
    assert check.asked == [
        ["weights", str(workspace.weights / start.name), "--backbone", "vgg16"]
    ]


@pytest.mark.parametrize("error", [BadInput("It does not fit."), Unavailable("It broke off.")])
def test_a_file_that_does_not_fit_leaves_nothing_behind(
    workspace: Workspace, check: Check, error: Exception
) -> None:
    check.error = error
    with pytest.raises(type(error), match=str(error)):
        adopt(workspace, "vgg16", "mine.h5", io.BytesIO(b"weights"))
    assert files(workspace) == []


def test_a_file_that_was_there_stays_where_it_does_not_fit_another_backbone(
    workspace: Workspace, check: Check
) -> None:
    start = adopt(workspace, "vgg16", "mine.h5", io.BytesIO(b"weights"))
    check.error = BadInput("It does not fit.")
    with pytest.raises(BadInput):
        adopt(workspace, "resnet50", "mine.h5", io.BytesIO(b"weights"))
    assert files(workspace) == [start.name]
    assert kept_path(workspace, start.name).read_bytes() == b"weights"


def test_a_kind_that_is_not_read_is_never_checked(workspace: Workspace, check: Check) -> None:
    with pytest.raises(BadInput, match="kind"):
        adopt(workspace, "vgg16", "mine.pkl", io.BytesIO(b"weights"))
    assert check.asked == []
    assert files(workspace) == []


def test_a_full_disk_is_said_and_leaves_nothing_behind(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept.os, "replace", full)
    with pytest.raises(Unavailable, match="No space left"):
        adopt(workspace, "vgg16", "mine.h5", io.BytesIO(b"weights"))
    assert files(workspace) == []


def test_a_path_is_copied_and_the_file_stays(workspace: Workspace, file: Path) -> None:
    start = adopt_path(workspace, "vgg16", str(file))
    assert start == Start("file", files(workspace)[0])
    assert start.name.endswith("-mine-1.weights.h5")
    assert file.read_bytes() == b"weights"


def test_a_path_may_begin_with_the_home(
    workspace: Workspace, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(file.parent))
    assert adopt_path(workspace, "vgg16", f"~/{file.name}").name == files(workspace)[0]


def test_the_name_of_a_kept_file_needs_no_copy(workspace: Workspace, file: Path, check: Check) -> None:
    name = keep(workspace, file.name, io.BytesIO(file.read_bytes()))
    before = (workspace.weights / name).stat()
    assert adopt_path(workspace, "vgg16", name) == Start("file", name)
    assert files(workspace) == [name]
    assert (workspace.weights / name).stat().st_ino == before.st_ino
    assert check.asked == [["weights", str(workspace.weights / name), "--backbone", "vgg16"]]


def test_a_kept_file_that_does_not_fit_stays(workspace: Workspace, file: Path, check: Check) -> None:
    name = keep(workspace, file.name, io.BytesIO(file.read_bytes()))
    check.error = BadInput("It does not fit.")
    for given in (name, str(file)):
        with pytest.raises(BadInput, match="fit"):
            adopt_path(workspace, "vgg16", given)
    assert [each.name for each in kept_files(workspace)] == [name]


@pytest.mark.parametrize(
    "path",
    ["", "none.h5", "/none/none.h5", ".", "/", "0123456789ab-mine.h5", "~nobody-of-that-name/x.h5",
     "x" * 5000 + ".h5", "a\0b.h5"],
    ids=lambda path: path[:20] or "empty",
)
def test_a_path_where_nothing_is_is_not_found(workspace: Workspace, path: str, check: Check) -> None:
    with pytest.raises(NotFound) as caught:
        adopt_path(workspace, "vgg16", path)
    assert len(caught.value.given) <= 200
    assert check.asked == []
