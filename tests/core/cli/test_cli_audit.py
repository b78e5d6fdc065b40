from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_calls import Capture, asked, refused
from PIL import Image

from core.cli import audit as module
from core.cli.main import main
from core.cli.signals import STOPPED
from core.data import dataset as datasets
from core.data.dataset import Dataset
from core.data.intake import take_in
from core.errors import Unavailable
from core.insight.audit import Audit, Strange
from core.training.plan import Plan
from core.workspace import Workspace


@pytest.fixture
def copied(photos: Path) -> Path:
    """16 photos in two classes, and two of which one is the other cut and crushed, in another class."""
    rough = np.random.default_rng(1).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(rough).resize((160, 120), Image.Resampling.BICUBIC)
    image.save(photos / "red" / "one.png")
    image.crop((4, 6, 155, 117)).save(photos / "blue" / "two.jpg", quality=30)
    return photos


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Features made by hand, by class."""
    plans: list[Plan] = []

    def made(dataset: Dataset, plan: Plan, progress: Callable[..., None]) -> np.ndarray:
        progress("Looking at the photos", 1, 1)
        plans.append(plan)
        random = np.random.default_rng(0).normal(size=(len(dataset.items), 16))
        random[:, :8] += [[6.0 * item.label] * 8 for item in dataset.items]
        rows: Any = random.astype(np.float32)
        copies = [at for at, item in enumerate(dataset.items) if item.name.endswith(("one.png", "two.jpg"))]
        rows[copies[0]] = rows[copies[1]]
        return rows  # type: ignore[no-any-return]

    monkeypatch.setattr(module, "backbone_features", made)
    return plans


def test_findings_are_told_by_the_names_that_the_files_had(
    copied: Path, workspace: Workspace, plans: list[Plan], capsys: Capture
) -> None:
    said = asked(capsys, "audit", str(copied), "--workspace", str(workspace.root))
    assert (said["images"], said["backbone"], plans[0].backbone) == (
        18, "efficientnet-lite0", "efficientnet-lite0")
    (pair,) = said["near_duplicates"]["pairs"]
    assert {each["image"] for each in pair["photos"]} == {"red/one.png", "blue/two.jpg"}
    assert pair["agreement"] >= said["near_duplicates"]["agreement_at_least"]
    assert {each["label"] for each in pair["photos"]} == {"blue", "red"}
    assert said["near_duplicates"]["may_be_more"] is False
    assert said["label_errors"]["looked_at"] == 18
    wrong = {each["image"]: each["looks_like"] for each in said["label_errors"]["photos"]}
    assert wrong in ({"blue/two.jpg": "red"}, {"red/one.png": "blue"})
    for each in said["label_errors"]["photos"]:
        assert each["nearest_of_label"]["label"] == each["label"]
        assert each["nearest_of_other"]["label"] == each["looks_like"]
        assert each["nearest_of_other"]["image"] not in ("red/one.png", "blue/two.jpg")
    assert said["outliers"]["found"] == len(said["outliers"]["photos"])


def test_photos_unlike_the_others_are_told_with_those_to_compare_them_with(
    copied: Path, workspace: Workspace
) -> None:
    dataset = take_in(copied, workspace)
    one, other, third = (item.path for item in dataset.items[:3])
    found = Audit(
        18, (), 0, 0, 0.987, (), 0, 18, 0.9,
        (Strange(one, False, 0.6, 0.3, other, third), Strange(other, True, 0.6, 0.3, None, None)), 2)
    said: Any = module.answer(dataset, "efficientnet-lite0", found)
    first, second = said["outliers"]["photos"]
    assert first["typical"]["image"] == dataset.items[1].name
    assert first["nearest_of_label"]["image"] == dataset.items[2].name
    assert (second["typical"], second["nearest_of_label"]) == (None, None)


def test_what_cannot_be_trained_on_can_be_audited(
    copied: Path, workspace: Workspace, plans: list[Plan], capsys: Capture
) -> None:
    (copied / "rare").mkdir()
    Image.new("RGB", (80, 60), "green").save(copied / "rare" / "three.png")
    said = asked(capsys, "audit", str(copied), "--workspace", str(workspace.root))
    assert (said["images"], len(plans)) == (19, 1)


def test_people_are_told_in_a_few_lines(
    copied: Path, workspace: Workspace, plans: list[Plan], capsys: Capture
) -> None:
    given = ["audit", str(copied), "--backbone", "mobilenetv2", "--workspace", str(workspace.root)]
    assert main(given) == 0
    out = capsys.readouterr().out
    assert plans[0].backbone == "mobilenetv2"
    assert "18 photos looked at, by the features of mobilenetv2" in out
    assert "near-duplicates: 1 pair, " in out
    assert "two.jpg (" in out
    assert "labelled " in out


def test_of_many_findings_only_the_first_are_shown(
    copied: Path, workspace: Workspace, plans: list[Plan], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ROWS", 0)
    assert main(["audit", str(copied), "--workspace", str(workspace.root)]) == 0
    assert plans
    assert "… and 1 more; --json tells up to 500" in capsys.readouterr().out


def test_of_many_copies_it_is_said_that_there_may_be_more_pairs(
    photos: Path, workspace: Workspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copies_alike(dataset: Dataset, *_given: object) -> np.ndarray:
        rows = np.random.default_rng(0).normal(size=(len(dataset.items), 16)).astype(np.float32)
        rows[["copy" in item.name for item in dataset.items]] = 1
        return rows

    monkeypatch.setattr(module, "backbone_features", copies_alike)
    rough = np.random.default_rng(1).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(rough).resize((160, 120), Image.Resampling.BICUBIC)
    for at in range(8):
        image.save(photos / "red" / f"copy{at}.jpg", quality=95 - at)
    given = ["audit", str(photos), "--workspace", str(workspace.root)]
    assert main(given) == 0
    assert "near-duplicates: at least " in capsys.readouterr().out
    assert asked(capsys, *given)["near_duplicates"]["may_be_more"] is True


def test_an_unknown_backbone_and_weights_that_cannot_be_had_are_errors(
    copied: Path, workspace: Workspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("audit", str(copied), "--workspace", str(workspace.root))
    assert refused(capsys, *given, "--backbone", "no-such")["given"] == "no-such"
    assert not any(workspace.datasets.iterdir()), "the photos are not taken in for nothing"

    def missing(*_given: object) -> None:
        raise Unavailable("The weights cannot be fetched.")

    monkeypatch.setattr(module, "backbone_features", missing)
    assert refused(capsys, *given, status=1)["what"] == "The weights cannot be fetched."


@pytest.mark.parametrize("where", ["taking in", "features"])
def test_ctrl_c_leaves_nothing_half_made(
    where: str, copied: Path, workspace: Workspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    if where == "features":
        monkeypatch.setattr(module, "backbone_features", interrupted)
    else:
        monkeypatch.setattr(datasets, "save", interrupted)
    assert main(["audit", str(copied), "--workspace", str(workspace.root)]) == STOPPED
    assert capsys.readouterr().err.splitlines()[-1] == "Stopped."
    assert len(list(workspace.datasets.iterdir())) == (where == "features")
    assert not any(workspace.incoming.iterdir())
    assert not any(workspace.runs.iterdir())


@pytest.mark.slow
def test_the_packaged_backbone_finds_the_copy(copied: Path, workspace: Workspace, capsys: Capture) -> None:
    said = asked(capsys, "audit", str(copied), "--workspace", str(workspace.root))
    (pair,) = said["near_duplicates"]["pairs"]
    assert {each["image"] for each in pair["photos"]} == {"red/one.png", "blue/two.jpg"}
