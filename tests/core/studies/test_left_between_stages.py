"""A run that is stopped while photos pass the frozen part for a later stage is one like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.data.dataset import Dataset
from core.insight import predict as insight
from core.runs.folder import RunFolder, saved_epoch
from core.runs.listener import FolderListener
from core.runs.listing import listed
from core.runs.packing import pack_to
from core.runs.results import result_of
from core.runs.status import State
from core.runs.unpacking import unpack
from core.runs.wishes import Leaving, Wish
from core.runs.work import carry_out, evaluation_of, looks
from core.studies.evaluating import looked
from core.studies.reporting import make_report
from core.studies.scripting import script
from core.studies.target import Target
from core.training.counts import counts
from core.training.plan import Plan, Recipe
from core.workspace import Workspace

EPOCHS = 2


@pytest.fixture
def run(workspace: Workspace, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    recipe = Recipe(epochs=5, batch_size=4, method="lp-ft", stage_epochs=EPOCHS)
    plan = Plan(dataset.id, dataset.title, "efficientnet-lite0", ("top",), recipe=recipe, image_size=32)
    made, leaving = RunFolder.create(workspace, plan), Leaving()
    phase = FolderListener.phase

    def stopping(self: FolderListener, name: str) -> None:
        phase(self, name)
        if name == "extracting" and made.history():
            leaving.ask(Wish.STOP)

    monkeypatch.setattr(FolderListener, "phase", stopping)
    carry_out(workspace, made, leaving)
    return made


@pytest.mark.slow
def test_it_is_reported_measured_and_asked(workspace: Workspace, run: RunFolder, dataset: Dataset) -> None:
    ended, kept = run.status(), saved_epoch(run.model)
    assert (ended.state, len(run.history())) == (State.STOPPED, EPOCHS)
    assert ended.kept == kept is not None
    report: Any = run.report()
    head = counts(Plan(dataset.id, dataset.title, "efficientnet-lite0", image_size=32), 2)
    assert report["parameters"] == {"total": head.total, "trainable": head.learning}
    assert report["best"]["epoch"] == kept
    assert report["versions"]["keras"]
    assert report["cache"] is not None
    found = result_of(listed(workspace)[0])
    assert (found.learning, found.val_accuracy) == (head.learning, report["best"]["val_accuracy"])

    tests = dataset.of_split("test")
    assert len(looked(workspace, run, Target("", "test"))) == len(tests)
    assert evaluation_of(run) is not None
    assert looks(run.report() or {}) == 1
    assert len(insight.predict(insight.loaded(run.model), [dataset.file(tests[0])])) == 1


@pytest.mark.zoo
def test_it_is_taken_away_in_every_way(workspace: Workspace, run: RunFolder, tmp_path: Path) -> None:
    looked(workspace, run, Target("", "test"))
    assert make_report(workspace, run).is_file()
    assert script(workspace, run).text
    pack_to(workspace, run, tmp_path / "run.zip", photos=True)
    other = Workspace.open(tmp_path / "other")
    there = RunFolder.open(other, unpack(other, tmp_path / "run.zip").run)
    assert evaluation_of(there) == evaluation_of(run)
