"""The model in other forms: made on the spot, compared with Keras, downloaded."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.export.formats import FORMATS, Format, install_line, missing
from core.export.verify import MADE_UP, Verified
from core.i18n import _, ngettext
from core.insight.metrics import share
from core.insight.predict import USAGE
from core.jobs import Progress
from core.runs.listing import Listed
from core.studies import asking
from core.studies.exporting import Exported, export_apart, exported, failure_of, to_make
from core.words import bytes_text
from pages.ui import state
from pages.ui.pieces import caption, choice_table, note
from pages.ui.study import study
from pages.ui.workspace_rows import entry, rows
from pages.web.exports import export_url
from pages.web.files import model_url

ALL = "export-all"
_LOOK_EVERY_S = 2.0


def model_part(run: Listed) -> None:
    """Show the model as it is, with the lines that ask it."""
    st.subheader(_("The model"), anchor=False)
    st.link_button(
        _("Download model.keras ({size})").format(size=bytes_text(run.folder.model.stat().st_size)),
        model_url(run.id), icon=":material/download:", type="primary",
    )
    caption(_("It takes raw RGB from 0 to 255; preprocessing and class names are inside. Plain Keras "
              "loads it:"))
    st.code(USAGE, language="python")


def formats_part(run: Listed) -> None:
    """Show each form of the model: a button that makes it, or what came of it and a link."""
    st.subheader(_("In other forms"), anchor=False)
    caption(_("Each is a zip of the model, its labels, a description and a short program that asks "
              "it. Each is compared with Keras as soon as it is made. Raw RGB from 0 to 255 goes in, "
              "probabilities come out."))
    left = to_make(run.folder)
    busy = _goes_on(run, ALL)
    if len(left) > 1 or busy:
        busy = _make(run, ALL, left, _("Make all that are missing"))
    if busy:  # one that is made can be downloaded while the others are being made
        st.fragment(_forms, run_every=_LOOK_EVERY_S)(run, busy=True)
    else:
        _forms(run, busy=False)


def _forms(run: Listed, *, busy: bool) -> None:
    with rows():
        for form in FORMATS.values():
            _row(run, form, busy=busy)
    made = [found for name in FORMATS if (found := exported(run.folder, name)) is not None]
    if made:
        _results(made)


def _row(run: Listed, form: Format, *, busy: bool) -> None:
    found = exported(run.folder, form.name)
    lacking, failed = missing(form), failure_of(run.folder, form.name)
    facts = [form.about]
    if found is not None:
        facts.insert(0, bytes_text(found.verified.bytes))
    elif lacking:
        facts.append(_("Needs a package that is not installed here: {line}").format(
            line=install_line(lacking)))
    elif failed is not None:
        facts.append(f"{failed.what} {failed.given}")
    with entry(f"export-{form.name}", form.title, facts):
        if found is not None:
            st.link_button(_("Download {format}").format(format=form.title), export_url(run.id, form.name),
                           icon=":material/download:", type="tertiary")
        elif not lacking and not busy:
            again = _("Make {format}") if failed is None else _("Try {format} again")
            _make(run, f"export-{form.name}", [form], again.format(format=form.title))


def _make(run: Listed, kind: str, forms: Sequence[Format], button: str) -> bool:
    workspace, folder = state.workspace(), run.folder
    names = [form.name for form in forms]

    def work(progress: Progress) -> None:
        export_apart(workspace, folder, names, progress)

    return study(run.id, kind, title=_("Making other forms of the model"), button=button, work=work)


def _goes_on(run: Listed, kind: str) -> bool:
    now = asking.latest(state.thaw().studies, run.id, kind)
    return now is not None and now.state == asking.RUNNING


def _results(made: Sequence[Exported]) -> None:
    """Show how the forms do beside Keras, and on what that was measured."""
    head = (_("Form"), _("Size"), _("Same class as Keras"), _("Largest difference"), _("Right"),
            _("One photo"), _("Keras beside it"))
    choice_table(_("How they do beside Keras"), head, [_cells(each) for each in made], chosen=-1)
    for alike in {_seen(each.verified): each.verified for each in made}.values():
        caption(_measured_on(alike))
    for each in made:
        if each.verified.agrees is False:
            note(_("{format} differs from Keras.").format(format=each.form.title), _differs(each),
                 sign="warning")


def _seen(found: Verified) -> tuple[str, int, int | None]:
    """Return what forms share that were compared with Keras on the same photos."""
    return found.split, found.images, found.keras_right


def _cells(each: Exported) -> tuple[str, ...]:
    found = each.verified
    return (
        each.form.title, bytes_text(found.bytes),
        _("{same} of {images}").format(same=found.same, images=found.images), _difference(found.difference),
        _right(found.right, found.images), _milliseconds(found.seconds), _milliseconds(found.keras_seconds),
    )


def _difference(value: float) -> str:
    return _("none") if value == 0 else _("below 0.001") if value < 0.001 else f"{value:.3f}"


def _milliseconds(seconds: float) -> str:
    return _("{n} ms").format(n=f"{1000 * seconds:.1f}")


def _right(right: int | None, images: int) -> str:
    if right is None:
        return _("not available")
    said = share(right, images)
    return "" if said is None else _("{value} ({low} to {high})").format(
        value=f"{said.value:.1%}", low=f"{said.low:.1%}", high=f"{said.high:.1%}")


def _measured_on(found: Verified) -> str:
    n, split = found.images, found.split
    counted = {
        "test": ngettext("{n} test photo", "{n} test photos", n),
        "validation": ngettext("{n} validation photo", "{n} validation photos", n),
        "train": ngettext("{n} training photo", "{n} training photos", n),
        MADE_UP: ngettext("{n} made-up picture", "{n} made-up pictures", n),
    }.get(split, "{n}").format(n=n)
    which = _("Measured on {photos}; in brackets the 95% interval (Wilson). The difference is of a "
              "probability from 0 to 1; the time is the median of a photo by itself on this computer, in "
              "turns with Keras.").format(photos=counted)
    if split == MADE_UP:
        return which + " " + _("The run's photos are not in this workspace: the pictures are noise, which "
                               "shows that a form runs, not that it agrees.")
    which += " " + _("Keras gets {right} of them right.").format(right=_right(found.keras_right, n))
    if split == "validation":
        return which + " " + _("The test photos have not been looked at for this run, so validation stands "
                               "in.")
    return which


def _differs(each: Exported) -> str:
    found = each.verified
    return _("The class is another for {n} of {images} photos, and a probability is up to {difference} away. "
             "That is more than this form should differ by: use another one, or look closely.").format(
        n=found.images - found.same, images=found.images, difference=_difference(found.difference))
