from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from page_view import (
    BROWSER,
    HOSTILE,
    RunMaker,
    Visitor,
    blocks,
    calm,
    chart,
    elements,
    html_texts,
    labels,
    markdown_texts,
    page,
    press,
    words,
)
from streamlit.testing.v1 import AppTest

from core import bin as bins
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.insight.metrics import evaluate
from core.runs.about import About, write_about
from core.runs.folder import RunFolder
from core.runs.listing import listed
from core.runs.status import State
from core.training.events import EpochRow
from core.training.plan import Plan, Recipe
from core.workspace import Workspace
from pages.ui import compare_rows
from pages.ui.compare_charts import RUN_COLOURS, spread
from pages.ui.compare_rows import MOST_AT_ONCE, NEWEST, Row, best_of, rows_of, setting_text, shown_of
from pages.ui.compare_table import CHOSEN
from pages.ui.escape import cut_apart
from tests.conftest import make_photos

ANOTHER = "f" * 32
Measured = Callable[..., RunFolder]
TABLE = re.compile(r"compare_table_")
# What a window of 1,280 px leaves for the table, and the column of the boxes in it.
TABLE_PX, CHOOSING_PX = 900, 33


@pytest.fixture
def measured(workspace: Workspace, dataset: Dataset, make_run: RunMaker) -> Measured:
    """Return a function that makes a run which was right (``+``) or wrong on each of its test photos."""
    count = 0

    def make(right: str = "++--", *, name: str = "", by: str = BROWSER, **changes: Any) -> RunFolder:
        nonlocal count
        count += 1
        run = make_run(**changes)
        write_about(run, About(count, name, by))
        said = [0 if sign == "+" else 1 for sign in right]
        rows = [f"images/{at:06}.png,0,{each},1,1\n" for at, each in enumerate(said)]
        (run.path / "test.csv").write_text("image,is,said,confidence,probability_of_true\n" + "".join(rows))
        run.write_report({
            "test": evaluate([0] * len(said), said, run.plan().dataset and changes.get("of", dataset).classes,
                             0).to_json(),
            "parameters": {"total": 1000, "trainable": 250},
        })
        return run

    return make


def table(at: AppTest) -> pd.DataFrame:
    """Return the table of runs as it was sent."""
    assert len(at.dataframe) == 1
    return at.dataframe[0].value


def listed_runs(at: AppTest) -> list[str]:
    return list(table(at)["run"])


def choose(at: AppTest, *runs: RunFolder) -> AppTest:
    """Choose runs, as a person does by the boxes of the table."""
    at.session_state[CHOSEN] = tuple(run.id for run in runs)
    return calm(at.run())


def curve_names(at: AppTest, key: str = "compare-accuracy") -> list[str]:
    return [trace["name"] for trace in chart(at, key)["data"]]


def test_without_runs_one_sentence_and_one_button_lead_on(visitor: Visitor, dataset: Dataset) -> None:
    at = visitor.open("compare")
    assert page(at) == "Compare"
    assert labels(at) == ["Go to Data"]
    assert "There are no runs yet." in words(at)
    assert len(at.dataframe) == 0
    assert page(press(visitor.open("compare", dataset=dataset.id), "Go to Train")) == "Train"


def test_the_table_says_of_each_run_what_it_is_and_what_came_of_it(
    visitor: Visitor, measured: Measured, make_run: RunMaker
) -> None:
    make_run(State.FAILED, history=[])
    measured("+++-", name="Best one")
    shown = table(visitor.open("compare"))
    first, second = shown.to_dict("records")
    assert first["run"] == "Best one"
    assert first["setting"] == "Head only · Feature extraction"
    assert first["validation"] == pytest.approx(54.0)
    assert first["test"] == pytest.approx(75.0)
    assert first["interval"] == "30.1 – 95.4%"
    assert first["share"] == pytest.approx(25.0)
    assert first["backbone"] == "EfficientNet-Lite0"
    assert (first["state"], second["state"]) == ("finished", "did not finish")
    for unknown in ("validation", "test", "interval", "share"):
        assert pd.isna(second[unknown])


def test_how_runs_stand_goes_without_saying_where_all_have_finished(
    visitor: Visitor, measured: Measured, make_run: RunMaker
) -> None:
    measured()
    assert "state" not in table(visitor.open("compare"))
    make_run(State.FAILED)
    assert list(table(visitor.open("compare"))["state"]) == ["did not finish", "finished"]


def test_the_columns_fit_at_1280_px_but_for_the_last_of_all_however_long_a_name_is(
    visitor: Visitor, measured: Measured, dataset: Dataset, make_run: RunMaker
) -> None:
    measured(name="x" * 60)
    make_run(State.STOPPED)
    for photos, beyond in ((dataset.id, 0), ("", 1)):
        at = visitor.open("compare", dataset=photos)
        names = list(table(at))
        assert names[:2] == ["run", "state"]
        widths = json.loads(at.dataframe[0].proto.columns)
        fitting = names[: len(names) - beyond]
        assert sum(widths[name]["width"] for name in fitting) <= TABLE_PX - CHOOSING_PX


def test_the_recipe_that_a_run_follows_is_named(dataset: Dataset) -> None:
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe())
    assert setting_text(plan) == "Head only · Feature extraction"
    assert setting_text(replace(plan, recipe=Recipe(epochs=3))) == "Head only"


def test_the_newest_finished_runs_on_the_same_photos_are_compared_to_begin_with(
    visitor: Visitor, measured: Measured, make_run: RunMaker
) -> None:
    for _each in range(NEWEST + 1):
        measured()
    make_run(State.FAILED)
    assert curve_names(visitor.open("compare")) == ["Run 4", "Run 3", "Run 2"]


def test_the_photos_that_are_chosen_are_looked_at_first(
    visitor: Visitor, workspace: Workspace, dataset: Dataset, measured: Measured, tmp_path: Any
) -> None:
    other = take_in(make_photos(tmp_path / "more", each=9), workspace)
    measured()
    measured(of=other)
    at = visitor.open("compare", dataset=dataset.id)
    assert listed_runs(at) == ["Run 1"]
    assert "photos" not in table(at)
    at.selectbox(key="compare_photos").set_value("").run()
    assert listed_runs(calm(at)) == ["Run 2", "Run 1"]
    assert list(table(at)["photos"]) == ["more", "colours"]
    assert curve_names(at) == ["Run 1"]
    assert page(visitor.open("compare", dataset="")) == "Compare"


def test_runs_are_searched_by_all_their_words(visitor: Visitor, measured: Measured, dataset: Dataset) -> None:
    measured(name="Best one")
    measured(plan=Plan(dataset.id, dataset.title, "resnet50"))
    at = visitor.open("compare")
    at.text_input(key="compare_words").set_value("RESNET finished").run()
    assert listed_runs(calm(at)) == ["Run 2"]
    assert "Chosen and not in the list just now: 1." in words(at)
    assert curve_names(at) == ["Run 2", "Best one"]
    at.text_input(key="compare_words").set_value("nothing like this").run()
    assert "No run fits these filters." in words(calm(at))


def test_runs_of_experiments_are_left_out_unless_asked_for(
    workspace: Workspace, measured: Measured
) -> None:
    alone, part = measured(), measured()
    rows = rows_of([
        replace(run, experiment="one" if run.id == part.id else "") for run in listed(workspace)
    ])
    without = shown_of(rows, dataset="", words="", experiments=False)
    assert [row.id for row in without] == [alone.id]
    assert len(shown_of(rows, dataset="", words="", experiments=True)) == 2


def test_the_switch_for_experiments_is_there_with_them_alone(
    visitor: Visitor, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured()
    part = measured()
    assert len(visitor.open("compare").toggle) == 0
    monkeypatch.setattr(Row, "of_experiment", property(lambda row: row.id == part.id))
    at = visitor.open("compare")
    assert listed_runs(at) == ["Run 1"]
    at.toggle[0].set_value(True).run()
    assert listed_runs(calm(at)) == ["Run 2", "Run 1"]


def test_the_table_begins_with_the_chosen_rows_and_is_another_for_another_list(
    visitor: Visitor, measured: Measured
) -> None:
    runs = [measured() for _each in range(3)]
    at = choose(visitor.open("compare"), runs[0])
    at.text_input(key="compare_words").set_value("run").run()
    before = at.dataframe[0].proto.id
    assert TABLE.search(before)
    at.text_input(key="compare_words").set_value("1").run()
    assert calm(at).dataframe[0].proto.id != before


def test_without_a_choice_a_sentence_says_what_to_do(visitor: Visitor, measured: Measured) -> None:
    measured()
    at = choose(visitor.open("compare"))
    assert "Choose rows to compare them." in words(at)
    assert not [each for each in elements(at) if each.type == "plotly_chart"]


def test_what_finishes_after_the_page_was_first_looked_at_is_compared_by_itself(
    visitor: Visitor, measured: Measured, make_run: RunMaker
) -> None:
    run = make_run(State.TRAINING)
    at = visitor.open("compare")
    assert "Choose rows to compare them." in words(at)
    run.write_status(run.status().ending(State.FINISHED))
    assert curve_names(calm(at.run())) == ["Run 1"]


def test_more_runs_than_colours_are_not_drawn_at_once(visitor: Visitor, measured: Measured) -> None:
    runs = [measured() for _each in range(MOST_AT_ONCE + 1)]
    at = choose(visitor.open("compare"), *runs)
    assert len(curve_names(at)) == MOST_AT_ONCE
    assert f"The newest {MOST_AT_ONCE} of the chosen runs are compared" in words(at)


def test_curves_carry_name_colour_and_marker_of_their_run(visitor: Visitor, measured: Measured) -> None:
    measured()
    measured(name="Best one")
    at = visitor.open("compare")
    for key, first in (("compare-accuracy", 52.0), ("compare-loss", 1.2)):
        drawn = chart(at, key)
        assert [trace["name"] for trace in drawn["data"]] == ["Best one", "Run 1"]
        assert drawn["data"][0]["y"][0] == pytest.approx(first)
        assert [trace["line"]["color"] for trace in drawn["data"]] == list(RUN_COLOURS["light"][:2])
        assert len({trace["marker"]["symbol"] for trace in drawn["data"]}) == 2
        assert [(each["text"], each["x"]) for each in drawn["layout"]["annotations"]] == [
            ("Best one", 2), ("Run 1", 2)]


def test_without_validation_no_empty_chart_is_drawn(
    visitor: Visitor, measured: Measured, make_run: RunMaker
) -> None:
    make_run(history=[])
    at = visitor.open("compare")
    assert words(at).count("Validation figures are not available.") == 2
    assert not [each for each in elements(at) if each.type == "plotly_chart"]


def test_names_at_the_ends_do_not_lie_on_each_other() -> None:
    heights = spread({0: (10, 50.0), 1: (10, 51.0), 2: (10, 80.0), 3: (2, 50.0)}, near=3, gap=5)
    assert heights == {2: 80.0, 1: 51.0, 0: 46.0, 3: 50.0}


def test_names_at_the_ends_do_not_fall_below_the_axis() -> None:
    low = spread({0: (10, 0.10), 1: (10, 0.12), 2: (10, 0.14), 3: (10, 1.0)}, near=3, gap=0.2)
    assert low == pytest.approx({0: 0.0, 1: 0.2, 2: 0.4, 3: 1.0})


def test_a_run_is_called_under_the_pointer_what_it_is_called_whatever_that_reads_like(
    visitor: Visitor, measured: Measured
) -> None:
    measured(name="%{y} at %{x}")
    (trace,) = chart(visitor.open("compare"), "compare-accuracy")["data"]
    assert set(trace["customdata"]) == {"%{y} at %{x}"}
    assert "%{y} at" not in trace["hovertemplate"]


def test_runs_whose_names_begin_alike_are_told_apart_everywhere(
    visitor: Visitor, measured: Measured
) -> None:
    names = [f"about 40 a class, {role}, seed {seed}" for role in ("transfer", "from scratch")
             for seed in (3, 4)]
    runs = [measured(name=each) for each in names]
    at = choose(visitor.open("compare"), *runs)
    assert curve_names(at) == names[::-1]
    ends = [each["text"] for each in chart(at, "compare-accuracy")["layout"]["annotations"]]
    assert ends == ["Run 4", "Run 3", "Run 2", "Run 1"]
    assert chart(at, "compare-test")["layout"]["yaxis"]["ticktext"][:4] == names[::-1]


def test_a_name_that_is_cut_keeps_the_end_that_tells_it_apart() -> None:
    assert cut_apart(["Probe: EfficientNet-Lite0", "Probe: EfficientNet-Lite1", "Run 1"], 14) == [
        "Probe:…t-Lite0", "Probe:…t-Lite1", "Run 1"]
    assert cut_apart(["a long name", "another one"], 6) == ["a lon…", "anoth…"]
    assert cut_apart(["same", "same"], 6) == ["same", "same"]


def test_losses_that_measure_different_things_are_called_so(
    visitor: Visitor, measured: Measured, dataset: Dataset
) -> None:
    smooth = Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(label_smoothing=0.1))
    measured()
    measured()
    assert "cannot be compared" not in words(visitor.open("compare"))
    measured(plan=smooth)
    assert "Losses with different label smoothing cannot be compared" in words(visitor.open("compare"))


def test_only_what_differs_is_shown_and_the_rest_can_be_opened(
    visitor: Visitor, measured: Measured, dataset: Dataset
) -> None:
    measured(plan=Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(epochs=3)))
    measured(plan=Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(augment="light")))
    at = visitor.open("compare")
    differs, rest = (each for each in html_texts(at) if "thaw-choices" in each)
    rows = re.findall(r'<th scope="row">(.*?)</th>', differs)
    assert rows == ["Epochs", "Augmentation"]
    assert ">10</td>" in differs
    assert "<b style" in differs.split("Epochs")[1]
    assert re.findall(r">Views a photo</th>(.*?)</tr>", rest)[0].count("–") == 1
    assert "The rest is the same: Photos, Number of photos" in words(at)
    assert "<b style" not in rest


def test_equal_settings_are_called_so(visitor: Visitor, measured: Measured) -> None:
    measured()
    measured()
    assert "These runs have the same settings." in words(visitor.open("compare"))


def test_test_accuracies_stand_on_one_axis_with_intervals_and_their_control(
    visitor: Visitor, measured: Measured, make_run: RunMaker
) -> None:
    make_run()
    measured("+++-")
    at = visitor.open("compare")
    drawn = chart(at, "compare-test")
    assert drawn["layout"]["yaxis"]["ticktext"] == ["Run 1", "Run 1 (2)", "Always “blue”"]
    shown = drawn["data"][0]
    assert shown["x"] == [75.0]
    assert shown["x"][0] - shown["error_x"]["arrayminus"][0] == pytest.approx(30.06, abs=0.01)
    assert drawn["data"][1]["x"] == [100.0]
    assert "Not available: Run 1 (2)." in words(at)


def test_runs_that_were_not_measured_have_no_axis_and_no_0(visitor: Visitor, make_run: RunMaker) -> None:
    make_run()
    make_run()
    at = visitor.open("compare")
    assert "none of these runs was measured on the test photos" in words(at)
    assert "It takes two runs that were measured" in words(at)
    assert "test accuracies stand here" not in words(at)


def test_two_runs_are_told_apart_by_a_paired_test_in_a_sentence(visitor: Visitor, measured: Measured) -> None:
    measured("+" * 38 + "-" * 12 + "+" * 203)
    measured("-" * 38 + "+" * 12 + "+" * 203)
    text = words(visitor.open("compare"))
    assert ("Run 1 is right on 38 photos that Run 2 gets wrong, the other way round on 12 (of 253): that is "
            "hardly chance (p = 0.0003).") in text
    assert "2 test accuracies stand here." in text


def test_of_several_the_best_by_validation_is_compared_with_the_others_unless_another_is_chosen(
    visitor: Visitor, measured: Measured, workspace: Workspace
) -> None:
    measured("+++++")
    best = measured("-----", history=[EpochRow(1, "fit", 1.0, 0.5, 1.0, 0.9, 1e-3, 2.0)])
    last = measured("++++-")
    assert best_of(rows_of(listed(workspace))).id == best.id  # type: ignore[union-attr]
    at = visitor.open("compare")
    text = words(at)
    assert "Run 1 is right on 5 photos that Run 2 gets wrong" in text
    assert "corrected for 2 comparisons after Holm" in text
    box = next(each for each in at.selectbox if each.label == "Compared with the others")
    box.set_value(last.id).run()
    assert "Run 1 is right on 1 photo that Run 3 gets wrong" in words(calm(at))


def test_runs_on_other_photos_are_not_compared_and_it_is_said(
    visitor: Visitor, measured: Measured, workspace: Workspace, tmp_path: Any
) -> None:
    other = take_in(make_photos(tmp_path / "more", each=9), workspace)
    one, two = measured(), measured(of=other)
    at = choose(visitor.open("compare"), one, two)
    assert "They were measured on different sets of photos." in words(at)
    assert "Losses on different photos cannot be compared." in words(at)
    assert "“Always” is what naming" in words(at)


def test_what_is_not_drawn_is_not_explained(visitor: Visitor, measured: Measured) -> None:
    one = measured()
    other = measured()
    figures = evaluate([1] * 4, [1] * 4, ("blue", "red"), 1)
    other.write_report({"test": figures.to_json(), "parameters": {"total": 1000, "trainable": 250}})
    at = choose(visitor.open("compare"), one, other)
    assert len(chart(at, "compare-test")["layout"]["yaxis"]["ticktext"]) == 2
    assert "Lines are 95% intervals (Wilson)." in words(at)
    assert "“Always”" not in words(at)


def test_whether_it_is_really_learning_is_asked_of_a_run_by_name_beside_others(
    visitor: Visitor, measured: Measured
) -> None:
    measured()
    assert "Is it really learning?" in words(visitor.open("compare"))
    measured(name="Best *one*", history=[EpochRow(1, "fit", 1.0, 0.5, 1.0, 0.9, 1e-3, 2.0)])
    at = visitor.open("compare")
    assert "Is Best *one* really learning?" in [each.value.replace("\\", "") for each in at.subheader]
    assert "Best *one*" not in " ".join(each.value for each in at.subheader)


def test_a_chosen_run_is_named(visitor: Visitor, measured: Measured) -> None:
    measured()
    at = visitor.open("compare")
    box = next(each for each in at.text_input if each.label == "Name of this run")
    box.set_value("Best one").run()
    assert listed_runs(calm(at)) == ["Best one"]
    box = next(each for each in at.text_input if each.label == "Name of this run")
    box.set_value("x" * 500).run()
    assert "This name is too long" in calm(at).error[0].value.replace("\\", "")


def test_a_deleted_run_is_brought_back_and_is_chosen_as_before(
    visitor: Visitor, measured: Measured, workspace: Workspace
) -> None:
    measured()
    measured(name="Best one")
    at = press(visitor.open("compare"), "Delete this run")
    assert listed_runs(at) == ["Run 1"]
    assert "Best one is in the bin for 30 days." in words(at)
    at.text_input(key="compare_words").set_value("run").run()
    at = press(at, "Undo")
    assert bins.binned(workspace) == []
    at.text_input(key="compare_words").set_value("").run()
    assert curve_names(calm(at)) == ["Best one", "Run 1"]
    assert "Undo" not in labels(at)


def test_the_last_run_too_is_brought_back(visitor: Visitor, measured: Measured) -> None:
    measured()
    at = press(visitor.open("compare"), "Delete this run")
    assert "There are no runs yet." in words(at)
    assert listed_runs(press(at, "Undo")) == ["Run 1"]


def test_each_run_has_a_button_of_its_own_so_that_a_second_press_deletes_no_other(
    visitor: Visitor, measured: Measured
) -> None:
    measured()
    measured()
    at = visitor.open("compare")
    before = delete_id(at)
    assert delete_id(press(at, "Delete this run")) != before


def delete_id(at: AppTest) -> str:
    """Return what the browser sends where the button is pressed that deletes a run."""
    (button,) = (each for each in at.button if each.label == "Delete this run")
    return str(button.proto.id)


def test_what_is_back_already_is_not_brought_back_again(
    visitor: Visitor, measured: Measured, workspace: Workspace
) -> None:
    measured()
    gone = measured()
    at = press(visitor.open("compare"), "Delete this run")
    bins.restore(workspace, bins.RUN, gone.id)  # what the first press of two has done
    del at.session_state["compare_undo"]
    (undo,) = (each for each in at.button if each.label == "Undo")
    undo.click().run()
    assert len(calm(at).error) == 0


def test_undo_is_offered_until_the_next_deletion_and_not_after_another_page(
    visitor: Visitor, measured: Measured
) -> None:
    for _each in range(3):
        measured()
    at = press(press(visitor.open("compare"), "Delete this run"), "Delete this run")
    assert "Run 2 is in the bin" in words(at)
    assert labels(at).count("Undo") == 1
    at.switch_page("data.py").run()
    at.switch_page("compare.py").run()
    assert "Undo" not in labels(calm(at))


def test_what_can_no_longer_be_brought_back_is_said(
    visitor: Visitor, measured: Measured, workspace: Workspace
) -> None:
    measured()
    measured()
    at = press(visitor.open("compare"), "Delete this run")
    bins.empty(workspace)
    assert "It is no longer there" in press(at, "Undo").error[0].value.replace("\\", "")


def test_a_run_of_somebody_else_is_deleted_after_a_question_only(
    visitor: Visitor, measured: Measured, workspace: Workspace
) -> None:
    measured(by=ANOTHER)
    at = press(visitor.open("compare"), "Delete this run")
    assert any(each.type == "dialog" for each in blocks(at))
    assert len(listed(workspace)) == 1
    at = press(at, "Delete it")
    assert listed(workspace) == []
    assert "Undo" in labels(at)


def test_a_run_that_goes_on_is_not_deleted(visitor: Visitor, make_run: RunMaker) -> None:
    run = make_run(State.TRAINING)
    at = choose(visitor.open("compare"), run)
    assert next(each for each in at.button if each.label == "Delete this run").disabled


def test_damaged_files_of_a_run_leave_the_page_standing(visitor: Visitor, measured: Measured) -> None:
    run = measured()
    measured()
    (run.path / "history.csv").write_text("epoch\nx\n")
    (run.path / "report.json").write_text("{")
    (run.path / "test.csv").write_text("{")
    at = visitor.open("compare")
    assert listed_runs(at) == ["Run 2", "Run 1"]
    assert "damaged" in at.error[0].value


def test_names_from_outside_are_text_in_every_element(
    visitor: Visitor, hostile: Dataset, measured: Measured
) -> None:
    measured("+++-", of=hostile, name=HOSTILE[:60])
    measured("+---", of=hostile, name=HOSTILE[:60], plan=Plan("other", HOSTILE, "efficientnet-lite0"))
    at = visitor.open("compare", dataset="")
    at = choose(at, *(row.run.folder for row in rows_of(listed(visitor.workspace))))
    assert [text for _field, text in markdown_texts(at) if "![" in text] == []
    assert "<img src=x" not in "".join(html_texts(at))
    for key in ("compare-accuracy", "compare-loss"):
        assert all("<img" not in name for name in curve_names(at, key))
        assert all("<img" not in each["text"] for each in chart(at, key)["layout"]["annotations"])
    assert all("<img" not in name for name in chart(at, "compare-test")["layout"]["yaxis"]["ticktext"])
    at = press(at, "Delete this run")
    assert [text for _field, text in markdown_texts(at) if "![" in text] == []


def test_a_list_of_many_is_read_once(
    visitor: Visitor, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _each in range(3):
        measured()
    compare_rows.setting_text.cache_clear()
    at = visitor.open("compare")
    calm(at.run())
    assert compare_rows.setting_text.cache_info().misses == 1
