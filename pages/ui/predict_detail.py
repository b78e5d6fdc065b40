"""One photo and what a model says of it: the likeliest classes, what it looks like, where it looks."""

from __future__ import annotations

import base64
from pathlib import Path

import streamlit as st

from core.data.images import load_array, thumbnail
from core.errors import NotFound
from core.i18n import _
from core.jobs import Progress
from core.runs.folder import require_model
from core.runs.listing import Listed
from core.runs.studied import model_mark
from core.studies.embed import embeddings
from core.studies.looks_like import Alike, LooksLike, looks_like
from pages.ui import state
from pages.ui.escape import one_line, plain
from pages.ui.heatmap_panel import heatmap_panel
from pages.ui.pieces import caption, share_bars, thumb_grid
from pages.ui.predict_table import Row
from pages.ui.predict_threshold import Judging
from pages.ui.study import study
from pages.web.files import thumb_url

EDGE = 240
ALIKE = 4


def detail(run: Listed, row: Row, how: Judging) -> None:
    """Show what a run's model says of one photo, and what speaks for it."""
    with st.container(border=True):
        image, bars = st.columns([1, 3], vertical_alignment="center", gap="medium")
        with image:
            thumb_grid([_picture(row.photo.file, _changed(row.photo.file))],
                       [one_line(row.photo.name, 60)], edge=120)
        with bars:
            st.markdown(_verdict(row, how))
            share_bars([
                (each.name, each.probability, f"{each.probability:.1%}") for each in row.found])
    st.subheader(_("Because it looks like these"), anchor=False)
    with state.told():
        _alike(run, row)
    st.subheader(_("Where it looks"), anchor=False)
    with state.told():
        heatmap_panel(run, row.photo.file.read_bytes(), "predict", how)


def _verdict(row: Row, how: Judging) -> str:
    first = row.found[0]
    if not row.sure:
        return _("**Not sure.** No class reaches {threshold}.").format(threshold=f"{how.threshold:.2f}")
    said = f"**{plain(first.name, 60)}**, {first.probability:.1%}"
    if not row.photo.label or row.photo.label == first.name:
        return said
    return _("{said}. In its dataset it is {label}.").format(said=said, label=plain(row.photo.label, 60))


@st.cache_data(max_entries=64, show_spinner=False)
def _picture(file: Path, changed: int) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(thumbnail(file, EDGE)).decode("ascii")


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError as error:
        raise NotFound(_("This photo is gone."), given=file.name) from error


def _alike(run: Listed, row: Row) -> None:
    workspace, folder = state.workspace(), run.folder
    find = looks_like(workspace, folder)
    if find is None:
        caption(_("The training photos that it looks like most are not known yet: the features of all "
                  "photos have to be computed once."))

        def work(progress: Progress) -> None:
            embeddings(workspace, folder, "trained", progress)

        study(
            run.id, "embeddings-trained", title=_("Computing the features of all photos"), work=work,
            button=_("Compute them"), icon=":material/image_search:")
        return
    with st.spinner(_("Looking for photos that look like it")):
        file = row.photo.file
        found = _nearest(find, require_model(folder), model_mark(folder), file, _changed(file))
    dataset = run.plan.dataset
    thumb_grid(
        [thumb_url(dataset, each.index, 160) for each in found],
        [((one_line(each.name, 40), each.name == row.found[0].name), (f" · {each.similarity:.2f}", False))
         for each in found],
        edge=120,
    )
    caption(_("The training photos that are nearest to it in the features of the trained network, with their "
              "classes and how alike they are (cosine): 1 is the same."))


@st.cache_data(max_entries=64, show_spinner=False)
def _nearest(_find: LooksLike, model: Path, mark: str, file: Path, changed: int) -> list[Alike]:
    from core.insight.predict import loaded

    return _find([load_array(file, loaded(model).size)], ALIKE)[0]
