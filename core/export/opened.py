"""Opening a model in the form that it was written in, so that it can be asked as Keras is."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import BadInput
from core.export.formats import Format, first_line, passing
from core.export.verify import Ask, Chances, Images
from core.i18n import _


def opened(form: Format, path: Path) -> Ask:
    """Open a model.

    Args:
        form: What form it has.
        path: Its file or folder.

    Returns:
        A function of raw RGB ``(n, size, size, 3)`` that returns probabilities ``(n, classes)``.

    Raises:
        BadInput: It cannot be opened by what is installed here.
        Unavailable: Memory is short, or a package cannot be loaded.
    """
    try:
        if form.name == "keras":
            return _keras(path)
        if form.name == "savedmodel":
            return _saved_model(path)
        return _onnx(path) if form.name == "onnx" else _litert(path)
    # NOTE: each of these has errors of its own, which are no more than RuntimeError and ValueError at best.
    except Exception as error:
        trouble = passing(form, error)
        if trouble is not None:
            raise trouble from error
        raise BadInput(
            _("The model was written as {format}, but cannot be opened here.").format(format=form.title),
            given=first_line(error), fix=_("Choose another format."),
        ) from error


def _keras(path: Path) -> Ask:
    import keras

    model = keras.models.load_model(path, compile=False, safe_mode=True)
    return lambda images: np.asarray(model.predict_on_batch(images))


def _saved_model(path: Path) -> Ask:
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return lambda images: np.asarray(model.serve(tf.constant(images, tf.float32)))


def _onnx(path: Path) -> Ask:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: np.asarray(session.run(None, {name: images.astype(np.float32)})[0])


def _litert(path: Path) -> Ask:
    model = _interpreter(path)
    model.allocate_tensors()
    taken, given = model.get_input_details()[0], model.get_output_details()[0]
    scale, zero = taken["quantization"]

    def ask(images: Images) -> Chances:
        found = []
        for each in images:
            values = each[None].astype(np.float32)
            if scale:
                limits = np.iinfo(taken["dtype"])
                values = np.clip(np.round(values / scale + zero), limits.min, limits.max)
            model.set_tensor(taken["index"], values.astype(taken["dtype"]))
            model.invoke()
            found.append(model.get_tensor(given["index"])[0])
        return np.stack(found)

    return ask


def _interpreter(path: Path) -> Any:
    if importlib.util.find_spec("ai_edge_litert") is not None:
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(str(path))
    import tensorflow as tf

    with warnings.catch_warnings():  # that it will go one day; until then it runs the same files
        warnings.simplefilter("ignore")
        return tf.lite.Interpreter(str(path))
