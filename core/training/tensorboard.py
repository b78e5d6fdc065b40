"""Scalar logs in TensorBoard's format, without needing TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from core.training.events import EpochRow

PREFIX = "events.out.tfevents."


class ScalarLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes each epoch's figures as TensorBoard scalars; the epoch is the step.

    NOTE: ``tf.summary.scalar`` and Keras' own callback import the tensorboard package, which
    TensorFlow 2.21 does not bring; and a summary writer can tell of no restart, see :meth:`_begin`.

    NOTE: the end of a ``fit`` does not close the file: a training that goes on within an epoch is
    fitted in two pieces. Call :meth:`close`.

    Args:
        folder: Where the event file goes; made where it is missing. Event files that are there are
            removed, since an epoch that stands in two files is drawn twice.
        history: The epochs that have ended before, where a training goes on; written anew.

    Raises:
        OSError: The folder cannot be written, or an old event file cannot be removed.
    """

    def __init__(self, folder: Path, history: Sequence[EpochRow] = ()) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{PREFIX}*"):
            if old.is_file():
                old.unlink()
        self._writer = tf.io.TFRecordWriter(str(folder / _file_name()))
        self._kind = tf.compat.v1.SummaryMetadata()
        self._kind.plugin_data.plugin_name = "scalars"
        self._begin()
        for row in history:
            self._write(row.epoch, {
                "loss": row.loss, "accuracy": row.accuracy,
                "val_loss": row.val_loss, "val_accuracy": row.val_accuracy,
                "learning_rate": row.learning_rate,
            })
        self._writer.flush()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the epoch's figures, and the learning rate that it ended with."""
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self._write(epoch + 1, {**(logs or {}), "learning_rate": rate})
        self._writer.flush()

    def close(self) -> None:
        """Close the file; nothing can be written afterwards."""
        self._writer.close()

    def _begin(self) -> None:
        """Say that the run starts: a TensorBoard that has read a removed file then forgets its epochs."""
        session = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._put(file_version="brain.Event:2")
        self._put(step=0, session_log=session)

    def _write(self, step: int, figures: Mapping[str, float | None]) -> None:
        values = [
            tf.compat.v1.Summary.Value(
                tag=name, tensor=tf.make_tensor_proto(float(value), tf.float32), metadata=self._kind
            )
            for name, value in figures.items() if value is not None
        ]
        self._put(step=step, summary=tf.compat.v1.Summary(value=values))

    def _put(self, **parts: object) -> None:
        self._writer.write(tf.compat.v1.Event(wall_time=time.time(), **parts).SerializeToString())


def _file_name() -> str:
    """Return a name that sorts after those of earlier files: TensorBoard reads on in that order."""
    seconds, rest = divmod(time.time_ns(), 10**9)
    return f"{PREFIX}{seconds:010d}.{rest:09d}"
