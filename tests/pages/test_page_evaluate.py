from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from page_view import (
    BROWSER,
    PATIENCE_S,
    RunMaker,
    Visitor,
    calm,
    chart,
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

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput, ThawError
from core.insight.metrics import Evaluation, evaluate
from core.insight.predictions import Predictions
from core.insight.rates import rates
from core.jobs import Jobs
from core.runs import studied
from core.runs.about import About, write_about
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.work import evaluation_of
from core.studies import evaluating
from core.studies.target import Target, chosen
from core.training.plan import Plan
from core.training.start import RUN, Start
from core.workspace import Workspace
from pages.ui import evaluate_result, result_classes
from pages.ui.charts import COLOURS
from pages.web.files import thumb_url
from tests.conftest import make_photos

FIGURES = evaluate([0] * 50 + [1] * 30, [0] * 45 + [1] * 5 + [1] * 24 + [0] * 6, ["blue", "red"], 0)


def with_figures(run: RunFolder, figures: Evaluation = FIGURES) -> RunFolder:
    run.write_report({"version": 1, "test": figures.to_json()})
    return run


def answered(run: RunFolder, of: Dataset, split: str = "test", other: str = "") -> RunFolder:
    """Keep what the model said: always the first class, 60% sure of it where it is so, else 80%."""
    target = Target(other, split)
    photos = chosen(Workspace.open(run.path.parents[1]), run, target)
    chances = np.array([[0.6, 0.4] if label == 0 else [0.8, 0.2] for label in photos.labels], np.float32)
    said = Predictions(of.classes, tuple(item.path for item in photos.items), photos.labels, chances)
    studied.keep_predictions(run, target.key, said)
    if target == Target():
        figures = evaluate(said.labels.tolist(), said.said.tolist(), of.classes, 0)
        with_figures(run, figures)
    return run


def charts(at: AppTest) -> set[str]:
    """Return the keys of the charts on the page."""
    return {str(each.key) for each in elements(at) if each.type == "plotly_chart"}


def wait_for(jobs: Jobs) -> None:
    """Wait until all that was begun in the background has ended."""
    for _each in range(PATIENCE_S * 100):
        if all(each.state != "running" for each in jobs.snapshots()):
            return
        time.sleep(0.01)
    raise AssertionError("the work did not end")


def test_without_a_model_the_page_is_closed_with_one_way_to_open_it(
    visitor: Visitor, dataset: Dataset, make_run: RunMaker
) -> None:
    make_run(State.FAILED)
    at = visitor.open("evaluate", dataset=dataset.id)
    assert labels(at) == ["Go to Train"]
    assert "Train a model first" in words(at)
    assert page(press(at, "Go to Train")) == "Train"


def test_the_figures_are_those_of_the_report_with_interval_and_number(
    visitor: Visitor, make_run: RunMaker
) -> None:
    run = with_figures(make_run())
    found = evaluation_of(run)
    assert found is not None
    text = words(visitor.open("evaluate"))
    assert "How Run 1 does, what it mixes up, and what it looks at." in text
    assert "Right on the first guess 86.2% 69 of 80 test photos" in text
    assert f"for Run 1 from {found.accuracy.low:.1%} to {found.accuracy.high:.1%}" in text


def test_that_the_photos_were_seen_before_is_said(visitor: Visitor, make_run: RunMaker) -> None:
    run = with_figures(make_run())
    assert "were looked at" not in words(visitor.open("evaluate"))
    run.write_report({**(run.report() or {}), "test_looks": 2})
    text = words(visitor.open("evaluate"))
    assert "These photos were looked at 2 times for this run" in text
    assert "by validation" in text


def test_the_overall_chart_compares_with_always_saying_the_commonest_class(
    visitor: Visitor, make_run: RunMaker
) -> None:
    with_figures(make_run())
    drawn = chart(visitor.open("evaluate"), "overall")
    points = drawn["data"][-1]
    assert points["x"] == [86.25, 62.5]
    assert drawn["layout"]["yaxis"]["ticktext"] == ["Run 1", "Always “blue”"]
    assert points["marker"]["color"] == [COLOURS["light"]["ember"], COLOURS["light"]["quiet"]]
    line = drawn["data"][0]["x"]
    assert line == [100 * FIGURES.accuracy.low, 100 * FIGURES.accuracy.high]


def test_the_matrix_counts_rows_as_what_it_is(visitor: Visitor, make_run: RunMaker) -> None:
    run = with_figures(make_run())
    drawn = component(visitor.open("evaluate"), f"matrix-{run.id}-own-test")
    assert drawn["names"] == ["blue", "red"]
    assert [(each["row"], each["column"], each["text"]) for each in drawn["cells"]] == [
        (0, 0, "45"), (0, 1, "5"), (1, 0, "6"), (1, 1, "24"),
    ]
    assert drawn["cells"][1]["label"] == "is blue, said red: 5 of 50, 10.0%"
    assert [each["shade"] for each in drawn["cells"]] == [0.9, 0.1, 0.2, 0.8]


def test_the_matrix_shows_shares_of_its_rows_where_they_are_asked_for(
    visitor: Visitor, make_run: RunMaker
) -> None:
    run = with_figures(make_run())
    at = visitor.open("evaluate")
    at.session_state["mixups-form"] = "shares"
    drawn = component(calm(at.run()), f"matrix-{run.id}-own-test")
    assert [each["text"] for each in drawn["cells"]] == ["90%", "10%", "20%", "80%"]


def test_a_chosen_cell_shows_its_photos_and_how_sure_it_was(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    run = answered(make_run(), dataset)
    at = visitor.open("evaluate")
    at.session_state[f"matrix-{run.id}-own-test-chosen-cell"] = (1, 0)
    calm(at.run())
    assert "Is red, said blue: 1 photo" in words(at)
    places = [at for at, item in enumerate(dataset.items) if item.split == "test" and item.label == 1]
    grid = [each for each in html_texts(at) if "thaw-thumbs" in each]
    assert len(grid) == 1
    assert f'src="{thumb_url(dataset.id, places[0])}"' in grid[0]
    assert "80% sure" in grid[0]


def test_where_the_answers_were_not_kept_the_page_says_so_and_offers_to_look_again(
    visitor: Visitor, make_run: RunMaker
) -> None:
    run = with_figures(make_run())
    at = visitor.open("evaluate")
    at.session_state[f"matrix-{run.id}-own-test-chosen-cell"] = (0, 1)
    calm(at.run())
    assert "Which photos these are was not kept" in words(at)
    assert "Look at them again" in labels(at)
    assert f"roc-{run.id}-own-test" not in charts(at)


def test_answers_that_mix_up_others_than_the_figures_say_are_not_shown(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    run = answered(make_run(test=True), dataset)
    said = evaluate([0, 1], [0, 0], dataset.classes, 0)
    assert evaluation_of(run) == said
    # As many are right, of the other class.
    with_figures(run, evaluate([0, 1], [1, 1], dataset.classes, 0))
    at = visitor.open("evaluate")
    assert "was not kept, so there are no curves" in words(at)
    assert f"roc-{run.id}-own-test" not in charts(at)


def test_what_takes_long_to_count_is_counted_once(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_figures(make_run(), evaluate([0] * 7 + [1] * 5, [0] * 6 + [1] * 6, ["blue", "red"], 0))
    counted: list[object] = []
    monkeypatch.setattr(
        evaluate_result, "rates", lambda *given: counted.append(given) or rates(*given))
    at = visitor.open("evaluate")
    calm(at.run())
    calm(at.run())
    assert len(counted) == 1


def test_the_file_of_figures_has_columns_in_words() -> None:
    found = rates(FIGURES.classes, FIGURES.confusion)
    first, _second = result_classes._named_columns(result_classes._rows(found, None))
    assert list(first) == [
        "class", "photos", "said to be of it", "precision", "precision, 95% from", "precision, 95% to",
        "recall", "recall, 95% from", "recall, 95% to", "F1", "F1, 95% from", "F1, 95% to"]
    assert first["recall"] == pytest.approx(0.9)


def test_figures_stay_where_the_photos_are_gone(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset, tmp_path: Path
) -> None:
    run = with_figures(make_run())
    dataset.folder.rename(tmp_path / "elsewhere")
    at = visitor.open("evaluate")
    assert "69 of 80 test photos" in words(at)
    assert "not in the workspace any more" in words(at)
    assert "Look at them again" not in labels(at)
    assert len(component(at, f"matrix-{run.id}-own-test")["cells"]) == 4


def test_kept_answers_bring_curves_and_calibration(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    run = answered(make_run(), dataset)
    at = visitor.open("evaluate")
    assert "Look at them again" not in labels(at)
    found = charts(at)
    key = f"{run.id}-own-test"
    assert {f"roc-{key}", f"precision-recall-{key}", f"reliability-{key}"} <= found
    drawn = chart(at, f"reliability-{key}")["data"][1]
    assert drawn["x"] == [pytest.approx(60), pytest.approx(80)]
    assert drawn["y"] == [100.0, 0.0]
    assert "Calibrate" in labels(at)


def test_a_fitted_temperature_is_shown_before_and_after(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    run = answered(make_run(), dataset)
    studied.keep_record(
        run, "temperature", {"value": 2.0, "images": 2, "loss_before": 1.0, "loss_after": 0.5})
    at = visitor.open("evaluate")
    text = words(at)
    assert "Temperature **2.00**, fitted on 2 validation photos, makes it less sure." in text
    assert "Calibrate" not in labels(at)
    guessing, before, after = chart(at, f"reliability-{run.id}-own-test")["data"]
    assert guessing["x"] == [0, 100]
    assert before["x"] == [pytest.approx(60), pytest.approx(80)]
    # At the temperature 2 the odds are the square roots of what they were.
    assert after["x"] == [pytest.approx(100 / (1 + (2 / 3) ** 0.5)), pytest.approx(100 * 2 / 3)]


def test_balanced_accuracy_and_macro_f1_stand_with_their_intervals(
    visitor: Visitor, make_run: RunMaker
) -> None:
    with_figures(make_run())
    found = rates(FIGURES.classes, FIGURES.confusion)
    text = words(visitor.open("evaluate"))
    for name, figure in (("balanced accuracy", found.balanced), ("macro F1", found.macro_f1)):
        assert figure.low is not None
        assert f"{figure.value:.1%} {name}, {figure.low:.1%} to {figure.high:.1%}" in text


def test_the_table_has_every_class_with_its_figures(visitor: Visitor, make_run: RunMaker) -> None:
    with_figures(make_run())
    table = visitor.open("evaluate").dataframe[0].value
    assert table["Class"].tolist() == ["blue", "red"]
    assert table["Photos"].tolist() == [50, 30]
    assert table["Precision"].tolist() == pytest.approx([100 * 45 / 51, 100 * 24 / 29])
    assert table["Recall"].tolist() == pytest.approx([90, 80])
    assert table["F1"].tolist() == pytest.approx([100 * 90 / 101, 100 * 48 / 59])
    low, high = table["recall_between"].tolist()[0].split("–")
    assert 0 < float(low) < 90 < float(high) < 100


def test_areas_under_curves_are_in_a_table_of_their_own(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    answered(make_run(), dataset)
    shares, areas = (each.value for each in visitor.open("evaluate").dataframe)
    assert list(shares)[2:] == [
        "Precision", "precision_between", "Recall", "recall_between", "F1", "f1_between"]
    assert list(areas) == ["Class", "Photos", "AUC", "auc_between", "AP", "ap_between"]


def test_other_splits_are_looked_at_on_request_and_say_what_they_are_worth(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    run = with_figures(make_run())
    at = visitor.open("evaluate")
    at.session_state["result-target"] = "validation"
    calm(at.run())
    assert "chosen by these photos" in words(at)
    assert "Measure on these photos" in labels(at)
    answered(run, dataset, "validation")
    calm(at.run())
    assert "1 of 2 validation photos" in words(at)
    at.session_state["result-target"] = "train"
    assert "has learned from these photos" in words(calm(at.run()))


def test_other_photos_say_which_classes_are_unknown_and_what_is_left_out(
    visitor: Visitor, make_run: RunMaker, workspace: Workspace, tmp_path: Path, dataset: Dataset
) -> None:
    run = with_figures(make_run())
    at = visitor.open("evaluate")
    at.session_state["result-target"] = "others"
    calm(at.run())
    assert "Measure on these photos" not in labels(at)
    other = take_in(make_photos(tmp_path / "other", each=10, classes=("blue", "green", "red")), workspace)
    calm(at.run())
    assert at.selectbox(key="result-others").options == [f"other · 30 photos · {other.created[:10]}"]
    # What nobody has chosen is not judged.
    assert at.selectbox(key="result-others").value is None
    text = words(calm(at.selectbox(key="result-others").set_value(other.id).run()))
    assert "does not know the classes green; 10 photos of them are left out" in text
    assert "has learned from" in text
    assert "Measure on these photos" in labels(at)
    answered(run, dataset, "all", other.id)
    photos = chosen(workspace, run, Target(other.id, "all"))
    right = int((photos.labels == 0).sum())
    assert f"{right} of {len(photos.items)} photos of “other”" in words(calm(at.run()))


def test_test_photos_that_a_run_before_learned_from_are_said_to_be_so(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    """The other dataset has the same photos, divided by other chance, and trains on what is tested here."""
    test = {item.digest for item in dataset.of_split("test")}
    other = replace(dataset, items=tuple(
        replace(item, split="train" if item.digest in test else item.split) for item in dataset.items))
    folder = dataset.folder.with_name("another")
    shutil.copytree(dataset.folder, folder)
    datasets.save(other, folder)
    before = make_run(of=datasets.load(folder))
    weights = Start(RUN, before.id)
    run = make_run(plan=Plan(dataset.id, dataset.title, "efficientnet-lite0", weights=weights), test=True)
    answered(run, dataset)
    sentence = "has learned from 2 of these photos, itself or in a run that it goes on from"
    assert sentence in words(visitor.open("evaluate", run=run.id))
    shutil.rmtree(before.path)
    text = words(visitor.open("evaluate", run=run.id))
    assert sentence not in text
    assert "whether some of them are among these is not known" in text


def test_a_folder_on_this_machine_is_taken_in_and_chosen(
    visitor: Visitor, make_run: RunMaker, tmp_path: Path
) -> None:
    with_figures(make_run())
    make_photos(tmp_path / "elsewhere", each=4)
    at = visitor.open("evaluate")
    at.session_state["result-target"] = "others"
    calm(at.run())
    at.text_input[0].set_value(str(tmp_path / "elsewhere"))
    press(at, "Take it in")
    wait_for(visitor.service.jobs)
    calm(at.run())
    assert at.selectbox(key="result-others").options[0].startswith("elsewhere · 8 photos")
    assert visitor.draft.dataset != at.selectbox(key="result-others").value


def test_a_folder_that_is_not_there_is_said_in_place(visitor: Visitor, make_run: RunMaker) -> None:
    with_figures(make_run())
    at = visitor.open("evaluate")
    at.session_state["result-target"] = "others"
    calm(at.run())
    at.text_input[0].set_value("/nowhere/at/all")
    press(at, "Take it in")
    wait_for(visitor.service.jobs)
    assert len(calm(at.run()).error) == 1
    assert len(press(at, "Close").error) == 0
    press(at, "Take it in")
    wait_for(visitor.service.jobs)
    assert len(calm(at.run()).error) == 1


def test_classes_come_best_first_with_their_number_of_photos(visitor: Visitor, make_run: RunMaker) -> None:
    with_figures(make_run())
    drawn = chart(visitor.open("evaluate"), "by-class")
    assert drawn["layout"]["yaxis"]["ticktext"] == ["blue (50)", "red (30)"]
    assert drawn["data"][-1]["x"] == [90.0, 80.0]


def test_a_class_without_test_photos_has_no_figure_rather_than_0(
    visitor: Visitor, make_run: RunMaker
) -> None:
    with_figures(make_run(), evaluate([0, 0], [0, 1], ["blue", "red"], 0))
    drawn = chart(visitor.open("evaluate"), "by-class")
    assert drawn["layout"]["yaxis"]["ticktext"] == ["blue (2)", "red (0)"]
    assert drawn["data"][-1]["x"] == [50.0]


def test_what_was_not_measured_is_measured_on_request(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(State.STOPPED)

    def looked(_workspace: object, folder: RunFolder, target: Target, _progress: object) -> None:
        assert target == Target("", "test")
        with_figures(folder)

    monkeypatch.setattr(evaluating, "looked", looked)
    at = visitor.open("evaluate")
    assert labels(at) == ["Measure on the test photos"]
    assert "have not been looked at for Run 1 yet" in words(at)
    press(at, "Measure on the test photos")
    wait_for(visitor.service.studies)
    assert "69 of 80 test photos" in words(calm(at.run()))
    assert evaluation_of(run) is not None


def test_photos_that_are_gone_are_said_in_place(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset, tmp_path: Path
) -> None:
    make_run(State.STOPPED)
    dataset.folder.rename(tmp_path / "elsewhere")
    said = visitor.open("evaluate").error[0].value
    assert "photos that this run learned from are not in this workspace" in said


def test_a_dataset_without_test_photos_is_said_and_not_measured_as_0(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset
) -> None:
    make_run(State.STOPPED)
    kept = tuple(item for item in dataset.items if item.split != "test")
    datasets.save(replace(dataset, items=kept), dataset.folder)
    at = visitor.open("evaluate")
    assert "no test photos" in at.info[0].value
    assert labels(at) == []


@pytest.mark.parametrize("error", [BadInput("The model file cannot be read."), ThawError("Not now.")])
def test_an_error_while_measuring_leaves_the_page_standing(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch, error: ThawError
) -> None:
    def fail(*_given: object) -> None:
        raise error

    make_run(State.STOPPED)
    monkeypatch.setattr(evaluating, "looked", fail)
    at = press(visitor.open("evaluate"), "Measure on the test photos")
    wait_for(visitor.service.studies)
    calm(at.run())
    assert error.what.rstrip(".") in at.error[0].value
    assert page(at) == "Evaluate"


def test_damaged_figures_are_said_in_place(visitor: Visitor, make_run: RunMaker) -> None:
    make_run().write_report({"version": 1, "test": {"classes": 3}})
    at = visitor.open("evaluate")
    assert "cannot be read" in at.error[0].value


def test_runs_of_experiments_are_no_models_to_choose_among_but_for_the_chosen_one(
    visitor: Visitor, make_run: RunMaker
) -> None:
    first, second, part = (make_run(test=True) for _each in range(3))
    for number, run in enumerate((first, second, part), start=1):
        write_about(run, About(number, "", BROWSER, "seeds-1" if run == part else ""))
    experiment = visitor.workspace.experiments / "seeds-1"
    experiment.mkdir(parents=True)
    (experiment / "experiment.json").write_text("{}")
    assert offered(visitor.open("evaluate")) == ["Run 2", "Run 1"]
    assert offered(visitor.open("evaluate", run=part.id)) == ["Run 3", "Run 2", "Run 1"]


def offered(at: AppTest) -> list[str]:
    """Return the names of the runs in the box."""
    return [each.split(" · ")[0] for each in at.selectbox(key="look_at").options]


def test_of_several_models_the_one_to_look_at_is_chosen(visitor: Visitor, make_run: RunMaker) -> None:
    first = with_figures(make_run())
    make_run(State.FAILED)
    make_run(test=True)
    at = visitor.open("evaluate")
    assert [each.split(" ·")[0] for each in at.selectbox[0].options] == ["Run 3", "Run 1"]
    at.selectbox[0].set_value(first.id).run()
    assert "69 of 80" in words(calm(at))
    assert visitor.draft.run == first.id


def test_names_from_outside_are_text_in_every_element(
    visitor: Visitor, hostile: Dataset, make_run: RunMaker
) -> None:
    make_run(of=hostile, test=True)
    run = answered(make_run(of=hostile, test=True), hostile)
    at = visitor.open("evaluate", dataset=hostile.id)
    assert [text for _field, text in markdown_texts(at) if "![" in text] == []
    assert "<img src=x" not in "".join(html_texts(at))
    for key in ("overall", "by-class"):
        axis = chart(at, key)["layout"]["yaxis"]
        assert all("<img" not in label for label in axis["ticktext"])
    for each in chart(at, f"roc-{run.id}-own-test")["data"]:
        assert "<img" not in json.dumps([each.get("name"), each.get("customdata")])
    assert components(at) == {f"matrix-{run.id}-own-test"}


def test_the_page_leads_on_to_predict(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_figures(make_run())
    assert page(press(visitor.open("evaluate"), "Try it on new photos")) == "Predict"


@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_a_damaged_newer_run_does_not_hide_the_models_of_the_others(
    visitor: Visitor, make_run: RunMaker, name: str
) -> None:
    with_figures(make_run())
    (make_run().path / "status.json").write_text("{")
    assert "Run 1" in words(visitor.open(name))
