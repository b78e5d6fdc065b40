"""Who takes part in the race for a training's speed, each in a process of its own. Prints one line of JSON.

``python -m tests.benchmarks.contenders NAME CASE FOLDER WORKSPACE``: NAME is ``textbook`` (what a plain
Keras script does), ``ours`` (a run as the server makes it) or ``limit`` (every photo decoded once and
passed through the backbone once, and nothing else). FOLDER holds ``train/<class>/`` and
``validation/<class>/``. TensorFlow is imported before anybody's clock starts; building the model counts,
for ``textbook`` and ``ours`` alike. :mod:`tests.benchmarks.speed` holds the race.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.backbones import build
from core.data import dataset as datasets
from core.data import intake
from core.data.dataset import Dataset
from core.runs.folder import RunFolder
from core.runs.status import State
from core.runs.wishes import Leaving
from core.runs.work import carry_out
from core.training.backend import load_tensorflow
from core.training.plan import Head, Plan, Recipe
from core.training.start import PRETRAINED, RANDOM, Start
from core.workspace import Workspace

SEED = 0
BATCH = 32
EPOCHS = 10
HEAD_RATE = 1e-3
BLOCKS_RATE = 1e-4
DECODING = 2


@dataclass(frozen=True)
class Case:
    """What is trained, on how many photos, and which ratios are the goals.

    Attributes:
        name: What it is called on the command line.
        backbone: Of the catalogue, at its own image size.
        trainable: The blocks that learn; none trains the head alone.
        source: ``pretrained``, or ``none`` for random weights.
        head: What is put on the backbone.
        train: How many photos to learn from; ``None`` for all.
        validation: How many photos to check with; ``None`` for all.
        cold_goal: How many times as fast as the textbook a first run should be.
        warm_goal: The same for a run on photos seen before.
        limit_goal: How many times the limit a first run may take.
        accuracy_goal: How far its validation accuracy may be from the textbook's, from 0 to 1.
    """

    name: str
    backbone: str
    trainable: tuple[str, ...] = ()
    source: str = PRETRAINED
    head: Head = field(default_factory=lambda: Head(pooling="avg", dropout=0.2))
    train: int | None = 512
    validation: int | None = 128
    cold_goal: float | None = None
    warm_goal: float | None = None
    limit_goal: float | None = None
    accuracy_goal: float | None = None

    def plan(self, dataset_id: str, title: str, epochs: int) -> Plan:
        """Return the plan of it, whose figures the textbook's script takes as well."""
        recipe = Recipe(
            epochs=epochs, batch_size=BATCH, learning_rate=BLOCKS_RATE if self.trainable else HEAD_RATE,
            optimizer="adam", seed=SEED, augment="none",
        )
        return Plan(
            dataset_id, title, self.backbone, trainable=self.trainable, head=self.head, recipe=recipe,
            weights=Start(self.source),
        ).checked()


CASES = {
    case.name: case
    for case in (
        Case("lite0-frozen", "efficientnet-lite0", train=None, validation=None,
             cold_goal=10.0, warm_goal=60.0, limit_goal=1.35, accuracy_goal=0.01),
        Case("lite0-block7", "efficientnet-lite0", ("block7", "top"), train=None, validation=None,
             cold_goal=5.0),
        Case("lite0-block6", "efficientnet-lite0", ("block6", "block7", "top"), train=256, validation=64),
        Case("vgg16-block5", "vgg16", ("block5",), RANDOM, Head(pooling="flatten", dropout=0.0),
             train=64, validation=16, cold_goal=3.3),
    )
}


@dataclass(frozen=True)
class Seen:
    """What one contender came to.

    Attributes:
        seconds: By the clock on the wall, TensorFlow's import left out.
        val_accuracy: Of the best epoch; ``None`` where nothing was trained.
        cache: What the run's report says of its kept activations, where it says something.
        parts: Where the time went, as far as the contender knows.
    """

    seconds: float
    val_accuracy: float | None = None
    cache: object = None
    parts: dict[str, float | None] = field(default_factory=dict)


def taken_in(workspace: Workspace, folder: Path) -> Dataset:
    """Return the workspace's dataset of ``folder``, taking it in on first use; nobody's clock runs.

    NOTE: photos that come without a test split have one drawn from those for training. Here it is given
    back, so that everybody learns from the same photos and nobody is timed looking at test photos.
    """
    known = datasets.summaries(workspace)
    if known:
        return datasets.load(workspace.dataset_dir(known[0].id))
    made = intake.take_in(folder, workspace)
    left_out = (*made.refused, *made.duplicates)
    assert not left_out, f"the others would see photos that ours leaves out: {left_out[:3]}"
    items = tuple(replace(item, split=Path(item.name).parts[0]) for item in made.items)
    datasets.save(replace(made, items=items), made.folder)
    return datasets.load(made.folder)


def textbook(case: Case, folder: Path, _workspace: Workspace, epochs: int) -> Seen:
    """Train as the guides of Keras do: read the folders, freeze, fit."""
    import keras
    import tensorflow as tf

    from core.training import model as models

    plan = case.plan("", "", epochs)
    began = time.perf_counter()
    keras.utils.set_random_seed(SEED)
    train, validation = (
        keras.utils.image_dataset_from_directory(
            folder / split, image_size=(plan.size, plan.size), batch_size=BATCH, shuffle=True, seed=SEED,
            verbose=False,
        )
        for split in ("train", "validation")
    )
    body = _body(case, plan)
    models.set_trainable(body, plan)
    inputs = keras.Input((plan.size, plan.size, 3))
    values = build.preprocessed(plan.backbone, inputs)
    values = body(values) if plan.trainable else body(values, training=False)
    flat = plan.head.pooling == "flatten"
    values = (keras.layers.Flatten() if flat else keras.layers.GlobalAveragePooling2D())(values)
    if plan.head.dropout:
        values = keras.layers.Dropout(plan.head.dropout)(values)
    outputs = keras.layers.Dense(len(train.class_names), activation="softmax")(values)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(plan.recipe.learning_rate),
        loss="sparse_categorical_crossentropy", metrics=["accuracy"],
    )
    built = time.perf_counter()
    history = model.fit(
        train.prefetch(tf.data.AUTOTUNE), validation_data=validation.prefetch(tf.data.AUTOTUNE),
        epochs=epochs, verbose=0,
        shuffle=False,  # the dataset shuffles already, and Keras would only warn that it does not
    ).history
    ended = time.perf_counter()
    # The best epoch's, because ours keeps the best epoch.
    parts: dict[str, float | None] = {"prepare_s": built - began, "fit_s": ended - built}
    return Seen(ended - began, max(history["val_accuracy"]), parts=parts)


def ours(case: Case, folder: Path, workspace: Workspace, epochs: int) -> Seen:
    """Carry out a run; whether it is a first one depends on what the workspace has seen."""
    dataset = taken_in(workspace, folder)
    run = RunFolder.create(workspace, case.plan(dataset.id, dataset.title, epochs))
    began = time.perf_counter()
    status = carry_out(workspace, run, Leaving())
    seconds = time.perf_counter() - began
    assert status.state is State.FINISHED, status
    report: dict[str, Any] = run.report() or {}
    return Seen(seconds, report["best"]["val_accuracy"], report.get("cache"), report["timing"])


def limit(case: Case, folder: Path, _workspace: Workspace, epochs: int) -> Seen:
    """Decode every photo once and pass it through the backbone once: what cannot be saved."""
    import keras
    import tensorflow as tf

    plan = case.plan("", "", epochs)
    size = plan.size
    inputs = keras.Input((size, size, 3))
    outputs = _body(case, plan)(build.preprocessed(plan.backbone, inputs), training=False)
    model = keras.Model(inputs, outputs)
    # NOTE: one signature for all batches, so that a smaller last one is not traced anew.
    passed = tf.function(
        lambda images: model(tf.cast(images, tf.float32), training=False),
        input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)],
    )
    passed(tf.zeros((BATCH, size, size, 3), tf.uint8))

    def decoded(path: Any) -> Any:
        image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        return tf.cast(tf.image.resize(image, (size, size)), tf.uint8)

    files = sorted(str(path) for path in folder.rglob("*") if path.is_file())
    began = time.perf_counter()
    stream = tf.data.Dataset.from_tensor_slices(files).map(decoded, num_parallel_calls=DECODING)
    batches = list(stream.batch(BATCH).prefetch(tf.data.AUTOTUNE))
    decoded_at = time.perf_counter()
    for images in batches:
        passed(images).numpy()
    ended = time.perf_counter()
    parts: dict[str, float | None] = {"decode_s": decoded_at - began, "forward_s": ended - decoded_at}
    return Seen(ended - began, parts=parts)


def _body(case: Case, plan: Plan) -> Any:
    seed = SEED if case.source == RANDOM else None
    return build.build(plan.backbone, weights=case.source, image_size=plan.size, seed=seed)


CONTENDERS: dict[str, Callable[[Case, Path, Workspace, int], Seen]] = {
    "textbook": textbook, "ours": ours, "limit": limit,
}


def main() -> None:
    """Let one contender run, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args()
    # NOTE: for all alike: it also sets what TensorFlow and Keras read when they are first imported.
    workspace = Workspace.open(given.workspace)
    load_tensorflow()
    import keras  # noqa: F401

    seen = CONTENDERS[given.name](CASES[given.case], given.folder, workspace, given.epochs)
    print(json.dumps(asdict(seen)))


if __name__ == "__main__":
    main()
