"""What marks on photos lead to: a new version of the dataset, and a run that is trained again on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from core.data import dataset as datasets
from core.data import marks
from core.data.dataset import Dataset
from core.data.marks import BAD, KEEP, WRONG, Mark
from core.data.records import Change
from core.data.version import changes_of, version_of
from core.i18n import _, ngettext
from core.jobs import Progress
from core.runs.listing import Listed
from core.studies.retrain import marked_version, retrain
from pages.ui import state
from pages.ui.escape import plain
from pages.ui.pieces import caption, note
from pages.ui.places import PLACES
from pages.ui.study import study

_BELOW = "what-you-marked"


def told_marks(marked: Mapping[str, Mark]) -> None:
    """Say above the photos what is marked so far: what follows from it stands below all of them.

    There is always a line, so that the first mark moves no photo from under a person's hand.
    """
    if not marked:
        st.markdown(_("Mark what is wrong with a photo: nothing changes before you make a new version."))
        return
    st.markdown(_("You marked {marks}. [What follows from that]({place}) is below the photos.").format(
        marks=_marked_text(marked), place=f"#{_BELOW}"))


def offered_version(run: Listed) -> None:
    """Say what is marked in a run's dataset, and offer a new version of it and a run on that.

    Once the run waits or goes on, the Train page shows it.
    """
    begun: list[str] = st.session_state.setdefault(f"retrained-{run.id}", [])
    if begun:
        state.look_at(begun.pop())
        st.switch_page(PLACES["train"].script)
    whole = datasets.load(state.workspace().dataset_dir(run.plan.dataset))
    marked = marks.of_items(whole)
    if not marked:
        return
    changes = changes_of(whole, marked)
    with st.container(border=True):
        st.subheader(_("What you marked"), anchor=_BELOW)
        st.markdown(_marked_text(marked))
        if not changes:
            caption(_("Photos to keep change nothing of the dataset; they are not proposed again."))
            return
        _consequences(run, whole, changes)
        _ways(run, whole, changes, begun)


def _marked_text(marked: Mapping[str, Mark]) -> str:
    counted = marks.counts(marked)
    texts = {
        WRONG: ngettext("{n} wrong label", "{n} wrong labels", counted[WRONG]),
        BAD: ngettext("{n} bad photo", "{n} bad photos", counted[BAD]),
        KEEP: ngettext("{n} to keep", "{n} to keep", counted[KEEP]),
    }
    return " · ".join(
        text.format(n=f"{counted[verdict]:,}") for verdict, text in texts.items() if counted[verdict])


def _consequences(run: Listed, whole: Dataset, changes: Sequence[Change]) -> None:
    in_test = _in_test(whole, changes)
    caption(_("A new version of “{dataset}” leaves the bad photos out and puts the labels right; every other "
              "photo stays in its split. The dataset itself stays as it is, and so does this run.").format(
        dataset=whole.title))
    if in_test:
        caption(ngettext(
            "{n} of them is a test photo, so the new version measures on other test photos than this run: "
            "the two accuracies do not compare photo by photo.",
            "{n} of them are test photos, so the new version measures on other test photos than this run: "
            "the two accuracies do not compare photo by photo.", in_test).format(n=f"{in_test:,}"))
        if in_test == len(changes):
            note("", _("Only test photos are marked: the new run would learn from the same photos as this "
                       "one, and come out the same. Only what it is measured on would be another."))
        caption(_("Test photos that were marked because this model was wrong about them make the new "
                  "accuracy look better than it is."))
    if run.plan.limit is not None or run.plan.train_per_class is not None:
        caption(_("This run learned from a part of the dataset. The version is made of the whole of it, and "
                  "the new run takes such a part again."))


def _in_test(whole: Dataset, changes: Sequence[Change]) -> int:
    split_of = {item.path: item.split for item in whole.items}
    return sum(split_of[change.path] == "test" for change in changes)


def _ways(run: Listed, whole: Dataset, changes: Sequence[Change], begun: list[str]) -> None:
    """Offer the run and the version; both are made on a thread, which may use nothing of the page."""
    workspace, folder = state.workspace(), run.folder
    submit = partial(state.thaw().submit, by=state.who())

    def again(progress: Progress) -> None:
        begun.append(retrain(workspace, folder, run.title, submit, progress))

    known = version_of(workspace, whole, changes)
    with st.container(horizontal=True, vertical_alignment="center"):
        busy = study(
            run.id, "retrain", title=_("Making the new version"),
            button=_("Train again on the new version") if known is None else _("Train again on that version"),
            work=again, icon=":material/replay:", primary=_in_test(whole, changes) < len(changes),
            words=_("The same plan, with the same recipe and seed."),
        )
        if busy:
            return
        if known is not None:
            _known(known)
            return
        study(
            run.id, "version", title=_("Making the new version"), button=_("Only make the version"),
            work=partial(marked_version, workspace, folder), icon=":material/library_add:",
        )


def _known(version: Dataset) -> None:
    if st.button(_("See the version"), key="see-version", icon=":material/photo_library:"):
        state.use(version.id, version.title)
        st.switch_page(PLACES["data"].script)
    st.markdown(_("These marks are in “{version}”.").format(version=plain(version.title)))
