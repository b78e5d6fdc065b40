"""Every backbone of keras.applications, held against what Keras builds."""

from __future__ import annotations

import gc
import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zoo_models as zoo
from steps import block_of_step, crossing

from core.backbones.architecture import Block
from core.backbones.build import block_layers, build, preprocessed
from core.backbones.catalogue import Backbone, get
from core.backbones.describe import TABLE, describe
from core.backbones.division import inputs_of

if TYPE_CHECKING:
    import keras

TWO_CROSS = ("NASNetMobile", "NASNetLarge")
ODD_SIZES = (75, 101)
FEW = ("MobileNetV3Small", "EfficientNetB0")  # where a model is built several times


@dataclass
class Built:
    backbone: Backbone
    model: keras.Model

    @property
    def name(self) -> str:
        return self.backbone.name

    @property
    def blocks(self) -> dict[str, list[Any]]:
        return block_layers(self.model, self.name)


@pytest.fixture(scope="module", params=zoo.marked())
def built(request: pytest.FixtureRequest) -> Iterator[Built]:
    backbone = get(request.param)
    made = Built(backbone, build(backbone.name, weights="none", image_size=zoo.SMALL, seed=1))
    yield made
    del made
    gc.collect()


def test_every_constructor_of_keras_is_described() -> None:
    import keras

    offered = {name for name in dir(keras.applications)
               if inspect.isfunction(getattr(keras.applications, name))}
    assert offered == set(zoo.CONSTRUCTORS)
    assert offered == {row["constructor"] for row in json.loads(TABLE.read_text())}
    assert len(zoo.CONSTRUCTORS) == len(set(zoo.CONSTRUCTORS))


def test_every_layer_but_the_input_is_in_exactly_one_block(built: Built) -> None:
    import keras

    divided = [layer.name for layers in built.blocks.values() for layer in layers]
    expected = [layer.name for layer in built.model.layers
                if not isinstance(layer, keras.layers.InputLayer)]
    assert sorted(divided) == sorted(expected)
    assert tuple(built.blocks) == built.backbone.block_names
    owner = block_of_step(built.model, built.name)
    steps = {step.name for step in built.model.operations}
    assert steps - set(owner) == {layer.name for layer in built.model.layers} - set(expected)
    assert all(owner[layer.name] == block for block, layers in built.blocks.items() for layer in layers)


def test_a_block_takes_only_from_itself_and_from_earlier_blocks(built: Built) -> None:
    owner = block_of_step(built.model, built.name)
    rank = {block: at for at, block in enumerate(built.backbone.block_names)}
    for step, sources in inputs_of(built.model).items():
        for source in sources:
            assert rank.get(owner.get(source, ""), -1) <= rank.get(owner.get(step, ""), -1)


def test_few_tensors_cross_every_block_boundary(built: Built) -> None:
    allowed = {1, 2} if built.backbone.constructor in TWO_CROSS else {1}
    counts = {len(crossing(built.model, below)) for below in boundaries(built).values()}
    assert counts <= allowed
    assert max(counts) == max(allowed)


def boundaries(built: Built) -> dict[str, list[str]]:
    """Return for each block but the last the steps of it and of all before it."""
    owner = block_of_step(built.model, built.name)
    names = built.backbone.block_names
    return {
        name: [step for step, block in owner.items() if block in names[: at + 1]]
        for at, name in enumerate(names[:-1])
    }


def test_a_model_cut_in_two_gives_what_the_whole_gives(built: Built) -> None:
    import keras

    zoo.scramble(built.model)
    below = list(boundaries(built).values())
    steps = {step.name: step for step in built.model.operations}
    tensors = [steps[name].output for name in crossing(built.model, below[len(below) // 2])]
    head = keras.Model(built.model.input, tensors)
    tail = keras.Model(tensors, built.model.output)
    assert len(head.operations) > 1
    assert len(tail.operations) > 1
    photo = zoo.photos()
    whole = np.asarray(built.model(photo, training=False))
    parts = np.asarray(tail(head(photo, training=False), training=False))
    assert np.isfinite(whole).all()
    assert whole.std() > 0
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-5 * np.abs(whole).max())


def test_parameters_by_block_add_up_to_those_of_the_model(built: Built) -> None:
    import keras

    for name, layers in built.blocks.items():
        block = built.backbone.block(name)
        norms = [leaf for leaf in zoo.layers_with_weights(layers)
                 if isinstance(leaf, keras.layers.BatchNormalization)]
        assert len(layers) == block.layers
        assert sum(layer.count_params() for layer in layers) == block.parameters
        assert learning(layers) == block.trainable_parameters
        assert learning(norms) == block.norm_parameters
    assert sum(block.parameters for block in built.backbone.blocks) == built.model.count_params()
    assert built.backbone.trainable_parameters == learning([built.model])


def learning(layers: list[Any]) -> int:
    return sum(prod(weight.shape) for layer in layers for weight in layer.trainable_weights)


@pytest.mark.parametrize("constructor", zoo.marked(FEW))
def test_shapes_and_multiply_adds_are_those_of_the_layers_at_any_size(constructor: str) -> None:
    backbone = get(constructor)
    for size in (*ODD_SIZES, backbone.input_size):
        model = build(backbone.name, weights="none", image_size=size)
        assert model.output_shape[1:] == backbone.blocks_at(size)[-1].output_shape
        layers = block_layers(model, backbone.name)
        for block in backbone.blocks_at(size):
            assert_counted(block, layers[block.name])
        del model, layers
        gc.collect()


def assert_counted(block: Block, layers: list[Any]) -> None:
    inner = [leaf for layer in layers for leaf in flat(layer)]
    assert tuple(layers[-1].output.shape[1:]) == block.output_shape
    assert sum(multiply_adds(leaf) for leaf in inner) == block.multiply_adds
    assert sum(prod(leaf.output.shape[1:]) for leaf in inner) == block.activations


def flat(layer: Any) -> list[Any]:
    return [leaf for inner in layer.layers for leaf in flat(inner)] if hasattr(layer, "layers") else [layer]


def multiply_adds(layer: Any) -> int:
    """Count for each output position the numbers of the kernels, from the weights' own names."""
    kernels = [prod(weight.shape) for weight in layer.weights if weight.path.endswith("kernel")]
    return prod(layer.output.shape[1:-1]) * sum(kernels)


@pytest.mark.parametrize("constructor", zoo.marked(FEW))
def test_the_table_is_what_keras_describes_today(constructor: str) -> None:
    rows = {row["constructor"]: row for row in json.loads(TABLE.read_text())}
    assert json.loads(json.dumps(describe(constructor))) == rows[constructor]
    gc.collect()


@pytest.mark.parametrize("constructor", zoo.CONSTRUCTORS)
def test_images_are_prepared_as_the_family_does_it(constructor: str) -> None:
    import keras

    inputs = keras.Input((9, 9, 3))
    model = keras.Model(inputs, keras.layers.Identity()(preprocessed(constructor, inputs)))
    images = zoo.photos(9, n=2)
    expected = np.asarray(zoo.preprocess_input_of(constructor)(images.copy()))
    np.testing.assert_allclose(np.asarray(model(images)), expected, atol=1e-5, rtol=1e-6)
