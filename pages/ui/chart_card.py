"""A still chart with its title, which the browser can also save as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.i18n import _
from pages.ui.component import register
from pages.web.files import plotly_url


@dataclass(frozen=True)
class Figure:
    """What Plotly draws.

    Attributes:
        traces: The traces, as JSON has them.
        layout: The layout, with its ``height`` in pixels; a picture's has a ``width`` too.
    """

    traces: list[dict[str, Any]]
    layout: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return it as Plotly's script takes it."""
        return {"data": self.traces, "layout": self.layout}


def chart_card(
    title: str, shown: Figure, *, key: str, spoken: str, paper: Figure | None = None, file: str = "chart"
) -> None:
    """Show a chart; mounted again with other data it changes in place.

    The texts within the figures have to be escaped for Plotly (:func:`pages.ui.escape.chart_text`); the
    others are shown letter by letter.

    Args:
        title: What it shows, above it.
        shown: The chart on the page, in the colours of its theme.
        key: The component's key, unique on the page.
        spoken: What it says, for those who do not see it.
        paper: The picture that can be saved; ``None`` offers none.
        file: The picture's name without its ending; of ours, or made safe by :func:`core.files.slug`.
    """
    register("chart_card", with_files=("plotly_library",), isolate_styles=False)(
        key=key,
        data={
            "title": title,
            "label": spoken,
            "shown": shown.to_json(),
            "paper": None if paper is None else paper.to_json(),
            "file": file,
            "library": plotly_url(),
            "words": {
                "png": _("Save as PNG"),
                "saved": _("The picture is in your downloads."),
                "failed": _("The picture could not be made. Try again, or take a picture of the screen."),
                "loading": _("Loading the chart library."),
                "unavailable": _("The chart cannot be drawn: the chart library did not load. The figures "
                                 "are in the table. Reload the page to try again."),
            },
        },
    )
