from __future__ import annotations

import io
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.backbones import kept
from core.backbones.kept import given_file, keep, kept_files, kept_path, open_given, suffix_of
from core.backbones.stored import is_weights_name
from core.backbones.weight_files import SUFFIXES
from core.errors import BadInput, NotFound, Unavailable
from core.training.start import Start
from core.workspace import Workspace

SAFE = set(string.ascii_lowercase + string.digits + "-.")


def files(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in workspace.weights.iterdir())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    stem=st.text(max_size=60) | st.sampled_from(["../../x", "a/b", "con", ".", "..", "-", "a\0b", "𝕏İK"]),
    suffix=st.sampled_from(SUFFIXES), upper=st.booleans(), content=st.binary(max_size=20),
)
def test_a_kept_name_is_safe_whatever_the_file_is_called(
    workspace: Workspace, stem: str, suffix: str, upper: bool, content: bytes
) -> None:
    name = keep(workspace, stem + (suffix.upper() if upper else suffix), io.BytesIO(content))
    assert set(name) <= SAFE
    assert is_weights_name(name)
    assert name.endswith(suffix)
    Start("file", name).check()
    path = kept_path(workspace, name)
    assert path.parent == workspace.weights
    assert path.read_bytes() == content
    assert all(is_weights_name(each) for each in files(workspace))


def test_the_same_file_again_gives_the_same_name_and_another_another(
    workspace: Workspace
) -> None:
    first = keep(workspace, "Mine.h5", io.BytesIO(b"weights"))
    assert keep(workspace, "Mine.h5", io.BytesIO(b"weights")) == first
    assert files(workspace) == [first]
    second = keep(workspace, "Mine.h5", io.BytesIO(b"others"))
    assert second != first
    assert files(workspace) == sorted([first, second])
    assert kept_path(workspace, first).read_bytes() == b"weights"


def test_what_is_kept_is_listed_by_what_it_was_called(workspace: Workspace) -> None:
    for name in ("zebra.h5", "apple.keras", ".pth"):
        keep(workspace, name, io.BytesIO(name.encode()))
    (workspace.weights / "notes.txt").write_text("not ours")
    (workspace.weights / ".0123.arriving").write_text("half")
    (workspace.weights / "0123456789ab-folder.h5").mkdir()
    found = kept_files(workspace)
    assert [each.title for each in found] == [".pth", "apple.keras", "zebra.h5"]
    assert [each.bytes for each in found] == [4, 11, 8]


@pytest.mark.parametrize("size", [10, 11, 25])
def test_a_file_that_is_too_large_is_refused_and_nothing_is_left(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(kept, "LARGEST_BYTES", 10)
    monkeypatch.setattr(kept, "_CHUNK", 4)
    if size <= 10:
        assert keep(workspace, "a.h5", io.BytesIO(b"x" * size)) in files(workspace)
        return
    source = io.BytesIO(b"x" * size)
    with pytest.raises(BadInput, match="too large"):
        keep(workspace, "a.h5", source)
    assert files(workspace) == []
    assert source.tell() <= 12


@pytest.mark.parametrize(
    "name", ["", "a", "a.txt", "a.h5.exe", "a.pkl", "h5", "a.h5 ", "a.pt", "a.weights", "a.zip"]
)
def test_a_kind_that_is_not_read_is_refused_with_those_that_are(workspace: Workspace, name: str) -> None:
    with pytest.raises(BadInput) as caught:
        keep(workspace, name, io.BytesIO(b"x"))
    assert all(suffix in caught.value.fix for suffix in SUFFIXES)
    assert files(workspace) == []


def test_the_longest_ending_counts() -> None:
    assert suffix_of("Model.WEIGHTS.H5") == ".weights.h5"
    assert suffix_of("model.h5") == ".h5"


def test_what_breaks_off_leaves_nothing_behind(workspace: Workspace) -> None:
    class Breaking(io.BytesIO):
        def __init__(self, error: Exception) -> None:
            super().__init__(b"half")
            self.error = error

        def read(self, size: int | None = -1) -> bytes:
            if found := super().read(size):
                return found
            assert len(files(workspace)) == 1
            raise self.error

    with pytest.raises(Unavailable, match="Input/output"):
        keep(workspace, "a.h5", Breaking(OSError(5, "Input/output error")))
    with pytest.raises(ZeroDivisionError):
        keep(workspace, "a.h5", Breaking(ZeroDivisionError()))
    assert files(workspace) == []


def test_a_file_that_is_missing_or_a_folder_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "folder.h5").mkdir()
    for path in (tmp_path / "none.h5", tmp_path / "folder.h5"):
        with pytest.raises(NotFound, match=path.name):
            open_given(path)
    with pytest.raises(NotFound, match="xxx"):
        given_file(tmp_path / ("x" * 5000 + ".h5"))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../secret", "/etc/passwd", ".0123.arriving", "notes.txt", "x" * 5000, "a\0b"],
    ids=lambda name: name[:20] or "empty",
)
def test_a_name_that_is_not_ours_leads_to_no_file(workspace: Workspace, name: str) -> None:
    for there in ("notes.txt", ".0123.arriving", "../secret"):
        (workspace.weights / there).write_text("there")
    with pytest.raises(NotFound):
        kept_path(workspace, name)
