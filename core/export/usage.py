"""What goes with a model that is taken away: how it is asked, in a few lines, and what it takes and gives."""

from __future__ import annotations

from core.export.formats import Format, install_line
from core.i18n import _
from core.insight.predict import USAGE

EXAMPLE = "example.py"
LABELS = "labels.txt"
README = "README.md"
_PHOTO = '''
photo = Image.open(sys.argv[1])
photo.draft(None, ({size}, {size}))  # large JPEGs are decoded small, as they were in training
photo = ImageOps.exif_transpose(photo)
if photo.has_transparency_data:  # it is laid on white
    photo = photo.convert("RGBA")
    photo = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo)
photo = np.asarray(photo.convert("RGB").resize(({size}, {size}), Image.Resampling.BILINEAR))
'''
_SAID = "print(labels[chances.argmax()], chances.max())\n"
_LABELS = 'labels = open("labels.txt", encoding="utf-8").read().split("\\n")\n'
_SAVED_MODEL = (
    "import sys\nimport numpy as np\nimport tensorflow as tf\nfrom PIL import Image, ImageOps\n\n"
    'model = tf.saved_model.load("saved_model")\n' + _LABELS + _PHOTO.lstrip("\n")
    + 'chances = model.serve(photo[None].astype("float32")).numpy()[0]\n' + _SAID
)
_LITERT = (
    "import sys\nimport numpy as np\nfrom ai_edge_litert.interpreter import Interpreter\n"
    "from PIL import Image, ImageOps\n\n"
    'model = Interpreter("model.tflite")\nmodel.allocate_tensors()\n'
    "taken, given = model.get_input_details()[0], model.get_output_details()[0]\n"
    + _LABELS + _PHOTO.lstrip("\n")
    + '{quantised}model.set_tensor(taken["index"], photo[None].astype(taken["dtype"]))\nmodel.invoke()\n'
    'chances = model.get_tensor(given["index"])[0]\n' + _SAID
)
_QUANTISED = (
    'scale, zero = taken["quantization"]  # as a rule 1 and 0: the pixels as they are\n'
    "photo = np.clip(np.round(photo / scale + zero), 0, 255)\n"
)
_ONNX = (
    "import json, sys\nimport numpy as np\nimport onnxruntime\nfrom PIL import Image, ImageOps\n\n"
    'model = onnxruntime.InferenceSession("model.onnx")\n'
    'labels = json.loads(model.get_modelmeta().custom_metadata_map["labels"])\n' + _PHOTO.lstrip("\n")
    + 'chances = model.run(None, {{"image": photo[None].astype("float32")}})[0][0]\n' + _SAID
)
_NEEDS = {
    "keras": ("tensorflow", "pillow"), "savedmodel": ("tensorflow", "pillow"),
    "onnx": ("onnxruntime", "pillow"),
}
_LITERT_NEEDS = ("ai-edge-litert", "pillow")
_INSIDE = {
    "keras": _("Class names are inside the file, as the entry thaw_classes.json of the archive; labels.txt "
               "has them too."),
    "onnx": _("Class names are inside the file, as JSON in the metadata property “labels”; labels.txt has "
              "them too."),
}
_BESIDE = _("Class names are in labels.txt, one a line, in the order of the probabilities.")


def example(form: Format, size: int) -> str:
    """Return a program that asks a model about one photo: ``python example.py PHOTO``.

    Args:
        form: The model's form; the program is run beside its file.
        size: Edge of the images that it takes, in pixels.

    Returns:
        Python that needs nothing of Thaw. It prints the likeliest class and its probability, the same as
        :func:`core.insight.predict.predict` within what the form allows.
    """
    if form.name == "keras":
        asked = USAGE.replace("import json, zipfile", "import json, sys, zipfile")
        return asked.replace('Image.open("photo.jpg")', "Image.open(sys.argv[1])") + "\n"
    if form.name == "savedmodel":
        return _SAVED_MODEL.format(size=size)
    if form.name == "onnx":
        return _ONNX.format(size=size)
    return _LITERT.format(size=size, quantised=_QUANTISED if form.calibrated else "")


def labels_text(classes: tuple[str, ...]) -> str:
    """Return class names one a line; what would break a line in a name becomes a space."""
    return "\n".join(" ".join(name.split()) for name in classes)


def readme(form: Format, size: int, classes: int, run_id: str, versions: dict[str, str]) -> str:
    """Return what a model takes and gives, for who finds it on a disk some day.

    Args:
        form: Its form.
        size: Edge of the images, in pixels.
        classes: How many there are.
        run_id: The run that it is of.
        versions: Of the libraries that wrote it, by name.
    """
    one = "1" if form.one_by_one else "n"
    made = ", ".join(f"{name} {number}" for name, number in versions.items())
    whole = _("The input is quantised with the scale and zero point that it names, as a rule 1 and 0, so "
              "pixels go in as they are.")
    lines = [
        _("# Image classifier, {format}").format(format=form.title), "",
        _("Made by Thaw of the run {run}, with {libraries}.").format(run=run_id, libraries=made), "",
        _("## Input"), "",
        _("`image`: {kind}, shape ({n}, {size}, {size}, 3). Raw RGB from 0 to 255, 8 bits a colour, rows "
          "first, colours last.").format(kind=form.takes, n=one, size=size),
        _("Preprocessing is inside: do not scale or normalise."),
        *([whole] if form.calibrated else []),
        _("Photos are turned upright, then resized to {size} by {size} pixels, bilinear, without keeping "
          "their proportions; transparent parts are laid on white.").format(size=size), "",
        _("## Output"), "",
        _("float32, shape ({n}, {classes}): a probability for each class, in all 1.").format(
            n=one, classes=classes),
        _INSIDE.get(form.name, _BESIDE), "",
        _("## Ask it"), "",
        f"    {install_line(_NEEDS.get(form.name, _LITERT_NEEDS))}", f"    python {EXAMPLE} photo.jpg",
    ]
    return "\n".join(lines) + "\n"
