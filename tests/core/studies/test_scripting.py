"""A script without Thaw comes to the figures that its run came to; what goes with it and what it says."""

from __future__ import annotations

import csv
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import BadInput, NotFound, Stopped
from core.export.script_facts import Body
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.wishes import Leaving
from core.runs.work import carry_out, evaluation_of
from core.studies import scripting
from core.studies.scripting import check_place, kept_script, save, script, zip_of
from core.training.events import EpochRow
from core.training.plan import Head, Plan, Recipe
from core.training.start import RANDOM, Start
from core.workspace import Workspace
from tests.conftest import make_photos

# The run computes the frozen part once and the script in every epoch, in batches of other sizes: float32
# rounds otherwise, and training makes more of it from epoch to epoch. Seen: up to 1.3e-6 in these cases.
CLOSE = 1e-4
FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
LITE = "efficientnet-lite0"
Changed = Callable[[Plan], Plan]


def plan_with(*trainable: str, head: Head | None = None, **recipe: object) -> Changed:
    def changed(plan: Plan) -> Plan:
        return replace(
            plan, trainable=trainable, head=head or plan.head, recipe=replace(plan.recipe, **recipe))

    return changed


CASES: dict[str, Changed] = {
    "feature extraction as it is usual": plan_with(),
    "blocks with dropout and a hidden layer": plan_with("block6", "block7", "top", head=Head("max", 0.5, 8)),
    "the head first, then blocks": plan_with("block7", "top", method="lp-ft", stage_epochs=2),
    "light augmentation with views": plan_with("top", augment="light", views=2),
    "block by block at rates of their own": plan_with(
        "block7", "top", method="gradual", stage_epochs=1, lr_factor=0.5, optimizer="adamw",
        weight_decay=0.1, learning_rate=1e-3),
    "a warm-up, a cosine, class weights, smoothed labels": plan_with(
        "top", schedule="cosine", warmup=1, class_weights=True, label_smoothing=0.1, optimizer="sgd",
        learning_rate=5e-3, weight_decay=0.01, early_stopping=2, epochs=5),
    "BatchNorms that learn, fresh views": plan_with(
        "block7", "top", norms="updating", augment="strong", views=0, optimizer="rmsprop",
        learning_rate=1e-4),
}
# Each takes a process with a TensorFlow of its own; the others are for the long tests.
EVERY_DAY = ("a warm-up, a cosine, class weights, smoothed labels",)
OTHER_FAMILIES: dict[str, Changed] = {
    "drop connect at rates of their own": lambda plan: replace(
        plan_with("block6", "block7", "top", method="gradual", stage_epochs=1, lr_factor=0.7, epochs=4)(plan),
        backbone="efficientnetb0", weights=Start(RANDOM)),
    "layers by their place, bare operations": lambda plan: replace(
        plan_with("stem", "block0", "block10", "top", head=Head("flatten", 0.3))(plan),
        backbone="mobilenetv3small", weights=Start(RANDOM)),
    "the last stages of a ConvNeXt, with weight decay": lambda plan: replace(
        plan_with("stage2", "stage3", "norm", optimizer="adamw", weight_decay=0.05, learning_rate=1e-4)(plan),
        backbone="convnexttiny", weights=Start(RANDOM)),
}


@dataclass(frozen=True)
class Photos:
    folder: Path
    workspace: Workspace
    dataset: Dataset


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Photos:
    folder = tmp_path_factory.mktemp("scripted")
    pictures = make_photos(folder / "colours", each=12)
    extra = make_photos(folder / "more", each=6, classes=("green",))
    (extra / "green").rename(pictures / "green")
    workspace = Workspace.open(folder / "workspace")
    return Photos(pictures, workspace, take_in(pictures, workspace))


def run_of(colours: Photos, changed: Changed) -> RunFolder:
    """Carry out a small training."""
    data = colours.dataset
    plan = Plan(
        data.id, data.title, LITE, recipe=Recipe(epochs=3, batch_size=6, seed=11), image_size=48)
    folder = RunFolder.create(colours.workspace, changed(plan))
    assert carry_out(colours.workspace, folder, Leaving()).state is State.FINISHED
    return folder


def carried_out(colours: Photos, folder: RunFolder, to: Path, of: Path) -> tuple[np.ndarray, str]:
    """Run a run's script in a process without Thaw, and return its history and what it printed."""
    save(script(colours.workspace, folder), to)
    ran = subprocess.run(
        [sys.executable, to / "train.py", of], cwd=to, capture_output=True, text=True,
        check=False, env={"PATH": "", "TF_CPP_MIN_LOG_LEVEL": "3", "HOME": str(to)},
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    with (to / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["phase"] for row in rows] == [row.phase for row in folder.history()]
    return np.array([[float(row[name]) for name in FIGURES] for row in rows]), ran.stdout


def history_of(folder: RunFolder) -> np.ndarray:
    return np.array([[getattr(row, name) for name in FIGURES] for row in folder.history()])


def assert_same(colours: Photos, folder: RunFolder, to: Path, of: Path | None = None) -> None:
    found, printed = carried_out(colours, folder, to, of or colours.folder)
    ran = history_of(folder)
    print(f"largest difference: {np.abs(found - ran).max():.1e}")
    np.testing.assert_allclose(found, ran, rtol=CLOSE, atol=CLOSE)
    assert np.ptp(ran[:, 0]) > 10 * CLOSE  # it learns, so that there is something to compare
    assert f"Kept: epoch {folder.status().kept}" in printed
    test = evaluation_of(folder)
    assert test is not None
    assert f"Right on the first guess: {test.accuracy.value:.4f} of {test.accuracy.images} test" in printed


@pytest.mark.parametrize("case", [
    pytest.param(case, marks=pytest.mark.slow if case in EVERY_DAY else pytest.mark.zoo) for case in CASES
])
def test_the_script_comes_to_the_history_of_its_run(case: str, colours: Photos, tmp_path: Path) -> None:
    assert_same(colours, run_of(colours, CASES[case]), tmp_path / "taken")


@pytest.mark.slow
def test_it_finds_the_photos_in_the_folder_of_the_dataset_too(colours: Photos, tmp_path: Path) -> None:
    folder = run_of(colours, CASES["feature extraction as it is usual"])
    assert_same(colours, folder, tmp_path / "taken", of=colours.dataset.folder)


@pytest.mark.zoo
@pytest.mark.parametrize("case", OTHER_FAMILIES)
def test_so_does_that_of_another_family(case: str, colours: Photos, tmp_path: Path) -> None:
    assert_same(colours, run_of(colours, OTHER_FAMILIES[case]), tmp_path / "taken")


@pytest.fixture
def written(workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run by hand, whose backbone Keras gives: nothing has to be built for its script."""
    monkeypatch.setattr(scripting, "_backbone", lambda *_given: None)
    monkeypatch.setattr(scripting, "body_of", lambda _plan, _body: Body("ResNet50"))
    plan = Plan(dataset.id, dataset.title, "resnet50", recipe=Recipe(epochs=2), train_per_class=3)
    folder = RunFolder.create(workspace, plan)
    folder.model.write_bytes(b"a model")
    folder.write_history([EpochRow(n, "fit", 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0) for n in (1, 2)])
    folder.write_status(folder.status().ending(State.FINISHED, kept=1))
    folder.write_report({"version": 1, "test": None, "versions": {
        "tensorflow": "2.21.0", "keras": "3.12.0; rm", "numpy": 2}})
    return folder


def entry(made: scripting.Script, name: str) -> str:
    with zipfile.ZipFile(made.zip) as archive:
        return archive.read(name).decode("utf-8")


def test_the_table_lists_the_photos_that_the_run_used_in_its_order(
    workspace: Workspace, dataset: Dataset, written: RunFolder
) -> None:
    rows = list(csv.DictReader(entry(script(workspace, written), "photos.csv").splitlines()))
    assert [row["split"] for row in rows].count("train") == 6  # three of each class
    items = {item.name: item for item in dataset.items}
    assert [row["file"] for row in rows] == sorted(row["file"] for row in rows)
    for row in rows:
        item = items[row["file"]]
        assert (row["class"], row["split"], row["stored"]) == (
            dataset.classes[item.label], item.split, item.path)


def test_a_name_that_leads_out_of_the_folder_is_not_used(
    workspace: Workspace, dataset: Dataset, written: RunFolder
) -> None:
    first = replace(dataset.items[0], name="../../etc/passwd", split="test")
    datasets.save(replace(dataset, items=(first, *dataset.items[1:])), dataset.folder)
    table = entry(script(workspace, written), "photos.csv")
    assert "passwd" not in table
    assert f"{first.path},blue,test,{first.path}\n" in table


def test_versions_are_those_of_the_run_and_nothing_else_is_given_to_pip(
    workspace: Workspace, written: RunFolder
) -> None:
    made = script(workspace, written)
    assert entry(made, "requirements.txt") == "tensorflow==2.21.0\nkeras\nnumpy\npillow\n"
    assert made.files == ("train.py", "photos.csv", "requirements.txt", "README.md")
    assert "6 to learn from" in entry(made, "README.md")


def test_a_script_is_written_once_until_the_run_goes_on(
    workspace: Workspace, written: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept_script(written) is None
    made = script(workspace, written)
    assert kept_script(written) == made
    monkeypatch.setattr(scripting, "_backbone", None)  # nobody builds it again
    assert script(workspace, written) == made
    written.write_history([*written.history(), EpochRow(3, "fit", 1.0, 0.5, 1.0, 0.5, 1e-3, 1.0)])
    assert kept_script(written) is None
    written.write_history(written.history()[:2])
    assert kept_script(written) == made
    written.model.write_bytes(b"another model")
    assert kept_script(written) is None


def test_a_script_of_a_run_that_was_trained_further_meanwhile_is_not_kept(
    workspace: Workspace, written: RunFolder
) -> None:
    def trained_further(*_given: object) -> None:
        written.model.write_bytes(b"another model")

    with pytest.raises(BadInput, match="trained further meanwhile"):
        script(workspace, written, trained_further)
    assert not zip_of(written).exists()


def test_a_damaged_script_is_passed_over_and_written_anew(workspace: Workspace, written: RunFolder) -> None:
    made = script(workspace, written)
    zip_of(written).write_bytes(b"PK no more")
    assert kept_script(written) is None
    assert script(workspace, written).text == made.text


def test_a_cancelled_writing_leaves_nothing(workspace: Workspace, written: RunFolder) -> None:
    def cancel(phase: str, _done: int, _total: int | None) -> None:
        if phase == "Writing the script":
            raise Stopped(phase)

    with pytest.raises(Stopped):
        script(workspace, written, cancel)
    assert kept_script(written) is None
    assert not zip_of(written).exists()


def test_without_a_model_or_without_photos_there_is_no_script(
    workspace: Workspace, dataset: Dataset, written: RunFolder
) -> None:
    dataset.folder.rename(workspace.bin / dataset.id)
    with pytest.raises(NotFound):
        script(workspace, written)
    written.model.unlink()
    with pytest.raises(BadInput, match="no model"):
        script(workspace, written)


def test_it_goes_where_it_is_wanted_and_overwrites_no_folder(
    workspace: Workspace, written: RunFolder, tmp_path: Path
) -> None:
    made = script(workspace, written)
    save(made, tmp_path / "new" / "script.zip")
    assert (tmp_path / "new" / "script.zip").read_bytes() == made.zip.read_bytes()
    save(made, tmp_path / "folder")
    assert {each.name for each in (tmp_path / "folder").iterdir()} == set(made.files)
    assert (tmp_path / "folder" / "train.py").read_text(encoding="utf-8") == made.text
    (tmp_path / "file.txt").write_text("mine", encoding="utf-8")
    for taken in ("folder", "new", "file.txt"):
        with pytest.raises(BadInput, match="in this place already"):
            check_place(tmp_path / taken)


def test_the_script_says_after_how_many_epochs_the_run_was_left(
    workspace: Workspace, written: RunFolder
) -> None:
    written.write_history(written.history()[:1])
    written.write_status(written.status().ending(State.STOPPED, kept=1))
    made = script(workspace, written)
    assert made.notes == ("The run was left after 1 of 2 planned epochs; this trains as many.",)
    assert "# NOTE: The run was left after 1 of 2" in made.text
    assert "EPOCHS = 1\n" in made.text
