"""Published accuracy of backbones against the time that a photo takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.backbones.catalogue import Backbone
from core.i18n import _
from core.training.speed import Measured
from pages.ui.charts import COLOURS, draw, log_axis, plot_layout, value_axis
from pages.ui.style import theme

ENOUGH_MEASURED = 2


def accuracy_plot(shown: Sequence[Backbone], now: str, measured: dict[str, Measured]) -> None:
    """Draw ImageNet top-1 against milliseconds a photo as measured here; before that, against work."""
    known = [each for each in shown if each.imagenet_top1 is not None]
    timed = [each for each in known if each.name in measured]
    by_time = len(timed) >= ENOUGH_MEASURED
    points = timed if by_time else known
    values = [
        1000 * measured[each.name].forward_s if by_time else each.multiply_adds / 1e9 for each in points
    ]
    title = (
        _("milliseconds a photo on this computer, without learning") if by_time
        else _("work: billions of multiply-adds a photo")
    )
    draw([_trace(points, values, now)], _layout(title), key="accuracy-plot")


def _trace(points: Sequence[Backbone], values: Sequence[float], now: str) -> dict[str, Any]:
    colours = COLOURS[theme()]
    return {
        "type": "scatter", "mode": "markers+text", "x": list(values),
        "y": [100 * (each.imagenet_top1 or 0) for each in points],
        "text": [each.title if _is_labelled(each, now) else "" for each in points],
        "textposition": "top center", "textfont": {"size": 12, "color": colours["quiet"]},
        "cliponaxis": False,
        "marker": {
            "size": [14 if each.name == now else 10 for each in points],
            "symbol": ["diamond" if each.name == now else "circle" for each in points],
            "color": [
                colours["ember"] if each.name == now
                else colours["ice"] if each.stored.state == "ready" else colours["grey"]
                for each in points
            ],
        },
        "customdata": [
            _("{backbone}: {top1}, {parameters} M parameters").format(
                backbone=each.title, top1=f"{each.imagenet_top1:.1%}",
                parameters=f"{each.parameters / 1e6:.1f}")
            for each in points
        ],
        "hovertemplate": "%{customdata}<br>%{x:.3g}<extra></extra>",
    }


def _is_labelled(backbone: Backbone, now: str) -> bool:
    known = ("vgg16", "resnet50", "mobilenetv2", "efficientnetb0", "convnexttiny", "efficientnetv2s",
             "efficientnet-lite0", "nasnetlarge", "mobilenetv3small", "convnextxlarge", "inceptionv3")
    return backbone.name == now or backbone.name in known


def _layout(title: str) -> dict[str, Any]:
    layout = plot_layout(420)
    layout["showlegend"] = False
    layout["margin"] = {"l": 8, "r": 40, "t": 24, "b": 8, "pad": 6}
    layout["xaxis"] = log_axis(title)
    layout["yaxis"] = {**value_axis(), "ticksuffix": "%", "rangemode": "normal",
                       "title": {"text": _("published ImageNet top-1"), "font": {"size": 13}}}
    return layout
