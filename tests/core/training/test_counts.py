from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.backbones import build, catalogue
from core.errors import NotFound
from core.training.counts import counts, gentler_rate, head_parameters, shortcuts, what_learns
from core.training.plan import Head, Plan, Recipe

PLAN = Plan("photos", "Photos", "efficientnet-lite0")
LITE0 = catalogue.get("efficientnet-lite0")


@pytest.mark.parametrize(
    ("head", "parameters"),
    [
        (Head("avg"), 1281 * 5),
        (Head("max", 0.5), 1281 * 5),
        (Head("flatten"), (7 * 7 * 1280 + 1) * 5),
        (Head("avg", 0.2, 64), 1281 * 64 + 65 * 5),
        (Head("flatten", 0.0, 64), (7 * 7 * 1280 + 1) * 64 + 65 * 5),
    ],
)
def test_a_heads_parameters_are_those_of_its_dense_layers(head: Head, parameters: int) -> None:
    assert head_parameters(replace(PLAN, head=head), 5) == parameters


def test_what_learns_and_what_is_frozen_make_the_whole() -> None:
    for blocks in shortcuts(PLAN.backbone).values():
        found = counts(replace(PLAN, trainable=blocks), 3)
        assert found.learning + found.frozen == found.total == LITE0.parameters + found.head
        assert 0 < found.share <= 1
        assert found.learning >= found.head


def test_batchnorm_never_counts_as_learning() -> None:
    found = counts(replace(PLAN, trainable=LITE0.block_names), 3)
    # Four numbers a channel: scale, offset, mean and variance, of which the first two could learn.
    assert found.frozen == 2 * sum(block.norm_parameters for block in LITE0.blocks)


def test_more_blocks_let_more_learn() -> None:
    found = [
        counts(replace(PLAN, trainable=LITE0.block_names[-n:] if n else ()), 3).learning
        for n in range(len(LITE0.block_names) + 1)
    ]
    assert found == sorted(set(found))


def test_the_shortcuts_are_none_the_last_block_with_the_top_and_all() -> None:
    assert shortcuts("efficientnet-lite0") == {
        "none": (), "last": ("block7", "top"), "all": LITE0.block_names,
    }
    with pytest.raises(NotFound):
        shortcuts("efficientnet-lite9")


def test_what_learns_is_said_in_words_for_the_usual_choices() -> None:
    assert what_learns(PLAN) == "Head only"
    assert what_learns(replace(PLAN, trainable=LITE0.block_names)) == "Everything"
    assert "6" in what_learns(replace(PLAN, trainable=("block6", "top")))


@pytest.mark.parametrize(
    ("trainable", "rate", "advised"),
    [((), 0.1, None), (("top",), 1e-3, 1e-4), (("top",), 3e-4, None), (("top",), 1e-4, None)],
)
def test_a_gentler_rate_is_advised_where_blocks_learn_at_a_high_one(
    trainable: tuple[str, ...], rate: float, advised: float | None
) -> None:
    plan = replace(PLAN, trainable=trainable, recipe=Recipe(learning_rate=rate))
    assert gentler_rate(plan) == advised


HEADS = [Head(pooling, 0.3, hidden) for pooling in ("avg", "max", "flatten") for hidden in (0, 16)]


@pytest.fixture(scope="module")
def body() -> Any:
    return build.build("efficientnet-lite0", weights="none")


@pytest.mark.slow
@pytest.mark.parametrize("shortcut", ["none", "last", "all"])
@pytest.mark.parametrize("head", HEADS, ids=lambda head: f"{head.pooling}-{head.hidden}")
def test_the_counts_are_those_of_keras(
    body: Any, head: Head, shortcut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training import model as models

    monkeypatch.setattr(build, "build", lambda _name, **_given: body)
    plan = replace(PLAN, head=head, trainable=shortcuts(PLAN.backbone)[shortcut])
    model = models.assemble(plan, 7)
    found = counts(plan, 7)
    assert models.count_parameters(model) == (found.total, found.learning)
    assert model.count_params() == found.total


def test_what_stays_frozen_where_everything_learns_is_batchnorm() -> None:
    found = counts(replace(PLAN, trainable=LITE0.block_names), 10)
    assert found.norm == found.frozen > 0
    assert counts(PLAN, 10).norm == 0
