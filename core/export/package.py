"""A model with all that it needs elsewhere, in one zip."""

from __future__ import annotations

import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core import __version__
from core.export import usage
from core.export.formats import Format
from core.files import write_atomic

LIBRARIES = ("tensorflow", "keras")
_PACKED = {".md", ".txt", ".py"}


def versions_for(form: Format) -> dict[str, str]:
    """Return the versions of what writes a form, by name; what is not installed is left out."""
    found = {"Thaw": __version__}
    for name in (*LIBRARIES, *(package for package, _module in form.packages)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def package(
    form: Format, folder: Path, target: Path, *, size: int, classes: tuple[str, ...], run_id: str
) -> None:
    """Put labels, an example and a description beside a model, and pack all of it.

    Args:
        form: The model's form.
        folder: The folder that has it, and nothing else; the rest is written there too.
        target: The zip to make or replace, whole or not at all.
        size: Edge of the images that it takes, in pixels.
        classes: The class names, in the model's order; text from outside.
        run_id: The run that it is of.

    Raises:
        OSError: The disk is full.
    """
    texts = {
        usage.LABELS: usage.labels_text(classes),
        usage.README: usage.readme(form, size, len(classes), run_id, versions_for(form)),
        usage.EXAMPLE: usage.example(form, size),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    files = sorted(each for each in folder.rglob("*") if each.is_file())

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w") as archive:
            for each in files:
                small = each.suffix in _PACKED
                archive.write(
                    each, each.relative_to(folder),
                    zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED)

    write_atomic(target, write)
