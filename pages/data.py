"""Data: bring photos in, see what was found, and what is wrong with it."""

from __future__ import annotations

import random

import streamlit as st

from core.data.dataset import Dataset
from core.data.gather import DOWNLOADING, phase_text
from core.data.records import Revision
from core.i18n import _, ngettext
from core.jobs import JobSnapshot
from core.words import about_text
from pages.ui import state
from pages.ui.charts import class_counts
from pages.ui.escape import distinct, one_line, plain
from pages.ui.pieces import caption, lede, problem_list, stats_row, thumb_grid
from pages.ui.places import PLACES
from pages.ui.ways_in import ways_in
from pages.web.files import thumb_url
from pages.web.script_error import describe

EXAMPLES = 20
CLASSES_IN_PILLS = 12


def main() -> None:
    journey = state.stand()
    st.title(_("Data"), anchor=False)
    job = state.thaw().jobs.snapshot(state.draft().job) if state.draft().job else None
    if job is not None and job.state == "running":
        lede(_("Every photo is opened once and checked before it counts."))
        st.fragment(_progress, run_every=0.5)(job.id)
        return
    if job is not None and job.state == "done" and job.outcome and journey.dataset is None:
        state.update(dataset=job.outcome, dataset_title=job.title, job="")
        st.rerun()
    if journey.dataset is None or st.session_state.get(state.CHOOSING):
        lede(_("Bring photos of the things to tell apart, sorted into one folder per class."))
        if job is not None and job.state == "failed" and job.error is not None:
            st.error(describe(job.error), icon=":material/error:")
        if job is not None and job.state == "cancelled":
            st.info(_("That was cancelled. Nothing of it was kept."), icon=":material/info:")
        ways_in()
        if journey.dataset is not None:
            _stay_with(journey.dataset)
        return
    _dataset(journey.dataset)


def _stay_with(dataset: Dataset) -> None:
    def stay() -> None:
        st.session_state.pop(state.CHOOSING, None)

    st.button(_("Stay with “{title}”").format(title=plain(dataset.title, 40)), type="tertiary",
              icon=":material/arrow_back:", on_click=stay)


def _progress(job_id: str) -> None:
    jobs = state.thaw().jobs
    job = jobs.snapshot(job_id)
    if job is None or job.state != "running":
        st.rerun()
    st.markdown(f"**{plain(job.title)}**")
    share = min(1.0, job.done / job.total) if job.total else 0.0
    st.progress(share, text=plain(_amount(job)))
    if st.button(_("Cancel"), icon=":material/close:"):
        jobs.cancel(job_id)


def _amount(job: JobSnapshot) -> str:
    phase = phase_text(job.phase)
    if job.phase == DOWNLOADING:
        done, total = f"{job.done / 1e6:,.0f} MB", f"{(job.total or 0) / 1e6:,.0f} MB"
    else:
        done, total = f"{job.done:,}", f"{job.total or 0:,}"
    if job.total is None:
        return _("{phase}: {done}").format(phase=phase, done=done) if job.done else phase
    if job.seconds_left is None:
        return _("{phase}: {done} of {total}").format(phase=phase, done=done, total=total)
    return _("{phase}: {done} of {total}, about {time} left").format(
        phase=phase, done=done, total=total, time=about_text(job.seconds_left)
    )


def _dataset(dataset: Dataset) -> None:
    lede(_("What the network will see in “{title}”, and what it will be tested on.").format(
        title=one_line(dataset.title, 60)))
    if dataset.revision is not None:
        caption(_revision(dataset.revision))
    sizes = {split: len(dataset.of_split(split)) for split in ("train", "validation", "test")}
    stats_row([
        (f"{len(dataset.items):,}", ngettext("photo", "photos", len(dataset.items))),
        (f"{len(dataset.classes):,}", ngettext("class", "classes", len(dataset.classes))),
        (f"{sizes['train']:,}", _("to learn from")),
        (f"{sizes['validation']:,}", _("to validate")),
        (f"{sizes['test']:,}", _("to test, kept aside")),
    ])
    if dataset.problems:
        problem_list([(each.level, each.title, each.message) for each in dataset.problems])
    counts, examples = st.columns(2, gap="large")
    with counts:
        st.subheader(_("Photos by class"), anchor=False)
        class_counts(dataset.counts())
    with examples:
        st.subheader(_("Examples"), anchor=False)
        _examples(dataset)
    _left_out(dataset)
    if dataset.usable:
        with st.container(horizontal=True):
            if st.button(_("Continue to Model"), type="primary", icon=":material/arrow_forward:",
                         icon_position="right"):
                st.switch_page(PLACES["model"].script)
            if st.button(_("Skip to Train"), help=_("With EfficientNet-Lite0 and the head alone learning, "
                                                    "unless you have chosen otherwise.")):
                state.set_up()
                st.switch_page(PLACES["train"].script)
    with st.expander(_("Choose other photos"), icon=":material/swap_horiz:",
                     expanded=not dataset.usable):
        ways_in()


def _examples(dataset: Dataset) -> None:
    shown = range(min(len(dataset.classes), CLASSES_IN_PILLS))
    everything = -1
    options = [everything, *shown]
    words = distinct([_("All"), *(plain(dataset.classes[at], 24) for at in shown)])
    labels = dict(zip(options, words, strict=True))
    chosen = st.pills(
        _("Class"), options, default=everything, key=f"pills-{dataset.id}",
        format_func=labels.__getitem__, label_visibility="collapsed",
    )
    label = everything if chosen is None else chosen
    turn = st.session_state.setdefault("shuffle", 0)
    places = [at for at, item in enumerate(dataset.items) if label in (everything, item.label)]
    picked = random.Random(turn).sample(places, min(EXAMPLES, len(places)))
    thumb_grid(
        [thumb_url(dataset.id, at) for at in picked],
        alts=[dataset.classes[dataset.items[at].label] for at in picked],
    )
    if st.button(_("Shuffle"), icon=":material/shuffle:", type="tertiary"):
        st.session_state["shuffle"] = turn + 1
        st.rerun()


def _revision(made: Revision) -> str:
    left_out = sum(not each.now for each in made.changes)
    relabelled = len(made.changes) - left_out
    return _("Version {number} of “{title}”: {relabelled}, {left_out}; the versions before stay as they "
             "are.").format(
        number=made.number, title=one_line(made.title, 60),
        relabelled=ngettext("{n} photo has another class", "{n} photos have another class",
                            relabelled).format(n=f"{relabelled:,}"),
        left_out=ngettext("{n} was left out", "{n} were left out", left_out).format(n=f"{left_out:,}"))


def _left_out(dataset: Dataset) -> None:
    why, same = (_("File"), _("Why")), (_("File"), _("Same as"))
    refused = [(each.file, each.reason) for each in dataset.refused]
    duplicates = [(each.file, each.same_as) for each in dataset.duplicates]
    ignored = [(each.file, each.reason) for each in dataset.ignored]
    _table(_("Files that cannot be used ({n})"), refused, why)
    _table(_("Exact duplicates that are left out ({n})"), duplicates, same)
    _table(_("Files that were passed over ({n})"), ignored, why)


def _table(title: str, rows: list[tuple[str, str]], heads: tuple[str, str]) -> None:
    if not rows:
        return
    with st.expander(title.format(n=f"{len(rows):,}")):
        columns = {
            head: [one_line(row[at], 300) for row in rows] for at, head in enumerate(heads)
        }
        st.dataframe(columns, hide_index=True, width="stretch")


main()
