"""The forms that a model is taken away in: what each is for, what it needs, how closely it must agree."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from core.errors import BadInput, Unavailable
from core.i18n import _


@dataclass(frozen=True)
class Format:
    """A form of a model.

    Attributes:
        name: What commands and files call it.
        title: What people call it.
        file: The model's file, or its folder, in what is taken away.
        about: What it is for, one sentence.
        takes: What goes in: ``float32`` or ``uint8``, both raw RGB from 0 to 255.
        difference: How far a probability may be from what Keras says, 0 to 1.
        agreement: The least share of photos that must get the same class, 0 to 1.
        packages: What it needs beside TensorFlow: the name to install, and the name to import.
        calibrated: Whether it is made with training photos.
        one_by_one: Whether it takes one photo a call.
    """

    name: str
    title: str
    file: str
    about: str
    difference: float
    agreement: float = 1.0
    takes: str = "float32"
    packages: tuple[tuple[str, str], ...] = ()
    calibrated: bool = False
    one_by_one: bool = False


_SAME = 1e-3
_EVERY_FORMAT = (
    Format("keras", "Keras", "model.keras",
           _("The file above with its labels and an example: goes on in Python, loaded, trained further, "
             "taken apart."), 1e-6),
    Format("savedmodel", "SavedModel", "saved_model",
           _("For servers: TensorFlow runs it without the code that made it."), _SAME, 0.99),
    Format("litert", "LiteRT", "model.tflite", _("For phones and small computers, in full precision."),
           _SAME, 0.99, one_by_one=True),
    Format("litert-float16", "LiteRT float16", "model.tflite",
           _("Half the size; the weights have half as many digits."), 0.05, 0.98, one_by_one=True),
    Format("litert-int8", "LiteRT int8", "model.tflite",
           _("A quarter of the size, in whole numbers where it can; calibrated on training photos. It "
             "answers a little differently."), 0.5, 0.9, takes="uint8", calibrated=True, one_by_one=True),
    Format("onnx", "ONNX", "model.onnx", _("For other programs and languages: ONNX Runtime, C#, browsers."),
           _SAME, 0.99,
           packages=(("tf2onnx", "tf2onnx"), ("onnx", "onnx"), ("onnxruntime", "onnxruntime"))),
)
FORMATS: dict[str, Format] = {each.name: each for each in _EVERY_FORMAT}
"""All forms by name, in the order in which they are shown."""


def format_named(name: str) -> Format:
    """Return a form by its name; raises BadInput where there is none."""
    if name not in FORMATS:
        raise BadInput(
            _("There is no such format."), given=name[:80],
            fix=_("Choose one of: {names}.").format(names=", ".join(FORMATS)),
        )
    return FORMATS[name]


def missing(form: Format) -> tuple[str, ...]:
    """Return the packages that a form needs and that are not installed, by the names to install."""
    # NOTE: looked for, not imported: importing some of them takes seconds.
    return tuple(name for name, module in form.packages if importlib.util.find_spec(module) is None)


def install_line(names: tuple[str, ...]) -> str:
    """Return the line that installs packages."""
    return "pip install " + " ".join(names)


def require(form: Format) -> None:
    """Raise Unavailable, saying what to install, where a form lacks a package."""
    lacking = missing(form)
    if lacking:
        raise Unavailable(
            _("{format} needs a package that is not installed here.").format(format=form.title),
            given=", ".join(lacking),
            fix=_("Install it where Thaw runs, and try again: {line}").format(line=install_line(lacking)),
        )


def passing(form: Format, error: Exception) -> Unavailable | None:
    """Return what to say of trouble that another try may not have; ``None`` where it is the network's.

    Args:
        form: The form that was written or opened.
        error: Whatever a converter, or what opens a form, has raised.
    """
    import tensorflow as tf

    if not isinstance(error, MemoryError | ImportError | tf.errors.ResourceExhaustedError):
        return None
    return Unavailable(
        _("{format} cannot be made just now.").format(format=form.title), given=first_line(error),
        fix=_("Free some memory, or put a package right that cannot be loaded, and try again."))


def first_line(error: Exception) -> str:
    """Return what kind an error is, and the first line of what it says."""
    lines = [each.strip() for each in str(error).splitlines() if each.strip()]
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"
