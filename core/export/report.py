"""The report of a run: one HTML file that needs nothing beside it, to be read, sent and printed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import core.export.report_measured as measured
from core.backbones import catalogue
from core.export.findings import Findings
from core.export.limits import limits
from core.export.markup import Markup, facts, items, page, paragraph, section, table, tag
from core.export.svg import Line, lines
from core.i18n import _, language
from core.insight.plan_differences import settings
from core.training.counts import what_learns
from core.training.events import EpochRow
from core.words import duration_text

_STYLE = Path(__file__).with_name("report.css")


def report(found: Findings) -> str:
    """Return the report as a whole HTML page.

    Args:
        found: What is known; every part that is not says so, and how to find it out.
    """
    return page(
        _("{run}: report").format(run=found.title), language(), _style(),
        _head(found), measured.headline(found), _plan(found), _data(found), _curves(found),
        measured.figures(found), measured.confusion(found), measured.calibration(found),
        measured.hardest(found), measured.heatmaps(found), measured.moved(found),
        measured.holding_up(found), measured.audit(found),
        section(_("Limits"), items(limits(found))),
        section(_("Using the model"), paragraph(_(
            "The model takes raw RGB of 0 to 255 and gives a probability for each class; preprocessing and "
            "class names are inside. Plain Keras loads it:")), tag("pre", _code(found.usage))),
        _versions(found),
    )


@cache
def _style() -> str:
    return _STYLE.read_text(encoding="utf-8")


def _code(usage: str) -> Markup:
    import html

    return Markup(html.escape(usage))


def _head(found: Findings) -> Markup:
    sentence = _("{backbone}, trained on photos of “{dataset}”. What learned: {learns}.").format(
        backbone=catalogue.get(found.plan.backbone).title, dataset=found.plan.dataset_title,
        learns=what_learns(found.plan))
    return tag(
        "header", tag("h1", found.title), paragraph(sentence, cls="lede"),
        paragraph(_("The training: {state}. This report was made on {date} by Thaw.").format(
            state=found.state, date=found.made), cls="quiet"),
    )


def _plan(found: Findings) -> Markup:
    said = [(each.label, each.values[0]) for each in settings([found.plan])]
    if found.parameters is not None:
        total, learning = found.parameters
        said.append((_("Parameters"), _("{total}, of which {learning} learned ({share})").format(
            total=f"{total:,}", learning=f"{learning:,}", share=f"{learning / max(1, total):.1%}")))
    return section(_("The plan"), tag("div", facts(said), cls="plan"))


def _data(found: Findings) -> Markup:
    dataset = found.dataset
    if dataset is None:
        return section(_("The photos"), paragraph(_(
            "Not available: the dataset is no longer in the workspace.")))
    rows: list[tuple[str, ...]] = [
        (each.name, f"{each.train:,}", f"{each.validation:,}", f"{each.test:,}", f"{each.total:,}")
        for each in dataset.counts()
    ]
    sums = [sum(getattr(each, split) for each in dataset.counts())
            for split in ("train", "validation", "test", "total")]
    rows.append((_("all"), *(f"{each:,}" for each in sums)))
    how = (
        _("The photos came divided.") if dataset.own_split
        else _("The photos were divided at random, by seed {seed}.").format(seed=dataset.seed))
    left = _("Left out at intake: {refused} that could not be read, {same} that were there twice.").format(
        refused=f"{len(dataset.refused):,}", same=f"{len(dataset.duplicates):,}")
    if dataset.revision is not None:
        away = sum(not each.now for each in dataset.revision.changes)
        left += " " + _("This is version {number} of “{title}”: left out after a look at the photos {away}, "
                        "put into another class {labels}.").format(
            number=dataset.revision.number, title=dataset.revision.title, away=f"{away:,}",
            labels=f"{len(dataset.revision.changes) - away:,}")
    head = (_("Class"), _("Training"), _("Validation"), _("Test"), _("All"))
    return section(
        _("The photos"), tag("div", table(head, rows), cls="wide"), paragraph(f"{how} {left}", cls="quiet"))


def _curves(found: Findings) -> Markup:
    rows = found.history
    if not rows:
        return section(_("The curves"), paragraph(_("Not available: no epoch was finished.")))
    kept = "" if found.kept is None else _("The weights of epoch {epoch} were kept.").format(
        epoch=found.kept)
    return section(
        _("The curves"),
        tag("h3", _("Accuracy")), _curve(found, rows, "accuracy", _("Accuracy by epoch"), share=True),
        tag("h3", _("Loss")), _curve(found, rows, "loss", _("Loss by epoch"), share=False),
        paragraph(_("Solid: on the training photos, as they were learned from. Dotted: on the validation "
                    "photos, after each epoch."), kept, cls="quiet"),
    )


def _curve(
    found: Findings, rows: Sequence[EpochRow], name: str, spoken: str, *, share: bool
) -> Markup:
    named = ((_("training"), name, "train"), (_("validation"), f"val_{name}", "checked"))
    drawn = [Line(words, _points(rows, field), cls) for words, field, cls in named]
    drawn = [line for line in drawn if line.points]
    if not drawn:
        return paragraph(_("Not available: its figures are no numbers."))
    top = 1.0 if share else max(value for line in drawn for _epoch, value in line.points) * 1.05 or 1.0
    marks = [(epoch, words) for epoch, words in found.stages if epoch > 1]
    return lines(drawn, spoken=spoken, across=_("epoch"), top=top, share=share, marks=marks)


def _points(rows: Sequence[EpochRow], field: str) -> list[tuple[int, float]]:
    found = ((row.epoch, getattr(row, field)) for row in rows)
    return [(epoch, value) for epoch, value in found if value is not None and math.isfinite(value)]


def _versions(found: Findings) -> Markup:
    said: list[tuple[object, object]] = [(name, version) for name, version in found.versions.items()]
    said += [(name, value) for name, value in found.machine.items()]
    if found.seconds is not None:
        took = duration_text(found.seconds)
        if found.saved_s:
            took = _("{took}; without kept activations about {more} more (an estimate)").format(
                took=took, more=duration_text(found.saved_s))
        said.append((_("Time"), took))
    if not said:
        return section(_("Versions and machine"), paragraph(_("Not available: the run has no report.")))
    return section(_("Versions and machine"), facts(said))
