from __future__ import annotations

import html
import io
import re
import shutil
from collections.abc import Callable

import pytest
from page_view import (
    BROWSER,
    HOSTILE,
    RunMaker,
    Visitor,
    blocks,
    calm,
    html_texts,
    labels,
    markdown_texts,
    page,
    press,
    words,
)
from streamlit.testing.v1 import AppTest

from core import bin as bins
from core import people
from core.activations.budget import root_of
from core.activations.segment import Segment
from core.backbones.kept import keep, kept_files
from core.data.dataset import Dataset, summaries
from core.disk import thumbnails_of
from core.runs import line
from core.runs.about import About, about_of, write_about
from core.runs.folder import RunFolder
from core.runs.listing import listed
from core.runs.status import State
from core.runs.work import held
from core.training.plan import Plan
from core.training.start import FILE, Start
from core.workspace import Workspace
from pages.ui.workspace_rows import SHOWN

ANOTHER = "f" * 32
Started = Callable[..., RunFolder]


@pytest.fixture
def started(workspace: Workspace, make_run: RunMaker) -> Started:
    """Return a function that makes a run that somebody started, in the line where it waits."""
    count = 0

    def make(
        how: State = State.FINISHED, *, by: str = BROWSER, name: str = "", **changes: object
    ) -> RunFolder:
        nonlocal count
        count += 1
        run = make_run(how, **changes)
        write_about(run, About(count, name, by))
        if how is State.QUEUED:
            with line.held_line(workspace):
                line.join(workspace, run.id)
        return run

    people.call(workspace, ANOTHER, "Ada")
    return make


def entries(at: AppTest) -> list[str]:
    """Return the rows of the page as text, each with its title first."""
    rows = [re.sub(r"<[^>]*>", " ", each) for each in html_texts(at) if "thaw-entry" in each]
    return [" ".join(html.unescape(each).split()) for each in rows]


def heard(label: str, name: str) -> str:
    """Return the label of a row's button, with what it is about."""
    return f"{label} :gray[{name}]"


def dialogs(at: AppTest) -> list[str]:
    return [each.proto.dialog.title for each in blocks(at) if each.type == "dialog"]


def asked(at: AppTest) -> str:
    """Return what a dialog says; page_view passes over what stands apart from the page."""
    return " ".join(str(each.value) for each in at.markdown).replace("\\", "")


def told(at: AppTest) -> list[str]:
    return [str(each.value).replace("\\", "") for each in at.toast]


def run_ids(workspace: Workspace) -> set[str]:
    return {run.id for run in listed(workspace)}


def test_an_empty_workspace_says_so_in_a_line_each_and_has_nothing_to_press(visitor: Visitor) -> None:
    at = visitor.open("workspace")
    assert page(at) == "Workspace"
    shown = words(at)
    for said in (
        "Runs, photos and caches take", "Nothing is trained just now, and nothing waits.",
        "There are no runs yet.", "No photos were taken in yet.", "The bin is empty.",
    ):
        assert said in shown
    assert "Caches and weights" not in shown
    assert labels(at) == []


def test_runs_are_listed_newest_first_with_their_state_photos_starter_and_size(
    visitor: Visitor, started: Started
) -> None:
    started(by="", epoch=2, epochs=2)
    started(State.STOPPED, by=ANOTHER, name="Only the head", epoch=2, epochs=10)
    started(by=people.COMMAND_LINE, epoch=2, epochs=2)
    rows = entries(visitor.open("workspace"))[:3]
    assert rows[0].startswith("Run 3 Finished after epoch 2 of 2 EfficientNet-Lite0 on colours ·")
    assert rows[0].endswith("· the command line · 2 MB")
    assert rows[1].startswith("Only the head Stopped in epoch 2 of 10 ")
    assert rows[1].endswith("· Ada · 2 MB")
    assert "another" not in rows[2]


def test_names_from_outside_are_text_in_every_row_and_every_question(
    visitor: Visitor, started: Started, hostile: Dataset, workspace: Workspace
) -> None:
    people.call(workspace, ANOTHER, HOSTILE[:40])
    started(State.QUEUED, of=hostile, by=ANOTHER, name=HOSTILE[:60])
    started(State.TRAINING, of=hostile, by=ANOTHER, name=HOSTILE[:60])
    gone, kept = started(of=hostile, name=HOSTILE[:60]), started(by=ANOTHER, name=HOSTILE[:60])
    bins.delete_run(workspace, gone.id, by=ANOTHER)
    at = visitor.open("workspace")
    at.button(key=f"run-delete-{kept.id}").click().run()
    assert len(dialogs(at)) == 1
    shown = [text for _field, text in markdown_texts(at)] + dialogs(at)
    shown += [str(each.value) for each in at.markdown]
    assert HOSTILE[:60] in asked(at)
    assert [each for each in shown if "![" in each or "<img" in each.replace(r"\<", "")] == []
    assert "<img src=x" not in "".join(html_texts(at))
    assert sum("http:evil.test" in each for each in entries(at)) >= 5


def test_ones_own_run_goes_into_the_bin_at_once_and_one_is_told_where_it_is(
    visitor: Visitor, started: Started, workspace: Workspace
) -> None:
    run = started(name="Only the head")
    at = press(visitor.open("workspace", run=run.id), heard("Delete", "Only the head"))
    assert told(at) == ["Only the head is in the bin for 30 days."]
    assert dialogs(at) == []
    assert run_ids(workspace) == set()
    assert [(each.kind, each.id, each.by) for each in bins.binned(workspace)] == [("run", run.id, BROWSER)]
    assert entries(at)[-1].startswith("Only the head: EfficientNet-Lite0 on colours 30 days left run")
    assert visitor.draft.run == ""


def test_a_run_of_nobody_known_is_deleted_without_a_question(
    visitor: Visitor, started: Started, workspace: Workspace
) -> None:
    started(by="")
    press(visitor.open("workspace"), heard("Delete", "Run 1"))
    assert run_ids(workspace) == set()


def test_the_run_of_another_is_deleted_after_a_question_only(
    visitor: Visitor, started: Started, workspace: Workspace
) -> None:
    run = started(by=ANOTHER)
    at = press(visitor.open("workspace"), heard("Delete", "Run 1"))
    assert dialogs(at) == [r"Delete a run that Ada started?"]
    assert "Run 1 goes into the bin, from where it can be restored for 30 days." in asked(at)
    assert run_ids(workspace) == {run.id}
    assert dialogs(press(at, "Leave it as it is")) == []
    assert run_ids(workspace) == {run.id}
    press(at, heard("Delete", "Run 1"))
    press(at, "Delete it")
    assert dialogs(at) == []
    assert run_ids(workspace) == set()
    assert told(at) == ["Run 1 is in the bin for 30 days."]


def test_a_question_stays_while_the_page_is_drawn_anew(visitor: Visitor, started: Started) -> None:
    started(by=ANOTHER)
    at = press(visitor.open("workspace"), heard("Delete", "Run 1"))
    assert len(dialogs(at.run())) == 1


def test_what_goes_wrong_after_a_question_is_said_in_the_dialog(
    visitor: Visitor, started: Started, workspace: Workspace
) -> None:
    run = started(by=ANOTHER)
    at = press(visitor.open("workspace"), heard("Delete", "Run 1"))
    with held(run):
        press(at, "Delete it")
    assert "This run is being worked on" in at.error[0].value
    assert len(dialogs(at)) == 1
    assert run_ids(workspace) == {run.id}


def test_a_run_in_use_cannot_be_deleted_and_says_why(visitor: Visitor, started: Started) -> None:
    waits, works, free = started(State.QUEUED), started(State.TRAINING), started()
    with held(works):
        at = visitor.open("workspace")
    found = {each.key: each for each in at.button}
    assert found[f"run-delete-{waits.id}"].disabled
    assert found[f"run-delete-{waits.id}"].help.replace("\\", "") == "This run waits in the queue."
    assert found[f"run-delete-{works.id}"].disabled
    assert found[f"run-delete-{works.id}"].help.replace("\\", "") == "This run is being worked on."
    assert not found[f"run-delete-{free.id}"].disabled


def test_a_run_that_is_taken_up_in_that_moment_is_not_deleted_and_the_page_says_why(
    visitor: Visitor, started: Started, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, delete = started(), bins.delete_run

    def late(*given: object, **named: object) -> None:
        with held(run):
            delete(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(bins, "delete_run", late)
    at = press(visitor.open("workspace"), heard("Delete", "Run 1"))
    assert "This run is being worked on" in at.error[0].value
    assert told(at) == []
    assert run_ids(workspace) == {run.id}


def test_a_damaged_run_is_listed_last_and_can_be_deleted(
    visitor: Visitor, started: Started, workspace: Workspace
) -> None:
    damaged, whole = started(), started()
    (damaged.path / "status.json").write_text("{")
    at = visitor.open("workspace")
    rows = entries(at)
    assert rows[0].startswith("Run 2")
    assert rows[1].startswith(f"{damaged.id} Damaged, cannot be read")
    at.button(key=f"run-delete-{damaged.id}").click().run()
    assert [each.id for each in bins.binned(workspace)] == [damaged.id]
    assert run_ids(workspace) == {whole.id}


def test_opening_a_run_leads_to_it_on_the_train_page(
    visitor: Visitor, started: Started, dataset: Dataset
) -> None:
    first, _second = started(), started()
    at = press(visitor.open("workspace", dataset=dataset.id), heard("Open", "Run 1"))
    assert page(at) == "Train"
    assert visitor.draft.run == first.id


def test_a_run_can_be_given_a_name_and_its_number_back(visitor: Visitor, started: Started) -> None:
    run = started()
    at = visitor.open("workspace")
    for given, title in (("  Only the  head ", "Only the head"), ("", "Run 1")):
        at.session_state[f"run-rename-{run.id}"] = True
        at.run()
        at.text_input(key=f"run-rename-{run.id}-name").set_value(given)
        press(at, "Keep this name")
        assert about_of(run).name == ("" if title == "Run 1" else title)
        assert entries(at)[0].startswith(title)
        assert [each.key for each in at.text_input if str(each.key).startswith("run-rename")] == []


def test_the_first_of_many_runs_are_shown_and_the_rest_when_asked_for(
    visitor: Visitor, started: Started
) -> None:
    for _each in range(SHOWN + 3):
        started(history=[])
    at = visitor.open("workspace")
    assert sum(each.startswith("Run ") for each in entries(at)) == SHOWN
    press(at, f"Show all {SHOWN + 3}")
    assert sum(each.startswith("Run ") for each in entries(at)) == SHOWN + 3
    assert not [each for each in labels(at) if each.startswith("Show all")]


def test_the_line_shows_what_is_worked_on_and_who_waits_in_order(visitor: Visitor, started: Started) -> None:
    started(State.QUEUED, by=ANOTHER)
    started(State.QUEUED)
    started(
        State.TRAINING, by=people.COMMAND_LINE, phase="training", epoch=3, epochs=10, progress=0.25, eta_s=190
    )
    first, second, third = entries(visitor.open("workspace"))[:3]
    assert first.startswith("Run 3 Epoch 3 of 10 · 25% · about 3 min left started by the command line")
    assert second == "1 Run 1 started by Ada · EfficientNet-Lite0 on colours"
    assert third == "2 Run 2 started by you · EfficientNet-Lite0 on colours"


def test_those_who_wait_can_be_put_in_another_order(
    visitor: Visitor, started: Started, workspace: Workspace
) -> None:
    first, second = started(State.QUEUED), started(State.QUEUED, by=ANOTHER)
    at = visitor.open("workspace")
    assert at.button(key=f"line-up-{first.id}").disabled
    assert at.button(key=f"line-down-{second.id}").disabled
    press(at, heard("Earlier", "Run 2"))
    assert line.waiting(workspace) == (second.id, first.id)
    assert entries(at)[0].startswith("1 Run 2")
    press(at, heard("Later", "Run 2"))
    assert line.waiting(workspace) == (first.id, second.id)


def test_a_run_that_began_meanwhile_cannot_be_moved_and_the_page_says_so(
    visitor: Visitor, started: Started, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _first, second = started(State.QUEUED), started(State.QUEUED)
    at = visitor.open("workspace")
    move = line.move

    def late(workspace: Workspace, run_id: str, place: int) -> None:
        line.take(workspace, lambda each: each == second.id)
        move(workspace, run_id, place)

    monkeypatch.setattr(line, "move", late)
    press(at, heard("Earlier", "Run 2"))
    assert "This run does not wait any more" in at.error[0].value


def test_ones_own_run_leaves_the_line_at_once(
    visitor: Visitor, started: Started, workspace: Workspace
) -> None:
    run = started(State.QUEUED)
    at = press(visitor.open("workspace"), heard("Leave the queue", "Run 1"))
    assert line.waiting(workspace) == ()
    assert run.status().state is State.STOPPED
    assert told(at) == ["Run 1 has left the queue. It is among the runs and can be resumed."]


def test_the_run_of_another_leaves_the_line_after_a_question_only(
    visitor: Visitor, started: Started, workspace: Workspace
) -> None:
    run = started(State.QUEUED, by=ANOTHER)
    at = press(visitor.open("workspace"), heard("Leave the queue", "Run 1"))
    assert dialogs(at) == ["Take a run that Ada started out of the queue?"]
    assert line.waiting(workspace) == (run.id,)
    press(at, "Take it out")
    assert line.waiting(workspace) == ()
    assert dialogs(at) == []


def test_photos_are_listed_and_go_into_the_bin(
    visitor: Visitor, dataset: Dataset, workspace: Workspace
) -> None:
    at = visitor.open("workspace", dataset=dataset.id)
    assert entries(at)[0].startswith("colours 16 photos in 2 classes · taken in ")
    press(at, heard("Delete", "colours"))
    assert told(at) == ["The photos “colours” are in the bin for 30 days."]
    assert summaries(workspace) == []
    assert [(each.kind, each.id) for each in bins.binned(workspace)] == [("dataset", dataset.id)]


def test_photos_that_a_run_waits_for_cannot_be_deleted_and_say_why(
    visitor: Visitor, started: Started, dataset: Dataset
) -> None:
    started(State.QUEUED)
    found = visitor.open("workspace").button(key=f"photos-delete-{dataset.id}")
    assert found.disabled
    assert found.help.replace("\\", "") == "Run 1 learns from this dataset and has not ended."


def test_a_damaged_dataset_is_listed_too(visitor: Visitor, dataset: Dataset) -> None:
    (dataset.folder / "summary.json").write_text("{")
    assert entries(visitor.open("workspace"))[0].startswith(f"{dataset.id} Damaged, cannot be read")


def test_caches_are_listed_and_cleared(visitor: Visitor, workspace: Workspace) -> None:
    segment = Segment.new(root_of(workspace) / ("c" * 32))
    segment.index.parent.mkdir(parents=True)
    segment.index.write_bytes(b"0" * 100)
    segment.rows.write_bytes(b"0" * 3_000_000)
    small = thumbnails_of(workspace) / "colours"
    small.mkdir(parents=True)
    (small / "1.jpg").write_bytes(b"0" * 2_000_000)
    (workspace.cache / "downloaded").write_bytes(b"0" * 5_000_000)
    at = visitor.open("workspace")
    assert entries(at) == [
        "What frozen parts made of photos Kept: 3 MB of 10 GB.", "Small pictures of photos 2 MB",
    ]
    assert "Downloaded weights and measured speeds take 5 MB." in words(at)
    press(at, heard("Clear", "What frozen parts made of photos"))
    assert told(at) == ["3 MB are free again."]
    press(at, heard("Clear", "Small pictures of photos"))
    assert told(at) == ["2 MB are free again."]
    assert entries(at) == []


def test_a_weight_file_is_removed_after_a_question_and_not_while_a_run_needs_it(
    visitor: Visitor, started: Started, workspace: Workspace, dataset: Dataset
) -> None:
    name = keep(workspace, "mine.h5", io.BytesIO(b"0" * 2_000_000))
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0", weights=Start(FILE, name))
    run = started(State.PAUSED, plan=plan)
    at = visitor.open("workspace")
    found = at.button(key=f"weights-delete-{name}")
    assert found.disabled
    assert found.help.replace("\\", "") == "Run 1 starts from this and has not ended."
    shutil.rmtree(run.path)
    at.run()
    press(at, heard("Delete", r"mine\.h5"))
    assert "mine.h5 is removed for good" in asked(at)
    assert [each.name for each in kept_files(workspace)] == [name]
    press(at, "Delete it")
    assert kept_files(workspace) == []


def test_what_is_in_the_bin_can_be_brought_back(
    visitor: Visitor, started: Started, workspace: Workspace
) -> None:
    run = started()
    bins.delete_run(workspace, run.id, by=ANOTHER)
    at = visitor.open("workspace")
    assert entries(at)[-1] == (
        "Run 1: EfficientNet-Lite0 on colours 30 days left run · deleted by Ada · 2 MB")
    at.button(key=f"bin-run-{run.id}-restore").click().run()
    assert told(at) == ["Run 1: EfficientNet-Lite0 on colours is back."]
    assert run_ids(workspace) == {run.id}
    assert bins.binned(workspace) == []


def test_the_bin_is_emptied_after_a_question_only(
    visitor: Visitor, started: Started, workspace: Workspace, dataset: Dataset
) -> None:
    for _each in range(2):
        bins.delete_run(workspace, started().id)
    bins.delete_dataset(workspace, dataset.id)
    at = visitor.open("workspace")
    at.button(key="bin-empty").click().run()
    assert dialogs(at) == ["Empty the bin?"]
    assert "2 runs and 1 set of photos, 4 MB in all, are removed for good." in asked(at)
    assert len(bins.binned(workspace)) == 3
    at.button(key="confirm_yes").click().run()
    assert bins.binned(workspace) == []
    assert told(at) == ["4 MB are free again."]
    assert "The bin is empty." in words(at)


def test_photos_that_a_paused_run_needs_go_after_a_question_only(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(State.PAUSED)
    at = press(visitor.open("workspace", dataset=dataset.id), heard("Delete", "colours"))
    assert dataset.folder.exists()
    assert "Run 1 cannot be resumed without them." in asked(at)
    calm(at.button(key="confirm_yes").click().run())
    assert not dataset.folder.exists()
