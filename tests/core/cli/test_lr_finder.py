"""The learning-rate finder on the command line, with a stand-in for the sweep."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cli_calls import Capture, asked, refused

from core.cli import lr_finder
from core.cli.main import main
from core.cli.signals import STOPPED
from core.data.dataset import Dataset
from core.errors import Stopped
from core.runs.folder import run_folders
from core.training.plan import Plan
from core.training.rate_curve import RateCurve, curve_of
from core.training.rate_finder import RATES, Told
from core.workspace import Workspace

FOUND = curve_of(
    RATES[:80], [2.5 if rate < 1e-3 else 0.5 for rate in RATES[:80]], [8] * 80, stopped_early=True
)
LEVEL = curve_of(RATES, [2.5] * 100, [8] * 100, stopped_early=False)


@dataclass
class Sweep:
    """Stands in for the sweep."""

    curve: RateCurve = FOUND
    signals: tuple[int, ...] = ()
    plans: list[Plan] = field(default_factory=list)
    images: list[int] = field(default_factory=list)

    def __call__(
        self, plan: Plan, dataset: Dataset, _workspace: Workspace, told: Told, stop: threading.Event,
        _weights_file: Path | None,
    ) -> RateCurve:
        self.plans.append(plan)
        self.images.append(len(dataset.items))
        told("Raising", 0.5)
        for number in self.signals:
            signal.raise_signal(number)
        if stop.is_set():
            raise Stopped("Stopped before a learning rate was found.")
        return self.curve


@pytest.fixture(autouse=True)
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "home"))
    made = Sweep()
    monkeypatch.setattr(lr_finder, "find_rate", made)
    return made


def test_a_program_gets_the_whole_curve_and_the_suggestion(capsys: Capture, photos: Path) -> None:
    found = asked(capsys, "lr-finder", str(photos))
    assert found["suggestion"] == FOUND.suggestion is not None
    assert (found["steepest"], found["lowest"]) == (FOUND.steepest, FOUND.lowest)
    for name in ("rates", "losses", "smoothed"):
        assert found[name] == list(getattr(FOUND, name))
    assert (found["stopped_early"], found["reason"], found["learns"]) == (True, "", "Head only")
    assert (found["backbone"], found["trainable"]) == ("efficientnet-lite0", [])


def test_the_options_of_train_are_heard_and_no_run_is_made(
    capsys: Capture, photos: Path, sweep: Sweep
) -> None:
    asked(capsys, "lr-finder", str(photos), "--trainable", "block7,top", "--optimizer", "sgd",
          "--batch-size", "4", "--recipe", "lp-ft", "--limit", "12")
    plan = sweep.plans[0]
    assert (plan.trainable, plan.recipe.method) == (("block7", "top"), "lp-ft")
    assert (plan.recipe.optimizer, plan.recipe.batch_size, plan.limit) == ("sgd", 4, 12)
    assert plan.dataset
    assert sweep.images == [12]
    assert run_folders(Workspace.open()) == []


def test_a_person_reads_a_small_table_and_what_to_give_to_train(capsys: Capture, photos: Path) -> None:
    assert main(["lr-finder", str(photos), "--trainable", "block7,top"]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].split() == ["rate", "loss", "smoothed"]
    assert lines[1].split() == ["1e-06", "2.500", "2.500"]
    assert lines[12].split()[0] == f"{RATES[79]:.2g}"
    assert lines[13:] == [
        "what learns: Block 7, Top",
        "The loss ran away after 80 of 100 steps.",
        f"The loss falls fastest at {FOUND.steepest:.2g} and is lowest at {FOUND.lowest:.2g}.",
        f"suggestion: --learning-rate {FOUND.suggestion:g}",
    ]
    assert " 50% Raising" in said.err


def test_where_nothing_is_suggested_it_is_said_why(capsys: Capture, photos: Path, sweep: Sweep) -> None:
    sweep.curve = LEVEL
    assert asked(capsys, "lr-finder", str(photos))["suggestion"] is None
    assert main(["lr-finder", str(photos)]) == 0
    said = capsys.readouterr().out
    assert said.endswith("no suggestion: The loss did not fall at any rate.\n")
    assert "ran away" not in said


def test_a_loss_that_runs_away_at_once_has_no_table(capsys: Capture, photos: Path, sweep: Sweep) -> None:
    sweep.curve = curve_of([], [], [], stopped_early=True)
    assert main(["lr-finder", str(photos)]) == 0
    assert "The loss ran away after 0 of 100 steps." in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_after_the_step(capsys: Capture, photos: Path, sweep: Sweep, number: int) -> None:
    sweep.signals = (number,)
    error = refused(capsys, "lr-finder", str(photos), status=STOPPED)
    assert error["what"] == "Stopped."


def test_a_second_signal_leaves_at_once(capsys: Capture, photos: Path, sweep: Sweep) -> None:
    sweep.signals = (signal.SIGINT, signal.SIGINT)
    error = refused(capsys, "lr-finder", str(photos), status=STOPPED)
    assert error["what"] == "Stopped."


def test_photos_that_cannot_be_trained_on_are_refused(
    capsys: Capture, tmp_path: Path, photos: Path, sweep: Sweep
) -> None:
    (photos / "red").rename(tmp_path / "elsewhere")
    assert refused(capsys, "lr-finder", str(photos))["what"]
    assert refused(capsys, "lr-finder", str(tmp_path / "nowhere"))["what"]
    assert refused(capsys, "lr-finder", str(photos), "--backbone", "nonet")["what"]
    assert sweep.plans == []
