"""Runs compared on the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cli_calls import Capture, asked, refused

from core.cli.main import main
from core.data.dataset import Dataset
from core.insight.metrics import evaluate
from core.runs import steer
from core.runs.folder import RunFolder
from core.runs.status import State
from core.training.events import EpochRow
from core.training.plan import Plan, Recipe
from core.training.presets import PRESETS
from core.workspace import Workspace

Make = Callable[..., RunFolder]


@pytest.fixture(autouse=True)
def elsewhere(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_HOME", str(workspace.root))


@pytest.fixture
def make(workspace: Workspace, dataset: Dataset) -> Make:
    """Return a function that makes a run which was right (``+``) or wrong on each of its test photos."""

    def made(right: str | None = None, *, name: str = "", plan: Plan | None = None) -> RunFolder:
        usual = PRESETS["feature-extraction"].applied(Plan(dataset.id, dataset.title, "efficientnet-lite0"))
        folder = steer.create(workspace, plan or usual, name=name, wait=False)
        folder.write_history([EpochRow(1, "fit", 1.0, 0.5, 1.0, 0.75, 1e-3, 2.0)])
        folder.write_status(replace(folder.status(), state=State.FINISHED, started=10.0, ended=100.0))
        if right is not None:
            said = [0 if sign == "+" else 1 for sign in right]
            lines = [f"images/{at:06}.png,0,{each},1,1\n" for at, each in enumerate(said)]
            (folder.path / "test.csv").write_text(
                "image,is,said,confidence,probability_of_true\n" + "".join(lines))
            figures = evaluate([0] * len(said), said, dataset.classes, 0)
            folder.write_report({
                "test": figures.to_json(), "parameters": {"total": 1000, "trainable": 250},
            })
        return folder

    return made


def test_runs_are_compared_with_the_first_by_id_number_or_name(capsys: Capture, make: Make) -> None:
    first, second, third = make("+" * 9 + "-"), make("-" * 9 + "+", name="Best one"), make("+" * 10)
    found = asked(capsys, "compare", first.id, "Best one", "3")
    assert [each["run"] for each in found["runs"]] == [first.id, second.id, third.id]
    assert [(each["first"], each["second"]) for each in found["pairs"]] == [
        (first.id, second.id), (first.id, third.id)]
    figures = found["pairs"][0]["figures"]
    assert figures == {
        "images": 10, "both_right": 0, "only_first": 9, "only_second": 1, "neither": 0,
        "p": pytest.approx(0.021484375), "p_holm": pytest.approx(2 * 0.021484375),
    }
    assert "Run 1 is right on 9 photos that Best one gets wrong" in found["pairs"][0]["sentence"]
    assert found["test_figures"] == 3


def test_what_each_run_came_to_is_said(capsys: Capture, make: Make) -> None:
    make("+++-")
    make(plan=None)
    one, other = asked(capsys, "compare", "1", "2")["runs"]
    assert one["val_accuracy"] == 0.75
    assert one["seconds"] == 90.0
    assert one["recipe"] == "feature-extraction"
    assert one["parameters"] == {"learning": 250, "total": 1000, "share": 0.25}
    assert (one["test"]["right"], one["test"]["images"]) == (3, 4)
    assert one["test"]["low"] < one["test"]["accuracy"] == 0.75 < one["test"]["high"]
    assert other["test"] is None
    assert other["parameters"] == {"learning": None, "total": None, "share": None}


def test_what_differs_is_parted_from_what_is_the_same(
    capsys: Capture, make: Make, dataset: Dataset
) -> None:
    make("+-")
    make("++", plan=Plan(dataset.id, dataset.title, "efficientnet-lite0", ("top",), recipe=Recipe()))
    found = asked(capsys, "compare", "1", "2")
    assert [(each["name"], each["values"]) for each in found["differences"]] == [
        ("trainable", ["Head only", "Top"])]
    assert "epochs" in {each["name"] for each in found["same"]}


def test_people_read_the_same_in_lines(capsys: Capture, make: Make, dataset: Dataset) -> None:
    make("+-")
    make("++", plan=Plan(dataset.id, dataset.title, "efficientnet-lite0", recipe=Recipe(epochs=3)))
    make(name="Quick")
    assert main(["compare", "1", "2", "Quick"]) == 0
    text = capsys.readouterr().out
    assert "Run 1 (finished); validation 75.0%; test 50.0% (95% interval" in text
    assert "time 1 min 30 s; parameters learning 250 (25.0%)" in text
    assert "Quick (finished); validation 75.0%; test not available" in text
    assert "Epochs: 10 | 3 | 10" in text
    assert "Run 2 is right on 1 photo that Run 1 gets wrong" in text
    assert "Run 1 and Quick cannot be compared" in text
    assert "2 test accuracies stand here." in text


def test_equal_plans_and_one_figure_need_no_words_of_warning(capsys: Capture, make: Make) -> None:
    make("+-")
    make()
    assert main(["compare", "1", "2"]) == 0
    text = capsys.readouterr().out
    assert "Their settings are the same." in text
    assert "test accuracies stand here" not in text


def test_what_comes_from_outside_cannot_steer_the_terminal(
    capsys: Capture, make: Make, dataset: Dataset
) -> None:
    make("+-")
    make("+-", plan=Plan("other", "evil\x1b[2J\ntitle", "efficientnet-lite0"))
    assert main(["compare", "1", "2"]) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "different sets of photos" in text


@pytest.mark.parametrize("words", [["1"], ["1", "1"]])
def test_it_takes_two_runs(capsys: Capture, make: Make, words: list[str]) -> None:
    make("+-")
    assert refused(capsys, "compare", *words)["what"] == "It takes two different runs to compare."


def test_a_run_that_is_not_there_or_damaged_is_refused(capsys: Capture, make: Make) -> None:
    make("+-")
    broken = make("+-")
    assert refused(capsys, "compare", "1", "9")["what"] == "There is no such run."
    (broken.path / "status.json").write_text("{")
    assert "damaged" in refused(capsys, "compare", "1", broken.id)["what"]
    assert Path(broken.path).is_dir()
