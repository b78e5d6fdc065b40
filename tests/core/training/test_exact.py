"""A training on kept activations comes to what the plain one comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest
import reusing
from _pytest.mark.structures import ParameterSet

from core.data.dataset import Dataset
from core.training import reuse
from core.training.plan import Head, Plan
from core.training.start import RANDOM, Start
from core.workspace import Workspace

CLOSE = 1e-4
LITE = "efficientnet-lite0"
Changed = Callable[[Plan], Plan]


def lite(*trainable: str, head: Head | None = None, **recipe: object) -> Changed:
    def changed(plan: Plan) -> Plan:
        asked = replace(plan, backbone=LITE, weights=Start(), trainable=trainable, head=head or plan.head)
        return reusing.with_recipe(asked, **recipe)

    return changed


CASES: dict[str, Changed] = {
    "all frozen": lite(),
    "the last blocks": lite("block7", "top"),
    "blocks that are not neighbours, a last batch that is smaller": lite("block5", "top", batch_size=5),
    "dropout and a hidden layer": lite(head=Head("max", 0.5, 8)),
    "two views of each photo": lite("top", augment="light", views=2),
    "VGG16 on a flattened map": lambda plan: replace(
        plan, backbone="vgg16", trainable=("block5",), head=Head("flatten", 0.0), image_size=48,
        weights=Start(RANDOM)),
    "drop connect": lambda plan: replace(
        plan, backbone="efficientnetb0", trainable=("block7", "top"), weights=Start(RANDOM)),
    "BatchNorms that learn": lambda plan: replace(
        reusing.with_recipe(plan, learning_rate=1e-2), backbone="mobilenet", weights=Start(RANDOM),
        trainable=("block12", "block13")),
}


def marked(cases: Iterable[str], quick: set[str]) -> list[ParameterSet]:
    """Each case that is not among the quick ones is for the long tests."""
    return [
        pytest.param(case, marks=pytest.mark.slow if case in quick else pytest.mark.zoo) for case in cases
    ]


@pytest.mark.parametrize("case", marked(
    CASES, {"the last blocks"}))
def test_reusing_the_frozen_part_changes_nothing(case: str, data: Dataset, workspace: Workspace) -> None:
    plan = CASES[case](reusing.plan_for(data)).checked()
    reused = reusing.run(plan, data, workspace)
    plain = reusing.run(replace(plan, cache=False), data, workspace)
    views = plan.recipe.different_views or 0
    reusing.assert_reused(reused, hit=0, computed=(views - 1) * reusing.TRAIN + reusing.ALL)
    assert plain.use.reason
    assert len(plain.figures) == plan.recipe.epochs
    assert np.ptp(plain.figures[:, 0]) > 0  # it learns, so that there is something to compare
    reusing.assert_same(reused, plain, data, CLOSE)
    assert reused.outcome.trainable == plain.outcome.trainable


@pytest.mark.zoo
@pytest.mark.slow
def test_steps_that_are_taken_at_once_change_nothing(
    data: Dataset, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reuse, "_MOST_STEPS_AT_ONCE", 4)
    monkeypatch.setattr(reuse, "_LEAST_LOOKS_AN_EPOCH", 1)
    plan = reusing.plan_for(data, batch_size=3)
    reused = reusing.run(plan, data, workspace)
    plain = reusing.run(replace(plan, cache=False), data, workspace)
    assert [each.step for each in reused.heard.steps] == [4, 6] * plan.recipe.epochs
    assert [each.step for each in plain.heard.steps] == [1, 2, 3, 4, 5, 6] * plan.recipe.epochs
    drawn = [each.position for each in reused.heard.batches]
    assert drawn == pytest.approx([epoch + at for epoch in range(plan.recipe.epochs) for at in (4 / 6, 1)])
    assert reused.heard.phases.count("training") == plain.heard.phases.count("training")
    reusing.assert_same(reused, plain, data, CLOSE)


@pytest.mark.zoo
@pytest.mark.parametrize("case", marked(
    ["the last blocks", "dropout and a hidden layer", "drop connect"], {"dropout and a hidden layer"}))
def test_it_comes_to_what_a_loop_written_by_hand_comes_to(
    case: str, data: Dataset, workspace: Workspace
) -> None:
    from core.training.epoch_start import EpochStart
    from core.training.model import assemble

    # NOTE: not 5: of 16 photos the last batch would be one, of 1 x 1 pixels after block 7. Its variance is
    # 0, and BatchNorms that learn would divide the rounding by next to nothing.
    plan = CASES[case](reusing.plan_for(data, batch_size=6)).checked()
    ran = reusing.run(plan, data, workspace)
    assert ran.use.reason == ""
    model = assemble(plan, len(data.classes))
    images, labels = reusing.pixels(data, "train", plan.size)
    tested, _labels = reusing.pixels(data, "test", plan.size)
    checked = reusing.pixels(data, "validation", plan.size)
    figures, said = [], []
    # What dropout draws is a function of the seed, the epoch and the layer.
    start = EpochStart(model, plan.recipe.seed, None)
    for epoch, order in enumerate(reusing.orders(plan, len(images), plan.recipe.epochs)):
        past = model.fit(
            images[order], labels[order], batch_size=plan.recipe.batch_size, shuffle=False, verbose=0,
            validation_data=checked, initial_epoch=epoch, epochs=epoch + 1, callbacks=[start],
        ).history
        figures.append([past[name][0] for name in ("loss", "accuracy", "val_loss", "val_accuracy")])
        said.append(model.predict_on_batch(tested))
    np.testing.assert_allclose(ran.figures, figures, rtol=CLOSE, atol=CLOSE)
    assert ran.outcome.kept is not None
    np.testing.assert_allclose(ran.outcome.test, said[ran.outcome.kept - 1], rtol=CLOSE, atol=CLOSE)
