"""The ways in which photos come to a model: from the browser, a folder, a dataset, the camera."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.data import dataset as datasets
from core.data.gather import from_folder
from core.errors import BadInput
from core.i18n import _, ngettext
from core.jobs import Progress
from core.studies import asking
from pages.ui import predict_pile, state
from pages.ui.escape import distinct, one_line, plain
from pages.ui.pieces import caption
from pages.ui.predict_pile import Photo, Pile, pile, remove_all, while_there
from pages.ui.study import study, told_failure
from pages.ui.target_picker import split_names
from pages.web.files import thumb_url

_TURN = "predict_turn"
_SEARCH = "predict_search"
_KIND = "search"
_ALL = "all"


@dataclass(frozen=True)
class _Search:
    """A folder that is being looked through.

    Attributes:
        about: An id that tells its work from any other.
        work: Looks through it, on a thread of its own.
        found: What it has found; filled in once it is done.
    """

    about: str
    work: Callable[[Progress], object]
    found: list[Photo]


def ways_to_photos() -> list[Photo]:
    """Show the ways in which photos come, and return those that are there."""
    browser, folder, stored, camera = st.tabs([_("Photos"), _("Folder"), _("Datasets"), _("Camera")])
    with browser:
        _from_browser()
    with folder:
        _from_folder()
    with stored:
        _from_dataset()
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
    if _searching():
        return
    with st.form("predict-folder", border=False):
        words = st.text_input(
            _("Folder on the computer where Thaw runs"), placeholder=_("/home/you/photos"),
            help=_("The photos stay where they are, and are not copied. Folders within are looked at too."),
        )
        pressed = st.form_submit_button(_("Look at them"))
    if pressed:
        with state.told():
            _search(_path(words))
            st.rerun()


def _searching() -> bool:
    """Show how far a search is, and put on the pile what it has found; tells whether it is going on."""
    search = st.session_state.get(_SEARCH)
    if not isinstance(search, _Search):
        return False
    now = asking.latest(state.thaw().studies, search.about, _KIND)
    if now is not None and now.state == asking.RUNNING:
        return study(search.about, _KIND, title=_searched(), button=_("Look at them"), work=search.work)
    if now is not None and now.error is not None:
        told_failure(now)
        return False
    del st.session_state[_SEARCH]
    if now is not None and now.state == "done":
        pile().add(search.found)
    return False


def _search(folder: Path) -> None:
    """Begin to look through a folder: on a drive of the network that may take minutes."""
    leave_out, found = state.workspace().root, list[Photo]()

    def work(progress: Progress) -> None:
        files = from_folder(folder, leave_out, progress).files
        if not files:
            raise BadInput(
                _("There are no files in this folder that can be looked at."), given=folder.name[:80])
        found.extend(Photo(_content(each.path), each.name, each.path) for each in files)

    search = _Search(secrets.token_hex(6), while_there(work), found)
    asking.ask(state.thaw().studies, search.about, _KIND, _searched(), search.work)
    st.session_state[_SEARCH] = search


def _searched() -> str:
    return _("Looking for photos")


def _content(file: Path) -> str:
    """Return what tells a file's content from another that stood at the same place."""
    try:
        stat = file.stat()
    except OSError:
        return str(file)  # it is gone, which is said where it is looked at
    return f"{file}|{stat.st_mtime_ns}|{stat.st_size}"


def _path(words: str) -> Path:
    try:
        if not words.strip() or "\x00" in words:
            raise ValueError("no path")
        return Path(words.strip().strip("\"'")).expanduser()
    except (ValueError, RuntimeError) as error:  # expanduser: there is no such user
        raise BadInput(
            _("This is not a path."), given=words[:200],
            fix=_("Give the full path of a folder on this computer.")) from error


def _from_dataset() -> None:
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
            pile().add(_of_dataset(dataset, split))


def _of_dataset(dataset_id: str, split: str) -> list[Photo]:
    dataset = datasets.load(state.workspace().dataset_dir(dataset_id))
    found = [
        Photo(
            f"{dataset.id}/{item.path}", item.name, dataset.file(item), thumb_url(dataset.id, index, 96),
            dataset.classes[item.label], dataset.id if item.split == "train" else "",
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
    if shot is not None and st.session_state.get("predict_shot") != shot.file_id:
        st.session_state["predict_shot"] = shot.file_id
        pile().bring(_("Camera"), shot.getvalue())


def _shown(found: Pile) -> list[Photo]:
    """Show how many photos there are, with a way to put them aside."""
    if not found.photos:
        return []
    n = len(found.photos)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{plain(ngettext('{n} photo', '{n} photos', n).format(n=f'{n:,}'))}**")
        if st.button(_("Remove all"), icon=":material/close:", type="tertiary"):
            remove_all()
            st.rerun()
    more = len(found.left_out)
    if more:
        caption(ngettext(
            "{n} more was left out: {most} are looked at at once.",
            "{n} more were left out: {most} are looked at at once.", more,
        ).format(n=f"{more:,}", most=f"{predict_pile.MOST:,}"))
    return list(found.photos.values())
