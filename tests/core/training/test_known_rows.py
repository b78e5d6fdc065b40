from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import reusing

from core.data.dataset import Dataset
from core.training import known_rows
from core.training.plan import Head
from core.training.start import RANDOM, Start
from core.workspace import Workspace

pytestmark = pytest.mark.slow


def test_what_a_run_has_kept_is_found_by_every_plan_that_needs_it_and_by_no_other(
    data: Dataset, workspace: Workspace
) -> None:
    plan = reusing.plan_for(data)
    assert known_rows.found(workspace, plan, data) == 0
    reusing.run(plan, data, workspace)
    assert known_rows.found(workspace, plan, data) == reusing.ALL
    half = replace(data, items=data.items[::2])
    assert known_rows.found(workspace, plan, half) == len(half.items)
    others = {
        "another layer in the head": (replace(plan, head=Head("avg", 0.5, 8)), reusing.ALL),
        "another learning rate": (reusing.with_recipe(plan, learning_rate=0.1), reusing.ALL),
        "another seed": (reusing.with_recipe(plan, seed=9), reusing.ALL),
        "another pooling": (replace(plan, head=Head("max")), 0),
        "another size": (replace(plan, image_size=40), 0),
        "another cut": (replace(plan, trainable=("top",)), 0),
        "random weights": (replace(plan, weights=Start(RANDOM)), 0),
        "views": (reusing.with_recipe(plan, augment="light", views=2), reusing.ALL - reusing.TRAIN),
        "fresh views": (reusing.with_recipe(plan, augment="light", views=0), 0),
        "switched off": (replace(plan, cache=False), 0),
    }
    for name, (other, count) in others.items():
        assert known_rows.found(workspace, other, data) == count, name


@pytest.mark.zoo
def test_another_seed_finds_what_a_network_with_drop_connect_has_kept(
    data: Dataset, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training import model as models

    assemble = models.assemble

    def same_weights(plan, classes, _file=None):  # type: ignore[no-untyped-def]
        from core.backbones.random_start import draw_weights

        model = assemble(plan, classes)
        draw_weights(models.body_of(model), 1)
        return model

    monkeypatch.setattr(models, "assemble", same_weights)
    plan = replace(
        reusing.plan_for(data), backbone="efficientnetb0", weights=Start(RANDOM), trainable=())
    reusing.run(plan, data, workspace)
    again = reusing.run(reusing.with_recipe(plan, seed=6), data, workspace)
    reusing.assert_reused(again, hit=reusing.ALL, computed=0)
