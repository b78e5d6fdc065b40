"""Amounts as people read them: numbers of parameters, work, speeds."""

from __future__ import annotations

from core.backbones.catalogue import Backbone
from core.backbones.stored import HostedWeights
from core.i18n import _
from core.words import bytes_text

_THOUSAND = 1_000
_MILLION = 1_000_000
_BILLION = 1_000_000_000
_ROUNDS_UP_TO_A_MILLION = 999_500
_ROUNDS_UP_TO_A_BILLION = 999_950_000


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
