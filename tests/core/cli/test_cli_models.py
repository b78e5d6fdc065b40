"""The command line on backbones, their weights and runs that go on from runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_calls import Capture, Engine, asked, refused

from core.backbones import download
from core.backbones.catalogue import BACKBONES, get
from core.cli.main import main, parser
from core.cli.planned import plan_of
from core.cli.signals import STOPPED
from core.errors import BadInput, Stopped, Unavailable
from core.runs.folder import RunFolder, run_folders
from core.training import adopt, calibrate, speed
from core.training.counts import last_blocks
from core.training.plan import Head, Plan, Recipe
from core.training.presets import TEXTBOOK
from core.training.speed import Measured
from core.training.start import Ancestor, Start
from core.workspace import Workspace


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "workspace"))
    return tmp_path


@pytest.fixture
def planned(capsys: Capture, photos: Path, trainer: Engine) -> Callable[..., Plan]:
    """Return the plan that options lead to."""

    def plan(*options: str) -> Plan:
        asked(capsys, "train", str(photos), *options)
        assert trainer.plan is not None
        return trainer.plan

    return plan


@pytest.fixture
def not_trained(capsys: Capture, photos: Path, trainer: Engine) -> Callable[..., dict[str, Any]]:
    """Return what is said of options that are refused, and check that nothing came of them."""

    def error(*options: str) -> dict[str, Any]:
        before = len(run_folders(Workspace.open()))
        found = refused(capsys, "train", str(photos), *options)
        assert trainer.plan is None
        assert len(run_folders(Workspace.open())) == before
        return found

    return error


@pytest.fixture
def finished(trainer: Engine) -> RunFolder:
    """A run with a model that a run went before."""
    plan = Plan(
        "flowers", "Flowers", "mobilenetv2", ("block16", "top"), weights=Start("run", "run-0"),
        image_size=96, history=(Ancestor("run-0", "Digits", (), "pretrained"),),
    )
    run = RunFolder.create(Workspace.open(), plan)
    run.model.write_bytes(b"model")
    run.write_status(replace(run.status(), pid=None))
    return run


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ((), Start()), (("--weights", "packaged"), Start()), (("--weights", "pretrained"), Start()),
        (("--weights", "none"), Start("none")),
        (("--backbone", "resnet50", "--weights", "imagenet"), Start()),
        (("--backbone", "ResNet50", "--weights", "none"), Start("none")),
    ],
)
def test_weights_are_named_by_a_word(
    planned: Callable[..., Plan], options: tuple[str, ...], start: Start
) -> None:
    plan = planned(*options)
    assert (plan.weights, plan.history, plan.image_size) == (start, (), None)
    assert plan.backbone == ("resnet50" if options[0:1] == ("--backbone",) else "efficientnet-lite0")


def test_weights_of_a_path_are_kept_in_the_workspace_and_started_from(
    planned: Callable[..., Plan], trainer: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "Mine.weights.h5"
    path.write_bytes(b"weights")
    monkeypatch.setattr(adopt, "run_json", lambda _arguments: {"fits": True})
    plan = planned("--weights", str(path), "--backbone", "resnet50")
    assert plan.weights.source == "file"
    assert trainer.weights_file == Workspace.open().weights / plan.weights.name
    assert trainer.weights_file.read_bytes() == b"weights"
    assert path.is_file()


def test_weights_of_a_path_that_do_not_fit_are_refused_before_a_run_is_made(
    not_trained: Callable[..., dict[str, Any]], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_about: list[str] = []

    def misfit(arguments: list[str]) -> dict[str, Any]:
        asked_about.extend(arguments)
        raise BadInput("They do not fit ResNet50.", given="Mine.weights.h5", fix="Give others.")

    path = home / "Mine.weights.h5"
    path.write_bytes(b"weights")
    monkeypatch.setattr(adopt, "run_json", misfit)
    error = not_trained("--weights", str(path), "--backbone", "resnet50")
    assert "do not fit" in error["what"]
    assert asked_about[-2:] == ["--backbone", "resnet50"]
    assert list(Workspace.open().weights.iterdir()) == []


def test_an_image_size_is_carried_into_the_plan(planned: Callable[..., Plan]) -> None:
    plan = planned("--image-size", "96")
    assert (plan.image_size, plan.size) == (96, 96)


def test_the_textbooks_recipe_is_a_plan(planned: Callable[..., Plan]) -> None:
    plan = planned("--recipe", "textbook")
    assert replace(plan, dataset="", dataset_title="") == TEXTBOOK.applied(Plan("", "", "efficientnet-lite0"))
    assert (plan.backbone, plan.trainable, plan.head) == ("vgg16", ("block5",), Head("flatten", 0.0, 0))
    assert plan.recipe == Recipe(10, 32, 1e-3, "adam", 0, "none")


def test_options_beside_a_recipe_take_precedence(planned: Callable[..., Plan]) -> None:
    plan = planned(
        "--recipe", "textbook", "--epochs", "2", "--pooling", "avg", "--trainable", "none", "--seed", "7",
        "--image-size", "64", "--weights", "none", "--limit", "12",
    )
    assert (plan.backbone, plan.trainable, plan.image_size) == ("vgg16", (), 64)
    assert plan.head == replace(TEXTBOOK.head, pooling="avg")
    assert plan.recipe == replace(TEXTBOOK.recipe, epochs=2, seed=7)
    assert (plan.weights, plan.limit) == (Start("none"), 12)


def test_another_backbone_beside_a_recipe_keeps_blocks_of_its_family_alone(
    planned: Callable[..., Plan],
) -> None:
    assert planned("--recipe", "textbook", "--backbone", "vgg19").trainable == ("block5",)
    assert "block5" in get("mobilenet").block_names
    assert planned("--recipe", "textbook", "--backbone", "mobilenet").trainable == ()


@pytest.mark.parametrize("recipe", ["fine-tune", "lp-ft", "gradual"])
def test_a_recipe_lets_the_blocks_of_the_run_learn_that_it_goes_on_from(
    planned: Callable[..., Plan], finished: RunFolder, recipe: str
) -> None:
    plan = planned("--recipe", recipe, "--from-run", finished.id)
    assert (plan.backbone, plan.weights) == ("mobilenetv2", Start("run", finished.id))
    assert plan.trainable == last_blocks("mobilenetv2", 2)
    chosen = planned("--recipe", recipe, "--from-run", finished.id, "--trainable", "block15,top")
    assert chosen.trainable == ("block15", "top")


@pytest.mark.parametrize("recipe", ["from-scratch", "textbook"])
def test_a_recipe_that_says_what_it_starts_from_does_not_go_on_from_a_run(
    not_trained: Callable[..., dict[str, Any]], finished: RunFolder, recipe: str
) -> None:
    error = not_trained("--recipe", recipe, "--from-run", finished.id)
    assert "starts from" in error["what"]
    assert error["given"] == recipe


def test_blocks_that_start_at_random_all_learn_whatever_the_recipe(planned: Callable[..., Plan]) -> None:
    plan = planned("--recipe", "lp-ft", "--weights", "none")
    assert plan.trainable == get("efficientnet-lite0").block_names


def test_a_recipe_takes_the_epochs_that_its_blocks_need_and_fewer_are_warned_of(
    workspace: Workspace, capsys: Capture
) -> None:
    def said(*options: str) -> tuple[int, str]:
        words = ["train", "photos", "--recipe", "gradual", "--trainable", "all", *options]
        given = parser().parse_args(words)
        epochs = plan_of(given, workspace).recipe.epochs
        return epochs, capsys.readouterr().err

    assert said() == (30, "")
    epochs, warned = said("--epochs", "4")
    assert epochs == 4
    assert "stem, block1" in warned


def test_adamw_has_its_usual_decay_unless_another_is_given(workspace: Workspace) -> None:
    def recipe(*options: str) -> Recipe:
        return plan_of(parser().parse_args(["train", "photos", *options]), workspace).recipe

    assert recipe("--optimizer", "adamw").weight_decay == 0.004
    assert recipe("--optimizer", "adamw", "--weight-decay", "0.1").weight_decay == 0.1
    assert recipe("--weight-decay", "0.1").weight_decay == 0.1
    assert recipe("--class-weights").class_weights is True
    assert recipe("--no-class-weights").class_weights is False


def test_a_run_goes_on_from_a_run(
    planned: Callable[..., Plan], trainer: Engine, finished: RunFolder
) -> None:
    plan = planned("--from-run", finished.id)
    assert (plan.backbone, plan.image_size, plan.trainable) == ("mobilenetv2", 96, ())
    assert plan.weights == Start("run", finished.id)
    assert plan.history == (
        Ancestor("run-0", "Digits", (), "pretrained"),
        Ancestor(finished.id, "Flowers", ("block16", "top"), "run"),
    )
    assert trainer.weights_file == finished.model


def test_beside_a_run_the_same_backbone_may_be_named_and_the_rest_be_chosen(
    planned: Callable[..., Plan], finished: RunFolder
) -> None:
    plan = planned(
        "--from-run", finished.id, "--backbone", "MobileNetV2", "--image-size", "64", "--trainable", "top",
        "--epochs", "3",
    )
    assert (plan.backbone, plan.image_size, plan.trainable) == ("mobilenetv2", 64, ("top",))
    assert plan.recipe.epochs == 3
    assert len(plan.history) == 2


def test_a_run_and_weights_are_two_different_things(
    not_trained: Callable[..., dict[str, Any]], finished: RunFolder
) -> None:
    error = not_trained("--from-run", finished.id, "--weights", "none")
    assert "one of them" in error["fix"]


def test_a_run_has_one_backbone(not_trained: Callable[..., dict[str, Any]], finished: RunFolder) -> None:
    error = not_trained("--from-run", finished.id, "--backbone", "vgg16")
    assert "mobilenetv2" in error["given"]
    assert "--backbone" in error["fix"]


def test_a_run_that_is_gone_or_has_no_model_is_refused(
    not_trained: Callable[..., dict[str, Any]], finished: RunFolder
) -> None:
    assert "run" in not_trained("--from-run", "20260101-000000-gone")["what"]
    assert not_trained("--from-run", "../..")["fix"]
    finished.model.unlink()
    error = not_trained("--from-run", finished.id)
    assert "no model" in error["what"]
    assert error["fix"]


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        (("--backbone", "resnet50", "--weights", "packaged"), "Choose imagenet or none"),
        (("--weights", "imagenet"), "Choose packaged or none"),
        (("--recipe", "textbook", "--weights", "packaged"), "Choose imagenet or none"),
        (("--recipe", "cookbook"), "textbook"),
        (("--recipe", "from-scratch", "--weights", "packaged"), "another recipe"),
        (("--image-size", "31"), "from 32 to 1,024"),
        (("--backbone", "inceptionv3", "--image-size", "74"), "from 75 to 1,024"),
        (("--backbone", "vgg16", "--image-size", "1025"), "from 32 to 1,024"),
        (("--image-size", "large"), "--help"),
        (("--weights", "none.h5"), "Check the path"),
        (("--weights", ""), "Check the path"),
        (("--recipe", "textbook", "--trainable", "block7"), "block5"),
    ],
    ids=" ".join,
)
def test_options_that_contradict_each_other_are_refused_with_the_fix(
    not_trained: Callable[..., dict[str, Any]], options: tuple[str, ...], fix: str
) -> None:
    assert fix in not_trained(*options)["fix"]


def test_a_weight_file_of_another_kind_is_refused_and_not_kept(
    not_trained: Callable[..., dict[str, Any]], home: Path
) -> None:
    (home / "mine.pkl").write_bytes(b"x")
    assert ".weights.h5" in not_trained("--weights", str(home / "mine.pkl"))["fix"]
    assert list(Workspace.open().weights.iterdir()) == []


def test_all_backbones_are_listed_with_blocks_and_weights(capsys: Capture) -> None:
    found = asked(capsys, "backbones")["backbones"]
    assert len(found) == 43
    assert [each["name"] for each in found] == list(BACKBONES)
    for each in found:
        backbone = get(each["name"])
        assert each["family"] == backbone.family
        assert each["weights"]["source"] == ("imagenet" if backbone.constructor else "packaged")
        assert each["weights"]["state"] == ("download" if backbone.constructor else "ready")
        assert [block["name"] for block in each["blocks"]] == list(backbone.block_names)
        assert sum(block["parameters"] for block in each["blocks"]) == each["parameters"]
        for block in each["blocks"]:
            assert block["layers"] > 0
            assert len(block["output_shape"]) == 3
            assert all(isinstance(n, int) and n > 0 for n in block["output_shape"])
        assert each["blocks"][-1]["output_shape"][2] == each["features"]


def test_weights_that_are_in_the_cache_are_listed_as_ready(capsys: Capture, home: Path) -> None:
    path = home / "keras" / "models" / get("vgg16").stored.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"there")
    found = {each["name"]: each["weights"]["state"] for each in asked(capsys, "backbones")["backbones"]}
    assert (found["vgg16"], found["vgg19"]) == ("ready", "download")


@pytest.fixture
def no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.backend.load_tensorflow", lambda: None)


@pytest.mark.usefixtures("no_tensorflow")
def test_a_fetch_without_a_network_names_the_file_and_where_to_put_it(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    def unreachable(work: Any) -> None:
        work.error = Exception("URL fetch failure")

    monkeypatch.setattr(download._Download, "run", unreachable)
    error = refused(capsys, "fetch", "vgg16", status=1)
    stored = get("vgg16").stored
    assert error["given"] == stored.url
    assert stored.file in error["fix"]
    assert str(home / "keras" / "models") in error["fix"]
    assert list((home / "keras" / "models").iterdir()) == []


@pytest.mark.usefixtures("no_tensorflow")
def test_a_fetch_says_where_the_file_is(capsys: Capture, home: Path) -> None:
    path = home / "keras" / "models" / get("vgg16").stored.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"there")
    assert asked(capsys, "fetch", "VGG16") == {"backbone": "vgg16", "state": "ready", "file": str(path)}
    assert main(["fetch", "vgg16"]) == 0
    assert str(path) in capsys.readouterr().out


def test_packaged_weights_need_no_fetch(capsys: Capture) -> None:
    assert asked(capsys, "fetch", "efficientnet-lite0") == {
        "backbone": "efficientnet-lite0", "state": "ready", "file": None,
    }


@pytest.mark.usefixtures("no_tensorflow")
@pytest.mark.parametrize(
    ("error", "status"), [(Stopped("Stopped."), STOPPED), (Unavailable("Not now."), 1)],
)
def test_a_fetch_that_ends_early_says_so(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_given: object) -> Path:
        raise error

    monkeypatch.setattr(download, "fetch", fail)
    assert refused(capsys, "fetch", "vgg16", status=status)["what"] == str(error)


@pytest.mark.parametrize("command", ["fetch", "measure"])
def test_an_unknown_backbone_is_refused_with_the_closest(capsys: Capture, command: str) -> None:
    assert "Did you mean vgg16?" in refused(capsys, command, "vgg16s")["fix"]


def test_a_size_that_cannot_be_measured_is_refused(capsys: Capture) -> None:
    assert "from 32 to" in refused(capsys, "measure", "vgg16", "--image-size", "31")["fix"]


def test_what_is_measured_is_printed_and_kept(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []

    def stand_in(name: str, image_size: int | None, *, quick: bool) -> Measured:
        given.append((name, image_size, quick))
        return Measured(
            name, image_size or 224, 32, 0.01, 4.0, 2.0, 3.0, 0.5, 5, (), speed.machine(), 1.0
        )

    monkeypatch.setattr(calibrate, "calibrate", stand_in)
    found = asked(capsys, "measure", "VGG16", "--image-size", "64", "--quick")
    assert given == [("vgg16", 64, True)]
    assert (found["backbone"], found["image_size"], found["images_per_s"]) == ("vgg16", 64, 100)
    kept = speed.measured(Workspace.open(), "vgg16", 64)
    assert kept is not None
    assert kept.forward_s == 0.01
    assert main(["measure", "vgg16"]) == 0
    assert "100 photos a second" in capsys.readouterr().out
    assert given[-1] == ("vgg16", None, False)


@pytest.fixture(scope="module")
def weight_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a MobileNetV3Small that anybody saved."""
    import keras

    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    keras.applications.MobileNetV3Small(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    ).save_weights(path)
    return path


@pytest.mark.slow
def test_weights_that_fit_are_said_to_fit(capsys: Capture, weight_file: Path) -> None:
    found = asked(capsys, "weights", str(weight_file), "--backbone", "mobilenetv3small")
    assert (found["fits"], found["backbone"], found["file"]) == (
        True, "mobilenetv3small", "small.weights.h5",
    )
    assert found["parameters"] == get("mobilenetv3small").parameters
    assert found["layers"] > 50
    assert main(["weights", str(weight_file), "--backbone", "mobilenetv3small"]) == 0
    assert f"all {found['layers']} layers" in capsys.readouterr().out
    assert list(Workspace.open().weights.iterdir()) == []


@pytest.mark.slow
def test_of_weights_that_do_not_fit_every_layer_is_named(capsys: Capture, weight_file: Path) -> None:
    error = refused(capsys, "weights", str(weight_file), "--backbone", "vgg16")
    assert {each["name"] for each in error["layers"]} == {
        f"block{block}_conv{at}" for block, n in ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))
        for at in range(1, n + 1)
    }
    first = next(each for each in error["layers"] if each["name"] == "block1_conv1")
    assert first["wanted"] == [[3, 3, 3, 64], [64]]
    assert first["found"] != first["wanted"]
    assert "13 of its 13 layers" in error["what"]
    assert error["fix"]


@pytest.mark.slow
def test_weights_that_are_none_are_refused(capsys: Capture, home: Path) -> None:
    (home / "bad.h5").write_bytes(b"no weights")
    refused(capsys, "weights", str(home / "bad.h5"), "--backbone", "mobilenetv3small")
    refused(capsys, "weights", str(home / "none.h5"), "--backbone", "mobilenetv3small")
    refused(capsys, "weights", str(home / "bad.h5"), "--backbone", "mobilenetv9")
