"""Assembling the model of a plan: preprocessing, backbone and head, raw RGB in, probabilities out."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.backbones import build
from core.backbones.random_start import seed_dropout
from core.errors import BadInput
from core.files import write_atomic
from core.i18n import _
from core.training.backend import load_tensorflow
from core.training.loss import crossentropy
from core.training.optimizer import factors, make_optimizer
from core.training.plan import Plan
from core.training.start import PRETRAINED, RANDOM

SCRATCH_MOMENTUM = 0.9
CLASSES_ENTRY = "thaw_classes.json"
EPOCH_ENTRY = "thaw_epoch.json"


def assemble(
    plan: Plan, classes: int, weights_file: Path | None = None, *, to_learn: bool = True
) -> Any:
    """Build the model that a plan asks for, compiled and ready to fit.

    Args:
        plan: A checked plan.
        classes: How many classes the head tells apart, at least 2.
        weights_file: The file that the plan's start names, where it names a file or a run.
        to_learn: Whether it will learn. Where it is only asked, it is not compiled, and an optimizer, which
            can take up to twice the memory of the weights, is not made.

    Returns:
        A ``keras.Model``, compiled for one step an epoch, see :func:`prepare`: raw RGB
        ``(n, size, size, 3)`` in 0..255 in, class probabilities ``(n, classes)`` out. Preprocessing is
        inside.

    Raises:
        Unavailable: The pretrained weights are not on this machine and cannot be fetched.
        BadInput: The weights cannot be read or do not fit.

    NOTE: BatchNorm of pretrained weights stays frozen in every block, trainable ones too, unless the plan
    asks for the contrary: statistics of small batches of new photos undo what pretraining knew
    (keras.io/guides/transfer_learning).
    Calling the backbone with ``training=False`` would not do it: inside ``fit`` Keras 3 hands
    ``training=True`` on to the layers of a nested model all the same. From scratch there is nothing to
    keep, and a deep network without learned statistics does not train.
    """
    import keras

    body = _body(plan, weights_file)
    inputs = keras.Input((plan.size, plan.size, 3), name="image")
    values = build.preprocessed(plan.backbone, inputs)
    outputs = _head(body(values), plan, classes)
    model = keras.Model(inputs, outputs, name="classifier")
    if to_learn:
        prepare(model, plan)
    return model


def prepare(model: Any, plan: Plan, *, steps_an_epoch: int = 1) -> None:
    """Let what a plan says learn, and compile a model for it, with an optimizer of its own.

    Args:
        model: A model of :func:`assemble`, prepared for another stage perhaps.
        plan: A checked plan whose blocks all learn at once, see :func:`core.training.stages.plan_of`.
        steps_an_epoch: How many steps an epoch has, which schedules go by.
    """
    body = body_of(model)
    set_trainable(body, plan)
    optimizer = make_optimizer(
        plan.recipe, steps_an_epoch=steps_an_epoch, factor_of=factors(body, plan))
    compile_with(model, optimizer, label_smoothing=plan.recipe.label_smoothing)
    # NOTE: built later, inside the first step, its variables would have that step traced twice.
    model.optimizer.build(model.trainable_variables)


def compile_with(
    model: Any, optimizer: Any, *, label_smoothing: float = 0.0, steps_at_once: int = 1
) -> None:
    """Compile a classifier for the loss and the metric that every training here has.

    Args:
        model: The classifier, or its tail.
        optimizer: A Keras optimizer.
        label_smoothing: See :class:`core.training.plan.Recipe`.
        steps_at_once: How many steps TensorFlow takes without coming back to Python.
    """
    import keras

    model.compile(
        optimizer=optimizer,
        loss=crossentropy(label_smoothing),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        steps_per_execution=steps_at_once,
    )


def body_of(model: Any) -> Any:
    """Return the backbone inside a model of :func:`assemble`."""
    import keras

    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def _body(plan: Plan, weights_file: Path | None) -> Any:
    source = plan.weights.source
    start = source if source in (PRETRAINED, RANDOM) else weights_file
    if start is None:
        raise ValueError(f"the file of {plan.weights} is missing")
    body = build.build(
        plan.backbone, weights=start, image_size=plan.size, seed=plan.recipe.seed
    )
    seed_dropout(body, plan.recipe.seed)
    return body


def set_trainable(body: Any, plan: Plan) -> None:
    """Let the plan's blocks learn, and freeze all others.

    Whether BatchNorm learns, see :func:`assemble`. Frozen blocks drop nothing: they give the
    same for the same photo, in training as well. Call it before compiling: Keras decides then what a
    step changes.
    """
    import keras

    for block, layers in build.block_layers(body, plan.backbone).items():
        learns = block in plan.trainable
        for layer in layers:
            normalises = isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = learns and (plan.norms_learn or not normalises)
            if normalises and layer.trainable:
                # NOTE: Keras' 0.99 and 0.999 average over far more steps than a small photo set has: from
                # scratch, validation would see little but the statistics that it began with.
                layer.momentum = min(layer.momentum, SCRATCH_MOMENTUM)
            # NOTE: Keras 3 hands training=True on to the layers of a frozen nested model too.
            if isinstance(layer, keras.layers.Dropout):
                own = _own_rate(layer)
                layer.rate = own if learns else 0.0


def _own_rate(layer: Any) -> float:
    """Return the rate that a layer had before any block was frozen: in a later stage it may learn."""
    if not hasattr(layer, "own_rate"):
        layer.own_rate = layer.rate
    return float(layer.own_rate)


def _head(values: Any, plan: Plan, classes: int) -> Any:
    import keras

    seed = plan.recipe.seed
    layers = keras.layers
    pooling = {
        "avg": layers.GlobalAveragePooling2D,
        "max": layers.GlobalMaxPooling2D,
        "flatten": layers.Flatten,
    }[plan.head.pooling]
    values = pooling(name="pooling")(values)
    if plan.head.hidden:
        initial = keras.initializers.GlorotUniform(seed=seed)
        values = layers.Dense(
            plan.head.hidden, activation="relu", kernel_initializer=initial, name="hidden"
        )(values)
    if plan.head.dropout:
        values = layers.Dropout(plan.head.dropout, seed=seed, name="dropout")(values)
    initial = keras.initializers.GlorotUniform(seed=seed + 1)
    return layers.Dense(
        classes, activation="softmax", kernel_initializer=initial, name="classes"
    )(values)


def count_parameters(model: Any) -> tuple[int, int]:
    """Return how many parameters a model has, and how many of them learn."""
    return _size(model.weights), _size(model.trainable_weights)


def _size(weights: Sequence[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def save_model(
    model: Any, classes: Sequence[str], path: Path, *, epoch: int | None = None
) -> None:
    """Save a model as ``.keras`` with its class names inside, whole or not at all.

    The names, and the epoch that the weights are of, are entries of the archive that Keras passes over:
    plain Keras loads the file.
    The optimizer stays out: its state would make the file up to three times as large.
    """

    def write(temporary: Path) -> None:
        _without_optimizer(model).save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(CLASSES_ENTRY, json.dumps(list(classes), ensure_ascii=False))
            archive.writestr(EPOCH_ENTRY, json.dumps(epoch))

    write_atomic(path, write)


def _without_optimizer(model: Any) -> Any:
    """Return a model of the very same layers that was never compiled."""
    import keras

    return keras.Model(model.input, model.output, name=model.name)


def load_model(path: Path) -> tuple[Any, tuple[str, ...]]:
    """Load a model that :func:`save_model` wrote, and its class names.

    Raises:
        BadInput: The file is missing or is not such a model.
    """
    load_tensorflow()
    import keras

    try:
        with zipfile.ZipFile(path) as archive:
            classes = tuple(str(name) for name in json.loads(archive.read(CLASSES_ENTRY)))
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadInput(
            _("The model file cannot be read."),
            given=path.name,
            fix=_("Train again, or choose another run."),
        ) from error
    return model, classes
