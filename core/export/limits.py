"""What a run's figures are not good for, said from the figures themselves."""

from __future__ import annotations

from core.export.findings import Findings
from core.i18n import _, ngettext

FEW_PHOTOS = 30
UNSURE_BY = 0.1


def limits(found: Findings) -> list[str]:
    """Return what to know before the model is trusted, the gravest first."""
    said = [*_of_the_measuring(found), *_of_the_classes(found)]
    if found.dataset is None:
        said.append(_("The photos that it learned from are no longer in the workspace, so nothing could be "
                      "looked up in them."))
    else:
        said += [
            f"{each.title}: {each.message}" if each.message else each.title
            for each in found.dataset.problems
        ]
    said.append(_("It always names one of its classes, also for a photo that shows none of them. What it "
                  "says of photos unlike those it learned from is not known."))
    said.append(_("It was made for learning and trying out. Decisions about people need more than this."))
    return said


def _of_the_measuring(found: Findings) -> list[str]:
    if found.measured is None:
        return [_("It has not been measured on test photos: how good it is is not known.")]
    said, accuracy = [], found.measured.accuracy
    if accuracy.high - accuracy.low > UNSURE_BY:
        said.append(
            ngettext(
                "It was measured on {n} test photo; with others the accuracy could well be anywhere between "
                "{low} and {high}.",
                "It was measured on {n} test photos; with others the accuracy could well be anywhere between "
                "{low} and {high}.", accuracy.images,
            ).format(n=f"{accuracy.images:,}", low=f"{accuracy.low:.0%}", high=f"{accuracy.high:.0%}"))
    if found.learned_before:
        said.append(_("An earlier run that it starts from learned from {n} of the test photos: the figures "
                      "are too good.").format(n=f"{found.learned_before:,}"))
    if found.looks > 1:
        said.append(_("The test photos were looked at {n} times, with training in between: the later figures "
                      "may be too good.").format(n=found.looks))
    if found.majority is not None and accuracy.low <= found.majority[1].value:
        said.append(_("It is not clearly better than always saying “{name}”.").format(name=found.majority[0]))
    return said


def _of_the_classes(found: Findings) -> list[str]:
    if found.measured is None:
        return []
    few = [each.name for each in found.measured.by_class if each.images < FEW_PHOTOS]
    if not few:
        return []
    return [
        ngettext(
            "{n} class has fewer than {few} test photos; its own figures say little: {names}.",
            "{n} classes have fewer than {few} test photos; their own figures say little: {names}.", len(few),
        ).format(n=len(few), few=FEW_PHOTOS, names=", ".join(few[:12]) + (" …" if len(few) > 12 else ""))
    ]
