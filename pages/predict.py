"""Predict: show the model new photos, and take it away."""

from __future__ import annotations

import base64
import io

import streamlit as st

from core.data.images import thumbnail
from core.errors import ThawError
from core.i18n import _
from core.insight.predict import USAGE, Answer, loaded, predict
from core.runs.folder import RunFolder, require_model
from core.runs.listing import Listed
from pages.ui import state
from pages.ui.escape import one_line
from pages.ui.locked import locked
from pages.ui.pieces import caption, share_bars, thumb_grid
from pages.ui.run_picker import picked_run
from pages.web.files import model_url
from pages.web.script_error import describe

TOP = 5
EDGE = 240


def main() -> None:
    journey = state.stand()
    st.title(_("Predict"), anchor=False)
    if locked(journey, "predict"):
        return
    run = picked_run(_("Show {run} photos that it has not seen."))
    if run is None:
        return
    files, camera = st.tabs([_("Photos"), _("Camera")])
    with files:
        given = st.file_uploader(
            _("Photos"), accept_multiple_files=True, label_visibility="collapsed",
            key=f"photos-{run.id}",
        )
        _answer(run, [(each.name, each.getvalue()) for each in given])
    with camera:
        _camera(run)
    _take_away(run)


def _camera(run: Listed) -> None:
    if not st.toggle(_("Use the camera"), key="camera_on",
                     help=_("Your browser asks first. The picture stays on this computer.")):
        return
    shot = st.camera_input(_("Take a picture"), label_visibility="collapsed")
    if shot is not None:
        _answer(run, [(_("Camera"), shot.getvalue())])


def _answer(run: Listed, photos: list[tuple[str, bytes]]) -> None:
    if not photos:
        return
    with state.told(), st.spinner(_("Looking at the photos")):
        changed = require_model(run.folder).stat().st_mtime_ns
        contents = tuple(content for _name, content in photos)
        found = _predicted(run.folder, run.id, changed, contents)
        for (name, content), answers in zip(photos, found, strict=True):
            if isinstance(answers, ThawError):
                named = type(answers)(answers.what, given=name, fix=answers.fix)
                st.error(describe(named), icon=":material/error:")
            else:
                _one(name, thumbnail(io.BytesIO(content), EDGE), answers)


@st.cache_data(max_entries=8, show_spinner=False)
def _predicted(
    _folder: RunFolder, run_id: str, changed: int, contents: tuple[bytes, ...]
) -> list[list[Answer] | ThawError]:
    """Ask the model once for the same photos, however often the page is drawn anew."""
    model = loaded(require_model(_folder))
    return predict(model, [io.BytesIO(content) for content in contents], TOP)


def _one(name: str, picture: bytes, answers: list[Answer]) -> None:
    image, bars = st.columns([1, 3], vertical_alignment="center", gap="medium")
    with image:
        address = "data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii")
        thumb_grid([address], [one_line(name, 60)], edge=120)
    with bars:
        share_bars([(each.name, each.probability, f"{each.probability:.1%}") for each in answers])


def _take_away(run: Listed) -> None:
    st.subheader(_("Take it away"), anchor=False)
    megabytes = run.folder.model.stat().st_size / 1e6
    st.link_button(
        _("Download model.keras ({size} MB)").format(size=f"{megabytes:.0f}"),
        model_url(run.id), icon=":material/download:",
    )
    caption(_("It takes raw RGB from 0 to 255; preprocessing and class names are inside. Plain Keras "
              "loads it:"))
    st.code(USAGE, language="python")


main()
