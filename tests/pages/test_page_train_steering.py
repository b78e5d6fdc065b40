"""What can be done with a run on the Train page: pause, stop, resume, more epochs, its name, the bin."""

from __future__ import annotations

import pytest
from page_view import BROWSER, RunMaker, Visitor, calm, component, labels, press, words
from streamlit.testing.v1 import AppTest

from core import people
from core.bin import binned
from core.data.dataset import Dataset
from core.runs import wishes
from core.runs.about import About, about_of, write_about
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.plan import Plan


def headline(at: AppTest) -> str:
    return "".join(text for text, _strong in component(at, "progress")["headline"])


@pytest.mark.parametrize(("key", "label", "wish"), [
    ("stop", "Stopping…", wishes.Wish.STOP), ("pause", "Pausing…", wishes.Wish.PAUSE),
])
def test_a_run_of_any_program_can_be_paused_and_stopped_and_both_wait_for_the_answer(
    visitor: Visitor, make_run: RunMaker, key: str, label: str, wish: wishes.Wish
) -> None:
    run = make_run(State.TRAINING, phase="training", epoch=1, epochs=10)
    at = press(visitor.open("train"), {"stop": "Stop training", "pause": "Pause"}[key])
    assert wishes.asked(run) is wish
    assert at.button(key=key).label == label
    assert at.button(key="stop").disabled
    assert at.button(key="pause").disabled


def test_stopping_the_run_of_another_asks_first(visitor: Visitor, make_run: RunMaker) -> None:
    run = make_run(State.TRAINING, phase="training", epoch=1, epochs=10)
    other = "f" * 32
    people.call(visitor.workspace, other, "Ada *b*")
    write_about(run, About(1, "", other))
    at = press(visitor.open("train"), "Stop training")
    assert wishes.asked(run) is None
    assert "Started by Ada *b*." in words(at)
    calm(at.button(key="confirm_no").click().run())
    assert wishes.asked(run) is None
    press(at, "Stop training")
    calm(at.button(key="confirm_yes").click().run())
    assert wishes.asked(run) is wishes.Wish.STOP


@pytest.mark.parametrize("how", [State.PAUSED, State.STOPPED, State.INTERRUPTED, State.FAILED])
def test_a_run_that_was_left_can_be_resumed_and_says_how_far_it_had_come(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, how: State
) -> None:
    run = make_run(how, epoch=3, epochs=10)
    run.places.last.write_bytes(b"checkpoint")
    at = visitor.open("train", dataset=dataset.id)
    assert "2 of 10 epochs have ended and are kept. Resumed, it goes on from there." in words(at)
    press(at, "Resume")
    assert run.status().state is State.QUEUED
    assert headline(at) == "Waiting, number 1 in the queue"


@pytest.mark.parametrize("how", [State.STOPPED, State.FINISHED])
def test_a_run_that_came_without_its_checkpoint_says_that_it_cannot_be_trained_further(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, how: State
) -> None:
    run = make_run(how, epoch=3, epochs=10)
    at = visitor.open("train", dataset=dataset.id)
    assert "It cannot be trained further: it has no checkpoint here" in words(at)
    assert "Resumed" not in words(at)
    assert not [label for label in labels(at) if label == "Resume" or label.startswith("Train ")]
    run.places.last.write_bytes(b"checkpoint")
    at = visitor.open("train", dataset=dataset.id)
    assert "It cannot be trained further" not in words(at)


def test_a_run_whose_photos_are_gone_says_so_when_it_is_to_be_resumed(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(State.PAUSED, plan=Plan("gone", "Gone", "efficientnet-lite0"))
    run.places.last.write_bytes(b"checkpoint")
    at = press(visitor.open("train", run=run.id), "Resume")
    assert "no longer in the workspace" in at.error[0].value
    assert run.status().state is State.PAUSED


def test_a_finished_run_can_be_given_more_epochs_where_it_has_a_checkpoint(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(epoch=2, epochs=2)
    assert "Train 5 more epochs" not in labels(visitor.open("train", dataset=dataset.id))
    run.places.last.write_bytes(b"checkpoint")
    press(visitor.open("train", dataset=dataset.id), "Train 5 more epochs")
    assert run.plan().recipe.epochs == 15
    assert run.status().state is State.QUEUED


def test_a_run_is_called_what_people_call_it_letter_by_letter(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run()
    at = visitor.open("train", dataset=dataset.id)
    calm(at.text_input(key=f"name_{run.id}_").set_value("  Head :red[x]  ").run())
    assert about_of(run).name == "Head :red[x]"
    assert at.text_input(key=f"name_{run.id}_Head :red[x]").value == "Head :red[x]"
    press(at, "Set up a new run")
    assert r"Back to Head \:red\[x\]" in labels(at)


def test_a_run_is_deleted_into_the_bin_and_said(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run()
    at = press(visitor.open("train", dataset=dataset.id), "Delete this run")
    assert not run.path.exists()
    assert [each.title for each in binned(visitor.workspace)] != []
    assert "in the bin for 30 days" in at.toast[0].value
    assert "Start training" in labels(at)


def test_deleting_the_run_of_another_asks_first(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run()
    write_about(run, About(1, "", "f" * 32))
    at = press(visitor.open("train", dataset=dataset.id, run=run.id), "Delete this run")
    assert run.path.exists()
    calm(at.button(key="confirm_yes").click().run())
    assert not run.path.exists()


def test_a_start_says_who_started_it(visitor: Visitor, dataset: Dataset) -> None:
    people.call(visitor.workspace, BROWSER, "Grace")
    at = press(visitor.open("train", dataset=dataset.id), "Start training")
    assert about_of(RunFolder.open(visitor.workspace, visitor.draft.run)).by == BROWSER
    assert "Started by Grace (you)." in words(at)


def test_a_run_that_waits_can_change_its_place(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id)
    press(at, "Start training")
    first = visitor.draft.run
    press(at, "Set up a new run")
    press(at, "Start training")
    press(at, "Earlier")
    assert headline(at) == "Waiting, number 1 in the queue"
    assert visitor.service.runner.snapshot().queue == (visitor.draft.run, first)
    press(at, "Later")
    assert headline(at) == "Waiting, number 2 in the queue"


def test_what_is_set_up_stays_when_somebody_else_starts_a_run(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    at = visitor.open("train", dataset=dataset.id)
    make_run(State.TRAINING, phase="training", epoch=1, epochs=10)
    press(at, "Start training")
    assert len(visitor.service.runner.snapshot().queue) == 1
    assert headline(at) == "Waiting, number 1 in the queue"


def test_who_comes_for_the_first_time_sets_up_a_run_and_does_not_find_that_of_another(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    write_about(make_run(), About(1, "", "f" * 32))
    at = visitor.open("train", dataset=dataset.id)
    assert "Start training" in labels(at)
    press(at, "Back to Run 1")
    assert headline(at) == "Finished"


def test_pausing_the_run_of_another_asks_first(visitor: Visitor, make_run: RunMaker) -> None:
    run = make_run(State.TRAINING, phase="training", epoch=1, epochs=10)
    write_about(run, About(1, "", "f" * 32))
    at = press(visitor.open("train"), "Pause")
    assert wishes.asked(run) is None
    calm(at.button(key="confirm_yes").click().run())
    assert wishes.asked(run) is wishes.Wish.PAUSE
