"""Words for a run's progress: durations, shares, and what its state is called."""

from __future__ import annotations

from core.i18n import _, ngettext

ACTIVE = ("queued", "preparing", "training", "paused")


def percent_text(share: float | None, digits: int = 0) -> str:
    """Return a share from 0 to 1 as ``"47%"``; empty where it is not known."""
    return "" if share is None else _("{figure}%").format(figure=f"{100 * share:.{digits}f}")


def thawed_text(blocks: int) -> str:
    """Return how many blocks learn: ``"3 blocks thawed"``, ``"head only"`` for none."""
    if blocks == 0:
        return _("head only")
    return ngettext("{blocks} block thawed", "{blocks} blocks thawed", blocks).format(blocks=blocks)


def photos_text(count: int, *, views: bool) -> str:
    """Return a number of photos; of views where several of a photo count: ``"9,300 views"``."""
    said = (
        ngettext("{n} view", "{n} views", count) if views else ngettext("{n} photo", "{n} photos", count)
    )
    return said.format(n=f"{count:,}")


def headline_template(state: str) -> str:
    """Return the sentence for a state that has no epoch to name; ``*`` marks the emphasis."""
    return {
        "queued": _("*Waiting* for its turn"),
        "preparing": _("*Preparing* the photos"),
        "training": _("*Training* begins"),
        "paused": _("*Paused*"),
        "finished": _("*Finished*"),
        "stopped": _("*Stopped*"),
        "failed": _("*Did not finish*"),
        "interrupted": _("*Interrupted*"),
    }[state]


def state_text(state: str) -> str:
    """Return a state in a word or two, as it stands in a list."""
    return {
        "queued": _("waiting"),
        "preparing": _("training"),
        "training": _("training"),
        "paused": _("paused"),
        "finished": _("finished"),
        "stopped": _("stopped"),
        "failed": _("did not finish"),
        "interrupted": _("interrupted"),
    }[state]


def strip_template(state: str) -> str:
    """Return the strip's sentence about a run, with a place for its ``{run}``."""
    return {
        "queued": _("*{run}* is waiting"),
        "preparing": _("*{run}* is preparing"),
        "training": _("*{run}* is training"),
        "paused": _("*{run}* is paused"),
        "finished": _("*{run}* is finished"),
        "stopped": _("*{run}* was stopped"),
        "failed": _("*{run}* did not finish"),
        "interrupted": _("*{run}* was interrupted"),
    }[state]
