"""The photos of one browser's visit that a model is shown, kept on disk until nobody needs them."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import streamlit as st

from core.errors import Stopped
from core.i18n import _
from core.jobs import Progress

MOST = 2000
_PILE = "predict_pile"


@dataclass(frozen=True)
class Photo:
    """A photo, or what was given as one.

    Attributes:
        key: What tells its content from that of any other photo of the visit, also of one that was there
            before: what was said of a photo is found by it.
        name: What it is called; text from outside.
        file: Where its bytes are.
        thumb: The address of a small picture of it; empty where none is known yet.
        label: The class that it is of in its dataset; text from outside, empty where not known.
        train_of: The id of the dataset whose training photo it is; empty where it is none.
    """

    key: str
    name: str
    file: Path
    thumb: str = ""
    label: str = ""
    train_of: str = ""


class Pile:
    """The photos of one browser's visit, in the order that they came.

    NOTE: what the browser sends is written to disk at once. Streamlit keeps every byte of an uploader in
    memory, and copies it each time that the page is drawn.

    Attributes:
        photos: The photos, by their files.
        left_out: The files of those that were too many.
    """

    def __init__(self) -> None:
        self.photos: dict[Path, Photo] = {}
        self.left_out: set[Path] = set()
        self._folder: Path | None = None
        self._numbers = count(1)

    def add(self, photos: Iterable[Photo]) -> None:
        """Put photos on the pile; one whose file is on it already takes the place of the other."""
        for photo in photos:
            if photo.file not in self.photos and len(self.photos) >= MOST:
                self.left_out.add(photo.file)
            else:
                self.photos[photo.file] = photo

    def bring(self, name: str, content: bytes) -> None:
        """Keep what a browser sent, and put it on the pile.

        Args:
            name: What it is called; it is no part of any path.
            content: Its bytes.
        """
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="thaw-predict-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        file = self._folder / f"{next(self._numbers):06}"
        file.write_bytes(content)
        # NOTE: never a number that another pile of this visit had: what was said of that would be found.
        self.add([Photo(secrets.token_hex(8), name, file)])


def pile() -> Pile:
    """Return the pile of this visit."""
    if _PILE not in st.session_state:
        st.session_state[_PILE] = Pile()
    found: Pile = st.session_state[_PILE]
    return found


def remove_all() -> None:
    """Let the pile of this visit go, with what was sent for it."""
    st.session_state.pop(_PILE, None)


def while_there(work: Callable[[Progress], object]) -> Callable[[Progress], object]:
    """Return work for the photos of this visit that ends early once they are removed or the tab is gone.

    Args:
        work: Does it on another thread, and lets pass the Stopped which its progress may raise.
    """
    # NOTE: no weakref.finalize that cancels: it may run while this very thread holds the lock of the jobs.
    there = weakref.ref(pile())

    def watched(progress: Progress) -> object:
        def told(phase: str, done: int, total: int | None) -> None:
            if there() is None:
                raise Stopped(_("These photos have been removed."))
            progress(phase, done, total)

        return work(told)

    return watched
