"""Times in words, for pages and terminal alike."""

from __future__ import annotations

from core.i18n import _

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
