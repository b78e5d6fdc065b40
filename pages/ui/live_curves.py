"""Accuracy and loss while a run goes on: two charts that move without blinking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.i18n import _, ngettext
from pages.ui.component import Parts, emphasised, register
from pages.ui.curves import Curves, accuracy_floor, drawable, latest, loss_ceiling, thin
from pages.ui.run_words import percent_text
from pages.web.files import plotly_url

__all__ = ["Curves", "Phase", "live_curves"]

_PERCENT = 100.0


@dataclass(frozen=True)
class Phase:
    """A stretch of the run, in epochs; the shaded ones are those in which only the head learns."""

    start: float
    end: float
    label: str
    head_only: bool = False

    def to_json(self) -> dict[str, object]:
        """Return it as the charts take it."""
        return {"start": self.start, "end": self.end, "label": self.label, "frozen": self.head_only}


def live_curves(
    run_id: str,
    series: Curves,
    *,
    epochs: int,
    key: str,
    phases: Sequence[Phase] = (),
    live: str = "",
) -> None:
    """Show accuracy and loss, training and validation, up to now.

    Called again with more data, the same charts are updated in place: zoom and legend choice stay
    until another ``run_id`` comes.

    Args:
        run_id: Whose curves these are.
        series: The measurements so far.
        epochs: How many epochs are planned: the end of the x axis.
        key: The component's key, unique on the page.
        phases: Stretches to name in the charts, each from a thin line on; where there is no room for a
            name, the line stands alone.
        live: The address that newer data are asked for at, as :func:`curves_data` makes them; empty for
            none.
    """
    register("live_curves", with_files=("live_poll", "plotly_library"), isolate_styles=False)(
        key=key,
        data={
            **curves_data(run_id, series, epochs=epochs, phases=phases),
            "live": live,
            "library": plotly_url(),
            "words": _words(),
        },
    )


def curves_data(
    run_id: str, series: Curves, *, epochs: int, phases: Sequence[Phase] = ()
) -> dict[str, Any]:
    """Return what the charts draw, as JSON has it; the arguments are those of :func:`live_curves`."""
    return {
        "run": run_id, "epochs": max(1, epochs), "charts": _charts(series, epochs, phases),
        "phases": [one.to_json() for one in phases],
    }


def _words() -> dict[str, str]:
    return {
        "epoch": _("Epoch"),
        "training": _("Training"),
        "within": _("Within the epoch"),
        "validation": _("Validation"),
        "loading": _("Loading the chart library."),
        "unavailable": _(
            "The curves cannot be drawn: the chart library did not load. "
            "The training is not affected. Reload the page to try again."
        ),
    }


def _charts(series: Curves, epochs: int, phases: Sequence[Phase] = ()) -> list[dict[str, Any]]:
    thinned = thin(series)
    shared = {"batch_x": thinned.epoch, "epoch_x": list(series.epoch)}
    accuracy = {
        **shared,
        "name": "accuracy",
        "title": _("Accuracy"),
        "suffix": "%",
        "digits": 1,
        "range": [_PERCENT * accuracy_floor(series), _PERCENT],
        "batch": drawable(thinned.accuracy, _PERCENT),
        "training": drawable(series.accuracy, _PERCENT),
        "validation": drawable(series.val_accuracy, _PERCENT),
        **_latest_said(series.accuracy, series.val_accuracy, _share_text),
    }
    loss = {
        **shared,
        "name": "loss",
        "title": _("Loss"),
        "suffix": "",
        "digits": 3,
        "range": [0, loss_ceiling(series)],
        "batch": drawable(thinned.loss),
        "training": drawable(series.loss),
        "validation": drawable(series.val_loss),
        **_latest_said(series.loss, series.val_loss, _loss_text),
    }
    for chart in (accuracy, loss):
        chart["label"] = _spoken(str(chart["title"]), str(chart["spoken"]), series, epochs)
        if phases:
            chart["label"] += " " + _("Now: {stage}.").format(stage=phases[-1].label)
    return [accuracy, loss]


def _share_text(value: float) -> str:
    return percent_text(value, digits=1)


def _loss_text(value: float) -> str:
    return f"{value:.2f}"


def _latest_said(training: Any, validation: Any, text: Any) -> dict[str, Any]:
    """Return the figure beside a chart's title and the sentence that is read out for the chart."""
    trained, validated = latest(training), latest(validation)
    figure: Parts = ()
    if validated is not None:
        figure = emphasised(_("*{figure}* validation"), figure=text(validated))
    elif trained is not None:
        figure = emphasised(_("*{figure}* training"), figure=text(trained))
    if trained is None and validated is None:
        spoken = _("no epoch is complete yet")
    else:
        spoken = _("training {training}, validation {validation}").format(
            training=_("not available") if trained is None else text(trained),
            validation=_("not available") if validated is None else text(validated),
        )
    return {"figure": figure, "spoken": spoken}


def _spoken(title: str, latest_values: str, series: Curves, epochs: int) -> str:
    done = series.epoch[-1] if series.epoch else 0
    sentence = ngettext(
        "{title} after {done} of {epochs} epoch: {values}.",
        "{title} after {done} of {epochs} epochs: {values}.",
        epochs,
    )
    return sentence.format(title=title, done=done, epochs=epochs, values=latest_values)
