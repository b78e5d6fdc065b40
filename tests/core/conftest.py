"""One real training for all slow tests of the core, and what stands in for it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.runs.folder import RunFolder
from core.runs.status import Status
from core.runs.wishes import Leaving
from core.runs.work import carry_out
from core.training.plan import Head, Plan, Recipe
from core.workspace import Workspace
from tests.conftest import make_photos

SEED = 5
# The first example of all may import Keras, which takes seconds.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@dataclass(frozen=True)
class Trained:
    """A run that was carried out with the real backbone and its real weights; leave it as it is."""

    photos: Path
    workspace: Workspace
    dataset: Dataset
    plan: Plan
    run: RunFolder
    ended: Status


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    photos = make_photos(folder / "colours", each=12)
    workspace = Workspace.open(folder / "workspace")
    dataset = take_in(photos, workspace)
    plan = Plan(
        dataset.id, dataset.title, "efficientnet-lite0", head=Head(hidden=8),
        recipe=Recipe(epochs=2, batch_size=4, seed=SEED, augment="light"),
    )
    run = RunFolder.create(workspace, plan)
    return Trained(photos, workspace, dataset, plan, run, carry_out(workspace, run, Leaving()))
