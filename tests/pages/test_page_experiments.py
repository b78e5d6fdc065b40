from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from faked_experiments import ended, faked
from page_view import (
    BROWSER,
    HOSTILE,
    RunMaker,
    Visitor,
    component,
    components,
    elements,
    html_texts,
    labels,
    markdown_texts,
    page,
    press,
    words,
)
from streamlit.testing.v1 import AppTest

from core import people
from core.data.dataset import Dataset
from core.experiments import design, forecast
from core.experiments.design import Design, Planned
from core.experiments.experiment import Experiment, listed, load
from core.files import write_json
from core.runs import line
from core.runs.folder import RunFolder
from core.runs.listing import listed as listed_runs
from core.runs.status import State
from core.training.plan import Plan
from core.training.start import RANDOM, Start
from core.workspace import Workspace
from pages.ui import experiment_begin
from pages.ui.charts import COLOURS

OTHER = "f" * 32
BEGIN = "Begin this experiment"
UNFAIR = "The run has gone on since these controls began"
Fake = Callable[..., Experiment]


@pytest.fixture
def plan(dataset: Dataset) -> Plan:
    return Plan(dataset.id, dataset.title, "efficientnet-lite0")


@pytest.fixture
def seeds(plan: Plan, dataset: Dataset) -> Design:
    return design.seeds(plan, dataset, seeds=3)


def rising(planned: Planned) -> float:
    return 0.7 + planned.seed / 20


def cards(at: AppTest) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in component(at, "experiment-kinds")["cards"]}


def rows_of_plot(at: AppTest, made: Experiment) -> list[str]:
    return list(component(at, f"plot-{made.id}")["shown"]["layout"]["yaxis"]["ticktext"])


def takes(at: AppTest) -> list[str]:
    """Return what the buttons are called by which a file is taken."""
    return [each.proto.label for each in elements(at) if each.type == "download_button"]


def asked(at: AppTest) -> str:
    """Return what a dialog says; page_view passes over what stands apart from the page."""
    return " ".join(each.value.replace("\\", "") for each in at.markdown)


def going(first: Planned) -> Callable[[Planned], float | State]:
    """The first run has ended, the others wait."""
    return lambda planned: 0.8 if planned == first else State.QUEUED


def test_without_photos_there_is_one_way_on(visitor: Visitor) -> None:
    at = visitor.open("experiments")
    assert labels(at) == ["Go to Data"]
    assert "Is that really better, or luck?" in words(at)
    assert "None has ended yet" in words(at)
    assert page(press(at, "Go to Data")) == "Data"


def test_each_card_says_what_it_tells_and_how_many_runs_it_takes_before_it_starts(
    visitor: Visitor, dataset: Dataset, plan: Plan
) -> None:
    at = visitor.open("experiments", dataset=dataset.id, dataset_title=dataset.title)
    found = cards(at)
    assert list(found) == ["data-size", "blocks", "seeds", "backbones"]
    count = len(design.data_size(plan, dataset).members)
    assert found["data-size"]["note"] == f"{count} runs · time not measured"
    assert found["seeds"]["note"] == "5 runs · time not measured"
    assert all(each["subtitle"] for each in found.values())
    assert f"{count} runs" in words(at)
    assert "EfficientNet-Lite0 · Head only" in words(at)
    assert "of “colours”" in words(at)
    assert labels(at) == [BEGIN, "Measure this computer"]


def test_what_was_measured_says_how_long_it_will_take(
    visitor: Visitor, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "expected_seconds", lambda *_given: 1500.0)
    at = visitor.open("experiments", dataset=dataset.id)
    assert cards(at)["seeds"]["note"] == "5 runs · about 25 min"
    assert "about 25 min in all, on this computer" in words(at)
    assert labels(at) == [BEGIN]


def test_more_repeats_are_more_runs_at_once(visitor: Visitor, dataset: Dataset, plan: Plan) -> None:
    at = visitor.open("experiments", dataset=dataset.id)
    at.button_group(key="experiment-seeds-data-size").set_value(1).run()
    count = len(design.data_size(plan, dataset, seeds=1).members)
    assert cards(at)["data-size"]["note"].startswith(f"{count} runs")


def test_beginning_queues_the_runs_and_shows_the_experiment_instead(
    visitor: Visitor, dataset: Dataset, workspace: Workspace
) -> None:
    at = visitor.open("experiments", dataset=dataset.id, dataset_title=dataset.title)
    at.session_state["experiment_kind"] = "seeds"
    press(at.run(), BEGIN)
    (made,) = listed(workspace)
    assert made.kind == "seeds"
    assert made.by == BROWSER
    assert list(line.waiting(workspace)) == [each.run for each in made.members]
    shown = component(at, f"progress-{made.id}")
    assert "".join(text for text, _strong in shown["headline"]) == "0 of 5 runs done"
    assert "Begin another experiment" in words(at)


def test_a_plan_from_scratch_says_why_it_cannot_transfer(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("experiments", dataset=dataset.id, weights=Start(RANDOM), trainable=(
        "stem", "block1", "block2", "block3", "block4", "block5", "block6", "block7", "top"))
    assert "nothing that could transfer" in words(at)
    assert BEGIN not in labels(at)
    assert cards(at)["data-size"]["note"] == ""


def test_what_goes_on_has_its_bar_its_plot_so_far_and_a_way_to_cancel(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    made = faked(workspace, seeds, going(seeds.members[0]), by=BROWSER)
    at = visitor.open("experiments", dataset=dataset.id)
    shown = component(at, f"progress-{made.id}")
    assert "".join(text for text, _strong in shown["headline"]) == "1 of 3 runs done"
    assert shown["share"] == pytest.approx(1 / 3)
    assert component(at, f"plot-{made.id}")["shown"]["data"][0]["x"] == [80.0]
    assert "1 test accuracy is shown" in words(at)
    press(at, "Cancel the experiment")
    assert load(workspace, made.id).cancelled
    assert "cancelled after 1 of 3" in words(at)
    assert f"progress-{made.id}" not in components(at)


def test_the_run_at_work_is_named_with_a_way_to_it(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    first = seeds.members[0]
    made = faked(
        workspace, seeds, lambda each: State.TRAINING if each == first else State.QUEUED, by=BROWSER)
    at = visitor.open("experiments", dataset=dataset.id)
    assert component(at, f"progress-{made.id}")["below_left"] == "Seed 0 is at work"
    assert page(press(at, "Open Seed 0")) == "Train"
    assert visitor.draft.run == made.members[0].run


def test_what_somebody_else_began_is_cancelled_after_a_question_only(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    people.call(workspace, OTHER, "Ada")
    made = faked(workspace, seeds, going(seeds.members[0]), by=OTHER)
    at = press(visitor.open("experiments", dataset=dataset.id), "Cancel the experiment")
    assert "Cancel an experiment that Ada began?" in words(at)
    assert not load(workspace, made.id).cancelled
    press(at, "Cancel it")
    assert load(workspace, made.id).cancelled


@pytest.mark.parametrize("kind", ["data-size", "blocks", "seeds", "backbones", "controls"])
def test_a_finished_one_opens_to_sentence_plot_intervals_table_and_what_can_be_taken(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, plan: Plan, make_run: RunMaker, kind: str
) -> None:
    made = _finished(kind, workspace, dataset, plan, make_run)
    at = visitor.open("experiments", dataset=dataset.id)
    text = words(at)
    assert "In short." in text
    assert "95%" in text
    assert "What Accuracy 95% interval" in text
    assert "test accurac" in text
    drawn = component(at, f"plot-{made.id}")
    assert drawn["shown"]["data"]
    assert drawn["file"] == f"thaw-{kind}-colours"
    assert any(each.type == "download_button" for each in elements(at))
    assert {"Open the runs in Compare", "Delete"} <= set(labels(at))


def _finished(
    kind: str, workspace: Workspace, dataset: Dataset, plan: Plan, make_run: RunMaker
) -> Experiment:
    if kind == "data-size":
        return faked(workspace, design.data_size(plan, dataset, seeds=2), rising)
    if kind == "blocks":
        return faked(workspace, design.blocks(plan, dataset), rising, chosen="block7")
    if kind == "seeds":
        return faked(workspace, design.seeds(plan, dataset), rising)
    if kind == "backbones":
        names = ("efficientnet-lite0", "efficientnet-lite1")
        made = design.backbones(plan, dataset, names=names)
        return faked(workspace, made, rising, in_full=lambda _role: 0.9, chosen="efficientnet-lite0")
    base = make_run(plan=replace(plan, trainable=("top",)))
    ended(base, 0.9)
    return faked(workspace, design.controls(workspace, base.id), rising)


def test_choices_were_made_on_validation_and_that_is_said(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, plan: Plan, make_run: RunMaker
) -> None:
    made = _finished("blocks", workspace, dataset, plan, make_run)
    at = visitor.open("experiments", dataset=dataset.id)
    assert "Choices here were made on validation photos" in words(at)
    assert component(at, f"plot-{made.id}")["title"] == "Accuracy on validation photos"
    drawn = component(at, f"plot-{made.id}")["shown"]["data"]
    assert [each["marker"]["color"] for each in drawn].count(COLOURS["light"]["ember"]) == 1


def test_several_test_figures_are_counted_with_a_warning(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    faked(workspace, seeds, rising)
    assert "3 test accuracies are shown. Nothing here was chosen by them" in words(
        visitor.open("experiments", dataset=dataset.id))


def test_half_failed_and_nothing_ended_are_said(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    first = seeds.members[0]
    faked(workspace, seeds, lambda each: 0.8 if each == first else State.FAILED)
    text = words(visitor.open("experiments", dataset=dataset.id))
    assert "3 runs, 2 did not finish" in text
    made = faked(workspace, seeds, lambda _each: State.FAILED, created=1_800_000_000)
    at = visitor.open("experiments")
    assert "The plot begins when the first run has ended" not in words(at)
    assert "No run has come to its end" in words(at)
    assert f"plot-{made.id}" not in components(at)


def test_only_the_newest_is_open(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    old = faked(workspace, seeds, rising)
    new = faked(workspace, seeds, rising, created=1_800_000_000)
    found = components(visitor.open("experiments", dataset=dataset.id))
    assert f"plot-{new.id}" in found
    assert f"plot-{old.id}" not in found


def test_the_runs_open_in_compare(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    made = faked(workspace, seeds, lambda each: State.FAILED if each.seed == 1 else rising(each))
    at = press(visitor.open("experiments", dataset=dataset.id), "Open the runs in Compare")
    assert page(at) == "Compare"
    assert at.session_state["compare_chosen"] == (made.members[0].run, made.members[2].run)
    assert "Chosen and not in the list" not in words(at)


def test_deleting_asks_and_puts_the_runs_into_the_bin(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    faked(workspace, seeds, rising, by=OTHER)
    at = press(visitor.open("experiments", dataset=dataset.id), "Delete")
    assert "Its 3 runs go into the bin" in asked(at)
    assert "It was begun by another browser" in asked(at)
    assert len(listed(workspace)) == 1
    press(at, "Delete it")
    assert listed(workspace) == []
    assert listed_runs(workspace) == []


def test_a_damaged_one_is_passed_over(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    faked(workspace, seeds, rising, title="The good one")
    bad = faked(workspace, seeds, rising, title="The bad one")
    (workspace.experiments / bad.id / "experiment.json").write_text("{")
    text = words(visitor.open("experiments", dataset=dataset.id))
    assert "The good one" in text
    assert "The bad one" not in text


def test_names_from_outside_are_text_in_every_element(
    visitor: Visitor, hostile: Dataset, workspace: Workspace
) -> None:
    plan = Plan(hostile.id, hostile.title, "efficientnet-lite0")
    people.call(workspace, OTHER, HOSTILE)
    made = design.data_size(plan, hostile, seeds=2)
    faked(workspace, made, rising, by=OTHER)
    faked(workspace, made, lambda each: rising(each) if each.seed else State.QUEUED, by=OTHER)
    at = visitor.open("experiments", dataset=hostile.id, dataset_title=hostile.title)
    assert [text for _field, text in markdown_texts(at) if "![" in text] == []
    assert "<img src=x" not in "".join(html_texts(at))
    for key in components(at):
        if key.startswith("plot-"):
            drawn = component(at, key)
            assert "<img" not in str(drawn["shown"]) + str(drawn["paper"])
            assert drawn["file"].isascii()
            assert "/" not in drawn["file"]


def test_evaluate_offers_the_fair_controls_and_shows_them_in_place(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, plan: Plan, make_run: RunMaker
) -> None:
    base = make_run(plan=replace(plan, trainable=("top",)))
    ended(base, 0.9)
    at = visitor.open("evaluate", dataset=dataset.id, run=base.id)
    assert "Is it really learning?" in words(at)
    assert "3 runs, time not measured." in words(at)
    press(at, "Run the fair controls")
    (made,) = listed(workspace)
    assert made.kind == "controls"
    assert made.base_run == base.id
    assert component(at, f"progress-{made.id}")["share"] == 0
    for member in made.members:
        line.leave(workspace, member.run)
        ended(RunFolder.open(workspace, member.run), 0.5)
    at = visitor.open("evaluate")
    (bars,) = component(at, f"controls-{made.id}")["shown"]["data"]
    assert bars["marker"]["color"][0] == COLOURS["light"]["ember"]
    assert bars["x"][0] == 90.0
    assert len(bars["x"]) == 5
    assert "4 test accuracies are shown" in words(at)
    assert "Run the fair controls" not in labels(at)


def test_a_control_that_was_run_before_is_not_counted(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, plan: Plan, make_run: RunMaker
) -> None:
    base = make_run(plan=plan)
    ended(base, 0.9)
    text = words(visitor.open("evaluate", dataset=dataset.id, run=base.id))
    assert "2 runs, time not measured. 1 more was run before and is not run again." in text


def test_a_run_that_was_stopped_has_no_controls_and_says_why(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(State.STOPPED, test=True)
    at = visitor.open("evaluate", dataset=dataset.id)
    assert "They need a run that went to its end" in words(at)
    assert "Run the fair controls" not in labels(at)


def test_cancelled_controls_can_be_run_again(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, plan: Plan, make_run: RunMaker
) -> None:
    base = make_run(plan=replace(plan, trainable=("top",)))
    ended(base, 0.9)
    faked(workspace, design.controls(workspace, base.id), lambda each: 0.5 if each.role == "head"
          else State.STOPPED, cancelled=True)
    at = visitor.open("evaluate", dataset=dataset.id, run=base.id)
    assert "Not every control has ended" in words(at)
    assert "2 runs, time not measured. 1 more was run before" in words(at)
    assert "Run the fair controls" in labels(at)


def test_a_control_that_the_run_is_itself_has_no_row_of_its_own(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, plan: Plan, make_run: RunMaker
) -> None:
    base = make_run(plan=plan)
    ended(base, 0.9)
    made = design.controls(workspace, base.id)
    assert base.id in [each.run for each in made.members]
    begun = faked(workspace, made, lambda _each: State.QUEUED)
    rows = rows_of_plot(visitor.open("experiments", dataset=dataset.id), begun)
    assert rows == ["This run (head only)", "Everything learns", "From scratch", "Most frequent class"]


def test_what_came_to_nothing_is_not_awaited_and_an_end_awaits_nothing(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, plan: Plan
) -> None:
    made = design.blocks(plan, dataset)
    came: dict[str, float | State] = {"head": 0.8, "block1": State.FAILED, "block2": State.QUEUED}
    going_on = faked(workspace, made, lambda each: came.get(each.role, 0.7))
    at = visitor.open("experiments", dataset=dataset.id)
    assert "Block 2" in rows_of_plot(at, going_on)
    assert "Block 1" not in rows_of_plot(at, going_on)
    stopped = faked(workspace, made, lambda each: came.get(each.role, 0.7), cancelled=True)
    rows = rows_of_plot(visitor.open("experiments"), stopped)
    assert not {"Block 1", "Block 2"} & set(rows)
    assert "Block 3" in rows


def test_controls_of_a_run_that_went_on_are_offered_anew_and_the_old_ones_say_so(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, plan: Plan, make_run: RunMaker
) -> None:
    base = make_run(plan=replace(plan, trainable=("top",)))
    ended(base, 0.9)
    made = faked(workspace, design.controls(workspace, base.id), lambda _each: 0.5)
    assert f"controls-{made.id}" in components(visitor.open("evaluate", dataset=dataset.id, run=base.id))
    assert UNFAIR not in words(visitor.open("experiments"))
    more = replace(base.plan(), recipe=replace(base.plan().recipe, epochs=15))
    write_json(base.path / "plan.json", more.to_json())
    at = visitor.open("evaluate")
    assert f"controls-{made.id}" not in components(at)
    assert "The run was changed after its controls had been planned" in words(at)
    assert "Run the fair controls" in labels(at)
    assert UNFAIR in words(visitor.open("experiments"))


def test_a_second_press_of_a_button_that_is_gone_begins_nothing(
    visitor: Visitor, dataset: Dataset, workspace: Workspace
) -> None:
    at = visitor.open("experiments", dataset=dataset.id, dataset_title=dataset.title)
    at.session_state["experiment-another"] = True
    (button,) = (each for each in at.button if each.label == BEGIN)
    button.click().run()
    assert BEGIN in labels(at)
    button.click().run()
    assert len(listed(workspace)) == 1


def test_what_could_be_begun_beside_one_that_goes_on_is_drawn_when_it_is_opened(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    faked(workspace, seeds, going(seeds.members[0]))
    at = visitor.open("experiments", dataset=dataset.id)
    assert "experiment-kinds" not in components(at)
    at.session_state["experiment-another"] = True
    assert "experiment-kinds" in components(at.run())


def test_one_that_waits_for_a_paused_run_says_so_and_leads_to_it(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    last = seeds.members[-1]
    made = faked(workspace, seeds, lambda each: State.PAUSED if each == last else 0.8, by=BROWSER)
    at = visitor.open("experiments", dataset=dataset.id)
    shown = component(at, f"progress-{made.id}")
    assert shown["below_left"] == "Seed 2 is paused: resume it on the Train page."
    assert list(shown["left"]) == []
    assert page(press(at, "Open Seed 2")) == "Train"
    assert visitor.draft.run == made.members[-1].run


def test_a_paused_run_is_not_waited_for_where_another_is_in_the_queue(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design
) -> None:
    first = seeds.members[0]
    made = faked(workspace, seeds, lambda each: State.PAUSED if each == first else State.QUEUED)
    shown = component(visitor.open("experiments", dataset=dataset.id), f"progress-{made.id}")
    assert shown["below_left"] == "Its next run waits for its turn in the queue."


def test_the_backbones_that_are_shown_are_those_that_would_be_run(
    visitor: Visitor, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = ["efficientnet-lite0", "efficientnet-lite1"]
    monkeypatch.setattr(experiment_begin, "_usual_backbones", lambda _plan: tuple(usual))
    at = visitor.open("experiments", dataset=dataset.id)
    at.session_state["experiment_kind"] = "backbones"
    at.run()
    assert at.multiselect[0].value == usual
    usual.append("efficientnet-lite2")  # downloaded meanwhile
    at.run()
    assert at.multiselect[0].value == usual[:2]
    assert cards(at)["backbones"]["note"].startswith("4 runs")


def test_controls_of_a_run_whose_photos_were_deleted_say_that_they_need_them(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, plan: Plan, make_run: RunMaker
) -> None:
    base = make_run(plan=plan)
    ended(base, 0.9)
    shutil.rmtree(workspace.dataset_dir(dataset.id))
    at = visitor.open("evaluate", run=base.id)
    assert "They need the photos that it learned from, which have been deleted." in words(at)
    assert len(at.error) == 0


def test_figures_are_there_to_take_beside_a_run_and_while_one_goes_on(
    visitor: Visitor, dataset: Dataset, workspace: Workspace, seeds: Design, plan: Plan, make_run: RunMaker
) -> None:
    faked(workspace, seeds, going(seeds.members[0]))
    assert takes(visitor.open("experiments", dataset=dataset.id)) == ["Save as CSV"]
    base = make_run(plan=replace(plan, trainable=("top",)))
    ended(base, 0.9)
    faked(workspace, design.controls(workspace, base.id), lambda _each: 0.5)
    assert takes(visitor.open("evaluate", run=base.id)).count("Save as CSV") == 1


def test_fewer_sizes_are_fewer_runs_and_are_kept_when_the_page_is_left(
    visitor: Visitor, dataset: Dataset, plan: Plan
) -> None:
    at = visitor.open("experiments", dataset=dataset.id)
    key = f"experiment-sizes-{dataset.id}"
    every = list(at.button_group(key=key).value)
    at.button_group(key=key).set_value(every[:2]).run()
    fewer = len(design.data_size(plan, dataset, sizes=every[:2]).members)
    assert cards(at)["data-size"]["note"].startswith(f"{fewer} runs")
    assert at.button_group(key=key).value == every[:2]
    at.switch_page("data.py").run()
    at.switch_page("experiments.py").run()
    assert at.button_group(key=key).value == every[:2]
    at.button_group(key=key).set_value([]).run()
    assert "So many sizes cannot be run" in at.info[0].value
    assert BEGIN not in labels(at)
