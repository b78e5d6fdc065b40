"""What is there under a label, without the model that made it."""

from __future__ import annotations

from pathlib import Path

import pytest
from kept_rows import MADE_BY, ONE, TWO, keep, keys_of, write

from core.activations.labelled import rows_labelled
from core.activations.store import Activations
from core.files import JsonObject
from core.workspace import Workspace

LABEL: JsonObject = {"backbone": "efficientnet-lite0", "trainable": ["top"], "size": 64}


def labelled(
    workspace: Workspace, label: JsonObject | None, images: int, start: int = 0, size: int = 64
) -> Path:
    shapes = ONE if size == 64 else TWO
    with Activations(workspace, {**MADE_BY, "size": size}, shapes, label) as kept:
        write(kept, images, start, shapes)
        return kept.folder


def test_all_rows_under_a_label_are_named(workspace: Workspace) -> None:
    labelled(workspace, LABEL, 3)
    labelled(workspace, LABEL, 3, 2)
    labelled(workspace, LABEL, 2, 10, size=96)
    assert rows_labelled(workspace, LABEL) == {*keys_of(5), *keys_of(2, 10)}


@pytest.mark.parametrize("label", [None, {}, {**LABEL, "size": 65}, {"backbone": "vgg16"}], ids=repr)
def test_rows_under_another_label_are_not(workspace: Workspace, label: JsonObject | None) -> None:
    labelled(workspace, label, 3)
    assert rows_labelled(workspace, LABEL) == set()


def test_a_label_determines_nothing(workspace: Workspace) -> None:
    folders = {labelled(workspace, label, 1) for label in (None, LABEL, {"more": 1})}
    assert len(folders) == 1


def test_where_nothing_is_kept_there_is_no_row(workspace: Workspace) -> None:
    assert rows_labelled(workspace, LABEL) == set()
    keep(workspace)
    assert rows_labelled(workspace, LABEL) == set()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"label": null}', '{"row_bytes": 12}', '{"label": {}, "row_bytes": 0}'],
)
def test_a_damaged_description_is_passed_over(workspace: Workspace, text: str) -> None:
    labelled(workspace, LABEL, 3)
    (labelled(workspace, LABEL, 2, 10, size=96) / "made_by.json").write_text(text)
    assert rows_labelled(workspace, LABEL) == set(keys_of(3))


@pytest.mark.parametrize("row_bytes", ["0", "-12", '"12"', "12.5", "null"])
def test_rows_of_no_length_are_passed_over(workspace: Workspace, row_bytes: str) -> None:
    folder = labelled(workspace, LABEL, 3)
    described = (folder / "made_by.json").read_text()
    (folder / "made_by.json").write_text(described.replace('"row_bytes": 12', f'"row_bytes": {row_bytes}'))
    assert (folder / "made_by.json").read_text() != described
    assert rows_labelled(workspace, LABEL) == set()


def test_a_segment_that_is_gone_meanwhile_is_passed_over(workspace: Workspace) -> None:
    labelled(workspace, LABEL, 3)
    folder = labelled(workspace, LABEL, 2, 10, size=96)
    for rows in folder.glob("*.rows"):
        rows.unlink()
    assert rows_labelled(workspace, LABEL) == set(keys_of(3))
