"""A run's status in the form that the strip and the Train page draw."""

from __future__ import annotations

from core.errors import ThawError
from core.i18n import _
from core.runs.listing import Listed
from core.runs.seen import history_of
from core.runs.status import State, phase_text
from pages.ui.reuse_words import of_views
from pages.ui.run_progress import RunFigures


def figures(run: Listed, place: int | None = None) -> RunFigures:
    """Return what is known of a run.

    Args:
        run: The run.
        place: Its place in the line, from 1, where it waits in this server's.
    """
    status = run.status
    known = status.epoch > 0
    share = status.progress if known or status.state is State.FINISHED else status.fetched
    if status.extracted is not None and status.to_extract:
        share = status.extracted / status.to_extract
    return RunFigures(
        state=status.state.value,
        epoch=status.epoch if known else None,
        epochs=status.epochs,
        share=share,
        seconds=status.elapsed_s,
        seconds_left=status.eta_s,
        step=status.step if known else None,
        steps=status.steps if known else None,
        photos_per_second=status.images_per_s,
        thawed_blocks=len(run.plan.trainable),
        place=place,
        extracted=status.extracted,
        to_extract=status.to_extract,
        views=of_views(run),
        # An epoch under way says it better.
        phase="" if known and status.phase == "training" else phase_text(status.phase),
    )


def validation_accuracy(run: Listed) -> float | None:
    """Return the last validation accuracy of a run that is going on, or ``None``."""
    rows = history_of(run.folder)
    return rows[-1].val_accuracy if rows else None


def kept_text(run: Listed) -> str:
    """Say which weights a run has kept, and how they did on how many validation photos."""
    kept = run.folder.kept()
    if kept is None:
        return _("No epoch was finished, so the weights at the stop were kept.")
    if kept.val_accuracy is None:
        return _("The weights of epoch {epoch} were kept.").format(epoch=kept.epoch)
    count = _validation_photos(run)
    if count is None:
        sentence = _("The weights of epoch {epoch} were kept, {accuracy} right on validation photos.")
    else:
        sentence = _("The weights of epoch {epoch} were kept, {accuracy} right on {n} validation photos.")
    return sentence.format(epoch=kept.epoch, accuracy=f"{kept.val_accuracy:.1%}", n=count)


def _validation_photos(run: Listed) -> int | None:
    """Return how many photos a run was validated on; ``None`` where its report does not say."""
    try:
        images = (run.folder.report() or {}).get("images")
    except ThawError:
        return None
    count = images.get("validation") if isinstance(images, dict) else None
    return count if isinstance(count, int) else None
