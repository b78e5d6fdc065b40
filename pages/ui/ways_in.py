"""The ways in: a folder or zip from the browser, a path on this machine, a sample, an earlier one."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.data import dataset as datasets
from core.data.begin import begin_path, begin_sample, begin_upload
from core.data.samples import SAMPLES
from core.i18n import _, ngettext
from pages.ui import state
from pages.ui.escape import distinct, one_line, plain
from pages.ui.folder_upload import folder_upload
from pages.ui.pieces import caption


def ways_in() -> None:
    """Show all ways in; a choice starts an intake and draws the page anew."""
    earlier = datasets.summaries(state.workspace())
    names = [_("From this browser"), _("From a path"), _("Samples")]
    if earlier:
        names.append(_("Earlier ones"))
    tabs = st.tabs(names)
    with tabs[0]:
        upload_way("photos", _follow)
    with tabs[1]:
        path_way("path", _follow)
    with tabs[2]:
        _samples()
    if earlier:
        with tabs[3]:
            _earlier(earlier)


def upload_way(key: str, follow: Callable[[str], None]) -> None:
    """Show the drop area; what has arrived is taken in.

    Args:
        key: The widget's key.
        follow: Told the id of the job that takes it in, see :attr:`core.service.Service.jobs`.
    """
    taken = st.session_state.get("upload_taken")
    uploaded = folder_upload(key, taken=taken)
    if uploaded is None:
        return
    service = state.thaw()
    with state.told():
        job = begin_upload(service.jobs, service.workspace, service.uploads, uploaded.id)
        st.session_state["upload_taken"] = uploaded.id
        follow(job)


def path_way(key: str, follow: Callable[[str], None]) -> None:
    """Show a field for a folder or zip on the machine of the server; arguments as of :func:`upload_way`."""
    with st.form(key, border=False):
        path = st.text_input(
            _("Folder or zip on the computer where Thaw runs"),
            placeholder=_("/home/you/photos"),
            help=_("The photos are copied into the workspace; the originals stay as they are."),
        )
        pressed = st.form_submit_button(_("Take it in"))
    if pressed:
        service = state.thaw()
        with state.told():
            follow(begin_path(service.jobs, service.workspace, path))


def _samples() -> None:
    for sample in SAMPLES.values():
        words, button = st.columns([4, 1], vertical_alignment="center")
        with words:
            st.markdown(
                f"**{plain(sample.title)}** · {plain(sample.description, 300)}"
            )
            size = _("{photos} photos, {classes} classes.").format(
                photos=f"{sample.images:,}", classes=sample.classes
            )
            ready = _("Needs a network once, 218 MB.") if sample.needs_network else _("Ready at once.")
            caption(f"{size} {ready} {sample.licence}")
        if button.button(_("Use"), key=f"sample-{sample.name}", width="stretch",
                         help=_("Use the sample “{title}”").format(title=sample.title)):
            service = state.thaw()
            with state.told():
                _follow(begin_sample(service.jobs, service.workspace, sample.name))


def _earlier(found: list[datasets.Summary]) -> None:
    by_id = {each.id: each for each in found}
    labels = dict(zip(by_id, distinct([_summary(each) for each in found]), strict=True))
    chosen = st.selectbox(
        _("Datasets in the workspace"), list(by_id), format_func=labels.__getitem__
    )
    if st.button(_("Use this one")) and chosen:
        state.use(chosen, by_id[chosen].title)
        st.rerun()


def _summary(each: datasets.Summary) -> str:
    size = ngettext("{n} photo", "{n} photos", each.images).format(n=f"{each.images:,}")
    # NOTE: a selectbox takes no Markdown, see run_picker.
    return f"{one_line(each.title, 60)} · {size} · {each.created[:10]}"


def _follow(job: str) -> None:
    state.follow(job)
    st.rerun()
