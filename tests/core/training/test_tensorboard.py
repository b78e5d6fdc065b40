"""The event files as TensorBoard reads them, read without it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from core.training.events import EpochRow
from core.training.tensorboard import ScalarLog

ROWS = (
    EpochRow(1, "fit", 0.75, 0.5, 0.625, 0.25, 1e-3, 2.0),
    EpochRow(2, "fit", 0.5, 0.75, None, None, 5e-4, 2.0),
)
OF_ROWS = {
    "loss": {1: 0.75, 2: 0.5},
    "accuracy": {1: 0.5, 2: 0.75},
    "val_loss": {1: 0.625},
    "val_accuracy": {1: 0.25},
    "learning_rate": {1: pytest.approx(1e-3), 2: pytest.approx(5e-4)},
}


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """Read all event files of a folder; no figure may be there twice."""
    import tensorflow as tf

    found: dict[str, dict[int, float]] = {}
    paths = sorted(str(path) for path in folder.iterdir() if path.is_file())
    for record in tf.data.TFRecordDataset(paths):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            assert event.step not in found.setdefault(value.tag, {})
            found[value.tag][event.step] = float(tf.make_ndarray(value.tensor))
    return found


def ending(log: ScalarLog) -> ScalarLog:
    """Give a log a model whose optimizer has a rate, as ``fit`` does."""
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.25), loss="mse")
    log.set_model(model)
    return log


def test_each_epoch_is_a_step_with_the_names_of_keras_and_the_learning_rate(tmp_path: Path) -> None:
    log = ending(ScalarLog(tmp_path / "events"))
    log.on_epoch_end(0, {"loss": 0.75, "accuracy": 0.5, "val_loss": 0.625, "val_accuracy": 0.25})
    log.on_epoch_end(1, {"loss": 0.5, "accuracy": 0.75})
    log.close()
    assert scalars(tmp_path / "events") == {
        "loss": {1: 0.75, 2: 0.5}, "accuracy": {1: 0.5, 2: 0.75},
        "val_loss": {1: 0.625}, "val_accuracy": {1: 0.25}, "learning_rate": {1: 0.25, 2: 0.25},
    }


def test_an_epoch_can_be_read_while_the_training_goes_on(tmp_path: Path) -> None:
    log = ending(ScalarLog(tmp_path))
    log.on_epoch_end(0, {"loss": 0.75})
    assert scalars(tmp_path)["loss"] == {1: 0.75}
    log.close()


def test_a_training_that_goes_on_has_its_earlier_epochs_at_once(tmp_path: Path) -> None:
    log = ScalarLog(tmp_path, ROWS)
    assert scalars(tmp_path) == OF_ROWS
    log.close()


def test_after_a_resume_no_epoch_is_there_twice_and_none_of_the_lost_ones(tmp_path: Path) -> None:
    first = ending(ScalarLog(tmp_path))
    for epoch in range(4):
        first.on_epoch_end(epoch, {"loss": 9.0, "accuracy": 0.125})
    first.close()
    log = ending(ScalarLog(tmp_path, ROWS))
    log.on_epoch_end(2, {"loss": 0.25, "accuracy": 1.0})
    log.close()
    found = scalars(tmp_path)
    assert found["loss"] == {1: 0.75, 2: 0.5, 3: 0.25}
    assert found["accuracy"] == {1: 0.5, 2: 0.75, 3: 1.0}


def test_a_training_that_begins_anew_takes_nothing_over(tmp_path: Path) -> None:
    ScalarLog(tmp_path, ROWS).close()
    ScalarLog(tmp_path).close()
    assert scalars(tmp_path) == {}


def test_a_tensorboard_that_runs_meanwhile_is_told_to_forget_what_it_read(tmp_path: Path) -> None:
    import tensorflow as tf

    ScalarLog(tmp_path, ROWS).close()
    (path,) = tmp_path.iterdir()
    read = [tf.compat.v1.Event.FromString(each.numpy()) for each in tf.data.TFRecordDataset([str(path)])]
    assert read[0].file_version == "brain.Event:2"
    assert read[1].session_log.status == tf.compat.v1.SessionLog.START
    assert [event.step for event in read] == [0, 0, 1, 2]


def test_a_later_file_comes_after_an_earlier_one_by_name(tmp_path: Path) -> None:
    names = []
    for _time in range(3):
        ScalarLog(tmp_path).close()
        names += [path.name for path in tmp_path.iterdir()]
    assert len(set(names)) == 3
    assert names == sorted(names)


def test_only_event_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "events.out.tfevents.folder").mkdir()
    ScalarLog(tmp_path, ROWS).close()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "events.out.tfevents.folder").is_dir()


def test_one_log_serves_a_fit_in_two_pieces(tmp_path: Path) -> None:
    log = ending(ScalarLog(tmp_path))
    inputs, outputs = np.zeros((4, 2), np.float32), np.zeros((4, 1), np.float32)
    log.model.fit(inputs, outputs, epochs=1, verbose=0, callbacks=[log])
    log.model.fit(inputs, outputs, initial_epoch=1, epochs=3, verbose=0, callbacks=[log])
    log.close()
    assert list(scalars(tmp_path)["loss"]) == [1, 2, 3]
