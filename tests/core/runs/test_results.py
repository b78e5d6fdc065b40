from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from core.data.dataset import Dataset
from core.insight.metrics import evaluate
from core.runs.folder import RunFolder
from core.runs.listing import Listed, listed
from core.runs.results import Result, answers_of, result_of
from core.runs.status import State
from core.training.events import EpochRow
from core.training.plan import Plan
from core.workspace import Workspace

FIGURES = evaluate([0, 0, 1], [0, 1, 1], ["blue", "red"], 0)
HEAD = "image,is,said,confidence,probability_of_true\n"
ANSWERS = HEAD + "a,0,0,1,1\nb,0,1,1,0\nc,1,1,1,1\n"
EPOCHS = [
    EpochRow(n, "fit", 1.0, 0.5, 1.0, accuracy, 1e-3, 2.0) for n, accuracy in ((1, 0.5), (2, 0.75), (3, 0.6))
]


@pytest.fixture
def folder(workspace: Workspace, dataset: Dataset) -> RunFolder:
    """A run that has finished after 90 seconds."""
    made = RunFolder.create(workspace, Plan(dataset.id, dataset.title, "efficientnet-lite0"))
    now = time.time()
    made.write_status(replace(made.status(), state=State.FINISHED, started=now - 90, ended=now))
    made.write_history(EPOCHS)
    made.write_report({"test": FIGURES.to_json(), "parameters": {"total": 1000, "trainable": 250}})
    (made.path / "test.csv").write_text(ANSWERS)
    return made


@pytest.fixture
def only(workspace: Workspace, folder: RunFolder) -> Callable[[], Listed]:
    return lambda: listed(workspace)[0]


def test_a_result_is_what_the_files_of_the_run_say(only: Callable[[], Listed]) -> None:
    found = result_of(only())
    assert found == Result(0.75, FIGURES, pytest.approx(90), 250, 1000)
    assert found.share == 0.25


def test_what_is_not_known_is_none_and_not_zero(folder: RunFolder, only: Callable[[], Listed]) -> None:
    for name in ("report.json", "history.csv", "test.csv"):
        (folder.path / name).unlink()
    folder.write_status(replace(folder.status(), state=State.TRAINING))
    found = result_of(only())
    assert found == Result()
    assert found.share is None
    assert answers_of(only(), None) is None


@pytest.mark.parametrize(
    "parameters",
    [None, 3, {}, {"total": 10}, {"total": 0, "trainable": 0}, {"total": 1, "trainable": 2},
     {"total": "9", "trainable": 1}, {"total": 9, "trainable": -1}],
    ids=str,
)
def test_parameters_that_cannot_be_are_not_available(
    folder: RunFolder, only: Callable[[], Listed], parameters: object
) -> None:
    folder.write_report({"parameters": parameters})
    assert result_of(only()).share is None


def test_damaged_files_say_nothing_and_the_rest_stays(
    folder: RunFolder, only: Callable[[], Listed]
) -> None:
    folder.write_report({"test": {"accuracy": 3}, "parameters": {"total": 1000, "trainable": 250}})
    (folder.path / "history.csv").write_text("epoch\nx\n")
    (folder.path / "test.csv").write_text("nothing\nof this\n")
    found = result_of(only())
    assert (found.val_accuracy, found.test, found.learning) == (None, None, 250)
    assert answers_of(only(), FIGURES) is None
    (folder.path / "report.json").write_text("{")
    assert result_of(only()).learning is None


def test_answers_are_those_of_the_figures_or_none(folder: RunFolder, only: Callable[[], Listed]) -> None:
    found = answers_of(only(), FIGURES)
    assert found is not None
    assert found.dataset == only().plan.dataset
    assert found.right == 2
    for other in (HEAD + "a,0,0,1,1\nb,0,1,1,0\n", ANSWERS.replace("b,0,1", "b,0,0")):
        (folder.path / "test.csv").write_text(other)
        assert answers_of(only(), FIGURES) is None
