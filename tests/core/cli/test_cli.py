from __future__ import annotations

import json
import os
import signal
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from cli_calls import USE, Capture, Engine, asked, refused

from core.backbones.catalogue import BACKBONES
from core.cli import commands
from core.cli.main import main
from core.cli.signals import STOPPED
from core.cli.training import _stopped_by_signals
from core.data.dataset import Dataset
from core.data.samples import SAMPLES
from core.errors import RunFailed
from core.insight import predict as insight
from core.insight.predict import Loaded
from core.runs.folder import RunFolder, run_folders
from core.runs.status import State
from core.runs.wishes import Leaving, Wish
from core.training.events import EpochRow
from core.training.model import EPOCH_ENTRY
from core.training.plan import Head, Plan, Recipe
from core.workspace import Workspace


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder and a home of their own, in which nothing may appear."""
    for name in ("cwd", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "workspace"))
    yield tmp_path
    assert [path for name in ("cwd", "home") for path in (tmp_path / name).iterdir()] == []


def test_the_samples_are_listed_by_the_names_that_train_takes(capsys: Capture) -> None:
    found = asked(capsys, "samples")["samples"]
    assert [each["name"] for each in found] == ["sample:digits", "sample:textile", "sample:flowers"]
    assert {each["name"]: each["images"] for each in found} == {
        f"sample:{name}": sample.images for name, sample in SAMPLES.items()
    }
    assert [each["needs_network"] for each in found] == [False, False, True]


def test_the_backbones_are_listed_with_blocks_and_weights(capsys: Capture) -> None:
    found = {each["name"]: each for each in asked(capsys, "backbones")["backbones"]}
    assert list(found) == list(BACKBONES)
    lite0 = found["efficientnet-lite0"]
    assert lite0["weights"]["state"] == "ready"
    assert [each["name"] for each in lite0["blocks"]] == list(BACKBONES["efficientnet-lite0"].block_names)
    assert lite0["parameters"] == sum(each["parameters"] for each in lite0["blocks"])


@pytest.mark.parametrize("command", ["samples", "backbones", "runs"])
def test_without_json_there_is_a_list_for_people(capsys: Capture, command: str) -> None:
    assert main([command]) == 0
    out = capsys.readouterr().out
    assert out.strip()
    with pytest.raises(json.JSONDecodeError):
        json.loads(out)


@pytest.fixture
def messy(photos: Path) -> Path:
    """16 good photos, and beside them a bad file, a copy and two files to pass over."""
    (photos / "red" / "broken.png").write_bytes(b"\x89PNG no more")
    (photos / "red" / "copy.png").write_bytes((photos / "red" / "red000.png").read_bytes())
    (photos / "red" / "Thumbs.db").write_bytes(b"x")
    (photos / ".DS_Store").write_bytes(b"x")
    return photos


def files_below(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_check_puts_every_file_in_exactly_one_place(capsys: Capture, messy: Path) -> None:
    found = asked(capsys, "check", str(messy))
    assert set(found) >= {"classes", "images", "refused", "duplicates", "problems"}
    assert [each["name"] for each in found["classes"]] == ["blue", "red"]
    assert sum(each[split] for each in found["classes"] for split in ("train", "validation", "test")) == 16
    assert found["images"] == 16
    assert [Path(each["file"]).name for each in found["refused"]] == ["broken.png"]
    twins = [{Path(each["file"]).name, Path(each["same_as"]).name} for each in found["duplicates"]]
    assert twins == [{"copy.png", "red000.png"}]
    assert {Path(each["file"]).name for each in found["ignored"]} == {"Thumbs.db", ".DS_Store"}
    left_out = [*found["refused"], *found["duplicates"], *found["ignored"]]
    assert found["images"] + len(left_out) == len(files_below(messy))
    assert all(each["reason"] for each in (*found["refused"], *found["ignored"]))
    assert {each["level"] for each in found["problems"]} <= {"error", "warning"}


def test_check_of_a_zip_finds_the_same_as_of_the_folder(capsys: Capture, messy: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "photos.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for path in sorted(messy.rglob("*")):
            if path.is_file():
                archive.write(path, f"photos/{path.relative_to(messy)}")
        archive.writestr("photos/../../evil.png", (messy / "red" / "red001.png").read_bytes())
        archive.writestr("__MACOSX/photos/red/._red000.png", b"x")
    from_zip, from_folder = asked(capsys, "check", str(zipped)), asked(capsys, "check", str(messy))
    assert from_zip["classes"] == from_folder["classes"]
    parts = [*from_zip["refused"], *from_zip["duplicates"], *from_zip["ignored"]]
    assert from_zip["images"] + len(parts) == len(files_below(messy)) + 2
    assert not (tmp_path.parent / "evil.png").exists()
    assert not (tmp_path / "evil.png").exists()


def test_check_leaves_nothing_behind(capsys: Capture, messy: Path, tmp_path: Path) -> None:
    before = files_below(messy)
    asked(capsys, "check", str(messy))
    assert files_below(messy) == before
    assert files_below(tmp_path / "workspace") == set()


def test_check_for_people_names_what_is_wrong(capsys: Capture, messy: Path) -> None:
    assert main(["check", str(messy)]) == 0
    out = capsys.readouterr().out
    for word in ("blue", "red", "16 photos", "broken.png", "copy.png", "warning"):
        assert word in out


def test_progress_goes_to_stderr(capsys: Capture, photos: Path) -> None:
    assert main(["check", str(photos), "--json"]) == 0
    assert "Checking images 16/16" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["dance"], ["check"], ["train"], ["train", "--epochs"], ["train", "x", "--epochs", "many"],
        ["predict"], ["predict", "run"], ["samples", "--unknown"],
    ],
    ids=" ".join,
)
def test_bad_use_says_where_help_is(capsys: Capture, arguments: list[str]) -> None:
    error = refused(capsys, *arguments)
    assert "--help" in error["fix"]


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--epochs", "0", "1 to 500"), ("--epochs", "501", "1 to 500"), ("--batch-size", "0", "1 to 128"),
        ("--learning-rate", "2", "1e-07 to 1"), ("--learning-rate", "nan", "1e-07 to 1"),
        ("--dropout", "0.9", "0 to 0.8"), ("--hidden", "-1", "0 to 2,048"), ("--seed", "-1", "0 to"),
        ("--limit", "3", "10 to"), ("--optimizer", "lion", "adam"), ("--augment", "wild", "light"),
        ("--pooling", "min", "avg"), ("--trainable", "block9", "block7"),
        ("--backbone", "efficientnet-lite9", "Did you mean efficientnet-lite"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_those_allowed(
    capsys: Capture, photos: Path, option: str, value: str, named: str
) -> None:
    error = refused(capsys, "train", str(photos), option, value)
    assert named in error["fix"]
    assert run_folders(Workspace.open()) == []


def test_sources_that_are_not_there_are_refused(capsys: Capture, tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    assert "none" in refused(capsys, "check", missing)["given"]
    assert "none" in refused(capsys, "train", missing)["given"]
    assert "digits" in refused(capsys, "train", "sample:digit")["fix"]
    (tmp_path / "a.zip").write_bytes(b"no zip")
    refused(capsys, "check", str(tmp_path / "a.zip"))


def test_photos_that_cannot_be_trained_on_make_no_run(capsys: Capture, photos: Path) -> None:
    for path in (photos / "red").iterdir():
        path.unlink()
    error = refused(capsys, "train", str(photos))
    assert error["fix"]
    assert run_folders(Workspace.open()) == []


def test_a_workspace_that_cannot_be_made_is_a_failure(capsys: Capture, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    error = refused(capsys, "runs", "--workspace", str(tmp_path / "file"), status=1)
    assert "--workspace" in error["fix"]


def test_an_error_of_the_system_is_said_in_one_line(
    capsys: Capture, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_given: object, **_named: object) -> Dataset:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(commands, "take_in", full)
    assert "No space left" in refused(capsys, "train", str(photos), status=1)["given"]


def test_train_prints_what_came_of_it(capsys: Capture, photos: Path, trainer: Engine) -> None:
    found = asked(capsys, "train", str(photos))
    assert list(found) == [
        "run", "status", "classes", "images", "parameters", "history", "best", "test", "timing", "cache",
    ]
    assert found["status"] == "finished"
    assert found["classes"] == ["blue", "red"]
    assert found["images"] == {"train": 12, "validation": 2, "test": 2}
    assert found["parameters"] == {"total": 100, "trainable": 10}
    assert found["history"] == [
        {"epoch": 1, "loss": 0.7, "accuracy": 0.5, "val_loss": None, "val_accuracy": None, "seconds": 2.0}
    ]
    assert found["best"] == {"epoch": 1, "val_accuracy": None}
    assert set(found["test"]) == {"accuracy", "low", "high", "images"}
    assert found["test"]["images"] == 2
    assert found["test"]["low"] < found["test"]["accuracy"] < found["test"]["high"]
    assert found["timing"] == {
        "prepare_s": 1.0, "extract_s": 0.25, "fit_s": 2.0, "evaluate_s": 0.5, "total_s": 3.75,
    }
    assert found["cache"] == asdict(USE)


def test_train_carries_every_option_into_the_plan(capsys: Capture, photos: Path, trainer: Engine) -> None:
    asked(
        capsys, "train", str(photos), "--backbone", "efficientnet-lite1", "--trainable", "top,block7",
        "--epochs", "3", "--batch-size", "16", "--learning-rate", "1e-4", "--optimizer", "sgd", "--seed", "9",
        "--augment", "strong", "--pooling", "max", "--dropout", "0.5", "--hidden", "64", "--limit", "12",
        "--views", "8", "--cache", "off",
    )
    plan = trainer.plan
    assert plan is not None
    assert (plan.backbone, plan.trainable, plan.limit) == ("efficientnet-lite1", ("block7", "top"), 12)
    assert plan.recipe == Recipe(3, 16, 1e-4, "sgd", 9, "strong", 8)
    assert plan.cache is False
    assert plan.head == Head("max", 0.5, 64)


def test_train_takes_the_plans_defaults(capsys: Capture, photos: Path, trainer: Engine) -> None:
    asked(capsys, "train", str(photos))
    assert trainer.plan is not None
    assert (trainer.plan.recipe, trainer.plan.head) == (Recipe(), Head())
    assert (trainer.plan.trainable, trainer.plan.limit) == ((), None)
    assert trainer.plan.cache is True


def test_a_training_that_fails_is_exit_1_and_says_why(
    capsys: Capture, photos: Path, trainer: Engine
) -> None:
    trainer.error = RunFailed("The loss ran away.", given="epoch 1", fix="Lower the learning rate.")
    found = asked(capsys, "train", str(photos), status=1)
    assert found["status"] == "failed"
    assert found["error"] == {
        "what": "The loss ran away.", "given": "epoch 1", "fix": "Lower the learning rate.",
    }
    assert found["test"] is None
    assert main(["train", str(photos)]) == 1
    assert "Lower the learning rate." in capsys.readouterr().out


def test_a_training_for_people_ends_with_the_test_figure(
    capsys: Capture, photos: Path, trainer: Engine
) -> None:
    assert main(["train", str(photos)]) == 0
    assert "test accuracy 50.0% (95% interval" in capsys.readouterr().out


def test_runs_are_listed_newest_first_with_their_figures(
    capsys: Capture, photos: Path, trainer: Engine
) -> None:
    first = asked(capsys, "train", str(photos))["run"]
    trainer.error = RunFailed("It broke.")
    second = asked(capsys, "train", str(photos), "--trainable", "top", status=1)["run"]
    found = asked(capsys, "runs")["runs"]
    assert [(each["run"], each["status"]) for each in found] == [(second, "failed"), (first, "finished")]
    assert found[0]["trainable"] == ["top"]
    assert found[0]["test"] is None
    assert found[1]["test"]["images"] == 2
    assert main(["runs"]) == 0
    out = capsys.readouterr().out
    assert "test 50.0%" in out
    assert "test not available" in out


def damaged(name: str, text: str) -> str:
    workspace = Workspace.open()
    made = [RunFolder.create(workspace, Plan("photos", "Photos", "efficientnet-lite0")) for _each in range(2)]
    (made[0].path / name).write_text(text)
    return made[0].id


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("status.json", "{"), ("report.json", "{"), ("plan.json", "{"), ("report.json", '{"test": 3}'),
        ("report.json", '{"test": {"accuracy": null}}'), ("history.csv", "epoch,loss\none,two\n"),
        ("history.csv", "what,is,this\n1,2,3\n"),
    ],
)
def test_a_damaged_run_does_not_hide_the_others(capsys: Capture, name: str, text: str) -> None:
    bad = damaged(name, text)
    found = {each["run"]: each["status"] for each in asked(capsys, "runs")["runs"]}
    assert len(found) == 2
    assert found[bad] == "unreadable"


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run whose model says "blue" with 75 %."""

    class Model:
        def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
            return np.tile(np.array([0.75, 0.25], np.float32), (len(images), 1))

    monkeypatch.setattr(insight, "loaded", lambda _path: Loaded(Model(), ("blue", "red"), 24))
    run = RunFolder.create(Workspace.open(), Plan("photos", "Photos", "efficientnet-lite0"))
    run.write_status(run.status().ending(State.FINISHED))
    run.model.write_bytes(b"model")
    return run


def test_predict_answers_each_image_with_its_likeliest_classes(
    capsys: Capture, answering: RunFolder, photos: Path
) -> None:
    images = [str(photos / "blue" / "blue000.png"), str(photos / "red" / "red000.png")]
    found = asked(capsys, "predict", answering.id, *images)
    assert found["run"] == answering.id
    assert [each["image"] for each in found["predictions"]] == images
    assert found["predictions"][0]["top"] == [
        {"class": "blue", "probability": 0.75}, {"class": "red", "probability": 0.25},
    ]
    assert main(["predict", answering.id, *images]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{images[0]}: blue 75.0%, red 25.0%"


def test_predict_refuses_what_is_not_there_or_no_image(
    capsys: Capture, answering: RunFolder, tmp_path: Path, photos: Path
) -> None:
    good = str(photos / "blue" / "blue000.png")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    found = asked(capsys, "predict", answering.id, good, str(bad), status=2)["predictions"]
    assert [list(each) for each in found] == [["image", "top"], ["image", "error"]]
    assert found[1]["error"]["what"]
    assert main(["predict", answering.id, str(bad), good]) == 2
    for_people = capsys.readouterr().out.splitlines()
    assert "not an image" in for_people[0]
    assert "blue 75.0%" in for_people[1]
    assert "none.png" in refused(capsys, "predict", answering.id, good, str(tmp_path / "none.png"))["given"]
    refused(capsys, "predict", "20260101-000000-none", good)
    refused(capsys, "predict", "../../etc", good)
    answering.model.unlink()
    assert "no model" in refused(capsys, "predict", answering.id, good)["what"]


def test_ctrl_c_while_photos_are_taken_in_ends_quietly(
    capsys: Capture, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_given: object, **_named: object) -> Dataset:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "take_in", interrupted)
    try:
        status = main(["train", str(photos), "--json"])
    except KeyboardInterrupt:
        pytest.fail("the interrupt came out of main()")
    assert status == STOPPED
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["what"] == "Stopped."
    assert said.err == "Stopped.\n"


def test_a_shortened_option_means_the_same(capsys: Capture) -> None:
    status = main(["samples", "--js"])
    out = capsys.readouterr().out
    assert (status == 0 and out.startswith("{")) or status == 2


@pytest.mark.parametrize("command", ["check", "train"])
def test_an_empty_source_is_not_taken_for_the_current_folder(capsys: Capture, command: str) -> None:
    assert refused(capsys, command, "")["fix"]
    assert refused(capsys, command, ".", "--workspace", "")["fix"]


def test_photos_that_are_refused_for_a_training_are_not_kept(capsys: Capture, photos: Path) -> None:
    for path in list((photos / "red").iterdir())[2:]:
        path.unlink()
    refused(capsys, "train", str(photos))
    assert list(Workspace.open().datasets.iterdir()) == []


def test_another_seed_trains_on_the_same_split_of_the_same_dataset(
    capsys: Capture, photos: Path, trainer: Engine
) -> None:
    used = []
    for seed in ("1", "2"):
        asked(capsys, "train", str(photos), "--seed", seed)
        assert trainer.plan is not None
        used.append((trainer.plan.dataset, trainer.plan.recipe.seed))
    assert [seed for _dataset, seed in used] == [1, 2]
    assert len({dataset for dataset, _seed in used}) == 1
    assert len(list(Workspace.open().datasets.iterdir())) == 1


def test_a_limit_that_would_leave_nothing_to_measure_on_makes_no_run(capsys: Capture) -> None:
    error = refused(capsys, "train", "sample:digits", "--limit", "12")
    assert "at least 30" in error["fix"]
    assert run_folders(Workspace.open()) == []


def test_check_lists_each_file_with_its_reason_where_none_can_be_used(
    capsys: Capture, tmp_path: Path
) -> None:
    for name in ("cat/a.jpg", "cat/Thumbs.db", "dog/b.jpg"):
        path = tmp_path / "bad" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no picture" * len(name))
    found = asked(capsys, "check", str(tmp_path / "bad"))
    assert (found["images"], found["classes"]) == (0, [])
    assert [each["file"] for each in found["refused"]] == ["cat/a.jpg", "dog/b.jpg"]
    assert all(each["reason"] for each in found["refused"])
    assert [each["file"] for each in found["ignored"]] == ["cat/Thumbs.db"]
    assert [each["level"] for each in found["problems"]] == ["error"]
    # Taken in, it is an error that names the reasons, and nothing is kept.
    assert "2 × The file is not an image" in refused(capsys, "train", str(tmp_path / "bad"))["given"]


def test_a_run_whose_process_was_killed_is_interrupted_and_keeps_its_best_epoch(capsys: Capture) -> None:
    run = RunFolder.create(Workspace.open(), Plan("photos", "Photos", "efficientnet-lite0"))
    run.write_history([EpochRow(1, "fit", 0.7, 0.5, 0.6, 0.75, 1e-3, 2.0)])
    with zipfile.ZipFile(run.places.best, "w") as archive:
        archive.writestr(EPOCH_ENTRY, "1")
    best = run.places.best.read_bytes()
    run.write_status(replace(run.status(), state=State.TRAINING))
    assert asked(capsys, "runs")["runs"][0]["status"] == "interrupted"
    assert run.model.read_bytes() == best
    assert run.status().kept == 1


def test_a_run_that_waits_for_its_turn_in_a_server_is_left_alone(capsys: Capture) -> None:
    RunFolder.create(Workspace.open(), Plan("photos", "Photos", "efficientnet-lite0"))
    assert asked(capsys, "runs")["runs"][0]["status"] == "queued"


def test_what_nobody_foresaw_is_one_object_and_no_trace(
    capsys: Capture, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object, **_named: object) -> Dataset:
        raise LookupError("what nobody foresaw")

    monkeypatch.setattr(commands, "check_source", broken)
    error = refused(capsys, "check", str(photos), status=1)
    assert "what nobody foresaw" in error["given"]
    monkeypatch.setenv("THAW_TRACE", "1")
    with pytest.raises(LookupError):
        main(["check", str(photos)])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_for_a_stop_and_a_second_one_leaves(number: signal.Signals) -> None:
    leaving = Leaving()
    before = signal.getsignal(number)
    with _stopped_by_signals(leaving):
        os.kill(os.getpid(), number)
        assert leaving.event.wait(5)
        assert leaving.wish is Wish.STOP
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before
