from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from page_view import (
    RunMaker,
    Visitor,
    blocks,
    calm,
    component,
    components,
    html_texts,
    labels,
    markdown_texts,
    page,
    press,
    words,
)
from streamlit.testing.v1 import AppTest

from core.backbones import catalogue
from core.data.dataset import Dataset
from core.runs.folder import RunFolder
from core.runs.runner import RunnerSnapshot
from core.runs.status import Failure, State
from core.training import fields
from core.training.plan import Plan, Recipe

BLOCKS = catalogue.get("efficientnet-lite0").block_names


def group(at: AppTest, key: str):  # type: ignore[no-untyped-def]
    return next(each for each in at.button_group if each.key == key)


def headline(at: AppTest) -> str:
    return "".join(text for text, _strong in component(at, "progress")["headline"])


def test_without_photos_the_page_is_closed_with_one_way_to_open_it(visitor: Visitor) -> None:
    at = visitor.open("train")
    assert labels(at) == ["Go to Data"]
    assert components(at) == set()
    assert page(press(at, "Go to Data")) == "Data"


@pytest.mark.parametrize(
    ("trainable", "said"),
    [
        ((), "Only the head learns."),
        (("block7", "top"), "What learns: the head and Block 7, Top."),
        (BLOCKS, "Every block learns, and the head."),
    ],
)
def test_the_page_says_what_learns_on_which_photos(
    visitor: Visitor, dataset: Dataset, trainable: tuple[str, ...], said: str
) -> None:
    at = visitor.open("train", dataset=dataset.id, dataset_title=dataset.title, trainable=trainable)
    assert f"EfficientNet-Lite0 on “colours”. {said}" in words(at)


def test_the_settings_have_the_bounds_and_the_help_of_the_plans_fields(
    visitor: Visitor, dataset: Dataset
) -> None:
    at = visitor.open("train", dataset=dataset.id)
    numbers = {each.key: each for each in at.number_input}
    for field in (fields.EPOCHS, fields.SEED):
        shown = numbers[field.name]
        assert (shown.label, shown.min, shown.max, shown.step, shown.value, shown.help) == (
            field.title, field.low, field.high, field.step, field.default, field.help,
        )
    for field in (fields.OPTIMIZER, fields.AUGMENT):
        assert group(at, field.name).label == field.title
        assert group(at, field.name).options == [label for _value, label in field.choices]
        assert group(at, field.name).value == field.default
        assert group(at, field.name).help == field.help
    assert group(at, "batch_size").options == [f"{each:g}" for each in fields.BATCH_SIZE.choices]
    rate = at.select_slider[0]
    assert [float(each) for each in rate.options] == list(fields.LEARNING_RATE.choices)
    assert rate.value == fields.LEARNING_RATE.default
    assert rate.help == fields.LEARNING_RATE.help


def test_settings_are_kept_and_found_again_after_a_refresh(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id)
    at.number_input(key="epochs").set_value(7).run()
    at.number_input(key="seed").set_value(42).run()
    at.select_slider[0].set_value(0.0003).run()
    group(at, "optimizer").set_value("sgd").run()
    group(at, "batch_size").set_value(16).run()
    calm(at)
    wanted = Recipe(epochs=7, batch_size=16, learning_rate=0.0003, optimizer="sgd", seed=42)
    assert visitor.draft.recipe == wanted
    again = visitor.open("train")
    assert again.number_input(key="epochs").value == 7
    assert again.select_slider[0].value == 0.0003
    assert group(again, "optimizer").value == "sgd"


def test_a_value_between_the_ready_ones_is_offered_too(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open(
        "train", dataset=dataset.id, recipe=Recipe(batch_size=24, learning_rate=0.0000125)
    )
    assert group(at, "batch_size").options == ["8", "16", "24", "32", "64"]
    assert at.select_slider[0].options[1] == "0.0000125"
    assert visitor.draft.recipe.batch_size == 24


def test_what_augmentation_does_is_shown_on_training_photos(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id)
    assert "thaw-thumbs" not in "".join(html_texts(at))
    group(at, "augment").set_value("strong").run()
    grid = "".join(html_texts(calm(at)))
    assert grid.count('src="data:image/jpeg;base64,') == 2 * 3


def test_blocks_that_learn_at_a_high_rate_bring_the_advice_of_a_gentler_one(
    visitor: Visitor, dataset: Dataset
) -> None:
    at = visitor.open("train", dataset=dataset.id)
    assert "Blocks learn at a high rate" not in words(at)
    at = visitor.open("train", trainable=("block7", "top"))
    assert "Blocks learn at a high rate" in words(at)
    press(at, "Use 0.0001")
    assert visitor.draft.recipe.learning_rate == 0.0001
    assert at.select_slider[0].value == 0.0001
    assert "Blocks learn at a high rate" not in words(at)


def test_start_puts_the_plan_that_was_chosen_in_line(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open(
        "train", dataset=dataset.id, dataset_title=dataset.title, trainable=("top",),
        recipe=Recipe(epochs=3, learning_rate=1e-4),
    )
    press(at, "Start training")
    run = RunFolder.open(visitor.workspace, visitor.draft.run)
    assert run.status().state is State.QUEUED
    assert run.plan() == Plan(
        dataset.id, dataset.title, "efficientnet-lite0", ("top",),
        recipe=Recipe(epochs=3, learning_rate=1e-4),
    )
    assert visitor.service.runner.snapshot().queue == (run.id,)
    assert headline(at) == "Waiting, number 1 in the queue"
    assert labels(at)[0] == "Leave the queue"


def test_a_second_start_shows_its_place_in_the_queue(
    visitor: Visitor, dataset: Dataset
) -> None:
    at = visitor.open("train", dataset=dataset.id)
    press(at, "Start training")
    first = visitor.draft.run
    press(at, "Set up a new run")
    assert "Back to Run 1" in labels(at)
    press(at, "Start training")
    second = visitor.draft.run
    assert second != first
    assert headline(at) == "Waiting, number 2 in the queue"


def test_a_waiting_run_can_leave_the_queue(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id)
    press(at, "Start training")
    press(at, "Leave the queue")
    calm(at.run())
    assert component(at, "progress")["state"] == "stopped"
    assert visitor.service.runner.snapshot().queue == ()


def test_a_new_run_can_be_left_for_the_last_one(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run()
    at = visitor.open("train", dataset=dataset.id)
    press(at, "Set up a new run")
    assert "Start training" in labels(at)
    press(at, "Back to Run 1")
    assert component(at, "progress")["state"] == "finished"


def test_photos_that_went_away_are_said_when_starting(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("train", dataset=dataset.id)
    visitor.service.runner.close()
    press(at, "Start training")
    assert "The server is closing" in at.error[0].value.replace("\\", "")
    assert at.number_input(key="epochs").value == 10


def test_a_run_that_goes_on_shows_where_it_is_and_its_curves(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(
        State.TRAINING, phase="training", epoch=3, epochs=10, step=5, steps=20, progress=0.21,
        eta_s=62.0, images_per_s=81.4,
    )
    at = visitor.open("train", dataset=dataset.id)
    progress = component(at, "progress")
    assert headline(at) == "Epoch 3 of 10"
    assert progress["share"] == 0.21
    assert "".join(text for text, _ in progress["left"]) == "about 1 min left"
    assert progress["below_right"] == "step 5 of 20 · 81 photos a second"
    curves = component(at, "curves")
    assert curves["run"] == run.id
    assert curves["epochs"] == 10
    assert curves["library"].startswith("/thaw/plotly.min.js")
    accuracy = curves["charts"][0]
    assert accuracy["epoch_x"] == [1, 2]
    assert accuracy["validation"] == [52.0, 54.0]
    assert "Still improving" in words(at)


def test_before_the_first_step_the_phase_is_named(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(State.PREPARING, phase="building", history=[])
    at = visitor.open("train")
    assert headline(at) == "Building the network"
    assert "curves" not in components(at), "an empty chart says nothing"


def test_a_finished_run_says_what_was_kept_and_leads_on(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(epoch=2, epochs=2)
    at = visitor.open("train", dataset=dataset.id)
    assert headline(at) == "Finished after epoch 2 of 2"
    assert "The weights of epoch 2 were kept, 54.0% right on validation photos." in words(at)
    assert page(press(at, "See how well it does")) == "Evaluate"


def test_a_stopped_run_says_what_was_kept(visitor: Visitor, dataset: Dataset, make_run: RunMaker) -> None:
    make_run(State.STOPPED, epoch=3, epochs=10).places.last.write_bytes(b"checkpoint")
    at = visitor.open("train", dataset=dataset.id)
    assert headline(at) == "Stopped in epoch 3 of 10"
    assert "The weights of epoch 2 were kept" in words(at)
    assert labels(at) == ["See how well it does", "Resume", "Set up a new run", "Delete this run"]


def test_a_run_stopped_in_its_first_epoch_says_so(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(State.STOPPED, history=[], epoch=1, epochs=10)
    assert "No epoch was finished, so the weights at the stop were kept." in words(visitor.open("train"))


def test_how_many_photos_validated_is_told_where_the_report_says_it(
    visitor: Visitor, make_run: RunMaker
) -> None:
    run = make_run(epoch=2, epochs=2)
    run.write_report({"version": 1, "images": {"validation": 24}})
    assert "54.0% right on 24 validation photos." in words(visitor.open("train"))
    (run.path / "report.json").write_text("{")
    assert "54.0% right on validation photos." in words(visitor.open("train"))


def test_a_run_that_left_the_queue_has_no_model_to_look_at(visitor: Visitor, make_run: RunMaker) -> None:
    make_run(State.STOPPED, history=[], model=False)
    at = visitor.open("train")
    assert labels(at) == ["Resume", "Set up the same again", "Set up a new run", "Delete this run"]
    assert "were kept" not in words(at)


@pytest.mark.parametrize("how", [State.FAILED, State.INTERRUPTED])
def test_a_failed_run_says_what_happened_with_what_and_what_to_do(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, how: State
) -> None:
    error = Failure("The loss ran away.", "epoch 2, ![x](y)", "Lower the learning rate.")
    make_run(how, error=error, epoch=2, epochs=10, model=False)
    at = visitor.open("train", dataset=dataset.id)
    said = at.error[0].value
    assert r"The loss ran away\." in said
    assert r"epoch 2\, \!\[x\]\(y\)" in said
    assert r"Lower the learning rate\." in said
    assert labels(at) == ["Resume", "Set up the same again", "Set up a new run", "Delete this run"]
    assert component(at, "progress")["state"] == how.value


def test_a_run_that_came_to_nothing_can_be_set_up_again_as_it_was(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    plan = Plan(
        dataset.id, dataset.title, "efficientnet-lite1", ("block7", "top"), recipe=Recipe(4, 16, 3e-4, "sgd")
    )
    make_run(State.INTERRUPTED, plan=plan, history=[], model=False)
    at = press(visitor.open("train", recipe=Recipe(epochs=7)), "Set up the same again")
    assert visitor.draft.plan() == plan
    assert at.number_input[0].value == 4
    assert "Start training" in labels(at)


def test_a_run_of_other_photos_that_is_looked_at_is_found_again_after_a_refresh(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    run = make_run(plan=Plan("others", "Others", "efficientnet-lite0"))
    assert "Start training" in labels(visitor.open("train", dataset=dataset.id))
    assert headline(visitor.open("train", dataset=dataset.id, run=run.id)) == "Finished"


def test_a_run_that_begins_while_another_is_on_the_way_is_added_to_the_queue(
    visitor: Visitor, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = RunnerSnapshot(active="a-run", queue=())
    monkeypatch.setattr(visitor.service.runner, "snapshot", lambda: busy)
    shown = labels(visitor.open("train", dataset=dataset.id))
    assert "Add to the queue" in shown
    assert "Start training" not in shown


def test_the_settings_of_a_run_can_be_read(visitor: Visitor, dataset: Dataset, make_run: RunMaker) -> None:
    plan = Plan(
        dataset.id, dataset.title, "efficientnet-lite1", ("block7", "top"),
        recipe=Recipe(4, 16, 3e-4, "adamw", 9, "light"),
    )
    make_run(plan=plan)
    text = words(visitor.open("train"))
    for each in ("EfficientNet-Lite1", "Block 7, Top", "0.0003", "AdamW", "Light"):
        assert each in text


def test_a_run_whose_time_is_not_known_says_so_and_not_0(
    visitor: Visitor, dataset: Dataset
) -> None:
    folder = RunFolder.create(visitor.workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    folder.write_status(replace(folder.status().ending(State.STOPPED), started=None))
    assert "not available time taken" in words(visitor.open("train"))


def test_without_photos_a_new_run_asks_for_them_first(visitor: Visitor, make_run: RunMaker) -> None:
    make_run()
    at = visitor.open("train")
    assert "Set up a new run" in labels(at)
    press(at, "Set up a new run")
    assert "Start training" not in labels(at)


def test_of_several_runs_the_one_to_look_at_is_chosen(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    first = make_run(State.FAILED, error=Failure("It broke."))
    make_run()
    at = visitor.open("train", dataset=dataset.id)
    assert len(at.selectbox[0].options) == 2
    at.selectbox[0].set_value(first.id).run()
    calm(at)
    assert visitor.draft.run == first.id
    assert component(at, "progress")["state"] == "failed"


def test_names_from_outside_are_text_in_every_element(
    visitor: Visitor, hostile: Dataset, make_run: RunMaker
) -> None:
    new = visitor.open("train", dataset=hostile.id, dataset_title=hostile.title)
    make_run(of=hostile)
    make_run(of=hostile)
    seen = visitor.open("train")
    for at in (new, seen):
        assert [t for _f, t in markdown_texts(at) if "![" in t or "<img" in t.replace(r"\<", "")] == []
        assert "<img src=x" not in "".join(html_texts(at))
    assert any("evil" in each for each in seen.selectbox[0].options)


def test_a_queued_run_may_be_followed_by_another(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(State.TRAINING, phase="training", epoch=1, epochs=10)
    at = visitor.open("train", dataset=dataset.id)
    assert "Queue another run" in [each.label for each in blocks(at) if each.type == "expander"]
    press(at, "Set up a new run")
    assert "Start training" in labels(at)


def test_a_deleted_run_folder_falls_back_to_what_is_left(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker, tmp_path: Path
) -> None:
    kept, gone = make_run(), make_run()
    at = visitor.open("train", dataset=dataset.id, run=gone.id)
    gone.path.rename(tmp_path / "gone")
    calm(at.run())
    assert component(at, "curves")["run"] == kept.id
