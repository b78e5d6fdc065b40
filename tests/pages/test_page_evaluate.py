from __future__ import annotations

from pathlib import Path

import pytest
from page_view import (
    BROWSER,
    RunMaker,
    Visitor,
    calm,
    chart,
    components,
    html_texts,
    labels,
    markdown_texts,
    page,
    press,
    words,
)
from streamlit.testing.v1 import AppTest

from core.data.dataset import Dataset
from core.errors import BadInput, ThawError
from core.insight.metrics import Evaluation, evaluate
from core.runs.about import About, write_about
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.work import evaluation_of
from pages.ui.charts import COLOURS, _name_angle

FIGURES = evaluate([0] * 50 + [1] * 30, [0] * 45 + [1] * 5 + [1] * 24 + [0] * 6, ["blue", "red"], 0)


def with_figures(run: RunFolder, figures: Evaluation = FIGURES) -> RunFolder:
    run.write_report({"version": 1, "test": figures.to_json()})
    return run


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
    assert "How Run 1 does on photos it has never seen." in text
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
    with_figures(make_run())
    drawn = chart(visitor.open("evaluate"), "confusion")["data"][0]
    assert drawn["text"] == [["45", "5"], ["6", "24"]]
    assert drawn["customdata"][0][1] == "is blue, said red: 5"
    assert drawn["z"][0] == [0.9, 0.1]


@pytest.mark.parametrize(
    ("names", "angle"),
    [(["1", "22", "3", "4"], 0), (["a long name", "b", "c"], 0), (["skirt", "b", "c", "d"], -40)],
)
def test_names_stand_level_under_the_matrix_where_they_fit(names: list[str], angle: int) -> None:
    assert _name_angle(names) == angle


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

    def measure(_workspace: object, folder: RunFolder) -> Evaluation | None:
        return evaluation_of(with_figures(folder))

    monkeypatch.setattr("core.runs.work.measure", measure)
    at = visitor.open("evaluate")
    assert labels(at) == ["Measure on the test photos"]
    assert "have not been looked at for Run 1 yet" in words(at)
    press(at, "Measure on the test photos")
    assert "69 of 80 test photos" in words(at)
    assert evaluation_of(run) is not None


def test_photos_that_are_gone_are_said_in_place(
    visitor: Visitor, make_run: RunMaker, dataset: Dataset, tmp_path: Path
) -> None:
    make_run(State.STOPPED)
    dataset.folder.rename(tmp_path / "elsewhere")
    at = press(visitor.open("evaluate"), "Measure on the test photos")
    assert r"There is no such dataset\." in at.error[0].value


def test_a_dataset_without_test_photos_is_said_and_not_measured_as_0(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(State.STOPPED)
    monkeypatch.setattr("core.runs.work.measure", lambda *_given: None)
    at = press(visitor.open("evaluate"), "Measure on the test photos")
    assert "no test photos" in at.info[0].value


@pytest.mark.parametrize("error", [BadInput("The model file cannot be read."), ThawError("Not now.")])
def test_an_error_while_measuring_leaves_the_page_standing(
    visitor: Visitor, make_run: RunMaker, monkeypatch: pytest.MonkeyPatch, error: ThawError
) -> None:
    def fail(*_given: object) -> None:
        raise error

    make_run(State.STOPPED)
    monkeypatch.setattr("core.runs.work.measure", fail)
    at = press(visitor.open("evaluate"), "Measure on the test photos")
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
    make_run(of=hostile, test=True)
    at = visitor.open("evaluate", dataset=hostile.id)
    assert [text for _field, text in markdown_texts(at) if "![" in text] == []
    assert "<img src=x" not in "".join(html_texts(at))
    for key in ("overall", "by-class", "confusion"):
        axis = chart(at, key)["layout"]["yaxis"]
        assert all("<img" not in label for label in axis["ticktext"])
    assert components(at) == set()


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
