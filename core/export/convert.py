"""Writing a model in another form."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.export import networks
from core.export.formats import Format, first_line, passing
from core.export.verify import Images
from core.i18n import _

LABELS_ENTRY = "labels"
_LITERT = "litert"


def convert(
    form: Format, source: Path, model: Any, classes: Sequence[str], target: Path, photos: Images | None = None
) -> None:
    """Write a model in another form.

    Args:
        form: Which.
        source: The model's ``.keras`` file.
        model: The same model, loaded.
        classes: Its class names, in its order; where a form has room for them they are put inside.
        target: The file or folder to make; there is none of that name.
        photos: ``(n, size, size, 3)``, training photos; only a form that is calibrated needs them.

    Raises:
        BadInput: This network cannot be written in that form.
        Unavailable: Memory is short, or a package cannot be loaded.
        OSError: The disk is full.
    """
    if form.calibrated and photos is None:
        raise ValueError("calibration needs photos")
    if form.name == "keras":
        shutil.copyfile(source, target)
        return
    with _quietly():
        try:
            if form.name == "savedmodel":
                model.export(target, format="tf_saved_model", verbose=False,
                             input_signature=[_signature(model)])
            elif form.name == "onnx":
                _onnx(model, classes, target)
            else:
                target.write_bytes(_litert(form, model, photos))
        except OSError:
            raise
        # NOTE: the converters raise whatever their parts raise, down to bare Exception, for a network
        # with an operation that they do not know.
        except Exception as error:
            trouble = passing(form, error)
            if trouble is not None:
                raise trouble from error
            raise BadInput(
                _("This network cannot be written as {format}.").format(format=form.title),
                given=first_line(error), fix=_("Choose another format."),
            ) from error


def _signature(model: Any, photos: int | None = None) -> Any:
    import tensorflow as tf

    return tf.TensorSpec((photos, *model.input_shape[1:]), tf.float32, name="image")


def _answering(model: Any, photos: int | None) -> Any:
    """Return a model as one graph that has its weights as constants.

    NOTE: as variables they stay variables in a LiteRT file, which has no values for them: all it says is NaN.
    """
    import tensorflow as tf

    learnt = [variable.numpy() for variable in model.trainable_variables]
    fixed = [variable.numpy() for variable in model.non_trainable_variables]

    @tf.function(input_signature=[_signature(model, photos)])  # type: ignore[untyped-decorator]
    def answer(image: Any) -> Any:
        values = [tf.constant(each) for each in learnt], [tf.constant(each) for each in fixed]
        return model.stateless_call(*values, image, training=False)[0]

    with networks.plain(model):
        answer.get_concrete_function()
    return answer


def _onnx(model: Any, classes: Sequence[str], target: Path) -> None:
    import onnx
    import tf2onnx

    made, _beside = tf2onnx.convert.from_function(
        _answering(model, None), [_signature(model)],
        custom_op_handlers={"Erfc": (networks.write_erfc, [])})
    onnx.helper.set_model_props(made, {LABELS_ENTRY: json.dumps(list(classes), ensure_ascii=False)})
    onnx.save(made, target)


def _litert(form: Format, model: Any, photos: Images | None) -> bytes:
    import tensorflow as tf

    answer = _answering(model, 1)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([answer.get_concrete_function()], answer)
    if form.name != _LITERT:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if form.name == "litert-float16":
        converter.target_spec.supported_types = [tf.float16]
    if form.calibrated and photos is not None:
        converter.representative_dataset = _one_by_one(photos)
        # The second lets through what has no form in whole numbers.
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.inference_input_type = tf.uint8
    return bytes(converter.convert())


def _one_by_one(photos: Images) -> Callable[[], Iterator[list[NDArray[np.float32]]]]:
    def give() -> Iterator[list[NDArray[np.float32]]]:
        for each in photos:
            yield [each[None].astype(np.float32)]

    return give


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep what the converters print, and their warnings, from who reads the output of a command."""
    import logging
    import warnings

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("tf2onnx").setLevel(logging.ERROR)
        yield
