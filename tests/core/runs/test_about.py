"""What runs are called, and their numbers for good."""

from __future__ import annotations

import json
import shutil

import pytest

from core import bin as bins
from core.errors import BadInput, NotFound
from core.runs import line, steer
from core.runs.about import LONGEST_NAME, About, about_of, next_number, rename, write_about
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.plan import Plan
from core.workspace import Workspace

PLAN = Plan("photos", "Photos", "efficientnet-lite0")
NUMBERS = "numbers.json"


def made(workspace: Workspace, **given: str) -> RunFolder:
    return steer.create(workspace, PLAN, wait=False, **given)  # type: ignore[arg-type]


def numbers(*runs: RunFolder) -> list[int | None]:
    return [about_of(run).number for run in runs]


def test_runs_are_numbered_from_one_in_the_order_they_are_made(workspace: Workspace) -> None:
    assert numbers(*(made(workspace) for _each in range(3))) == [1, 2, 3]


def test_a_number_is_not_given_again_when_its_run_is_gone(workspace: Workspace) -> None:
    runs = [made(workspace) for _each in range(3)]
    shutil.rmtree(runs[0].path)
    runs[2].write_status(runs[2].status().ending(State.FINISHED))
    bins.delete_run(workspace, runs[2].id)
    assert numbers(made(workspace)) == [4]
    bins.restore(workspace, bins.RUN, runs[2].id)
    assert numbers(runs[2]) == [3]
    for each in workspace.runs.iterdir():
        shutil.rmtree(each)
    assert numbers(made(workspace)) == [5]


def test_runs_of_an_earlier_version_are_counted_before_the_first_number(workspace: Workspace) -> None:
    for _each in range(3):
        RunFolder.create(workspace, PLAN)
    assert numbers(made(workspace)) == [4]


@pytest.mark.parametrize("text", ["", "{", "[3]", "{}", '{"last": null}', '{"last": "3"}', '{"last": 2.5}'])
def test_where_the_last_number_is_lost_they_go_on_after_those_that_are_there(
    workspace: Workspace, text: str
) -> None:
    runs = [made(workspace) for _each in range(4)]
    shutil.rmtree(runs[0].path)
    (workspace.root / NUMBERS).write_text(text)
    assert numbers(made(workspace)) == [5]


def test_a_number_that_could_not_be_written_is_not_given(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.runs.about.write_json", full)
    with pytest.raises(OSError, match="No space left"), line.held_line(workspace):
        next_number(workspace)
    monkeypatch.undo()
    with line.held_line(workspace):
        assert next_number(workspace) == 1


def test_a_run_keeps_its_number_and_who_started_it_when_it_is_renamed(workspace: Workspace) -> None:
    run = made(workspace, by="someone", name="First")
    assert about_of(run) == About(1, "First", "someone")
    assert rename(workspace, run.id, "  My\n run ") == "My run"
    assert about_of(run) == About(1, "My run", "someone")
    assert rename(workspace, run.id, "") == ""
    assert about_of(run) == About(1, "", "someone")


def test_a_run_of_an_earlier_version_can_be_named(workspace: Workspace) -> None:
    run = RunFolder.create(workspace, PLAN)
    assert about_of(run) == About()
    rename(workspace, run.id, "Old")
    assert about_of(run) == About(None, "Old", "")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("a\x1b[2Jb\x00c", "a [2Jb c"), ("a\u202eb", "a b"), ("<i>Ä</i>", "<i>Ä</i>"), ("x" * 60, "x" * 60)],
    ids=ascii,
)
def test_a_name_is_kept_as_one_line_of_letters(workspace: Workspace, typed: str, kept: str) -> None:
    run = made(workspace)
    assert rename(workspace, run.id, typed) == kept
    assert about_of(run).name == kept


def test_a_name_that_is_too_long_is_refused_and_the_old_one_stays(workspace: Workspace) -> None:
    run = made(workspace, name="Old")
    with pytest.raises(BadInput, match="too long") as caught:
        rename(workspace, run.id, "x" * (LONGEST_NAME + 1))
    assert "60" in caught.value.fix
    assert len(caught.value.given) <= LONGEST_NAME + 1
    assert about_of(run).name == "Old"


@pytest.mark.parametrize("run_id", ["20260101-000000-none", "../runs", ""])
def test_a_run_that_is_not_there_is_not_named(workspace: Workspace, run_id: str) -> None:
    with pytest.raises(NotFound):
        rename(workspace, run_id, "Name")
    assert list(workspace.runs.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\x00\x00"])
def test_of_a_run_whose_file_is_damaged_nothing_is_known(workspace: Workspace, text: str) -> None:
    run = made(workspace, name="Name")
    (run.path / "about.json").write_text(text)
    assert about_of(run) == About()


@pytest.mark.parametrize("number", [0, -3, 2.5, "7", True, None, [1]])
def test_what_is_no_number_is_none(workspace: Workspace, number: object) -> None:
    run = made(workspace)
    (run.path / "about.json").write_text(json.dumps({"number": number, "name": "x" * 500, "by": "y" * 500}))
    assert about_of(run) == About(None, "x" * LONGEST_NAME, "y" * LONGEST_NAME)


def test_what_is_written_is_read_back(workspace: Workspace) -> None:
    run = made(workspace)
    write_about(run, About(12, "Ünïcode 😀", "a" * 32))
    assert about_of(run) == About(12, "Ünïcode 😀", "a" * 32)


def test_a_run_knows_its_experiment_and_keeps_it_when_it_is_renamed(workspace: Workspace) -> None:
    run = made(workspace)
    write_about(run, About(1, "", "someone", "20260101-000000-seeds"))
    rename(workspace, run.id, "Other")
    assert about_of(run) == About(1, "Other", "someone", "20260101-000000-seeds")


@pytest.mark.parametrize("text", ['"../x"', "3", "null", '""', '"A B"'])
def test_an_experiment_that_cannot_be_is_none(workspace: Workspace, text: str) -> None:
    run = made(workspace)
    (run.path / "about.json").write_text(f'{{"number": 1, "experiment": {text}}}')
    assert about_of(run) == About(1)
