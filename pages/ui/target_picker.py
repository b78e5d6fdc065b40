"""Choosing the photos that a model is looked at on: a split of its own dataset, or other photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

import streamlit as st

from core.data import dataset as datasets
from core.data.gather import phase_text
from core.i18n import _, ngettext
from core.runs.listing import Listed
from core.studies.target import ALL, Chosen, Target
from pages.ui import state
from pages.ui.escape import distinct, one_line, plain
from pages.ui.pieces import caption
from pages.ui.study import told_failure
from pages.ui.ways_in import path_way, upload_way

SPLITS = ("test", "validation", "train")
OTHERS = "others"
CLASSES_NAMED = 8


@overload
def picked_target(
    run: Listed, *, splits: Sequence[str] = ..., others: Literal[False], key: str
) -> Target: ...


@overload
def picked_target(
    run: Listed, *, splits: Sequence[str] = ..., others: bool = ..., key: str
) -> Target | None: ...


def picked_target(
    run: Listed, *, splits: Sequence[str] = SPLITS, others: bool = True, key: str
) -> Target | None:
    """Show a control that says on which photos a run is looked at.

    Args:
        run: The run.
        splits: Which splits of its own dataset are offered, the first one chosen at first; ``test``,
            ``validation`` and ``train``.
        others: Whether other datasets of the workspace, and new folders, are offered too.
        key: The control's key, of ours, unique on the page.

    Returns:
        What was chosen; ``None`` while other photos are wanted and none are there.
    """
    names = split_names()
    options = [*splits, *([OTHERS] if others else [])]
    chosen = st.segmented_control(
        _("Which photos"), options, key=f"{key}-target", default=options[0], required=True,
        format_func=names.__getitem__, label_visibility="collapsed",
    )
    if chosen == OTHERS:
        return _another(run, key)
    return Target("", chosen)


def split_names() -> dict[str, str]:
    """Return what the photos of each split are called, and those of other datasets."""
    return {
        "test": _("Test photos"), "validation": _("Validation photos"), "train": _("Training photos"),
        OTHERS: _("Other photos"),
    }


def said_of(photos: Chosen) -> list[str]:
    """Return what has to be known of the photos of a target, in sentences with text from outside."""
    said = []
    if photos.unknown:
        said.append(ngettext(
            "The model does not know the classes {names}; {n} photo of them is left out.",
            "The model does not know the classes {names}; {n} photos of them are left out.",
            photos.left_out,
        ).format(names=_listed(photos.unknown), n=f"{photos.left_out:,}"))
    if photos.learned_from:
        said.append(ngettext(
            "The model has learned from {n} of these photos; it is left out.",
            "The model has learned from {n} of these photos; they are left out.", photos.learned_from,
        ).format(n=f"{photos.learned_from:,}"))
    # Of training photos everybody knows it.
    if photos.learned_among and any(item.split != "train" for item in photos.items):
        said.append(ngettext(
            "The model has learned from {n} of these photos, itself or in a run that it goes on from: this "
            "looks better than it is.",
            "The model has learned from {n} of these photos, itself or in a run that it goes on from: this "
            "looks better than it is.", photos.learned_among,
        ).format(n=f"{photos.learned_among:,}"))
    if photos.unknown_before:
        said.append(_("Runs that it goes on from have learned from photos that are gone, of {titles}: "
                      "whether some of them are among these is not known.").format(
            titles=_listed(photos.unknown_before)))
    return said


def _listed(names: Sequence[str]) -> str:
    named = ", ".join(one_line(name, 24) for name in names[:CLASSES_NAMED])
    more = len(names) - CLASSES_NAMED
    return named if more <= 0 else _("{names} and {n} more").format(names=named, n=more)


def _another(run: Listed, key: str) -> Target | None:
    """Show the other datasets of the workspace and the ways to bring in more."""
    if _coming_in(key):
        return None
    there = [each for each in datasets.summaries(state.workspace()) if each.id != run.plan.dataset]
    by_id = {each.id: each for each in there}
    labels = dict(zip(by_id, distinct([_summary(each) for each in there]), strict=True))
    box, new = f"{key}-others", f"{key}-new"
    arrived = st.session_state.pop(new, None)
    if arrived in by_id:
        st.session_state[box] = arrived
    chosen = None
    if by_id:
        chosen = st.selectbox(
            _("Other photos"), list(by_id), key=box, format_func=labels.__getitem__, index=None,
            placeholder=_("Choose other photos"), label_visibility="collapsed")
    with st.expander(_("Bring in other photos"), icon=":material/add_photo_alternate:",
                     expanded=not by_id or _failed(key)):
        _ways(key)
    return Target(chosen, ALL) if chosen else None


def _ways(key: str) -> None:
    caption(_("Sorted into one folder per class, named as the model's classes are. They are kept in the "
              "workspace; the model does not learn from them."))

    def follow(job: str) -> None:
        st.session_state[_job(key)] = job
        st.rerun()

    here, path = st.tabs([_("From this browser"), _("From a path")])
    with here:
        upload_way(f"{key}-photos", follow)
    with path:
        path_way(f"{key}-path", follow)


def _coming_in(key: str) -> bool:
    """Show how far an intake is, and take note of what comes of it; tells whether it is going on."""
    now = state.thaw().jobs.snapshot(st.session_state.get(_job(key), ""))
    if now is None:
        return False
    if now.state == "running":
        st.fragment(_progress, run_every=0.5)(now.id, key)
        return True
    if now.error is not None:
        told_failure(now)
        return False
    del st.session_state[_job(key)]
    if now.outcome:
        st.session_state[f"{key}-new"] = now.outcome
    return False


def _failed(key: str) -> bool:
    """Tell whether the last intake failed: what was given can be put right then."""
    now = state.thaw().jobs.snapshot(st.session_state.get(_job(key), ""))
    return now is not None and now.error is not None


def _progress(job: str, key: str) -> None:
    jobs = state.thaw().jobs
    now = jobs.snapshot(job)
    if now is None or now.state != "running":
        st.rerun()
        return
    share = min(1.0, now.done / now.total) if now.total else 0.0
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(share, text=plain(_("{title}: {phase}").format(
            title=one_line(now.title, 60), phase=phase_text(now.phase))))
        if st.button(_("Cancel"), key=f"{key}-cancel", icon=":material/close:"):
            jobs.cancel(job)


def _job(key: str) -> str:
    return f"{key}-intake"


def _summary(each: datasets.Summary) -> str:
    size = ngettext("{n} photo", "{n} photos", each.images).format(n=f"{each.images:,}")
    # NOTE: a selectbox takes no Markdown, see run_picker.
    return f"{one_line(each.title, 60)} · {size} · {each.created[:10]}"
