from __future__ import annotations

import pytest

from core.errors import NotFound
from core.runs.about import rename
from core.runs.folder import RunFolder
from core.runs.named import run_named
from core.training.plan import Plan
from core.workspace import Workspace


def run(workspace: Workspace) -> RunFolder:
    return RunFolder.create(workspace, Plan("d", "photos", "efficientnet-lite0"))


def test_a_run_is_found_by_id_number_and_name(workspace: Workspace) -> None:
    first, second = run(workspace), run(workspace)
    rename(workspace, first.id, "my try")
    for word in (first.id, "1", "my try"):
        assert run_named(workspace, word).id == first.id
    assert run_named(workspace, "2").id == second.id


def test_a_run_that_cannot_be_read_is_found_by_its_id(workspace: Workspace) -> None:
    damaged = run(workspace)
    (damaged.path / "plan.json").write_text("{")
    assert run_named(workspace, damaged.id).path == damaged.path


def test_a_name_that_two_runs_have_names_both_ids(workspace: Workspace) -> None:
    both = [run(workspace), run(workspace)]
    for each in both:
        rename(workspace, each.id, "twice")
    with pytest.raises(NotFound) as error:
        run_named(workspace, "twice")
    assert all(each.id in error.value.fix for each in both)


@pytest.mark.parametrize("word", ["", "9", "..", "../runs", "a\0b", "/etc", "x" * 300])
def test_what_names_no_run_is_not_found(workspace: Workspace, word: str) -> None:
    run(workspace)
    with pytest.raises(NotFound):
        run_named(workspace, word)
