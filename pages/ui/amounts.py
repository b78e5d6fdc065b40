"""Amounts as people read them: numbers of parameters, bytes, speeds."""

from __future__ import annotations

from core.backbones.catalogue import Backbone
from core.backbones.stored import HostedWeights
from core.i18n import _

_THOUSAND = 1_000
_MILLION = 1_000_000
_BILLION = 1_000_000_000
_ROUNDS_UP_TO_A_MILLION = 999_500
_ROUNDS_UP_TO_A_BILLION = 999_950_000
_MEGABYTE = 1e6
_GIGABYTE = 1e9
_KILOBYTE = 1e3
_ROUNDS_UP_TO_A_MEGABYTE = 999_500
_ROUNDS_UP_TO_A_GIGABYTE = 999_500_000


def parameters_text(parameters: int) -> str:
    """Return a number in few signs: ``"992"``, ``"48k"``, ``"2.0 M"``, ``"24.6 bn"``."""
    if parameters < _THOUSAND:
        return str(parameters)
    if parameters < _ROUNDS_UP_TO_A_MILLION:
        return _("{thousands}k").format(thousands=round(parameters / _THOUSAND))
    if parameters < _ROUNDS_UP_TO_A_BILLION:
        return _("{millions} M").format(millions=f"{parameters / _MILLION:.1f}")
    return _("{billions} bn").format(billions=f"{parameters / _BILLION:.1f}")


def work_text(multiply_adds: int) -> str:
    """Return multiply-adds for one photo: ``"384 M"``, ``"15.3 G"``."""
    if multiply_adds < 1e9:
        return _("{millions} M").format(millions=f"{multiply_adds / 1e6:,.0f}")
    return _("{billions} G").format(billions=f"{multiply_adds / 1e9:,.1f}")


def bytes_text(amount: float) -> str:
    """Return an amount of memory or disk: ``"80 kB"``, ``"59 MB"``, ``"1.4 GB"``, ``"10 GB"``."""
    if 0 < amount < _ROUNDS_UP_TO_A_MEGABYTE:
        return _("{size} kB").format(size=f"{max(1.0, amount / _KILOBYTE):,.0f}")
    if amount < _ROUNDS_UP_TO_A_GIGABYTE:
        return _("{size} MB").format(size=f"{amount / _MEGABYTE:,.0f}")
    return _("{size} GB").format(size=f"{amount / _GIGABYTE:,.1f}".removesuffix(".0"))


def state_text(backbone: Backbone) -> str:
    """Say whether a backbone's ImageNet weights are at hand, in few words."""
    if isinstance(backbone.stored, HostedWeights):
        if backbone.stored.state == "ready":
            return _("Ready")
        return _("Download {size}").format(size=bytes_text(backbone.stored.bytes))
    return _("Ready") if backbone.stored.state == "ready" else _("Package missing")


def speed_text(images_per_s: float) -> str:
    """Return a measured speed: ``"86 photos a second"``."""
    return _("{rate} photos a second").format(rate=f"{images_per_s:,.3g}")
