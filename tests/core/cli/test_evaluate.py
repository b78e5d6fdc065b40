"""The figures of a run from the command line; its model is a stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calls import Capture, asked, refused

from core.cli.evaluate import answer, show
from core.cli.main import main
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.insight import predict as insight
from core.insight.predict import Loaded
from core.runs import studied
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.work import looks
from core.studies import evaluating
from core.studies.target import Target
from core.training.plan import Plan
from core.workspace import Workspace
from tests.conftest import make_photos


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "workspace"))
    return Workspace.open()


@pytest.fixture
def data(place: Workspace, tmp_path: Path) -> Dataset:
    return take_in(make_photos(tmp_path / "photos", each=20), place)


@pytest.fixture
def run(place: Workspace, data: Dataset, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run whose model says "blue" with 75 %."""

    class Model:
        def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
            return np.tile(np.array([0.75, 0.25], np.float32), (len(images), 1))

    monkeypatch.setattr(insight, "loaded", lambda _path: Loaded(Model(), ("blue", "red"), 24))
    made = RunFolder.create(place, Plan(data.id, data.title, "efficientnet-lite0"))
    made.write_status(made.status().ending(State.STOPPED))
    made.model.write_bytes(b"model")
    return made


def test_the_test_photos_are_measured_unless_others_are_named(
    capsys: Capture, run: RunFolder, data: Dataset
) -> None:
    found = asked(capsys, "evaluate", run.id)
    test = data.of_split("test")
    blue = sum(item.label == 0 for item in test)
    assert (found["split"], found["own"], found["images"]) == ("test", True, len(test))
    assert found["accuracy"]["right"] == blue
    assert found["accuracy"]["low"] < found["accuracy"]["value"] < found["accuracy"]["high"]
    assert found["confusion"] == [[blue, 0], [len(test) - blue, 0]]
    assert [each["class"] for each in found["by_class"]] == ["blue", "red"]
    assert found["by_class"][1]["precision"] is None
    assert found["test_looks"] == looks(run.report() or {}) == 1
    assert asked(capsys, "evaluate", run.id)["test_looks"] == 1


def test_all_photos_show_the_test_photos_too_and_say_how_many_were_learned_from(
    capsys: Capture, run: RunFolder, data: Dataset
) -> None:
    found = asked(capsys, "evaluate", run.id, "--split", "all")
    learned = len(data.of_split("train"))
    assert (found["images"], found["learned_among"], found["test_looks"]) == (len(data.items), learned, 1)
    assert looks(run.report() or {}) == 1
    assert main(["evaluate", run.id, "--split", "all"]) == 0
    assert f"learned from, and measured on all the same: {learned} photos" in capsys.readouterr().out


@pytest.mark.parametrize("split", ["validation", "train"])
def test_another_split_is_measured_and_is_no_look_at_the_test_photos(
    capsys: Capture, run: RunFolder, data: Dataset, split: str
) -> None:
    found = asked(capsys, "evaluate", run.id, "--split", split)
    assert (found["split"], found["images"], found["test_looks"]) == (split, len(data.of_split(split)), None)
    assert looks(run.report() or {}) == 0


def test_that_validation_photos_chose_the_epoch_is_said(capsys: Capture, run: RunFolder) -> None:
    assert main(["evaluate", run.id, "--split", "validation"]) == 0
    assert "chosen by these photos" in capsys.readouterr().out
    assert main(["evaluate", run.id]) == 0
    assert "chosen by these photos" not in capsys.readouterr().out


def test_a_folder_is_measured_whole_and_what_is_left_out_is_said(
    capsys: Capture, run: RunFolder, tmp_path: Path
) -> None:
    random = np.random.default_rng(1)
    folder = make_photos(tmp_path / "other", each=5, classes=("green", "red"))
    for path in folder.rglob("*.png"):  # others than those that were learned from
        path.write_bytes(path.read_bytes() + random.bytes(4))
    found = asked(capsys, "evaluate", run.id, str(folder))
    assert (found["split"], found["own"]) == ("all", False)
    assert (found["unknown_classes"], found["left_out"], found["images"]) == (["green"], 5, 5)
    assert found["accuracy"]["value"] == 0
    assert main(["evaluate", run.id, str(folder)]) == 0
    assert "not known to the model, left out: green (5 photos)" in capsys.readouterr().out


def test_a_folder_of_one_class_can_be_measured_though_not_trained_on(
    capsys: Capture, run: RunFolder, tmp_path: Path
) -> None:
    folder = make_photos(tmp_path / "one", each=3, classes=("green",))
    (folder / "green").rename(folder / "blue")
    assert asked(capsys, "evaluate", run.id, str(folder))["accuracy"]["value"] == 1


def test_people_read_the_figures_with_intervals(capsys: Capture, run: RunFolder) -> None:
    studied.keep_record(
        run, "temperature", {"value": 2.0, "images": 6, "loss_before": 1.0, "loss_after": 0.5})
    assert main(["evaluate", run.id]) == 0
    said = capsys.readouterr().out
    assert "accuracy               50.0% (" in said
    assert "at temperature 2.00: calibration error" in said
    row = next(line for line in said.splitlines() if line.startswith("red"))
    assert " – " in row


def test_names_from_outside_cannot_steer_the_terminal(
    capsys: Capture, run: RunFolder, place: Workspace, data: Dataset
) -> None:
    target = Target()
    found = answer(place, run, target, evaluating.looked(place, run, target))
    evil = "\x1b]0;pwned\x07\x1b[2J"
    rows: Any = found["by_class"]
    said = show({
        **found, "dataset_title": evil, "unknown_classes": [evil], "left_out": 1, "unknown_before": [evil],
        "by_class": [{**row, "class": evil} for row in rows],
    })
    assert said.count("pwned") == 3 + len(rows)
    assert all(each.isprintable() for each in said.replace("\n", ""))


def test_what_is_not_there_is_refused(capsys: Capture, run: RunFolder, tmp_path: Path) -> None:
    assert "split" in refused(capsys, "evaluate", run.id, "--split", "some")["what"]
    refused(capsys, "evaluate", "no-run")
    refused(capsys, "evaluate", run.id, str(tmp_path / "nowhere"))
    run.model.unlink()
    assert "no model" in refused(capsys, "evaluate", run.id)["what"]
