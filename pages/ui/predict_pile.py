"""The photos that a model is shown: from the browser, a folder, a dataset, the camera; kept on disk."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import streamlit as st

from core.data import dataset as datasets
from core.data.gather import from_folder
from core.errors import BadInput
from core.i18n import _, ngettext
from core.runs.listing import Listed
from pages.ui import state
from pages.ui.escape import distinct, one_line, plain
from pages.ui.pieces import caption
from pages.ui.target_picker import split_names
from pages.web.files import thumb_url

MOST = 2000
_PILE = "predict_pile"
_TURN = "predict_turn"
_ALL = "all"


@dataclass(frozen=True)
class Photo:
    """A photo, or what was given as one.

    Attributes:
        key: What tells it from the others.
        name: What it is called; text from outside.
        file: Where its bytes are.
        thumb: The address of a small picture of it; empty where none is known yet.
        label: The class that it is of in its dataset; text from outside, empty where not known.
        note: What there is to know of it, in words.
    """

    key: str
    name: str
    file: Path
    thumb: str = ""
    label: str = ""
    note: str = ""


class Pile:
    """The photos of one browser's visit, in the order that they came.

    NOTE: what the browser sends is written to disk at once. Streamlit keeps every byte of an uploader in
    memory, and copies it each time that the page is drawn.

    Attributes:
        photos: The photos, by their keys.
        left_out: The keys of those that were too many.
    """

    def __init__(self) -> None:
        self.photos: dict[str, Photo] = {}
        self.left_out: set[str] = set()
        self._folder: Path | None = None
        self._numbers = count(1)

    def add(self, photos: Iterable[Photo]) -> None:
        """Put photos on the pile; those that are on it already stay as they are."""
        for photo in photos:
            if photo.key in self.photos:
                continue
            if len(self.photos) >= MOST:
                self.left_out.add(photo.key)
            else:
                self.photos[photo.key] = photo

    def bring(self, name: str, content: bytes, key: str = "") -> None:
        """Keep what a browser sent, and put it on the pile.

        Args:
            name: What it is called; it is no part of any path.
            content: Its bytes.
            key: What tells it from the others; made up unless told.
        """
        number = next(self._numbers)
        key = key or f"sent-{number}"
        if key in self.photos:
            return
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="thaw-predict-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        file = self._folder / f"{number:06}"
        file.write_bytes(content)
        self.add([Photo(key, name, file)])


def pile() -> Pile:
    """Return the pile of this visit."""
    if _PILE not in st.session_state:
        st.session_state[_PILE] = Pile()
    found: Pile = st.session_state[_PILE]
    return found


def ways_to_photos(run: Listed) -> list[Photo]:
    """Show the ways in which photos come, and return those that are there."""
    browser, folder, stored, camera = st.tabs([_("Photos"), _("Folder"), _("Datasets"), _("Camera")])
    with browser:
        _from_browser()
    with folder:
        _from_folder()
    with stored:
        _from_dataset(run)
    with camera:
        _from_camera()
    return _shown(pile())


def _from_browser() -> None:
    turn = st.session_state.get(_TURN, 0)
    given = st.file_uploader(
        _("Drop photos here, or choose them: one or hundreds."), accept_multiple_files=True,
        key=f"photos-{turn}", help=_("For a thousand and more, name their folder instead."),
    )
    if not given:
        return
    for each in given:
        pile().bring(each.name, each.getvalue())
    # NOTE: another uploader in its place, so that Streamlit lets go of the bytes.
    st.session_state[_TURN] = turn + 1
    st.rerun()


def _from_folder() -> None:
    with st.form("predict-folder", border=False):
        words = st.text_input(
            _("Folder on the computer where Thaw runs"), placeholder=_("/home/you/photos"),
            help=_("The photos stay where they are, and are not copied. Folders within are looked at too."),
        )
        pressed = st.form_submit_button(_("Look at them"))
    if pressed:
        with state.told():
            pile().add(_in_folder(words))


def _in_folder(words: str) -> list[Photo]:
    try:
        folder = Path(words.strip().strip("\"'")).expanduser()
        if not words.strip() or "\x00" in words:
            raise ValueError("no path")
    except (ValueError, RuntimeError) as error:  # expanduser: there is no such user
        raise BadInput(
            _("This is not a path."), given=words[:200],
            fix=_("Give the full path of a folder on this computer.")) from error
    found = from_folder(folder, state.workspace().root)
    if not found.files:
        raise BadInput(_("There are no files in this folder that can be looked at."), given=words[:80])
    return [Photo(str(each.path), each.name, each.path) for each in found.files]


def _from_dataset(run: Listed) -> None:
    there = {each.id: each for each in datasets.summaries(state.workspace())}
    if not there:
        caption(_("There is no dataset in the workspace."))
        return
    labels = dict(zip(there, distinct([one_line(each.title, 60) for each in there.values()]), strict=True))
    names = {_ALL: _("All photos"), **{name: split_names()[name] for name in datasets.SPLITS}}
    with st.form("predict-dataset", border=False):
        first, second = st.columns(2)
        with first:
            dataset = st.selectbox(_("Dataset"), list(there), format_func=labels.__getitem__)
        with second:
            split = st.selectbox(_("Which photos"), list(names), format_func=names.__getitem__)
        pressed = st.form_submit_button(_("Look at these"))
    if pressed and dataset and split:
        with state.told():
            pile().add(_of_dataset(run, dataset, split))


def _of_dataset(run: Listed, dataset_id: str, split: str) -> list[Photo]:
    dataset = datasets.load(state.workspace().dataset_dir(dataset_id))
    own = dataset.id == run.plan.dataset
    learned = _("A training photo of this run")
    found = [
        Photo(
            f"{dataset.id}/{item.path}", item.name, dataset.file(item), thumb_url(dataset.id, index, 96),
            dataset.classes[item.label], learned if own and item.split == "train" else "",
        )
        for index, item in enumerate(dataset.items) if split in (_ALL, item.split)
    ]
    if not found:
        raise BadInput(_("This dataset has no such photos."), given=dataset.title[:80])
    return found


def _from_camera() -> None:
    if not st.toggle(_("Use the camera"), key="camera_on",
                     help=_("Your browser asks first. The picture stays on this computer.")):
        return
    shot = st.camera_input(_("Take a picture"), label_visibility="collapsed")
    key = "" if shot is None else f"camera-{shot.file_id}"
    if shot is not None and st.session_state.get("predict_shot") != key:
        st.session_state["predict_shot"] = key
        pile().bring(_("Camera"), shot.getvalue(), key)


def _shown(found: Pile) -> list[Photo]:
    """Show how many photos there are, with a way to put them aside."""
    if not found.photos:
        return []
    n = len(found.photos)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{plain(ngettext('{n} photo', '{n} photos', n).format(n=f'{n:,}'))}**")
        if st.button(_("Remove all"), icon=":material/close:", type="tertiary"):
            del st.session_state[_PILE]
            st.rerun()
    more = len(found.left_out)
    if more:
        caption(ngettext(
            "{n} more was left out: {most} are looked at at once.",
            "{n} more were left out: {most} are looked at at once.", more,
        ).format(n=f"{more:,}", most=f"{MOST:,}"))
    return list(found.photos.values())
