"""Words for a run's progress: durations, shares, and what its state is called."""

from __future__ import annotations

from core.i18n import _, ngettext

ACTIVE = ("queued", "preparing", "training", "paused")

_MINUTE = 60
_HOUR = 3600
_MINUTES_SHOWN_AS_HOURS = 90


def duration_text(seconds: float) -> str:
    """Return a measured time: ``"46 s"``, ``"2 min 31 s"``, ``"1 h 12 min"``."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return _("{seconds} s").format(seconds=whole)
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=rest)
    hours, rest = divmod(whole, _HOUR)
    return _("{hours} h {minutes} min").format(hours=hours, minutes=rest // _MINUTE)


def about_text(seconds: float) -> str:
    """Return an estimated time without false precision: ``"40 s"``, ``"3 min"``, ``"2 h"``."""
    if seconds < _MINUTE - 5:
        return _("{seconds} s").format(seconds=max(5, 5 * round(seconds / 5)))
    minutes = max(1, round(seconds / _MINUTE))
    if minutes < _MINUTES_SHOWN_AS_HOURS:
        return _("{minutes} min").format(minutes=minutes)
    return _("{hours} h").format(hours=round(seconds / _HOUR))


def percent_text(share: float | None, digits: int = 0) -> str:
    """Return a share from 0 to 1 as ``"47%"``; empty where it is not known."""
    return "" if share is None else _("{figure}%").format(figure=f"{100 * share:.{digits}f}")


def thawed_text(blocks: int) -> str:
    """Return how many blocks learn: ``"3 blocks thawed"``, ``"head only"`` for none."""
    if blocks == 0:
        return _("head only")
    return ngettext("{blocks} block thawed", "{blocks} blocks thawed", blocks).format(blocks=blocks)


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
