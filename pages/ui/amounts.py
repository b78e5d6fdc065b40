"""Amounts as people read them: numbers of parameters, bytes, speeds."""

from __future__ import annotations

from core.backbones.catalogue import Backbone
from core.backbones.stored import HostedWeights
from core.i18n import _

_MEGABYTE = 1e6
_GIGABYTE = 1e9


def bytes_text(amount: float) -> str:
    """Return an amount of memory or disk: ``"59 MB"``, ``"1.4 GB"``."""
    if amount < _GIGABYTE:
        return _("{size} MB").format(size=f"{amount / _MEGABYTE:,.0f}")
    return _("{size} GB").format(size=f"{amount / _GIGABYTE:,.1f}")


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
