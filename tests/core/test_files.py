from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.files import read_json, slug, write_atomic, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_json(path, {"state": "old"})

    def half(temporary: Path) -> None:
        temporary.write_text("{")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        write_atomic(path, half)
    assert read_json(path) == {"state": "old"}
    assert [each.name for each in tmp_path.iterdir()] == ["status.json"]


def test_nan_is_refused_because_json_has_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})


@pytest.mark.parametrize("content", ["", "{", "[1]", '"text"', "[" * 100_000])
def test_a_damaged_json_file_is_bad_input(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(BadInput):
        read_json(path)


def test_a_missing_json_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="missing"):
        read_json(tmp_path / "none.json")


@given(st.text())
def test_a_slug_is_always_safe_in_a_path(text: str) -> None:
    made = slug(text)
    assert len(made) <= 40
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not made.startswith("-")
    assert not made.endswith("-")


def test_a_slug_keeps_what_can_be_read() -> None:
    assert slug("Élodie's Photos (2026)") == "elodie-s-photos-2026"
