"""The map of photos before and after a training: two plots, the photo under the pointer in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.i18n import _
from core.studies.mapping import Method, PhotoMap
from pages.ui.charts import COLOURS
from pages.ui.component import register
from pages.ui.escape import cut_apart
from pages.ui.style import theme
from pages.web.files import plotly_url, thumb_url

HEIGHT = 420
LONGEST_NAME = 32
HUES = {
    "light": (
        "#2368A8", "#C2410C", "#0B7A5E", "#8A3FA0", "#B07D00",
        "#56656F", "#4FA9DC", "#D6478B", "#7C9A1E", "#7A4B2B",
    ),
    "dark": (
        "#7DB7E8", "#FF8A52", "#5CC9A7", "#C795E0", "#E8C15A",
        "#9AA8B4", "#3D7EBB", "#F58BB8", "#B3CF5B", "#C08A66",
    ),
}
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "hourglass")
# Of so many photos the points are so large, in pixels.
_SIZES = ((150, 9), (600, 7), (1200, 6))
_SMALLEST = 5


def look_of(label: int) -> tuple[str, str]:
    """Return the colour and the sign of a class; of the first 70 classes no two have both in common."""
    hues = HUES[theme()]
    turn, hue = divmod(label, len(hues))
    return hues[hue], SYMBOLS[(hue + turn * (len(hues) + 1)) % len(SYMBOLS)]


def embedding_map(
    shown: PhotoMap, method: Method, classes: Sequence[str], *, dataset: str, places: Mapping[str, int],
    about: str, key: str,
) -> None:
    """Show the map of photos before the training beside that after it.

    Args:
        shown: The map.
        method: How the features were laid out.
        classes: The names of the classes; text from outside.
        dataset: The id of the dataset that the photos are in.
        places: The place of each photo among all photos of that dataset, by its path.
        about: The id of the run that it is of.
        key: The component's key, unique on the page.
    """
    names = cut_apart(classes, LONGEST_NAME)
    counts = np.bincount(shown.labels, minlength=len(names))
    looks = [look_of(label) for label in range(len(names))]
    titles = (_("Before the training"), _("After the training"))
    register("embedding_map", with_files=("plotly_library",), isolate_styles=False)(
        key=key,
        data={
            "about": about,
            "view": f"{about}-{method}",
            "plots": [
                _plot(title, points, len(shown.images))
                for title, points in zip(titles, shown.points[method], strict=True)
            ],
            "classes": [
                {"name": name, "count": f"{count:,}", "colour": colour, "symbol": symbol}
                for name, count, (colour, symbol) in zip(names, counts, looks, strict=True)
            ],
            "labels": shown.labels.tolist(),
            "said": shown.said.tolist(),
            "sure": [f"{each:.0%}" for each in shown.sure],
            "thumbs": [thumb_url(dataset, places[image]) for image in shown.images],
            "size": next((size for most, size in _SIZES if len(shown.images) <= most), _SMALLEST),
            "height": HEIGHT,
            "colours": {name: COLOURS[theme()][name] for name in ("page", "line")},
            "library": plotly_url(),
            "words": _words(),
        },
    )


def _plot(title: str, points: NDArray[np.float32], photos: int) -> dict[str, Any]:
    # Four digits are finer than a pixel; more would only be sent for nothing.
    x, y = ([float(f"{each:.4g}") for each in points[:, axis]] for axis in range(2))
    label = _("{title}: a map of {n} photos. The arrow keys lead from one to the next.").format(
        title=title, n=f"{photos:,}")
    return {"title": title, "label": label, "x": x, "y": y}


def _words() -> dict[str, str]:
    return {
        "right": _("{is}. The model says so too, {sure} sure."),
        "wrong": _("Said {said} ({sure} sure), is {is}."),
        "classes": _("Classes to stand out on the map"),
        "every": _("Show all classes alike"),
        "help": _("Point at a photo to see it, and where it lies on the other map. Choose classes above to "
                  "let them stand out; the arrow keys go through both."),
        "loading": _("Loading the chart library."),
        "unavailable": _("The map cannot be drawn: the chart library did not load. Reload the page to try "
                         "again."),
    }
