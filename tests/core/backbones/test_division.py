from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from steps import crossing

from core.backbones.division import divide, inputs_of, owners
from core.backbones.families import FAMILIES, Rule, family_of

if TYPE_CHECKING:
    import keras

RULES = (Rule(r"a_.*", "first"), Rule(r"b(\d)_.*", "part{0}", 1))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Three blocks: the second adds to what came in, the third ends in a bare operation."""
    import keras

    inputs = keras.Input((8, 8, 3), name="image")
    first = keras.layers.ReLU(name="a_relu")(keras.layers.Conv2D(4, 3, padding="same", name="a_conv")(inputs))
    inner = keras.layers.Conv2D(4, 3, padding="same", name="unnamed")(first)
    second = keras.layers.Add(name="b1_add")([first, inner])
    third = keras.layers.Conv2D(4, 1, name="b2_conv")(second) * 2.0
    return keras.Model(inputs, keras.layers.ReLU(name="last")(third + second))


def test_blocks_hold_what_their_end_needs_and_no_earlier_block_has(model: keras.Model) -> None:
    blocks = {name: [layer.name for layer in layers] for name, layers in divide(model, RULES).items()}
    assert blocks == {
        "first": ["a_conv", "a_relu"], "part2": ["unnamed", "b1_add"], "part3": ["b2_conv", "last"],
    }


def test_bare_operations_belong_to_a_block_too(model: keras.Model) -> None:
    owner = owners(model, RULES)
    bare = {step.name for step in model.operations} - {layer.name for layer in model.layers}
    assert len(bare) == 2
    assert {owner[name] for name in bare} == {"part3"}
    assert "image" not in owner


def test_a_skip_connection_counts_as_taken_from(model: keras.Model) -> None:
    assert inputs_of(model)["b1_add"] == ("a_relu", "unnamed")
    assert inputs_of(model)["image"] == ()


def test_a_bare_operation_that_finishes_a_block_is_its_end() -> None:
    import keras

    inputs = keras.Input((4,), name="image")
    first = keras.layers.Dense(4, name="a_dense")(inputs) + 1.0
    model = keras.Model(inputs, keras.layers.Dense(4, name="b1_dense")(first))
    owner = owners(model, RULES)
    (bare,) = {step.name for step in model.operations} - {layer.name for layer in model.layers}
    assert owner == {"a_dense": "first", bare: "first", "b1_dense": "part2"}


def test_a_cut_between_blocks_is_crossed_by_one_tensor(model: keras.Model) -> None:
    assert crossing(model, ["a_conv", "a_relu"]) == ("a_relu",)
    assert crossing(model, ["a_conv", "a_relu", "unnamed", "b1_add"]) == ("b1_add",)


def test_a_cut_within_a_skip_connection_is_crossed_by_two(model: keras.Model) -> None:
    assert crossing(model, ["a_conv", "a_relu", "unnamed"]) == ("a_relu", "unnamed")


def test_at_the_ends_the_input_or_nothing_crosses(model: keras.Model) -> None:
    assert crossing(model, []) == ("image",)
    assert crossing(model, [step.name for step in model.operations]) == ()


def test_what_takes_from_above_is_no_cut(model: keras.Model) -> None:
    with pytest.raises(ValueError, match="a_relu is under the cut and takes from a_conv"):
        crossing(model, ["a_relu"])


def test_a_model_whose_layers_name_no_block_is_refused(model: keras.Model) -> None:
    with pytest.raises(ValueError, match="names a block"):
        divide(model, [Rule("nothing", "none")])


def test_a_model_with_a_dead_end_is_refused() -> None:
    import keras

    inputs = keras.Input((4,), name="image")
    first = keras.layers.Dense(4, name="a_dense")(inputs)
    aside = keras.layers.Dense(4, name="aside")(first)
    model = keras.Model(inputs, [first, aside])
    single = SimpleNamespace(
        operations=model.operations, layers=model.layers, name="bent", output=first
    )
    with pytest.raises(ValueError, match="in no block"):
        owners(single, RULES)


def test_a_model_divided_twice_has_the_same_blocks(model: keras.Model) -> None:
    assert divide(model, RULES) == divide(model, list(RULES))
    assert np.isfinite(np.asarray(model(np.ones((1, 8, 8, 3), np.float32)))).all()


@pytest.mark.parametrize(
    ("rule", "layer", "block"),
    [
        (Rule(r"block(\d)_.*", "block{0}"), "block3_conv1", "block3"),
        (Rule(r"block(\d)_.*", "block{0}"), "xblock3_conv1", None),
        (Rule(r"conv([2-5])_.*", "dense{0}", -1), "conv2_block1", "dense1"),
        (Rule(r"stem|top", "ends"), "top", "ends"),
    ],
)
def test_a_rule_names_a_block_from_the_whole_name(rule: Rule, layer: str, block: str | None) -> None:
    assert rule.name(layer) == block


def test_every_constructor_has_one_family() -> None:
    names = [name for family in FAMILIES for name in family.constructors]
    assert len(names) == len(set(names))
    assert all(name in family_of(name).constructors for name in names)
    with pytest.raises(KeyError):
        family_of("AlexNet")
