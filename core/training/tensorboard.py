"""Scalar logs in TensorBoard's format, without needing TensorBoard."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf


class ScalarLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes each epoch's figures as TensorBoard scalars.

    NOTE: ``tf.summary.scalar`` and Keras' own callback import the tensorboard package, which
    TensorFlow 2.21 does not bring; ``tf.summary.write`` with the scalar plugin's name does not.

    Args:
        folder: Where the event file goes; made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._writer = tf.summary.create_file_writer(str(folder))
        self._kind = tf.compat.v1.SummaryMetadata()
        self._kind.plugin_data.plugin_name = "scalars"

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the epoch's figures."""
        with self._writer.as_default():
            for name, value in (logs or {}).items():
                tf.summary.write(
                    name, tf.constant(float(value), tf.float32), step=epoch + 1,
                    metadata=self._kind,
                )
        self._writer.flush()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Close the file."""
        self._writer.close()
