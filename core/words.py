"""Times and sizes in words, for pages and terminal alike."""

from __future__ import annotations

from core.i18n import _

_MINUTE = 60
_HOUR = 3600
_MINUTES_SHOWN_AS_HOURS = 90
_KILOBYTE = 1e3
_MEGABYTE = 1e6
_GIGABYTE = 1e9
_ROUNDS_UP_TO_A_MEGABYTE = 999_500
_ROUNDS_UP_TO_A_GIGABYTE = 999_500_000


def one_line(text: str) -> str:
    """Return a text on one line, without what cannot be printed."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


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


def bytes_text(amount: float) -> str:
    """Return an amount of memory or disk: ``"80 kB"``, ``"59 MB"``, ``"1.4 GB"``, ``"10 GB"``."""
    if 0 < amount < _ROUNDS_UP_TO_A_MEGABYTE:
        return _("{size} kB").format(size=f"{max(1.0, amount / _KILOBYTE):,.0f}")
    if amount < _ROUNDS_UP_TO_A_GIGABYTE:
        return _("{size} MB").format(size=f"{amount / _MEGABYTE:,.0f}")
    return _("{size} GB").format(size=f"{amount / _GIGABYTE:,.1f}".removesuffix(".0"))
