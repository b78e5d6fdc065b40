"""Compare: runs side by side, what differs between them, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.i18n import _
from core.insight.comparison import of_choosing
from core.insight.metrics import Share
from core.journey import Journey, Progress
from core.runs.listing import listed
from core.runs.seen import history_of
from pages.ui import state
from pages.ui.compare_actions import forget_after_another_page, name_or_delete, undo
from pages.ui.compare_charts import Line, test_accuracies, validation_accuracy, validation_loss
from pages.ui.compare_parts import is_it_chance, short_titles_of, titles_of, what_differs
from pages.ui.compare_rows import MOST_AT_ONCE, Row, chosen_of, rows_of
from pages.ui.compare_table import table
from pages.ui.confirm import ask_on
from pages.ui.escape import one_line, plain
from pages.ui.experiment_controls import controls_of
from pages.ui.pieces import caption, lede, note
from pages.ui.places import PLACES


def main() -> None:
    ask_on()
    journey = state.stand()
    st.title(_("Compare"), anchor=False)
    lede(_("Runs side by side: what was different, how they did, and whether that is more than chance."))
    forget_after_another_page()
    rows = rows_of(listed(state.workspace()))
    if not rows:
        undo()
        _nothing_yet(journey)
        return
    shown, ids = table(rows, journey.dataset.id if journey.dataset is not None else "")
    chosen = chosen_of(rows, ids)
    measured = {row.id for row in (*shown, *chosen) if row.result.test is not None}
    warning = of_choosing(len(measured))
    if warning:
        caption(warning)
    if not chosen:
        note(_("Choose rows to compare them."), _("Their curves and settings then stand here."))
        undo()
        return
    if len(chosen) > MOST_AT_ONCE:
        caption(_("The newest {n} of the chosen runs are compared; choose fewer to see others.").format(
            n=MOST_AT_ONCE))
    _compared(chosen[:MOST_AT_ONCE])


def _nothing_yet(journey: Journey) -> None:
    st.markdown(_("There are no runs yet. Each training is one."))
    target = PLACES["data" if journey.steps["train"].progress is Progress.LOCKED else "train"]
    if st.button(
        _("Go to {page}").format(page=plain(target.title)), type="primary", icon=":material/arrow_forward:",
        icon_position="right",
    ):
        st.switch_page(target.script)


def _compared(rows: Sequence[Row]) -> None:
    titles = titles_of(rows)
    with state.told():
        _curves(rows, titles)
    if len(rows) > 1:
        st.subheader(_("What differs"), anchor=False)
        what_differs(rows)
    st.subheader(_("Test accuracy"), anchor=False)
    _test(rows, titles)
    studied = rows[0]
    if len(rows) > 1:
        st.subheader(_("More than chance?"), anchor=False)
        studied = is_it_chance(rows)
    if not studied.run.status.state.active:
        controls_of(studied.run, named=len(rows) > 1)
    st.space("small")
    name_or_delete(rows, titles)
    undo()  # where the button was that deleted it


def _curves(rows: Sequence[Row], titles: Sequence[str]) -> None:
    histories = [history_of(row.run.folder) for row in rows]
    lines = [
        Line(title, short, [epoch.epoch for epoch in epochs], [epoch.val_accuracy for epoch in epochs],
             [epoch.val_loss for epoch in epochs])
        for title, short, epochs in zip(titles, short_titles_of(rows), histories, strict=True)
    ]
    accuracy, loss = st.columns(2, gap="large")
    with accuracy:
        st.subheader(_("Validation accuracy"), anchor=False)
        if any(each is not None for line in lines for each in line.accuracy):
            validation_accuracy(lines)
        else:
            caption(_("Validation figures are not available."))
    with loss:
        st.subheader(_("Validation loss"), anchor=False)
        if any(each is not None for line in lines for each in line.loss):
            validation_loss(lines)
            _comparable(rows)
        else:
            caption(_("Validation figures are not available."))


def _comparable(rows: Sequence[Row]) -> None:
    """Say where losses of runs measure different things."""
    plans = [row.run.plan for row in rows]
    if len({plan.recipe.label_smoothing for plan in plans}) > 1:
        caption(_("Losses with different label smoothing cannot be compared: it is part of the loss."))
    elif len({plan.dataset for plan in plans}) > 1:
        caption(_("Losses on different photos cannot be compared."))


def _test(rows: Sequence[Row], titles: Sequence[str]) -> None:
    found = [(title, row.result.test) for title, row in zip(titles, rows, strict=True)]
    missing = ", ".join(title for title, test in found if test is None)
    if all(test is None for _title, test in found):
        caption(_("Not available: none of these runs was measured on the test photos."))
        return
    control = _control(rows)
    test_accuracies([(title, test.accuracy if test else None) for title, test in found], control)
    if control is None:
        caption(_("Lines are 95% intervals (Wilson)."))
    else:
        caption(_("Lines are 95% intervals (Wilson). “Always” is what naming the commonest class of the "
                  "training photos each time would get."))
    if missing:
        caption(_("Not available: {runs}.").format(runs=missing))


def _control(rows: Sequence[Row]) -> tuple[str, Share] | None:
    """Return what always naming the commonest class gets, where that is the same for all runs."""
    known = {
        (test.classes[test.majority_class], test.majority)
        for test in (row.result.test for row in rows)
        if test is not None and 0 <= test.majority_class < len(test.classes)
    }
    if len(known) != 1:
        return None
    name, share = known.pop()
    return _("Always “{name}”").format(name=one_line(name, 20)), share


main()
