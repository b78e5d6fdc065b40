"""The parts of the report that say what was measured and found out."""

from __future__ import annotations

from core.export.findings import Findings, Photo
from core.export.markup import Markup, figure, joined, paragraph, picture, section, table, tag
from core.export.svg import Interval, intervals, reliability
from core.i18n import _, ngettext
from core.insight.metrics import Share
from core.insight.rates import ClassRates, Estimate
from core.training.counts import block_title

MOST_CELLS = 40
_STRONG = 0.55


def _not_yet(title: str, where: str) -> Markup:
    return section(title, paragraph(_("Not available: it was not looked at. {where} does it.").format(
        where=where)))


def _unseen(title: str, found: Findings) -> Markup:
    return section(title, paragraph(_("Not available: {why}").format(why=_why(found))))


def _why(found: Findings) -> str:
    return found.unseen or _("no figures on the test photos, or no test photo that can be read.")


def share_words(share: Share) -> str:
    """Return a share with its interval and its number of photos."""
    return _("{value} ({low} to {high}), {right} of {images}").format(
        value=f"{share.value:.1%}", low=f"{share.low:.1%}", high=f"{share.high:.1%}",
        right=f"{share.right:,}", images=f"{share.images:,}")


def estimate_words(found: Estimate | Share | None) -> str | None:
    """Return a figure with its interval; ``None`` where it is not known."""
    if found is None:
        return None
    if found.low is None or found.high is None:
        return f"{found.value:.1%}"
    return _("{value} ({low} to {high})").format(
        value=f"{found.value:.1%}", low=f"{found.low:.1%}", high=f"{found.high:.1%}")


def headline(found: Findings) -> Markup:
    """Return the one figure, on what it was measured, and what it has to be held against."""
    if found.measured is None:
        return tag("div", paragraph(_("How good it is is not available: {why}").format(why=_why(found))),
                   cls="headline")
    accuracy = found.measured.accuracy
    against: object = ""
    if found.majority is not None:
        name, share = found.majority
        against = _("Always saying “{name}” would get {share}.").format(
            name=name, share=f"{share.value:.1%}")
    return tag(
        "div", tag("span", _("Right on the first guess")), tag("b", f"{accuracy.value:.1%}"),
        paragraph(_("{right} of {images} test photos; 95% interval {low} to {high}.").format(
            right=f"{accuracy.right:,}", images=f"{accuracy.images:,}", low=f"{accuracy.low:.1%}",
            high=f"{accuracy.high:.1%}"), against), cls="headline")


def figures(found: Findings) -> Markup:
    """Return accuracy, balanced accuracy, macro F1, and the table by class."""
    if found.measured is None:
        return _unseen(_("How well"), found)
    rates = found.measured
    rows = [
        Interval(_("accuracy"), rates.accuracy.value, rates.accuracy.low, rates.accuracy.high),
        *(Interval(name, each.value, each.low if each.low is not None else each.value,
                   each.high if each.high is not None else each.value)
          for name, each in ((_("balanced accuracy"), rates.balanced), (_("macro F1"), rates.macro_f1))),
    ]
    head = (_("Class"), _("Photos"), _("Precision"), _("Recall"), _("F1"))
    return section(
        _("How well"), intervals(rows, spoken=_("Accuracy, balanced accuracy and macro F1")),
        tag("h3", _("By class")),
        tag("div", table(head, [_class_row(each) for each in rates.by_class]), cls="wide"),
        paragraph(ngettext(
            "Measured on {n} test photo. In brackets 95% intervals: Wilson's for shares and F1 by class, "
            "the bootstrap within each class for balanced accuracy and macro F1.",
            "Measured on {n} test photos. In brackets 95% intervals: Wilson's for shares and F1 by class, "
            "the bootstrap within each class for balanced accuracy and macro F1.",
            rates.images).format(n=f"{rates.images:,}"), cls="quiet"))


def _class_row(each: ClassRates) -> tuple[object, ...]:
    return (each.name, f"{each.images:,}", estimate_words(each.precision), estimate_words(each.recall),
            estimate_words(each.f1))


def confusion(found: Findings) -> Markup:
    """Return the confusion matrix; of very many classes the commonest mistakes instead."""
    if found.measured is None:
        return _unseen(_("What it mixes up"), found)
    matrix, names = found.measured.confusion, [each.name for each in found.measured.by_class]
    if len(names) > MOST_CELLS:
        mistakes = sorted(
            ((count, i, j) for i, row in enumerate(matrix) for j, count in enumerate(row)
             if i != j and count),
            reverse=True)[:MOST_CELLS]
        rows = [(names[i], names[j], f"{count:,}") for count, i, j in mistakes]
        return section(_("What it mixes up"), table((_("is"), _("said"), _("photos")), rows))
    rows_of_cells = [
        (names[i], *(_cell(count, max(1, sum(row))) for count in row)) for i, row in enumerate(matrix)
    ]
    return section(
        _("What it mixes up"),
        tag("div", table((_("is \\ said"), *names), rows_of_cells, cls="confusion"), cls="wide"),
        paragraph(_("Rows are what a photo is, columns what was said; numbers are test photos, the shade "
                    "is the share of the row."), cls="quiet"))


def _cell(count: int, total: int) -> Markup:
    share = count / total
    strong = ' class="strong"' if share >= _STRONG else ""
    return Markup(f'<i{strong} style="--share:{share:.0%}">{count or "&nbsp;"}</i>')


def calibration(found: Findings) -> Markup:
    """Return how far the model's sureness holds."""
    title = _("How far its sureness holds")
    if found.calibration is None:
        return _unseen(title, found)
    known = found.calibration
    points = [
        (each.sure, each.right.value, each.images) for each in known.bins
        if each.sure is not None and each.right is not None
    ]
    words = _("Expected calibration error {error} on {n} test photos, in {bins} bins; 0 would be a model "
              "that is right as often as it is sure.").format(
        error=f"{known.error:.3f}", n=f"{known.images:,}", bins=len(known.bins))
    if found.temperature is not None:
        words += " " + _("A temperature of {value} was fitted on the validation photos; it is not part of "
                         "the model.").format(value=f"{found.temperature:.2f}")
    return section(
        title, reliability(points, spoken=_("How often it is right against how sure it is")),
        paragraph(words, cls="quiet"))


def _caption(photo: Photo) -> tuple[str, str]:
    return (
        _("said {said}, {sure}").format(said=photo.said, sure=f"{photo.sure:.0%}"),
        _("is {true}").format(true=photo.is_class),
    )


def hardest(found: Findings) -> Markup:
    """Return the photos with the highest loss."""
    title = _("Hardest photos")
    if not found.hardest:
        return _unseen(title, found)
    photos = [figure(picture(each.jpeg, each.is_class), *_caption(each)) for each in found.hardest]
    return section(
        title, paragraph(_("The test photos for which it held the truth least likely."), cls="quiet"),
        tag("div", *photos, cls="photos"))


def heatmaps(found: Findings) -> Markup:
    """Return photos with where the network looked."""
    title = _("Where it looked")
    shown = [each for each in found.heatmaps if each.heatmap is not None]
    if not shown:
        return _unseen(title, found)
    pairs = [
        figure(tag("div", picture(each.jpeg, each.is_class), picture(each.heatmap or b"", _("heatmap")),
                   cls="two"), *_caption(each))
        for each in shown
    ]
    return section(
        title, tag("div", *pairs, cls="pairs"),
        paragraph(_("Grad-CAM (Selvaraju et al. 2017) on {block}, for what was said: bright is what spoke "
                    "for it. It shows where the network looked, not why.").format(
            block=block_title(found.heatmap_block)), cls="quiet"))


def moved(found: Findings) -> Markup:
    """Return how far each block has moved; nothing where it was not looked at."""
    if not found.moved:
        return _not_yet(_("What moved"), _("The Evaluate page, under What moved,"))
    rows = [
        (block_title(each.block), None if each.weights is None else f"{each.weights:.2%}",
         None if each.cka is None else f"{each.cka:.3f}")
        for each in found.moved
    ]
    return section(
        _("What moved"), table((_("Block"), _("Weights moved by"), _("Features alike (CKA)")), rows),
        paragraph(_("Weights: the length of the change over the length before. CKA (Kornblith et al. 2019) "
                    "is 1 where the features are as before."), cls="quiet"))


def holding_up(found: Findings) -> Markup:
    """Return the accuracy on photos made worse."""
    title = _("Does it hold up?")
    if not found.holding or found.clean is None:
        return _not_yet(title, _("The Evaluate page, under Does it hold up?,"))
    rows: list[tuple[object, ...]] = [
        (name, *(estimate_words(each) for each in shares)) for name, shares in found.holding
    ]
    return section(
        title, table((_("Photos"), _("weak"), _("middle"), _("strong")), rows),
        paragraph(_("On {photos}. As they are: {clean}. In brackets 95% intervals (Wilson).").format(
            photos=found.holding_on, clean=share_words(found.clean)), cls="quiet"))


def audit(found: Findings) -> Markup:
    """Return what the data audit found."""
    title = _("The data audit")
    if not found.audit:
        return _not_yet(title, _("The Evaluate page, under Data audit,"))
    return section(title, joined([table((_("What"), _("Number")), [
        (words, f"{count:,}") for words, count in found.audit])]))
