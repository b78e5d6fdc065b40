"""What a run's status says of the reuse of the frozen part: time saved, photos found, what failed."""

from __future__ import annotations

from core.i18n import _
from core.runs.listing import Listed
from core.runs.status import Status
from core.training.counts import block_title
from core.training.events import LEAST_SAVED_S
from core.words import bytes_text, duration_text
from pages.ui.pieces import caption, note
from pages.ui.run_words import photos_text

Words = tuple[str, str]


def reused(run: Listed) -> None:
    """Show what reusing the frozen part has saved, what was found, and what went wrong with it."""
    status = run.status
    saved = saved_words(status)
    if saved is not None:
        note(*saved, sign="ice")
    use = status.cache
    if use is None:
        return
    if use.warning:
        note(*warning_words(use.warning), sign="warning")
    below = " ".join(plain_words(use.reason)) if use.reason else found_text(status, views=of_views(run))
    if below:
        caption(below)


def of_views(run: Listed) -> bool:
    """Tell whether the frozen part sees several views of a photo, so that views are what is counted."""
    return (run.plan.recipe.different_views or 1) > 1


def plain_words(reason: str) -> Words:
    """Return that the textbook way is taken, and why."""
    return _("The textbook way:"), reason


def warning_words(warning: str) -> Words:
    """Return what went wrong with what is kept, and that the model does not suffer."""
    safe = _("What the model learns is the same; only the time differs.")
    return _("Reuse of the frozen part:"), f"{warning} {safe}"


def saved_words(status: Status) -> Words | None:
    """Return the time saved against the textbook way; ``None`` where it is not known or next to nothing."""
    took, use = status.elapsed_s, status.cache
    if took is None or (use is not None and use.reason):
        return None
    if not status.state.active and use is not None and use.compared_s is not None:
        return _against(use.compared_s, took)
    saved = status.saved_s
    if saved is None or saved < LEAST_SAVED_S:
        return None
    if status.state.active:
        strong = _("About {time} saved so far.")
        sentence = _("The textbook way, in which the frozen part sees every photo in every epoch, would have "
                     "taken {plain} until here. An estimate from measured costs.")
    else:
        strong = _("About {time} saved.")
        sentence = _plain_sentence()
    return (
        strong.format(time=duration_text(saved)),
        sentence.format(took=duration_text(took), plain=duration_text(took + saved)),
    )


def _against(plain: float, took: float) -> Words | None:
    """Compare a whole training with the textbook way, in words, whichever was quicker."""
    if abs(plain - took) < LEAST_SAVED_S:
        return None
    strong = (
        _("About {time} saved.").format(time=duration_text(plain - took)) if plain > took
        else _("Nothing was saved this time.")
    )
    return strong, _plain_sentence().format(took=duration_text(took), plain=duration_text(plain))


def _plain_sentence() -> str:
    return _("This took {took}. The textbook way, in which the frozen part sees every photo in every epoch, "
             "would have taken about {plain}. An estimate from measured costs.")


def found_text(status: Status, *, views: bool) -> str:
    """Say how many photos were there from earlier runs and how many were computed; empty for none."""
    use = status.cache
    if use is None or not (use.hit_images or use.computed_images):
        return ""
    found = photos_text(use.hit_images, views=views)
    computed = photos_text(use.computed_images, views=views)
    if not use.computed_images:
        sentence = _("Frozen part: {found} were there from before.")
    elif not use.hit_images:
        sentence = _("Frozen part: computed {computed}, kept for the next run.")
    else:
        sentence = _("Frozen part: {found} were there from before; computed {computed}, kept for the next "
                     "run.")
    said = sentence.format(found=found, computed=computed)
    if not use.bytes:
        return said
    return f"{said} {_('{size} on disk.').format(size=bytes_text(use.bytes))}"


def frozen_fact(status: Status) -> Words:
    """Return how the frozen part was dealt with, as a figure and its caption."""
    use = status.cache
    if use is None:
        if status.state.active:
            return _("Not decided yet"), _("frozen part")
        return (_("Plain") if status.epoch else _("not available")), _("frozen part")
    if use.reason or use.cut is None:
        return _("Plain"), _("frozen part")
    return _("Computed once"), _("frozen part, cut after {place}").format(place=_cut_title(use.cut))


def _cut_title(cut: str) -> str:
    return {"pooling": _("the pooling"), "flatten": _("the flattening")}.get(cut) or block_title(cut)
