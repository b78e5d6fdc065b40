"""ROC and precision-recall by class: curves of the classes that are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.i18n import _
from core.insight.ranking import ClassRanking, Curve, Ranking
from core.insight.rates import Estimate
from pages.ui.charts import COLOURS, draw, plot_layout, value_axis
from pages.ui.compare_charts import RUN_COLOURS
from pages.ui.escape import chart_text, cut_apart, distinct
from pages.ui.pieces import caption, legend
from pages.ui.style import theme

MOST_SHOWN = 6
SHOWN_AT_FIRST = 3
HEIGHT_PX = 340
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def curves(ranking: Ranking, key: str) -> None:
    """Show how well each class is told from all others.

    Args:
        ranking: The curves.
        key: What tells these photos of this run from any others.
    """
    known = {at: each for at, each in enumerate(ranking.by_class) if each.roc is not None}
    if not known:
        st.markdown(_("Not available: it takes photos of two classes at least."))
        return
    short = cut_apart([each.name for each in known.values()], 24)
    labels = dict(zip(known, distinct(short), strict=True))
    worst = sorted(known, key=lambda at: _value(known[at].average_precision))[:SHOWN_AT_FIRST]
    chosen = st.multiselect(
        _("Classes"), list(known), default=sorted(worst), key=f"curves-{key}", max_selections=MOST_SHOWN,
        format_func=labels.__getitem__, help=_("At first those with the lowest average precision."),
    )
    shown = [known[at] for at in chosen]
    colours = RUN_COLOURS[theme()]
    legend([
        *((_entry(each), colours[at]) for at, each in enumerate(shown)),
        (_("mean of {n} classes: AUC {auc}, AP {ap}").format(
            n=len(known), auc=_figure(ranking.auc), ap=_figure(ranking.average_precision)),
         str(COLOURS[theme()]["quiet"])),
    ])
    left, right = st.columns(2, gap="large")
    with left:
        _draw(_("ROC"), [(each, each.roc) for each in shown], (_("False positives"), _("Recall")),
              f"roc-{key}", ranking.roc, [(0.0, 0.0), (1.0, 1.0)], "linear")
    with right:
        _draw(_("Precision–recall"), [(each, each.precision_recall) for each in shown],
              (_("Recall"), _("Precision")), f"precision-recall-{key}", None, [], "vh")
    caption(_("Each class against all others, at every threshold. The dotted grey line in the ROC chart is "
              "guessing; the solid grey one is the mean over classes."))


def _value(figure: Estimate | None) -> float:
    return 1.0 if figure is None else figure.value


def _figure(value: float | None) -> str:
    return _("not available") if value is None else f"{value:.1%}"


def _entry(each: ClassRanking) -> str:
    return _("{name}: AUC {auc}, AP {ap}").format(
        name=each.name, auc=_figure(each.auc.value if each.auc else None),
        ap=_figure(each.average_precision.value if each.average_precision else None))


def _draw(
    title: str, lines: Sequence[tuple[ClassRanking, Curve | None]], axes: tuple[str, str], key: str,
    mean: Curve | None, guessing: Sequence[tuple[float, float]], shape: str,
) -> None:
    quiet = str(COLOURS[theme()]["quiet"])
    traces: list[dict[str, Any]] = []
    if guessing:
        traces.append({
            "type": "scatter", "mode": "lines", "x": [100 * x for x, _y in guessing],
            "y": [100 * y for _x, y in guessing], "hoverinfo": "skip",
            "line": {"color": quiet, "width": 1.5, "dash": "dot"},
        })
    if mean is not None:
        traces.append(_trace(_("mean of all classes"), mean, _line(quiet, 1.5)))
    colours = RUN_COLOURS[theme()]
    traces += [
        _trace(each.name, curve, _line(colours[at], 2.5, _DASHES[at], shape))
        for at, (each, curve) in enumerate(lines) if curve is not None
    ]
    layout = plot_layout(HEIGHT_PX)
    layout["showlegend"] = False
    layout["margin"] = {"l": 8, "r": 12, "t": 32, "b": 8, "pad": 6}
    layout["title"] = {"text": title, "font": {"size": 15}, "x": 0, "xref": "paper", "y": 0.99,
                       "yanchor": "top"}
    for name, words in zip(("xaxis", "yaxis"), axes, strict=True):
        layout[name] = {
            **value_axis(), "range": [-2, 102], "ticksuffix": "%", "dtick": 25,
            "title": {"text": words, "font": {"size": 13, "color": quiet}},
        }
    draw(traces, layout, key=key)


def _line(colour: str, width: float, dash: str = "solid", shape: str = "linear") -> dict[str, Any]:
    # NOTE: between two thresholds precision is not what a straight line would say, so it goes by steps.
    return {"color": colour, "width": width, "dash": dash, "shape": shape}


def _trace(name: str, curve: Curve, line: dict[str, Any]) -> dict[str, Any]:
    shown = chart_text(name)
    return {
        "type": "scatter", "mode": "lines", "name": shown, "cliponaxis": False,
        "x": [round(100 * x, 2) for x in curve.x], "y": [round(100 * y, 2) for y in curve.y],
        # NOTE: a name within the template would be read as one, see compare_charts.
        "customdata": [shown] * len(curve.x),
        "hovertemplate": "%{customdata}<br>%{x:.1f}% / %{y:.1f}%<extra></extra>",
        "line": line,
    }
