"""What a run's model says of a pile of photos: a few at once, many in the background, what is done stays."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from core.errors import ThawError
from core.i18n import _, ngettext
from core.insight.answering import BATCH, Said, answering, say
from core.jobs import Progress, no_progress
from core.runs.folder import require_model
from core.runs.listing import Listed
from core.runs.studied import model_mark
from core.studies import asking
from pages.ui import state
from pages.ui.predict_pile import Photo, while_there
from pages.ui.study import study

AT_ONCE = BATCH
_SAID = "predict_said"


@dataclass
class Answers:
    """What one model has said in this visit.

    Attributes:
        model: Which model of which run it is.
        kind: What tells the background work of this visit from that of others.
        said: What it said, by the keys of the photos; filled in from another thread.
        asked: The keys of the photos that it was asked about.
        classes: The model's class names, in its order; none before it was loaded.
    """

    model: tuple[str, str]
    kind: str = field(default_factory=lambda: f"predict-{secrets.token_hex(6)}")
    said: dict[str, Said] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    classes: tuple[str, ...] = ()


def answers(run: Listed, photos: Sequence[Photo]) -> Answers:
    """Ask a run's model about photos, and return what it has said so far.

    Raises:
        BadInput: The model cannot be read.
        Unavailable: TensorFlow cannot be loaded.
        RunFailed: The model answers with what is no number.
    """
    kept = _kept(run)
    left = [photo for photo in photos if photo.key not in kept.said]
    goes_on = _goes_on(run, kept)
    new = {photo.key for photo in left} - kept.asked
    if left and not goes_on and new and len(left) <= AT_ONCE:
        kept.asked |= new
        with st.spinner(_("Looking at the photos")):
            _ask(run, kept, left, no_progress)
    elif left or goes_on:
        _in_background(run, kept, left, begin=bool(new) and not goes_on)
    return kept


def put_aside() -> None:
    """Forget what was said of photos that have been removed, and stop what still goes on for them."""
    found = st.session_state.pop(_SAID, None)
    if not isinstance(found, Answers):
        return
    now = asking.latest(state.thaw().studies, found.model[0], found.kind)
    if now is not None:
        state.thaw().studies.cancel(now.id)


def _kept(run: Listed) -> Answers:
    model = run.id, model_mark(run.folder)
    found = st.session_state.get(_SAID)
    if isinstance(found, Answers) and found.model == model:
        return found
    put_aside()
    made = st.session_state[_SAID] = Answers(model)
    return made


def _goes_on(run: Listed, kept: Answers) -> bool:
    now = asking.latest(state.thaw().studies, run.id, kept.kind)
    return now is not None and now.state == asking.RUNNING


def _in_background(run: Listed, kept: Answers, left: Sequence[Photo], *, begin: bool) -> None:
    title = _("Looking at the photos")

    def look(progress: Progress) -> None:
        _ask(run, kept, left, progress)

    work = while_there(look)
    if begin:
        kept.asked |= {photo.key for photo in left}
        asking.ask(state.thaw().studies, run.id, kept.kind, title, work)
    n = len(left)
    study(
        run.id, kept.kind, title=title, work=work,
        button=ngettext("Look at the other photo", "Look at the other {n} photos", n).format(n=f"{n:,}"))


def _ask(run: Listed, kept: Answers, photos: Sequence[Photo], progress: Progress) -> None:
    def take(at: int, said: Said) -> None:
        kept.said[photos[at].key] = said

    try:
        progress(_("Loading the model"), 0, None)
        with answering(require_model(run.folder)) as ask:
            kept.classes = ask.model.classes
            say(ask, [photo.file for photo in photos], take, progress, _("Looking at the photos"))
    except ThawError:
        if progress is no_progress:
            kept.asked -= {photo.key for photo in photos}  # the page asks again when it is drawn anew
        raise
