"""What goes with a script: the table of photos, the versions, a few lines on how it is run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from core.backbones import catalogue
from core.data import layout
from core.data.dataset import Item
from core.export.script_facts import BACKBONE_FILE, Facts
from core.i18n import _, ngettext
from core.words import one_line

_COLUMNS = ("file", "class", "split", "stored")
_PACKAGES = ("tensorflow", "keras", "numpy", "pillow")


def photos_table(items: Iterable[Item], classes: Sequence[str]) -> str:
    """Return ``photos.csv``: the photos of a run in its order.

    Args:
        items: The photos that the run used.
        classes: The class names as the script has them, see :func:`shown`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for item in items:
        # NOTE: a name may come from elsewhere with a copied workspace; one that leads out is not used.
        name = item.path if layout.unsafe(item.name) else shown(item.name)
        writer.writerow((name, classes[item.label], item.split, item.path))
    return text.getvalue()


def shown(name: str) -> str:
    """Return a name from outside so that it can be written as UTF-8."""
    return name.encode("utf-8", "replace").decode("utf-8")


def requirements(facts: Facts) -> str:
    """Return ``requirements.txt``, with the versions of the run where they are known."""
    return "".join(
        f"{name}=={facts.versions[name]}\n" if name in facts.versions else f"{name}\n" for name in _PACKAGES
    )


def readme(facts: Facts) -> str:
    """Return a few lines on what is in the zip and how it is used."""
    plan = facts.plan
    lines = [
        _("{backbone} on “{title}”, as the run {run} trained it, without Thaw.").format(
            backbone=catalogue.get(plan.backbone).title, title=one_line(plan.dataset_title)[:80],
            run=facts.run),
        "",
        "    python -m pip install -r requirements.txt",
        "    python train.py PATH/TO/FOLDER",
        "",
        _("FOLDER holds the photos under the names in the first column of photos.csv; the dataset's folder "
          "in a workspace of Thaw holds them under those in the last."),
        _split_line(facts),
        _("The split, the order of the photos and all that is drawn follow from the seed; so each epoch "
          "comes to what is in the run's history, up to rounding. Where blocks of the backbone learn, "
          "rounding adds up over the epochs: a photo or two may then be told otherwise."),
    ]
    if not facts.body.constructor:
        lines.append(_("{file} is the backbone as the run began with it.").format(file=BACKBONE_FILE))
    else:
        lines.append(_("Keras downloads the backbone's ImageNet weights the first time."))
    lines += [f"- {one_line(note)}" for note in facts.notes]
    return "\n".join(lines) + "\n"


def _split_line(facts: Facts) -> str:
    count = sum(facts.photos.values())
    return ngettext(
        "photos.csv lists the {n} photo that the run used: {train} to learn from, {validation} to validate "
        "on, {test} to test on.",
        "photos.csv lists the {n} photos that the run used: {train} to learn from, {validation} to validate "
        "on, {test} to test on.", count,
    ).format(n=f"{count:,}", **{name: f"{facts.photos.get(name, 0):,}" for name in (
        "train", "validation", "test")})
