"""One experiment's figures: the sentence, the plot, what the intervals are, the table, what can be taken."""

from __future__ import annotations

import streamlit as st

from core import bin as bins
from core.backbones import catalogue
from core.experiments import members, steering
from core.experiments.design import role_title
from core.experiments.experiment import Experiment
from core.experiments.results import Results, results, rows
from core.experiments.standing import Standing
from core.i18n import _, ngettext
from core.people import is_of_another, who_text
from core.training.counts import what_learns
from pages.ui import compare_table, state
from pages.ui.chart_card import chart_card
from pages.ui.confirm import ask_soon
from pages.ui.escape import one_line, plain
from pages.ui.experiment_axes import Awaited, measure_title, percent
from pages.ui.experiment_plots import figure, picture
from pages.ui.experiment_table import csv_text, figures_table, file_stem
from pages.ui.experiment_words import about_marks, about_tests
from pages.ui.pieces import LONGEST_SENTENCE, caption, note
from pages.ui.places import PLACES
from pages.ui.style import theme


def plot(experiment: Experiment, found: Results, *, key: str, going: bool = False) -> None:
    """Show the plot of what has been measured so far; nothing without a point.

    Args:
        experiment: The experiment.
        found: What came of it so far.
        key: The chart's key, unique on the page.
        going: Whether it goes on, so that there is room for what is still to come.
    """
    if not has_points(found):
        return
    chosen = chosen_role(experiment)
    chart_card(
        measure_title(found), figure(found, theme(), chosen, _awaited(experiment, found) if going else ()),
        key=key, spoken=f"{measure_title(found)}. {one_line(found.sentence, LONGEST_SENTENCE)}",
        paper=picture(found, experiment.title, chosen), file=file_stem(experiment),
    )


def has_points(found: Results) -> bool:
    """Tell whether anything was measured."""
    return any(series.points for series in found.series)


def chosen_role(experiment: Experiment) -> str:
    """Return the role of the run that the experiment chose; empty where it chose none."""
    return next((each.role for each in experiment.members if each.run == experiment.chosen), "")


def _awaited(experiment: Experiment, found: Results) -> list[Awaited]:
    """Return the points that are there or may still come, in their order; what came to nothing has none."""
    there = {(each.role, each.x) for series in found.series for each in series.points}
    # A control that is the run itself has no point of its own, and a training in full none beside its probe.
    points = [
        each.member for each in members.found(state.workspace(), experiment)
        if (each.waits or (each.member.role, each.member.x) in there)
        and not each.member.verifies and each.member.run != experiment.base_run
    ]
    return [Awaited(each.role, role_title(experiment.kind, each.role), each.x) for each in points]


def below_plot(found: Results) -> None:
    """Say what the intervals are, and how many test figures are shown."""
    if not has_points(found):
        return
    caption(found.interval)
    marks = about_marks(found)
    if marks:
        caption(marks)
    tests = about_tests(found)
    if tests:
        caption(tests)


def opened(experiment: Experiment, standing: Standing) -> None:
    """Show an experiment that has ended."""
    with state.told():
        found = results(state.workspace(), experiment)
        if has_points(found):
            note(_("In short."), found.sentence, sign="info" if found.complete else "warning")
        else:
            note(_("Nothing to show."), _("No run has come to its end. What went wrong is said on the Train "
                                          "page of each."), sign="warning")
        if standing.state == "cancelled":
            caption(_("It was cancelled: this is what had ended by then."))
        plot(experiment, found, key=f"plot-{experiment.id}")
        below_plot(found)
        if has_points(found):
            figures_table(found, chosen_role(experiment))
            if found.kind == "seeds":
                _single(found)
        caption(ran_with(experiment))
        with st.container(horizontal=True, vertical_alignment="center"):
            take_away(experiment, found)
            _in_compare(experiment)
            _deleting(experiment)


def _single(found: Results) -> None:
    values = [value for series in found.series for point in series.points for value in point.values]
    caption(_("The single runs: {figures}.").format(figures=", ".join(percent(each) for each in values)))


def ran_with(experiment: Experiment) -> str:
    """Say what the runs have in common, and who began it."""
    plan, said = experiment.plan, []
    if experiment.kind != "backbones":
        said.append(catalogue.get(plan.backbone).title)
        if experiment.kind != "blocks":
            said.append(what_learns(plan))
        said.append(ngettext("{n} epoch", "{n} epochs", plan.recipe.epochs).format(n=plan.recipe.epochs))
    said.append(one_line(plan.dataset_title, 60))
    who = who_text(state.workspace(), experiment.by, state.who())
    if who:
        said.append(_("begun by {who}").format(who=who))
    return " · ".join(said)


def take_away(experiment: Experiment, found: Results) -> None:
    """Offer the figures as CSV; mount it once a page for an experiment."""
    st.download_button(
        _("Save as CSV"), csv_text(rows(found)).encode("utf-8-sig"), f"{file_stem(experiment)}.csv",
        "text/csv; charset=utf-8", key=f"csv-{experiment.id}", icon=":material/download:", on_click="ignore",
        disabled=not has_points(found),
    )


def _in_compare(experiment: Experiment) -> None:
    finished = tuple(
        each.member.run for each in members.found(state.workspace(), experiment) if each.finished)
    pressed = st.button(
        _("Open the runs in Compare"), key=f"compare-{experiment.id}", icon=":material/stacked_line_chart:",
        disabled=not finished,
    )
    if pressed:
        st.session_state[compare_table.CHOSEN] = finished
        # Runs of experiments are left out there unless somebody asks for them.
        st.session_state[compare_table.EXPERIMENTS] = True
        st.switch_page(PLACES["compare"].script)


def _deleting(experiment: Experiment) -> None:
    pressed = st.button(
        _("Delete"), key=f"delete-{experiment.id}", icon=":material/delete:", type="tertiary",
    )
    if not pressed:
        return
    own = sum(not each.borrowed for each in experiment.members)

    def delete() -> None:
        steering.delete(state.workspace(), experiment.id, by=state.who())
        state.say_next(_("{title} is deleted; its runs are in the bin.").format(
            title=plain(experiment.title)))

    sentence = ngettext(
        "Its {n} run goes into the bin of the Workspace page for {days} days; the plot is gone.",
        "Its {n} runs go into the bin of the Workspace page for {days} days; the plot is gone.", own,
    ).format(n=own, days=bins.KEPT_DAYS)
    if is_of_another(experiment.by, state.who()):
        who = plain(who_text(state.workspace(), experiment.by, state.who()))
        sentence += " " + _("It was begun by {who}.").format(who=who)
    ask_soon(_("Delete “{title}”?").format(title=plain(experiment.title)), sentence, _("Delete it"), delete)
