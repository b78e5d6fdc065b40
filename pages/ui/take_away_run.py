"""The run as one file: taking it to another computer, and taking in one from there."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.data import dataset as datasets
from core.data.dataset import MANIFEST
from core.errors import ThawError
from core.folders import unchanging_bytes
from core.i18n import _, ngettext
from core.jobs import Progress
from core.runs.listing import Listed
from core.studies import asking
from core.studies.taking_in import set_down, take_in_apart
from core.words import bytes_text
from pages.ui import state
from pages.ui.pieces import caption
from pages.ui.study import study
from pages.web.exports import run_url

_TAKEN = "taken_in_runs"
_KIND = "import-run"


def run_part(run: Listed) -> None:
    """Show the links that download a run as one file."""
    st.subheader(_("The run as one file"), anchor=False)
    if run.status.state.active:
        caption(_("The run can be taken away as one file once it has ended."))
        return
    with st.container(horizontal=True):
        st.link_button(_("Download the run without its photos"), run_url(run.id, photos=False),
                       icon=":material/folder_zip:")
        photos = _photos(run)
        if photos is not None:
            st.link_button(photos, run_url(run.id, photos=True), icon=":material/photo_library:")
    if photos is None:
        caption(_("Its photos are no longer in this workspace."))
    caption(_("A zip with plan, curves, figures and model, to be taken in by Thaw on another computer. Where "
              "the same photos are there already, the run finds them. Other forms of the model, the script "
              "and the report are made anew there."))


def _photos(run: Listed) -> str | None:
    try:
        dataset = datasets.load(state.workspace().dataset_dir(run.plan.dataset))
    except ThawError:
        return None
    model = run.folder.model
    n, size = len(dataset.items), unchanging_bytes(dataset.folder, MANIFEST)
    size += model.stat().st_size if model.is_file() else 0
    words = ngettext("Download it with its {n} photo ({size})", "Download it with its {n} photos ({size})", n)
    return words.format(n=f"{n:,}", size=bytes_text(size))


def take_in_part() -> None:
    """Show the ways to take in a run that was packed on another computer."""
    found: list[str] = st.session_state.setdefault(_TAKEN, [])
    if found:
        state.look_at(found.pop())
        state.say_next(_("The run was taken in."))
        st.rerun()
    with st.expander(_("Take in a run from another computer"), icon=":material/upload_file:"):
        caption(_("For a zip that “The run as one file” has made on another computer. It is checked first, "
                  "and gets a number here."))
        sent = st.file_uploader(_("Zip of a run, up to 64 MB"), type=["zip"], key="run-zip")
        named = st.text_input(_("Or, of any size, its path on the computer where Thaw runs"), key="run-path",
                              placeholder=_("/home/you/run.zip"))
        workspace, who = state.workspace(), state.who()

        def work(progress: Progress) -> None:
            if sent is not None:
                path = set_down(workspace, sent)
                folder = take_in_apart(workspace, path, who, progress, given_name=sent.name)
            else:
                folder = take_in_apart(workspace, Path(named).expanduser(), who, progress)
            found.append(folder.id)

        now = asking.latest(state.thaw().studies, who, _KIND)
        if sent is None and not named and (now is None or now.state != asking.RUNNING):
            return
        study(who, _KIND, title=_("Taking in the run"), button=_("Take it in"), work=work)

