"""The model card of a run: Markdown under the usual headings, with a head that model hubs read.

Headings after Mitchell et al. 2019, "Model Cards for Model Reporting" (1810.03993). Only what is known is
said; what only people know is left as a blank that says so.
"""

from __future__ import annotations

import json
import re

from core.backbones import catalogue
from core.export.findings import Findings
from core.export.limits import limits
from core.export.report_measured import estimate_words, share_words
from core.i18n import _, ngettext
from core.insight.plan_differences import settings
from core.words import one_line

_MARKS = "\\`*_[]<>|~$&"


def model_card(found: Findings) -> str:
    """Return the card as Markdown; text from outside is escaped."""
    parts = [
        _head(found), f"# {escaped(found.title)}", _details(found), _use(), _factors(found), _metrics(found),
        _data(found), _analyses(found), _ethics(), _caveats(found),
    ]
    return "\n\n".join(parts) + "\n"


def escaped(value: str) -> str:
    """Return text so that Markdown shows it letter by letter, on one line."""
    said = one_line(value)
    shown = "".join(f"\\{sign}" if sign in _MARKS else sign for sign in said)
    if shown[:1] in tuple("0123456789"):
        return re.sub(r"^(\d+)([.)])", r"\1\\\2", shown)  # it would begin a numbered list
    return f"\\{shown}" if shown[:1] in tuple("#+-=!") else shown


def _blank(question: str) -> str:
    return f"> **{_('To fill in:')}** {question}"


def _head(found: Findings) -> str:
    """Return the YAML head; its texts are JSON, which YAML takes."""
    backbone = catalogue.get(found.plan.backbone)
    lines = [
        "---", "library_name: keras", "pipeline_tag: image-classification",
        "tags: [image-classification, transfer-learning, keras]",
    ]
    lines.append(f"base_model: {json.dumps(backbone.title)}")
    if found.measured is not None:
        lines += ["metrics: [accuracy, f1]"]
    return "\n".join([*lines, "---"])


def _details(found: Findings) -> str:
    backbone = catalogue.get(found.plan.backbone)
    said = [f"- {escaped(each.label)}: {escaped(str(each.values[0]))}" for each in settings([found.plan])]
    if found.parameters is not None:
        total, learned = found.parameters
        said.append("- " + _("Parameters: {total}, of which {learned} learned").format(
            total=f"{total:,}", learned=f"{learned:,}"))
    said += [f"- {escaped(name)} {escaped(version)}" for name, version in found.versions.items()]
    licence = backbone.licence or _("not available")
    return "\n".join([
        "## " + _("Model details"),
        "", _("An image classifier: {backbone} with a new head, trained with Thaw. Date of the training: "
              "{date}.").format(
            backbone=escaped(backbone.title), date=found.trained or _("not available")), "", *said,
        "- " + _("Licence of the backbone's ImageNet weights: {licence}").format(licence=escaped(licence)),
        "", _blank(_("Who made it, how to reach them, and under which licence it may be used.")),
    ])


def _use() -> str:
    return "\n\n".join([
        "## " + _("Intended use"),
        _("Made for learning, trying out and showing."),
        _blank(_("What it is meant for, who is to use it, and what it is not meant for.")),
    ])


def _factors(found: Findings) -> str:
    names = "" if found.dataset is None else ", ".join(escaped(name) for name in found.dataset.classes)
    classes = names or _("not available")
    return "\n\n".join([
        "## " + _("Factors"), _("Its classes: {classes}.").format(classes=classes),
        _blank(_("Under which conditions the photos were taken: cameras, light, places, groups of people or "
                 "things, and which are missing.")),
    ])


def _metrics(found: Findings) -> str:
    return "\n\n".join([
        "## " + _("Metrics"),
        _("Accuracy, and precision, recall and F1 by class, with Wilson's 95% intervals; balanced "
          "accuracy and macro F1 with bootstrap intervals. A class is named even where the model is "
          "unsure: no threshold is part of it."),
    ])


def _data(found: Findings) -> str:
    dataset = found.dataset
    if dataset is None:
        return "## " + _("Evaluation data") + "\n\n" + _("Not available: the dataset is gone.") + (
            "\n\n## " + _("Training data") + "\n\n" + _("Not available: the dataset is gone."))
    sizes = {name: len(dataset.of_split(name)) for name in ("train", "validation", "test")}
    title = escaped(dataset.title)
    return "\n\n".join([
        "## " + _("Evaluation data"),
        _("{n} test photos of “{title}”, which this training did not learn from.").format(
            n=f"{sizes['test']:,}", title=title)
        + " " + _before(found.learned_before)
        + (" " + _("The epoch was chosen on {m} validation photos.").format(m=f"{sizes['validation']:,}")
           if sizes["validation"] else ""),
        "## " + _("Training data"),
        _("{n} photos of “{title}” in {classes} classes.").format(
            n=f"{sizes['train']:,}", title=title, classes=len(dataset.classes)),
        _blank(_("Where the photos come from, who may use them, and whether the people in them agreed.")),
    ])


def _before(learned: int | None) -> str:
    if learned is None:
        return _("Whether an earlier run that it starts from learned from them is not known.")
    if learned == 0:
        return _("No run that it starts from learned from them either.")
    return ngettext(
        "An earlier run that it starts from learned from {n} of them.",
        "An earlier run that it starts from learned from {n} of them.", learned).format(n=f"{learned:,}")


def _analyses(found: Findings) -> str:
    title = "## " + _("Quantitative analyses")
    rates = found.measured
    if rates is None:
        return title + "\n\n" + _("Not available: the test photos were not looked at.")
    unknown = _("not available")
    rows = [
        f"| {escaped(each.name)} | {each.images:,} | {estimate_words(each.precision) or unknown} | "
        f"{estimate_words(each.recall) or unknown} | {estimate_words(each.f1) or unknown} |"
        for each in rates.by_class
    ]
    said = [
        "- " + _("Accuracy: {share}").format(share=share_words(rates.accuracy)),
        "- " + _("Balanced accuracy: {value}").format(value=estimate_words(rates.balanced)),
        "- " + _("Macro F1: {value}").format(value=estimate_words(rates.macro_f1)),
    ]
    if found.calibration is not None:
        said.append("- " + _("Expected calibration error: {error}").format(
            error=f"{found.calibration.error:.3f}"))
    said += [
        "- " + _("{photos}: {shares} right (weak, middle, strong)").format(
            photos=escaped(name), shares=", ".join(f"{each.value:.1%}" for each in shares))
        for name, shares in found.holding
    ]
    head = "| {} | {} | {} | {} | {} |".format(_("Class"), _("Photos"), _("Precision"), _("Recall"), _("F1"))
    return "\n".join([title, "", *said, "", head, "|---|---|---|---|---|", *rows])


def _ethics() -> str:
    return "\n\n".join([
        "## " + _("Ethical considerations"),
        _blank(_("Whom a wrong answer could hurt, and what stands between the answer and the decision.")),
    ])


def _caveats(found: Findings) -> str:
    return "\n".join([
        "## " + _("Caveats and recommendations"), "", *(f"- {escaped(each)}" for each in limits(found)),
    ])
